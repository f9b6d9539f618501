"""One company from all valid rows with its TIN, and what the register says of it."""

from collections.abc import Iterable

from transforms.core.golden_records import REGISTER, GoldenCompany, Provenance, Sourced
from transforms.core.records import Address, BankAccount, Company, Orders
from transforms.fields import company_name
from transforms.matching.survivorship import Survivorship, newest_first
from transforms.register.answer import Answer


def merge_company(
    rows: Iterable[Sourced[Company]], answer: Answer
) -> tuple[GoldenCompany, Provenance]:
    """The golden record of one TIN: a pure function of the set of rows and the answer.

    The register's word counts for names, KPP, OGRN, director and address; else the newest good
    value. Phones, e-mails, bank accounts and KPPs of branches are united.
    """
    ordered = newest_first(rows)
    survivors = Survivorship(ordered)
    picked = survivors.provenance
    tin = ordered[0].record.tin
    golden = GoldenCompany(
        tin=tin,
        title=_register(picked, "title", company_name.parse(answer.short_name)[0])
        or survivors.newest("name")
        or f"ИНН {tin}",
        full_name=_register(picked, "full_name", company_name.parse_full(answer.full_name)[0])
        or survivors.newest("full_name"),
        kpps=_kpps(survivors, answer, tin),
        ogrn=_register(picked, "ogrn", answer.ogrn) or survivors.newest("ogrn"),
        director=_register(picked, "director", answer.director),
        address=_address(survivors, answer),
        accounts=_accounts(ordered, picked),
        phones=survivors.united("phones"),
        emails=survivors.united("emails"),
        site=survivors.newest("site"),
        orders=_orders(ordered),
        stores=tuple(sorted({row.source for row in ordered})),
    )
    return golden, picked


def _register(picked: Provenance, field: str, value: str) -> str:
    if value:
        picked[field] = REGISTER
    return value


def _kpps(survivors: Survivorship[Company], answer: Answer, tin: str) -> tuple[str, ...]:
    if len(tin) == 12:  # a sole proprietor has none, whatever a row says
        return ()
    own = survivors.united("kpps")
    if not answer.kpp:
        return own
    survivors.provenance["kpps"] = f"{REGISTER} {survivors.provenance.get('kpps', '')}".rstrip()
    return (answer.kpp, *(kpp for kpp in own if kpp != answer.kpp))


def _address(survivors: Survivorship[Company], answer: Answer) -> Address:
    if not answer.address.text:
        return survivors.newest_address()
    survivors.provenance["address"] = REGISTER
    return answer.address


def _accounts(ordered: list[Sourced[Company]], picked: Provenance) -> tuple[BankAccount, ...]:
    accounts: dict[tuple[str, str], BankAccount] = {}
    refs: list[str] = []
    for row in ordered:
        for account in row.record.accounts:
            key = account.bik, account.account
            if key not in accounts:
                accounts[key] = account
                refs.append(row.ref)
    if refs:
        picked["accounts"] = " ".join(dict.fromkeys(refs))
    return tuple(accounts.values())


def _orders(ordered: list[Sourced[Company]]) -> Orders | None:
    every = [row.record.orders for row in ordered if row.record.orders is not None]
    if not every:
        return None
    return Orders(
        count=sum(orders.count for orders in every),
        total=sum(orders.total for orders in every),
        last_on=max(orders.last_on for orders in every),
    )
