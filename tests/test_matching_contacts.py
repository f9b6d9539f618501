"""Which rows of a company are one person: never two people in one, and few doubles."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.matching import contacts
from transforms.matching.contacts import ContactRow, cluster, merge_contact
from transforms.matching.golden import GoldenContact, Sourced
from transforms.records import Contact

MOBILE, OTHER, LANDLINE = "+79210000001", "+79210000002", "+78120000001"
EXTENSION = "+78120000001;ext=12"
BOX, ROLE = "ivanov@romashka.example", "info@romashka.example"


def row(
    source_id: str, name: str, *keys: str, at: int = 1, source: str = "A", **more: Any
) -> ContactRow:
    """``name`` is ``Last First Middle``, ``-`` for what is not known, ``_`` for a blank in it."""
    parts = ["" if part == "-" else part.replace("_", " ") for part in name.split()]
    last, first, middle = [*parts, "", ""][:3]
    phones = tuple(key for key in keys if "@" not in key)
    emails = tuple(key for key in keys if "@" in key)
    contact = Contact(last, first, middle, phones=phones, emails=emails, **more)
    return Sourced(source, source_id, at, contact)


def persons(rows: Sequence[ContactRow], tins: dict[str, set[str]] | None = None) -> list[str]:
    """The clusters as texts such as ``1 2``."""
    found = cluster(rows, tins or {one.ref: {"T"} for one in rows})
    return sorted(" ".join(sorted(one.source_id for one in group)) for group in found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Иванов Пётр Сергеевич",), ("Иванов Петр Сергеевич",)),
        (("Иванов Пётр Сергеевич",), ("Иванов Пётр",)),
        (("Иванов Пётр Сергеевич",), ("Иванов Пётр С.",)),
        (("Петрова-Водкина Анна",), ("Петрова_Водкина Анна",)),
        (("Иванов Пётр Сергеевич", MOBILE), ("Иванов П. С.", MOBILE)),
        (("Иванов Пётр Сергеевич", MOBILE), ("Иванов", MOBILE)),
        (("Иванов Пётр Сергеевич", MOBILE), ("- Пётр", MOBILE)),
        (("Иванов П.", BOX), ("Иванов Пётр", BOX)),
        (("Иванов П.", "P.Ivanov+crm@gmail.com"), ("Иванов Пётр", "pivanov@gmail.com")),
        (("Иванов П.", "ivanov@ya.ru"), ("Иванов Пётр", "ivanov@yandex.ru")),
        (("Иванов П.", EXTENSION), ("Иванов Пётр", EXTENSION)),
    ],
)
def test_one_person(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert persons([row("1", *one), row("2", *other)]) == ["1 2"]
    assert persons([row("1", *other), row("2", *one)]) == ["1 2"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Different middle names, whatever else agrees.
        (("Иванов Пётр Сергеевич", MOBILE, BOX), ("Иванов Пётр Ильич", MOBILE, BOX)),
        (("Иванов Пётр Сергеевич", MOBILE), ("Иванов Пётр И.", MOBILE)),
        # Different first names: father and son with one phone, brothers.
        (("Иванов Пётр Сергеевич", MOBILE), ("Иванов Сергей Ильич", MOBILE)),
        (("Иванов Пётр", MOBILE), ("Иванов Павел", MOBILE)),
        (("Иванов Пётр", MOBILE, BOX), ("Иванов С.", MOBILE, BOX)),
        # Different surnames.
        (("Иванов Пётр", MOBILE), ("Петров Пётр", MOBILE)),
        # No evidence: a landline, a role mailbox, initials and surnames alone.
        (("Иванов П. С.", LANDLINE), ("Иванов Пётр Сергеевич", LANDLINE)),
        (("Иванов П. С.", ROLE), ("Иванов Пётр Сергеевич", ROLE)),
        (("Иванов П. С.",), ("Иванов Пётр Сергеевич",)),
        (("Иванов",), ("Иванов Пётр",)),
        (("Иванов",), ("Иванов",)),
        # Compatible only because each knows too little of the other.
        (("Иванов", MOBILE), ("- Пётр", MOBILE)),
        (("И. П.", MOBILE), ("Иванов П.", MOBILE)),
    ],
)
def test_not_one_person(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert persons([row("1", *one), row("2", *other)]) == ["1", "2"]
    assert persons([row("1", *other), row("2", *one)]) == ["1", "2"]


def test_who_is_meant_by_an_initial_is_not_guessed() -> None:
    rows = [
        row("1", "Иванов Пётр", MOBILE),
        row("2", "Иванов Павел", MOBILE),
        row("3", "Иванов П.", MOBILE),
    ]
    assert persons(rows) == ["1", "2", "3"]
    assert persons([rows[0], rows[2]]) == ["1 3"]


def test_who_is_meant_without_a_middle_name_is_not_guessed() -> None:
    names = ("Иванов Пётр Сергеевич", "Иванов Пётр Ильич", "Иванов Пётр", "Иванов Петр Ильич")
    assert persons([row(str(n), name) for n, name in enumerate(names, 1)]) == ["1", "2 4", "3"]
    # A mobile of their own says it.
    rows = [row("1", names[0], MOBILE), row("2", names[1]), row("3", names[2], MOBILE)]
    assert persons(rows) == ["1 3", "2"]


def test_the_secretarys_number_on_ten_records_joins_nobody() -> None:
    names = ("Ян", "Лев", "Пётр", "Павел", "Анна", "Ия", "Том", "Яна", "Ева", "Олег")
    rows = [row(str(n), f"Иванов {name}", MOBILE) for n, name in enumerate(names)]
    rows.append(row("10", "Иванов О.", MOBILE))
    assert len(persons(rows)) == 11


def test_persons_of_different_companies_are_not_joined() -> None:
    rows = [row("1", "Иванов Пётр", MOBILE), row("2", "Иванов Пётр", MOBILE)]
    assert persons(rows, {"A:1": {"T"}, "A:2": {"U"}}) == ["1", "2"]
    # But one that belongs to both makes them one.
    rows.append(row("3", "Иванов Пётр"))
    assert persons(rows, {"A:1": {"T"}, "A:2": {"U"}, "A:3": {"T", "U"}}) == ["1 2 3"]


def test_what_contradicts_any_row_of_a_person_does_not_join_it() -> None:
    """1 and 2 agree, 2 and 3 agree, 1 and 3 do not."""
    rows = [
        row("1", "Иванов Пётр Сергеевич", MOBILE),
        row("2", "Иванов Пётр", MOBILE, OTHER),
        row("3", "Иванов Пётр Ильич", OTHER),
    ]
    assert persons(rows) == ["1 2", "3"]


NAMES = (
    *("Иванов Пётр Сергеевич", "Иванов Петр", "Иванов П. С.", "Иванов П.", "Иванов Павел"),
    *("Иванов Пётр Ильич", "Иванов", "- Пётр", "Сидоркин Лев", "Сидоркин Л."),
)
KEYS = (MOBILE, OTHER, LANDLINE, EXTENSION, BOX, ROLE)


@st.composite
def shuffled(draw: Any) -> tuple[list[ContactRow], list[ContactRow], dict[str, set[str]]]:
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.sets(st.sampled_from(KEYS), max_size=2),
                st.sets(st.sampled_from("TU"), min_size=1),
            ),
            max_size=12,
        )
    )
    rows = [row(str(n), name, *sorted(keys)) for n, (name, keys, _) in enumerate(drawn)]
    tins = {f"A:{n}": own for n, (_, _, own) in enumerate(drawn)}
    return rows, draw(st.permutations(rows)), tins


@settings(max_examples=150, deadline=None)
@given(shuffled())
def test_the_order_of_rows_says_nothing_and_no_person_contradicts_itself(
    drawn: tuple[list[ContactRow], list[ContactRow], dict[str, set[str]]],
) -> None:
    rows, others, tins = drawn
    assert persons(others, tins) == persons(rows, tins)
    for group in cluster(rows, tins):
        middles = {one.record.middle_name for one in group if len(one.record.middle_name) > 2}
        firsts = {one.record.first_name.replace("ё", "е") for one in group}
        assert len(middles) <= 1
        assert len({first for first in firsts if len(first) > 2}) <= 1


def test_the_hash_seed_says_nothing() -> None:
    program = (
        "import test_matching_contacts as t;"
        "rows = [t.row(str(n), name, *keys) for n, (name, keys) in enumerate("
        "    (name, keys) for name in t.NAMES for keys in (t.KEYS, t.KEYS[:1], ()))];"
        "tins = {one.ref: {'T', 'U', str(n % 3)} for n, one in enumerate(rows)};"
        "groups = t.cluster(rows, tins);"
        "print(t.persons(rows, tins), [t.merge_contact('k', group, 'TU') for group in groups])"
    )
    here = Path(__file__).parent
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{here}:{here.parent}"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1


def test_a_company_of_5000_contacts_takes_comparisons_in_proportion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = 0
    real = contacts.compatible

    def counted(*names: Any) -> bool:
        nonlocal compared
        compared += 1
        return real(*names)

    monkeypatch.setattr(contacts, "compatible", counted)
    lasts, firsts = ("Иванов", "Сидоркин", "Кот"), ("Пётр", "П.", "Лев")
    for size in (500, 5000):
        compared = 0
        rows = [
            row(
                str(n),
                f"{lasts[n % 3]} {firsts[n // 3 % 3]} Отчество{n % 97}",
                f"+7921{n % (size // 2):07}",
                MOBILE,
                ROLE,
            )
            for n in range(size)
        ]
        assert sum(len(group.split()) for group in persons(rows)) == size
        assert 0 < compared < 2 * size


def test_a_golden_contact_takes_the_newest_good_value_of_each_field() -> None:
    rows = [
        row("1", "Иванов П. -", MOBILE, at=3, position="Директор"),
        row(
            "2", "Иванов Пётр Сергеевич", OTHER, MOBILE, BOX, at=2, source="B", position="Менеджер"
        ),
        row("3", "Иванова Пётр С.", at=1),
    ]
    expected = (
        GoldenContact(
            "A-1", "Иванов", "Пётр", "Сергеевич", "Директор", ("T", "U"), (MOBILE, OTHER), (BOX,)
        ),
        {
            "last_name": "A:1",
            "first_name": "B:2",
            "middle_name": "B:2",
            "position": "A:1",
            "phones": "A:1 B:2",
            "emails": "B:2",
        },
    )
    assert merge_contact("A-1", rows, ["U", "T", "U"]) == expected
    assert merge_contact("A-1", rows[::-1], ["T", "U"]) == expected
    # An initial is better than nothing.
    assert merge_contact("A-1", rows[:1], ["T"])[0].first_name == "П."
