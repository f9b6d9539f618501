"""Cleans a company of any store and decides whether its row is valid."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from transforms.core.outcomes import DELETED_IN_STORE
from transforms.core.records import (
    COMPANY,
    Address,
    BankAccount,
    Extra,
    Note,
    Orders,
    Row,
    encode_fields,
)
from transforms.fields import company_name, email, kpp, ogrn, phone, site, text
from transforms.fields import tin as tins
from transforms.fields.bank import parse as parse_account
from transforms.stores.mapping.headers import RowHeader


class RawBankAccount(NamedTuple):
    """A bank account's fields in a store: any JSON values."""

    bik: object
    account: object
    bank: object
    corr_account: object


class RawCompany(msgspec.Struct, frozen=True):
    """A company's fields in a store: any JSON values, but address and orders already cleaned."""

    tins: Sequence[object]
    kpps: object
    ogrns: object
    name: object
    legal_form: object
    full_name: object
    address: Address
    banks: Sequence[RawBankAccount]
    phones: object
    emails: object
    site: object
    orders: Orders | None
    notes: text.Notes
    extra: Extra = ()


def company_row(header: RowHeader, raw: RawCompany) -> Row:
    """Returns the company's row, valid or refused."""
    tin, tin_notes = _choose_tin(raw.tins)
    kpps, kpp_notes = _kpps(raw.kpps, tin)
    registered, ogrn_notes = ogrn.parse(raw.ogrns)
    name, full_name, name_notes = _names(raw)
    accounts, bank_notes = _accounts(raw.banks)
    phones, phone_notes = phone.parse(raw.phones)
    emails, email_notes = email.parse(raw.emails)
    web, site_notes = site.parse(raw.site)
    notes = tin_notes + kpp_notes + ogrn_notes + name_notes + bank_notes + phone_notes
    notes += email_notes + site_notes + raw.notes
    payload = encode_fields(
        (
            *(tin.tin, kpps, registered, name, full_name, raw.address, accounts, phones, emails),
            *(web, raw.orders, notes),
        ),
        raw.extra,
    )
    if header.deleted:
        verdict = (DELETED_IN_STORE, "the store marks the company as deleted")
    else:
        verdict = (tin.reason, tin.detail)
    return header.row(COMPANY, tin.tin, verdict, payload)


def _choose_tin(values: Sequence[object]) -> tuple[tins.Tin, text.Notes]:
    """Returns the valid TIN among the values; different valid TINs are never one company."""
    candidates = [tins.parse(value) for value in values] or [tins.parse(None)]
    if len(candidates) == 1 and not candidates[0].repaired:
        return candidates[0], ()
    candidates = _without_missing(candidates)
    valid_tins = {tin.tin: tin for tin in reversed(candidates) if not tin.reason}
    if len(valid_tins) > 1:
        return _several_tins(valid_tins), ()
    chosen = next(iter(valid_tins.values()), candidates[0])
    return chosen, _tin_notes(chosen, candidates)


def _without_missing(candidates: list[tins.Tin]) -> list[tins.Tin]:
    """Keeps the first candidate when all are missing: it says why the row is refused."""
    return [tin for tin in candidates if tin.reason != "missing_tin"] or candidates[:1]


def _several_tins(numbers: Iterable[str]) -> tins.Tin:
    listed = ", ".join(sorted(numbers))
    detail = text.excerpt(f"several different TINs: {listed}")
    return tins.Tin(text.excerpt(listed), reason="bad_tin_format", detail=detail)


def _tin_notes(chosen: tins.Tin, candidates: Iterable[tins.Tin]) -> text.Notes:
    """Returns a note for each bad TIN that is not the chosen one, and for a repair."""
    refused = (tin for tin in candidates if tin.reason and tin is not chosen)
    notes = [Note("tin", tin.reason, tin.tin) for tin in refused]
    if chosen.repaired:
        notes.append(Note("tin", "leading_zero", chosen.repaired))
    return tuple(notes)


def _kpps(values: object, tin: tins.Tin) -> tuple[tuple[str, ...], text.Notes]:
    kpps, notes = kpp.parse([values, tin.kpp] if tin.kpp else values)
    if kpps and not tin.reason and len(tin.tin) == 12:
        return (), notes + tuple(Note("kpp", "sole_proprietor_has_none", code) for code in kpps)
    return kpps, notes


def _names(raw: RawCompany) -> tuple[str, str, text.Notes]:
    name, notes = company_name.parse(raw.name, raw.legal_form)
    full_name, more = company_name.parse_full(raw.full_name)
    if full_name and not name:
        name = company_name.parse(full_name, raw.legal_form)[0]
    return name, full_name, notes + more


def _accounts(banks: Sequence[RawBankAccount]) -> tuple[tuple[BankAccount, ...], text.Notes]:
    accounts: dict[BankAccount, None] = {}
    notes: text.Notes = ()
    for details in banks[: text.MOST_VALUES]:
        account, more = parse_account(*details)
        notes += more
        if account:
            accounts[account] = None
    if len(banks) > text.MOST_VALUES:
        notes += (Note("account", "too_many", str(len(banks))),)
    return tuple(accounts), notes
