"""The issue's bad input: work grows with the rows (counted, not timed), and no row is lost."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.helpers.matching_rows import BOX, MOBILE, ROLE, profiles, row
from transforms.matching import clustering, contacts, evidence
from transforms.matching.contacts import match_contacts
from transforms.matching.golden_contact import ContactRow

SIZES = (500, 5000)
LASTS = ("Иванов", "Сидоркин", "Котов", "Ведьмин", "Лютиков")
FIRSTS = ("Пётр", "П.", "Лев", "Анна", "Ян", "Олег", "Саша")


def of_one_company(size: int) -> list[ContactRow]:
    """Different people, some alike, some with a mobile that hundreds have."""
    return [
        row(
            str(n),
            f"{LASTS[n % 5]}{n % 83} {FIRSTS[n % 7]} Отчество{n % 97}",
            f"+7921{n % (size // 2):07}",
            MOBILE,
            ROLE,
        )
        for n in range(size)
    ]


def namesakes(size: int) -> list[ContactRow]:
    return [row(str(n), "Иванов Пётр", f"+7921{n:07}") for n in range(size)]


def one_number(size: int) -> list[ContactRow]:
    """A number on all records, most of which know nothing else."""
    return [row(str(n), f"- {FIRSTS[n % 7]}", MOBILE) for n in range(size)]


def only_names(size: int) -> list[ContactRow]:
    return [row(str(n), FIRSTS[n % 7] if n % 2 else LASTS[n % 5]) for n in range(size)]


def chains(size: int) -> list[ContactRow]:
    """Each row shares a mobile with the one before and another with the next."""
    return [
        row(str(n), f"Иванов{n % 31} Пётр", f"+7921{n:07}", f"+7921{n + 1:07}") for n in range(size)
    ]


def forty_phones(size: int) -> list[ContactRow]:
    return [
        row(str(n), f"Иванов{n} Пётр", *(f"+7921{(n * 20 + k):07}" for k in range(40)))
        for n in range(size // 10)
    ]


@pytest.mark.parametrize(
    "rows", [of_one_company, namesakes, one_number, only_names, chains, forty_phones]
)
def test_work_grows_with_the_rows_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch, rows: Callable[[int], list[ContactRow]]
) -> None:
    work = {"compared": 0}

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def count(*given: Any) -> Any:
            work["compared"] += 1
            return real(*given)

        return count

    for module, name in ((contacts, "veto"), (evidence, "veto"), (contacts, "merge")):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    spent = []
    for size in SIZES:
        work["compared"] = 0
        given = profiles(rows(size))
        groups = [group for persons in match_contacts(given) for group in persons.groups]
        assert sorted(ref for group in groups for ref in group) == sorted(given)
        spent.append(work["compared"] / size)
    assert spent[1] < 40
    assert spent[1] < 2 * spent[0] + 1


def test_a_group_never_grows_beyond_measure() -> None:
    """A hundred spellings of what may be one person are left to people."""
    linkage = clustering.Linkage(lambda a, b: 9.0, lambda a, b: a + b, 5.0, 0.0)
    items: list[Any] = [(n,) for n in range(300)]
    clusters = clustering.agglomerate(items, ((n, n + 1) for n in range(299)), linkage)
    assert max(map(len, clusters.members)) <= linkage.max_items
    assert sum(map(len, clusters.members)) == 300
    assert {link.reason for link in clusters.doubtful_links} == {"too many rows for one person"}


def test_a_number_on_20000_records_says_nothing() -> None:
    """Not even of two rows of one name: it may be the shop's own."""

    def rows(size: int) -> Iterable[ContactRow]:
        yield row("a", "Иванов Пётр", MOBILE)
        yield row("b", "Иванов Пётр", MOBILE)
        yield from (row(str(n), f"Лютиков{n} Лев", MOBILE) for n in range(size))

    tins = {"a": {"T"}, "b": {"U"}} | {str(n): {f"V{n}"} for n in range(20_000)}
    groups = {
        tuple(group)
        for persons in match_contacts(profiles(list(rows(20_000)), tins))
        for group in persons.groups
    }
    assert {("a",), ("b",)} <= groups
    assert len(groups) == 20_002


@pytest.mark.parametrize("copies", [200, 201, 1000])
def test_who_stands_in_many_rows_is_one_person(copies: int) -> None:
    """Rows that look alike make no key hot, and those that look otherwise find them."""
    rows = [row(str(n), "Иванов Пётр Сергеевич", MOBILE, BOX) for n in range(copies)]
    rows.append(row("other", "Иванов Петр", MOBILE, BOX))
    groups = [group for persons in match_contacts(profiles(rows)) for group in persons.groups]
    assert [len(group) for group in groups] == [copies + 1]


@pytest.mark.parametrize(
    "contact",
    [
        row("1", "", MOBILE),
        row("1", "", BOX),
        row("1", "Иванов"),
        row("1", "- - Ильич"),
        row("1", ""),
        row("1", "ИвановПётрИльич89210000001ivanov@romashka.example"),
    ],
)
def test_who_is_known_by_little_is_a_person_of_their_own(contact: ContactRow) -> None:
    other = row("2", "Сидоркин Лев", "+79219999999")
    given = profiles([contact, other])
    assert [group for persons in match_contacts(given) for group in persons.groups] == [
        ["1"],
        ["2"],
    ]
