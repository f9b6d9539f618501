"""Matching rows to persons: never two people in one, and few doubles."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.matching_rows import (
    BOX,
    EXTENSION,
    LANDLINE,
    MOBILE,
    OTHER,
    ROLE,
    match_rows,
    persons,
    row,
)
from transforms.matching.golden_contact import ContactRow
from transforms.matching.model import DEFAULT, USUAL_COMPANY

ONE = {"1": {"T"}, "2": {"U"}}


@pytest.mark.parametrize(
    ("row_a", "row_b"),
    [
        (("Иванов Пётр Сергеевич",), ("Иванов Петр Сергеевич",)),
        (("Иванов Пётр Сергеевич",), ("Иванов Пётр",)),
        (("Иванов Пётр Сергеевич",), ("Иванов Пётр С.",)),
        (("Петрова-Водкина Анна",), ("Петрова_Водкина Анна",)),
        (("Иванов Пётр Сергеевич", MOBILE), ("Иванов П. С.", MOBILE)),
        (("Иванов Пётр Сергеевич", MOBILE, BOX), ("Иванов", MOBILE, BOX)),
        (("Иванов Пётр Сергеевич", MOBILE), ("- Пётр", MOBILE)),
        (("Иванов П.", BOX), ("Иванов Пётр", BOX)),
        (("Иванов П.", "P.Ivanov+crm@gmail.com"), ("Иванов Пётр", "pivanov@gmail.com")),
        (("Иванов П.", "ivanov@ya.ru"), ("Иванов Пётр", "ivanov@yandex.ru")),
        (("Иванов П.", EXTENSION), ("Иванов Пётр", EXTENSION)),
        # The forms of Russian names.
        (("Иванова Наташа Ильинична",), ("Иванова Наталья Ильинична",)),
        (("Иванов Саша", MOBILE), ("Иванов Александр Ильич", MOBILE)),
        (("Ivanov Petr Ilyich",), ("Иванов Пётр Ильич",)),
        (("Shchukina Yuliya", MOBILE), ("Щукина Юлия", MOBILE)),
        (("Пётр Иванов Ильич",), ("Иванов Пётр Ильич",)),
        (("Анна Сергеевна Иванова",), ("Иванова Анна Сергеевна",)),
        (("Иванов Анна Сергеевна",), ("Иванова Анна Сергеевна",)),
        (("Дубровская Анна", MOBILE), ("Дубровский Анна", MOBILE)),
        (("Ивнаов Пётр Ильич",), ("Иванов Пётр Ильич",)),
        (("Иванов Григоий Ильич",), ("Иванов Григорий Ильич",)),
        # Spellings of one middle name, the everyday ones as well.
        (("Шевченко Пётр Валерьевич", MOBILE), ("Шевченко Пётр Валериевич", MOBILE)),
        (("Шевченко Анна Юрьевна", MOBILE), ("Шевченко Анна Юриевна", MOBILE)),
        (("Шевченко Пётр Михайлович", MOBILE), ("Шевченко Пётр Михалыч", MOBILE)),
        (("Шевченко Пётр Николаевич", MOBILE), ("Шевченко Пётр Николаич", MOBILE)),
        (("Шевченко Анна Павловна", MOBILE), ("Шевченко Анна Пална", MOBILE)),
        (("Шевченко Пётр Рамилевич", MOBILE), ("Шевченко Пётр Рамильевич", MOBILE)),
        (("Шевченко Пётр Яковлевич", MOBILE), ("Шевченко Пётр Яковлич", MOBILE)),
        # Slips in a first name that no other resembles, and in one that we do not know.
        (("Шевченко Ольга", MOBILE), ("Шевченко Одьга", MOBILE)),
        (("Шевченко Хуршед", MOBILE), ("Шевченко Хуршшед", MOBILE)),
        # The order of parts: by a surname's ending; by what stands both ways round.
        (("Гузель Каримова", MOBILE), ("Каримова Гузель", MOBILE)),
        (("Айдос Мкртчян", MOBILE), ("Мкртчян Айдос", MOBILE)),
        (("Ван Ли", MOBILE), ("Ли Ван", MOBILE)),
        (("Ivanova Anna", MOBILE), ("Иванова Анна", MOBILE)),
        # Both initials, in one company.
        (("Иванов П. И.",), ("Иванов Пётр Ильич",)),
        # Married: another surname, all else the same.
        (("Петрова Анна Ильинична", MOBILE, BOX), ("Сидорова Анна Ильинична", MOBILE, BOX)),
        (("Петрова-Сидорова Анна", MOBILE), ("Сидорова Анна", MOBILE)),
    ],
)
def test_one_person(row_a: tuple[str, ...], row_b: tuple[str, ...]) -> None:
    assert persons([row("1", *row_a), row("2", *row_b)]) == ["1 2"]
    assert persons([row("1", *row_b), row("2", *row_a)]) == ["1 2"]


@pytest.mark.parametrize(
    ("row_a", "row_b"),
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
        (("Иванов Пётр Ильич", MOBILE, BOX), ("Петров Пётр Ильич", MOBILE, BOX)),
        (("Петрова Анна", MOBILE), ("Сидорова Анна", MOBILE)),
        # A man's name and a woman's; father and son.
        (("Иванов Саша", MOBILE, BOX), ("Иванова Саша", MOBILE, BOX)),
        (("Иванов Женя Ильич", MOBILE), ("Иванова Женя Ильинична", MOBILE)),
        (("Иванов Пётр Ильич", MOBILE), ("Иванов Пётр Петрович", MOBILE)),
        # One letter apart, and two names all the same.
        (("Иванов Пётр Иванович", MOBILE), ("Иванов Пётр Ивановна", MOBILE)),
        (("Иванова Марина", MOBILE), ("Иванова Карина", MOBILE)),
        (("Иванов Слава Ильич", MOBILE), ("Иванов Ярополк Ильич", MOBILE)),
        (("Иванов", MOBILE), ("Иванов Пётр", MOBILE)),
        (("Шевченко Кира", MOBILE), ("Шевченко Кирилл", MOBILE)),
        (("Ivanova Anna", MOBILE), ("Иванова Яна", MOBILE)),
        (("Шевченко Пётр Артурович", MOBILE, BOX), ("Шевченко Пётр Архипович", MOBILE, BOX)),
        (("Шевченко Саша Юрьевич", MOBILE, BOX), ("Шевченко Саша Юриевна", MOBILE, BOX)),
        # Names that resemble each other, and those of which we know one or none.
        (("Гафуров Марат", MOBILE), ("Гафуров Мурат", MOBILE)),
        (("Гафуров Марат", MOBILE), ("Гафуров Мират", MOBILE)),
        (("Гафуров Ильдар", MOBILE), ("Гафуров Эльдар", MOBILE)),
        (("Гафуров Камиль", MOBILE), ("Гафуров Рамиль", MOBILE)),
        (("Гафуров Ильнур", MOBILE), ("Гафуров Ильнар", MOBILE)),
        (("Гафурова Амина", MOBILE), ("Гафурова Алина", MOBILE)),
        (("Саркисян Карен", MOBILE), ("Саркисян Арен", MOBILE)),
        (("Гафуров Хуршед", MOBILE), ("Гафуров Хуршид", MOBILE)),
        (("Гафуренко Марлен", MOBILE), ("Гафуренко Марлена", MOBILE)),
        # No evidence: a landline, a role mailbox, an initial and surnames alone.
        (("Иванов П.", LANDLINE), ("Иванов Пётр Сергеевич", LANDLINE)),
        (("Иванов П.", ROLE), ("Иванов Пётр Сергеевич", ROLE)),
        (("Иванов П.",), ("Иванов Пётр Сергеевич",)),
        (("Иванов",), ("Иванов Пётр",)),
        (("Иванов",), ("Иванов",)),
        # Compatible only because each knows too little of the other.
        (("Иванов", MOBILE), ("- Пётр", MOBILE)),
        (("И. П.", MOBILE), ("Иванов П.", MOBILE)),
    ],
)
def test_not_one_person(row_a: tuple[str, ...], row_b: tuple[str, ...]) -> None:
    assert persons([row("1", *row_a), row("2", *row_b)]) == ["1", "2"]
    assert persons([row("1", *row_b), row("2", *row_a)]) == ["1", "2"]


@pytest.mark.parametrize(
    ("name_a", "name_b", "reason"),
    [
        ("Иванова Анна", "Петрова Анна", "different last names"),
        ("Иванов Саша", "Иванова Саша", "a man's name and a woman's"),
        ("Иванов Пётр Петрович", "Иванов Пётр Сергеевич", "different middle names"),
    ],
)
def test_what_a_guard_alone_keeps_apart_is_shown(name_a: str, name_b: str, reason: str) -> None:
    rows = [row("1", name_a, MOBILE, BOX), row("2", name_b, MOBILE, BOX)]
    assert persons(rows) == ["1", "2"]
    assert [(*pair.refs, pair.reason) for pair in match_rows(rows).doubtful_pairs] == [
        ("1", "2", reason)
    ]
    assert match_rows(rows, judgements={frozenset("12"): False}).doubtful_pairs == []
    # Kin share so much, and people of one company share a name: nobody has to look at them.
    assert (
        match_rows([row("1", "Иванов Пётр", MOBILE), row("2", "Иванов Лев", MOBILE)]).doubtful_pairs
        == []
    )
    assert match_rows([row("1", name_a), row("2", name_b)]).doubtful_pairs == []


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
    rows = [row("1", names[0], MOBILE), row("2", names[1], OTHER), row("3", names[2], MOBILE)]
    assert persons(rows) == ["1 3", "2"]


def test_the_secretarys_number_on_ten_records_joins_nobody() -> None:
    names = ("Ян", "Лев", "Пётр", "Павел", "Анна", "Ия", "Том", "Яна", "Ева", "Олег")
    rows = [row(str(n), f"Иванов {name}", MOBILE) for n, name in enumerate(names)]
    rows.append(row("10", "Иванов О.", MOBILE))
    assert len(persons(rows)) == 11


def test_what_several_people_share_says_less_of_each() -> None:
    rows = [row("1", "Иванов П.", MOBILE), row("2", "Иванов Пётр", MOBILE)]
    others = [row("3", "Сидорова Анна Петровна", MOBILE), row("4", "Кузнецов Олег", MOBILE)]
    companies = {number: {f"T{number}"} for number in "1234"}
    assert persons(rows, companies) == ["1 2"]
    assert persons([*rows, *others], companies) == ["1", "2", "3", "4"]


def test_in_a_large_company_a_name_alone_says_less() -> None:
    rows = [row("1", "Иванов Пётр"), row("2", "Иванов Пётр Сергеевич")]
    for size, expected in ((USUAL_COMPANY, ["1 2"]), (1000, ["1", "2"])):
        model = msgspec.structs.replace(DEFAULT, companies={"T": size})
        assert persons(rows, model=model) == expected


def test_one_person_at_two_companies_is_one_contact() -> None:
    rows = [row("1", "Иванов Пётр", MOBILE), row("2", "Иванов Пётр Ильич", MOBILE, source="B")]
    assert persons(rows, ONE) == ["1 2"]
    # A name alone says nothing outside of its company, nor does a landline.
    rows = [row("1", "Иванов Пётр Ильич", LANDLINE), row("2", "Иванов Пётр Ильич", LANDLINE)]
    assert persons(rows, ONE) == ["1", "2"]


def test_what_contradicts_any_row_of_a_person_does_not_join_it() -> None:
    """1 and 2 agree, 2 and 3 agree, 1 and 3 do not: only a person can judge who 2 is."""
    rows = [
        row("1", "Иванов Пётр Сергеевич", MOBILE),
        row("2", "Иванов Пётр", MOBILE, OTHER),
        row("3", "Иванов Пётр Ильич", OTHER),
    ]
    assert persons(rows) == ["1", "2", "3"]
    assert [(*pair.refs, pair.reason) for pair in match_rows(rows).doubtful_pairs] == [
        ("1", "2", "another one fits as well"),
        ("2", "3", "another one fits as well"),
    ]
    assert persons(rows, judgements={frozenset("12"): True}) == ["1 2", "3"]


def test_a_judgement_is_obeyed_in_both_directions() -> None:
    rows = [row("1", "Иванов Пётр", MOBILE), row("2", "Сидоров Лев"), row("3", "Иванов Пётр")]
    assert persons(rows) == ["1 3", "2"]
    assert persons(rows, judgements={frozenset("12"): True}) == ["1 2 3"]
    assert persons(rows, judgements={frozenset("13"): False}) == ["1", "2", "3"]
    assert match_rows(rows, judgements={frozenset("13"): False}).doubtful_pairs == []


def test_a_no_is_obeyed_where_yeses_would_join_the_two() -> None:
    rows = [row("1", "Иванов Пётр"), row("2", "Иванов П."), row("3", "Иванов Павел")]
    yes, other_yes, no = frozenset("12"), frozenset("23"), frozenset("13")
    assert persons(rows, judgements={yes: True, other_yes: True}) == ["1 2 3"]
    # The newest stands first.
    assert persons(rows, judgements={yes: True, other_yes: True, no: False}) == ["1 2", "3"]
    contradicted = {other_yes: True, no: False, yes: True}
    assert persons(rows, judgements=contradicted) == ["1", "2 3"]
    assert [
        (*pair.refs, pair.reason)
        for pair in match_rows(rows, judgements=contradicted).doubtful_pairs
    ] == [("1", "2", "judged to be one, but that would join two that were judged to be different")]


def test_slips_for_one_name_do_not_contradict_each_other() -> None:
    lasts = ("Богданов", "Бкгданов", "Богдаов")
    rows = [row(str(n), f"{last} Пётр Ильич", MOBILE) for n, last in enumerate(lasts)]
    assert persons(rows) == ["0 1 2"]
    assert persons(rows[1:]) == ["1", "2"]


def test_short_names_of_two_names_bridge_nothing() -> None:
    """Slava is short for both; the two are different people all the same."""
    rows = [
        row("1", "Иванов Вячеслав", MOBILE),
        row("2", "Иванов Слава", MOBILE),
        row("3", "Иванов Ярослав", MOBILE),
    ]
    assert persons(rows) == ["1", "2", "3"]


def test_a_thousand_copies_are_one_person_and_what_says_too_little_is_not() -> None:
    assert len(persons([row(str(n), "Иванов Пётр", MOBILE) for n in range(1000)])) == 1
    assert len(persons([row(str(n), "Иванов") for n in range(300)])) == 300


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
    tins = {str(n): row_tins for n, (_, _, row_tins) in enumerate(drawn)}
    return rows, draw(st.permutations(rows)), tins


@settings(max_examples=150, deadline=None)
@given(shuffled())
def test_the_order_of_rows_says_nothing_and_no_person_contradicts_itself(
    drawn: tuple[list[ContactRow], list[ContactRow], dict[str, set[str]]],
) -> None:
    rows, shuffled_rows, tins = drawn
    assert persons(shuffled_rows, tins) == persons(rows, tins)
    assert match_rows(shuffled_rows, tins) == match_rows(rows, tins)
    for group in match_rows(rows, tins).groups:
        members = [row.record for row in rows if row.source_id in group]
        middles = {member.middle_name for member in members if len(member.middle_name) > 2}
        firsts = {member.first_name.replace("ё", "е") for member in members}
        assert len(middles) <= 1
        assert len({first for first in firsts if len(first) > 2}) <= 1


def test_the_hash_seed_says_nothing() -> None:
    program = (
        "import test_matching_contacts as t;"
        "rows = [t.row(str(n), name, *keys) for n, (name, keys) in enumerate("
        "    (name, keys) for name in t.NAMES for keys in (t.KEYS, t.KEYS[:1], ()))];"
        "tins = {row.source_id: {'T', 'U', str(n % 3)} for n, row in enumerate(rows)};"
        "print(t.match_rows(rows, tins))"
    )
    here = Path(__file__).parent
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{here}:{here.parent}"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
