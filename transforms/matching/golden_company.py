"""The golden record of one company, merged from all rows with its TIN and the register's answer."""

from collections.abc import Iterable

from transforms.core.golden_records import REGISTER, GoldenCompany, Provenance, Sourced
from transforms.core.records import Address, BankAccount, Company, Orders
from transforms.core.stores import EQUAL_PRIORITIES, Priorities
from transforms.fields import company_name
from transforms.matching.survivorship import Survivorship, newest_first
from transforms.register.answer import Answer


def merge_company(
    rows: Iterable[Sourced[Company]], answer: Answer, priorities: Priorities = EQUAL_PRIORITIES
) -> tuple[GoldenCompany, Provenance]:
    """Returns the golden record of one TIN.

    It is a pure function of the set of rows, the answer and the stores' priorities.

    Names, KPP, OGRN, director and address come from the register, or else from the newest row that
    has them. Phones, e-mails, bank accounts and KPPs of branches are united.
    """
    ordered = newest_first(rows, priorities)
    survivors = Survivorship(ordered)
    provenance = survivors.provenance
    tin = ordered[0].record.tin
    golden = GoldenCompany(
        tin=tin,
        title=_from_register(provenance, "title", company_name.parse(answer.short_name)[0])
        or survivors.newest("name")
        or f"ИНН {tin}",
        full_name=_from_register(
            provenance, "full_name", company_name.parse_full(answer.full_name)[0]
        )
        or survivors.newest("full_name"),
        kpps=_kpps(survivors, answer, tin),
        ogrn=_from_register(provenance, "ogrn", answer.ogrn) or survivors.newest("ogrn"),
        director=_from_register(provenance, "director", answer.director),
        address=_address(survivors, answer),
        accounts=_accounts(ordered, provenance),
        phones=survivors.united("phones"),
        emails=survivors.mailboxes(),
        site=survivors.newest("site"),
        orders=_orders(ordered),
        stores=tuple(sorted({row.source for row in ordered})),
        extra=survivors.newest_extra(),
    )
    return golden, provenance


def _from_register(provenance: Provenance, field: str, value: str) -> str:
    if value:
        provenance[field] = REGISTER
    return value


def _kpps(survivors: Survivorship[Company], answer: Answer, tin: str) -> tuple[str, ...]:
    if len(tin) == 12:  # a sole proprietor has no KPP, whatever a row says
        return ()
    kpps = survivors.united("kpps")
    if not answer.kpp:
        return kpps
    survivors.provenance["kpps"] = f"{REGISTER} {survivors.provenance.get('kpps', '')}".rstrip()
    return (answer.kpp, *(kpp for kpp in kpps if kpp != answer.kpp))


def _address(survivors: Survivorship[Company], answer: Answer) -> Address:
    if not answer.address.text:
        return survivors.newest_address()
    survivors.provenance["address"] = REGISTER
    return answer.address


def _accounts(ordered: list[Sourced[Company]], provenance: Provenance) -> tuple[BankAccount, ...]:
    accounts: dict[tuple[str, str], BankAccount] = {}
    refs: list[str] = []
    for row in ordered:
        for account in row.record.accounts:
            key = account.bik, account.account
            if key not in accounts:
                accounts[key] = account
                refs.append(row.ref)
    if refs:
        provenance["accounts"] = " ".join(dict.fromkeys(refs))
    return tuple(accounts.values())


def _orders(ordered: list[Sourced[Company]]) -> Orders | None:
    summaries = [row.record.orders for row in ordered if row.record.orders is not None]
    if not summaries:
        return None
    return Orders(
        count=sum(orders.count for orders in summaries),
        total=sum(orders.total for orders in summaries),
        last_on=max(orders.last_on for orders in summaries),
    )
