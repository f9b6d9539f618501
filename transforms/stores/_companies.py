"""The facts of a company, from whichever store, as a clean and judged row."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from transforms.core.records import (
    COMPANY,
    Address,
    BankAccount,
    Company,
    Note,
    Orders,
    Row,
    encode,
)
from transforms.fields import company_name, email, kpp, ogrn, phone, site, text
from transforms.fields import tin as tins
from transforms.fields.bank import parse as parse_account
from transforms.stores._rows import Origin


class BankDetails(NamedTuple):
    """One bank account as it is typed."""

    bik: object
    account: object
    bank: object
    corr_account: object


class CompanyFacts(msgspec.Struct, frozen=True):
    """What a store tells of a company: any JSON values, except where a cleaner is done already."""

    tins: Sequence[object]
    kpps: object
    ogrns: object
    name: object
    legal_form: object
    full_name: object
    address: Address
    banks: Sequence[BankDetails]
    phones: object
    emails: object
    site: object
    orders: Orders | None
    notes: text.Notes


def company_row(origin: Origin, facts: CompanyFacts) -> Row:
    """The company's row, valid or refused."""
    tin, tin_notes = _choose_tin(facts.tins)
    kpps, kpp_notes = _kpps(facts.kpps, tin)
    registered, ogrn_notes = ogrn.parse(facts.ogrns)
    name, full_name, name_notes = _names(facts)
    accounts, bank_notes = _accounts(facts.banks)
    phones, phone_notes = phone.parse(facts.phones)
    emails, email_notes = email.parse(facts.emails)
    web, site_notes = site.parse(facts.site)
    notes = tin_notes + kpp_notes + ogrn_notes + name_notes + bank_notes + phone_notes
    notes += email_notes + site_notes + facts.notes
    company = Company(
        tin.tin, kpps, registered, name, full_name, facts.address, accounts, phones, emails, web,
        facts.orders, notes,
    )  # fmt: skip
    if origin.deleted:
        verdict = ("deleted_in_store", "the store marks the company as deleted")
    else:
        verdict = (tin.reason, tin.detail)
    return origin.row(COMPANY, tin.tin, verdict, encode(company))


def _choose_tin(values: Sequence[object]) -> tuple[tins.Tin, text.Notes]:
    """The one valid TIN; two different ones are never one company."""
    read = [tins.parse(value) for value in values] or [tins.parse(None)]
    if len(read) == 1 and not read[0].repaired:
        return read[0], ()
    told = [tin for tin in read if tin.reason != "missing_tin"] or read[:1]
    good = {tin.tin: tin for tin in reversed(told) if not tin.reason}
    if len(good) > 1:
        several = ", ".join(sorted(good))
        detail = text.shown(f"several different TINs: {several}")
        return tins.Tin(text.shown(several), reason="bad_tin_format", detail=detail), ()
    chosen = next(iter(good.values()), told[0])
    notes = [Note("tin", tin.reason, tin.tin) for tin in told if tin.reason and tin is not chosen]
    if chosen.repaired:
        notes.append(Note("tin", "leading_zero", chosen.repaired))
    return chosen, tuple(notes)


def _kpps(values: object, tin: tins.Tin) -> tuple[tuple[str, ...], text.Notes]:
    kpps, notes = kpp.parse([values, tin.kpp] if tin.kpp else values)
    if kpps and not tin.reason and len(tin.tin) == 12:
        return (), notes + tuple(Note("kpp", "sole_proprietor_has_none", one) for one in kpps)
    return kpps, notes


def _names(facts: CompanyFacts) -> tuple[str, str, text.Notes]:
    name, notes = company_name.parse(facts.name, facts.legal_form)
    full_name, more = company_name.parse_full(facts.full_name)
    if full_name and not name:
        name = company_name.parse(full_name, facts.legal_form)[0]
    return name, full_name, notes + more


def _accounts(banks: Sequence[BankDetails]) -> tuple[tuple[BankAccount, ...], text.Notes]:
    accounts: dict[BankAccount, None] = {}
    notes: text.Notes = ()
    for details in banks[: text.MANY]:
        account, more = parse_account(*details)
        notes += more
        if account:
            accounts[account] = None
    if len(banks) > text.MANY:
        notes += (Note("account", "too_many", str(len(banks))),)
    return tuple(accounts), notes
