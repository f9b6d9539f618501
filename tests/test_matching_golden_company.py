"""One company of all rows with its TIN, and of what the register says."""

from itertools import permutations
from typing import Any

import msgspec
import pytest

from transforms.core.golden_records import GoldenCompany, Sourced
from transforms.core.records import Address, BankAccount, Company, Orders
from transforms.matching.golden_company import merge_company
from transforms.register.answer import Answer

TIN, INDIVIDUAL = "7805746764", "500000000100"
STREET, AVENUE = Address("ул. Садовая, 1"), Address("Невский пр., 1")
FIRST, SECOND = BankAccount("049805746", "1" * 20), BankAccount("049805746", "2" * 20)


def row(ref: str, at: int, **fields: Any) -> Sourced[Company]:
    source, _, source_id = ref.partition(":")
    return Sourced(source, source_id, at, Company(fields.pop("tin", TIN), **fields))


ROWS = (
    row(
        "A:1",
        3,
        name="ООО «Новая»",
        kpps=("780501001",),
        phones=("+78120000001",),
        accounts=(FIRST,),
        orders=Orders(2, 100, "2024-01-01"),
    ),
    row(
        "B:2",
        2,
        name="ООО «Старая»",
        full_name="Общество «Старая»",
        kpps=("784201001", "780501001"),
        ogrn="1197847066020",
        address=STREET,
        phones=("+78120000002", "+78120000001"),
        emails=("info@x.example",),
        accounts=(SECOND, FIRST),
        orders=Orders(1, 50, "2024-02-02"),
    ),
    row("A:3", 1, name="ООО «Древняя»", address=AVENUE, site="x.example"),
)
UNITED: dict[str, Any] = {
    "tin": TIN,
    "phones": ("+78120000001", "+78120000002"),
    "emails": ("info@x.example",),
    "accounts": (FIRST, SECOND),
    "site": "x.example",
    "orders": Orders(3, 150, "2024-02-02"),
}
WHENCE = {"phones": "A:1 B:2", "emails": "B:2", "accounts": "A:1 B:2", "site": "A:3"}


@pytest.mark.parametrize(
    ("answer", "expected", "provenance"),
    [
        (
            Answer(TIN, "active"),
            {
                "title": "ООО «Новая»",
                "full_name": "Общество «Старая»",
                "kpps": ("780501001", "784201001"),
                "ogrn": "1197847066020",
                "address": STREET,
            },
            {"name": "A:1", "full_name": "B:2", "kpps": "A:1 B:2", "ogrn": "B:2", "address": "B:2"},
        ),
        (
            Answer(
                TIN,
                "active",
                kpp="770101001",
                ogrn="1027700132195",
                short_name='ООО "РОМАШКА"',
                full_name='ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ "РОМАШКА"',
                director="Иванов Пётр",
                address=AVENUE,
            ),
            {
                "title": "ООО «РОМАШКА»",
                "full_name": "Общество с ограниченной ответственностью «РОМАШКА»",
                "kpps": ("770101001", "780501001", "784201001"),
                "ogrn": "1027700132195",
                "director": "Иванов Пётр",
                "address": AVENUE,
            },
            {
                "title": "register",
                "full_name": "register",
                "kpps": "register A:1 B:2",
                "ogrn": "register",
                "director": "register",
                "address": "register",
            },
        ),
        (
            Answer(TIN, "active", kpp="784201001"),
            {
                "title": "ООО «Новая»",
                "full_name": "Общество «Старая»",
                "kpps": ("784201001", "780501001"),
                "ogrn": "1197847066020",
                "address": STREET,
            },
            {
                "name": "A:1",
                "full_name": "B:2",
                "kpps": "register A:1 B:2",
                "ogrn": "B:2",
                "address": "B:2",
            },
        ),
    ],
)
def test_each_field_comes_from_a_row_by_a_rule(
    answer: Answer, expected: dict[str, Any], provenance: dict[str, str]
) -> None:
    for rows in permutations(ROWS):
        golden, whence = merge_company(rows, answer)
        assert golden.full_name.casefold() == expected["full_name"].casefold()
        assert msgspec.structs.replace(golden, full_name=expected["full_name"]) == GoldenCompany(
            **UNITED | expected, stores=("A", "B")
        )
        assert whence == WHENCE | provenance


def test_rows_of_one_moment_have_a_fixed_order() -> None:
    rows = [row("B:1", 1, name="Б"), row("A:2", 1, name="А"), row("A:10", 1, name="Десять")]
    for some in permutations(rows):
        assert merge_company(some, Answer(TIN, "active"))[0].title == "Десять"


def test_nothing_known_but_the_tin() -> None:
    golden, provenance = merge_company([row("A:1", 1)], Answer(TIN, "active"))
    assert golden == GoldenCompany(TIN, f"ИНН {TIN}", stores=("A",))
    assert provenance == {}


def test_a_sole_proprietor_has_no_kpp_whatever_a_row_says() -> None:
    rows = [row("A:1", 1, tin=INDIVIDUAL, kpps=("780501001",))]
    golden, _ = merge_company(rows, Answer(INDIVIDUAL, "active", kpp="770101001"))
    assert golden.kpps == ()
    assert golden.is_individual


FORMS = (
    row("A:1", 1, emails=("P.Ivanov@gmail.com", "info@x.example")),
    row("B:2", 3, emails=("pivanov+shop@gmail.com", "ivan@yandex.ru")),
    row("A:3", 2, emails=("ivan@ya.ru", "INFO@x.example", "buh@x.example")),
)


@pytest.mark.parametrize("rows", list(permutations(FORMS)))
def test_a_mailbox_stands_there_once_in_its_newest_form(rows: tuple[Sourced[Company], ...]) -> None:
    golden, provenance = merge_company(rows, Answer(TIN, "active"))
    assert golden.emails == (
        *("pivanov+shop@gmail.com", "ivan@yandex.ru", "INFO@x.example", "buh@x.example"),
    )
    assert provenance["emails"] == "B:2 A:3"
