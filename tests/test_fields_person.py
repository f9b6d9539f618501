from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.core.records import Note
from transforms.fields import person
from transforms.fields.person import SONS, Name
from transforms.fields.placeholders import WORDS

IVANOV = Name("Иванов", "Пётр", "Сергеевич")
LASTS = st.sampled_from(["Иванов", "Ёлкина", "Петрова-Водкина", "Абрамович", "Ким", "О'Нил"])
FIRSTS = st.sampled_from(["Пётр", "Анна", "Анна-Мария", "Вугар", "П."])
MIDDLES = st.sampled_from(["Сергеевич", "Ильинична", "Кузьмич", "Расим оглы"])
CASES = st.sampled_from([str, str.upper, str.lower])


@st.composite
def typed_persons(draw: st.DrawFn) -> tuple[Name, list[str | None]]:
    """A name, and one of the ways to type it."""
    last, first, middle = draw(LASTS), draw(FIRSTS), draw(MIDDLES)
    fields = draw(
        st.sampled_from(
            [
                [last, first, middle],
                [f"{last} {first} {middle}", None, ""],
                [None, f"{last}  {first} {middle}", None],
                [last, f"{first} {middle}", None],
                [last, None, f"{first} {middle}"],
            ]
        )
    )
    case = draw(CASES)
    return Name(last, first, middle), [case(part) if part else part for part in fields]


@pytest.mark.parametrize(
    ("last", "first", "middle"),
    [
        ("Иванов", "Пётр", "Сергеевич"),
        ("ИВАНОВ", "ПЁТР", "СЕРГЕЕВИЧ"),
        ("иванов", "пётр", "сергеевич"),
        ("иВАНОВ", " Пётр ", "Сергеевич."),
        ("Иванoв", "Пeтp".replace("e", "ё"), "Сергeевич"),
        ("Иванов Пётр Сергеевич", None, None),
        ("", "Иванов Пётр Сергеевич", ""),
        (None, None, "Пётр Сергеевич Иванов"),
        ("ИВАНОВ ПЁТР СЕРГЕЕВИЧ", "", None),
        ("Иванов, Пётр Сергеевич", None, None),
        ("Иванов Пётр Сергеевич", "Пётр", "Сергеевич"),
        ("Иванов", "Иванов Пётр Сергеевич", None),
        ("Иванов", "Пётр Сергеевич", None),
        ("Иванов", None, "Пётр Сергеевич"),
        ("Иванов Пётр", None, "Сергеевич"),
        ("Пётр Иванов", None, "Сергеевич"),
    ],
)
def test_one_person(last: object, first: object, middle: object) -> None:
    assert person.parse(last, first, middle) == (IVANOV, ())


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Иванов П.С.", ("Иванов", "П.", "С.")),
        ("Иванов П. С.", ("Иванов", "П.", "С.")),
        ("иванов п с", ("Иванов", "П.", "С.")),
        ("П.С. Иванов", ("Иванов", "П.", "С.")),
        ("П. Иванов", ("Иванов", "П.", "")),
        ("Иванов Пётр", ("Иванов", "Пётр", "")),
        ("Пётр Иванов", ("Иванов", "Пётр", "")),
        ("Ирина Смирнова", ("Смирнова", "Ирина", "")),
        ("Яков Петренко", ("Петренко", "Яков", "")),
        ("Анна Сергеевна", ("", "Анна", "Сергеевна")),
        ("Роман Аркадьевич Абрамович", ("Абрамович", "Роман", "Аркадьевич")),
        ("Абрамович Роман Аркадьевич", ("Абрамович", "Роман", "Аркадьевич")),
        ("Ильин Илья Ильич", ("Ильин", "Илья", "Ильич")),
        ("Смирнова Анна Ильинична", ("Смирнова", "Анна", "Ильинична")),
        ("ПЕТРОВА-ВОДКИНА АННА-МАРИЯ", ("Петрова-Водкина", "Анна-Мария", "")),
        ("Мамедов Эльдар Расим оглы", ("Мамедов", "Эльдар", "Расим оглы")),
        ("МАМЕДОВА ЛЕЙЛА РАСИМ КЫЗЫ", ("Мамедова", "Лейла", "Расим кызы")),
        ("Мамедов Эльдар Расим-Оглы", ("Мамедов", "Эльдар", "Расим-оглы")),
        ("Салтыков Щедрин Михаил Евграфович", ("Салтыков Щедрин", "Михаил", "Евграфович")),
        ("МакГрегор Джон", ("МакГрегор", "Джон", "")),
        ("ИВАНОВ", ("Иванов", "", "")),
        ("SMITH JOHN", ("Smith", "John", "")),
    ],
)
def test_one_field(typed: str, name: tuple[str, str, str]) -> None:
    assert person.parse(typed, None, None) == (Name(*name), ())


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("Иванов", "П.С.", ""), ("Иванов", "П.", "С.")),
        (("Иванов", "П", "С"), ("Иванов", "П.", "С.")),
        (("", "Пётр", ""), ("", "Пётр", "")),
        (("", "Пётр", "Сергеевич"), ("", "Пётр", "Сергеевич")),
        (("Мамедов", "Эльдар", "РАСИМ ОГЛЫ"), ("Мамедов", "Эльдар", "Расим оглы")),
        (("ДЕ ЛА КРУС", "ХУАН", ""), ("де ла Крус", "Хуан", "")),
        (("Ван", "Ли", ""), ("Ван", "Ли", "")),
        (("Нетесов", "Тест", ""), None),
    ],
)
def test_parts(parts: tuple[str, str, str], name: tuple[str, str, str] | None) -> None:
    if name:
        assert person.parse(*parts) == (Name(*name), ())
    else:
        assert person.parse(*parts) == (
            Name("Нетесов"),
            (Note("first_name", "placeholder", "Тест"),),
        )


@pytest.mark.parametrize(
    ("typed", "name", "left"),
    [
        ("-", "", [("placeholder", "-")]),
        ("НЕТ", "", [("placeholder", "НЕТ")]),
        ("Иванов 8-921", "Иванов", [("unreadable", "8-921")]),
        ("ivan@mail.ru", "", [("unreadable", "ivan@mail.ru")]),
        ("Иванова (Петрова)", "Иванова", [("unreadable", "(Петрова)")]),
        ("1 2 3 4 5 6 7", "", [("unreadable", str(digit)) for digit in range(1, 8)]),
        ("а б в г д е ж", "", [("unreadable", "а б в г д е ж")]),
        (True, "", [("wrong_type", "true")]),
        ("я" * 201, "", [("too_long", "я" * 199 + "…")]),
        ("я" * 10_000_000, "", [("too_long", "я" * 199 + "…")]),
    ],
)
def test_what_is_no_name_is_noted(typed: object, name: str, left: list[tuple[str, str]]) -> None:
    found, notes = person.parse(typed, None, None)
    want = [(problem, value if len(value) < 200 else "я" * 199 + "…") for problem, value in left]
    assert (found, [(note.problem, note.value) for note in notes]) == (Name(name), want)


@given(
    st.text("АБЕЁИЙЩЯабеёийщя", min_size=1, max_size=9) | st.sampled_from(sorted(WORDS | SONS)),
    st.sampled_from([str, str.upper, str.lower, str.capitalize]),
)
def test_the_short_cut_for_one_word_agrees_with_the_long_way(
    word: str, case: Callable[[str], str]
) -> None:
    # A blank in front makes it go the long way.
    assert person.parse(case(word), None, None) == person.parse(f" {case(word)}", None, None)


@given(typed_persons())
def test_however_a_name_is_typed_it_is_one(case: tuple[Name, list[str | None]]) -> None:
    name, fields = case
    assert person.parse(*fields) == (name, ())


@given(ANY_JSON, ANY_JSON, ANY_JSON)
def test_takes_anything(last: object, first: object, middle: object) -> None:
    name, _ = person.parse(last, first, middle)
    assert all(part.isprintable() and part.strip() == part for part in name)


@pytest.mark.parametrize(
    ("one", "other", "agreed"),
    [
        ("Пётр", "петр", True),
        ("Петрова-Водкина", "Петрова Водкина", True),
        ("П.", "Пётр", True),
        ("П.", "П.", True),
        ("", "", True),
        ("", "Пётр", True),
        ("С.", "Пётр", False),
        ("Пётр", "Петров", False),
        ("Сергеевич", "Семёнович", False),
    ],
)
def test_agreement(one: str, other: str, agreed: bool) -> None:
    assert person.agree(one, other) is agreed
    assert person.agree(other, one) is agreed


@pytest.mark.parametrize(
    ("written", "aside"),
    [
        ("Иванов Пётр Сергеевич, директор", ["директор"]),
        ("Иванов Пётр Сергеевич генеральный директор", ["генеральный директор"]),
        ("Пётр Сергеевич Иванов - менеджер", ["менеджер"]),
        ("Г-н Иванов Пётр Сергеевич", ["Г-н"]),
        (
            "Иванов Пётр Сергеевич; зам. директора; звонить утром",
            ["зам. директора", "звонить утром"],
        ),
        ("Иванов Пётр Сергеевич, +7 921 000-00-00", ["+7 921 000-00-00"]),
    ],
)
def test_what_is_no_part_of_the_name_is_put_aside(written: str, aside: list[str]) -> None:
    found, notes = person.parse(written, None, None)
    assert found == IVANOV
    assert sorted(note.value for note in notes) == sorted(aside)
    assert {note.problem for note in notes} == {"unreadable"}


@pytest.mark.parametrize("last", ["Директоренко", "Замятин", "Господинов", "Секретарь"])
def test_surnames_that_look_like_posts_stay(last: str) -> None:
    assert person.parse(f"{last} Пётр" if last != "Секретарь" else last, None, None)[0].last == last


@pytest.mark.parametrize(
    "fields",
    [
        ("Ivanov", "Petr Sergeevich", None),
        ("Petr Sergeevich", "Ivanov", None),
        ("Ivanov Petr Sergeevich", None, None),
        ("Petr Sergeevich Ivanov", None, None),
    ],
)
def test_latin_middle_names(fields: tuple[str | None, ...]) -> None:
    assert person.parse(*fields)[0] == Name("Ivanov", "Petr", "Sergeevich")
