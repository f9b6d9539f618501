import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.core.records import Note
from transforms.fields import company_name

FORMS = st.sampled_from(
    ["ООО", "ooo", "OOO", "АО", "МУП", "Общество с ограниченной ответственностью"]
)
WORDS = st.lists(
    st.sampled_from(["Ромашка", "ТД", "Север-2", "O'Key", "плюс", "№ 5"]), min_size=1, max_size=3
)
QUOTES = st.sampled_from([("«", "»"), ('"', '"'), ("„", "“"), ("“", "”"), ("'", "'"), ("", "")])


@st.composite
def names(draw: st.DrawFn) -> str:
    form, (left, right), (inner, end) = draw(FORMS | st.just("")), draw(QUOTES), draw(QUOTES)
    name = f"{left}{' '.join(draw(WORDS))} {inner}{' '.join(draw(WORDS))}{end}{right}"
    return draw(st.sampled_from([f"{form} {name}", f"{name}, {form}", f"{name} ({form})", name]))


SOUP = st.text("ООAИП «»„“\"'ТД,()-", max_size=20)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ('ООО  "Ромашка"', "ООО «Ромашка»"),
        ("ооо Ромашка", "ООО «Ромашка»"),
        ('OOO"Ромашка"', "ООО «Ромашка»"),
        ("О.О.О. «Ромашка»", "ООО «Ромашка»"),
        ("Ромашка, ООО", "ООО «Ромашка»"),
        ('"Ромашка" (ООО)', "ООО «Ромашка»"),
        ("ООО ООО Ромашка", "ООО «Ромашка»"),
        ("ООО «Ромашка» ООО", "ООО «Ромашка»"),
        ("ООО «ООО «Ромашка»", "ООО «Ромашка»"),
        ("Общество с ограниченной ответственностью «Ромашка»", "ООО «Ромашка»"),
        ("ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ “РОМАШКА”", "ООО «РОМАШКА»"),
        ("Ромашка, общество с ограниченной ответственностью", "ООО «Ромашка»"),
        ("Публичное акционерное общество Сбербанк", "ПАО «Сбербанк»"),
        ("Непубличное акционерное общество «Мир»", "НАО «Мир»"),
        ("акционерное общество 'Мир'", "АО «Мир»"),
        ("3AO Мир", "ЗАО «Мир»"),
        ("Закрытое акционерное общество ,,Мир''", "ЗАО «Мир»"),
        ('ФГУП "Почта"', "ФГУП «Почта»"),
        ("Федеральное государственное унитарное предприятие «Почта»", "ФГУП «Почта»"),
        ("Муниципальное казённое учреждение «Дворец»", "МКУ «Дворец»"),
        ("Жилищно-строительный кооператив № 5", "ЖСК «№ 5»"),
        ('ООО "Торговый дом "Ромашка"', "ООО «Торговый дом „Ромашка“»"),
        ('ООО "Торговый дом "Ромашка""', "ООО «Торговый дом „Ромашка“»"),
        ("ООО «Торговый дом «Ромашка»»", "ООО «Торговый дом „Ромашка“»"),
        ('ООО Торговый дом "Ромашка"', "ООО Торговый дом «Ромашка»"),
        ('ООО "Pомашка"', "ООО «Ромашка»"),
        ('ООО "Romashka"', "ООО «Romashka»"),
        ("ООО О'Кей", "ООО «О'Кей»"),
        ("ИП Иванов П.С.", "ИП Иванов П. С."),
        ("ип иванов пётр сергеевич", "ИП Иванов Пётр Сергеевич"),
        ("Иванов Пётр Сергеевич ИП", "ИП Иванов Пётр Сергеевич"),
        ("Индивидуальный предприниматель «Иванов Пётр Сергеевич»", "ИП Иванов Пётр Сергеевич"),
        (
            "ИП Глава КФХ «Рассвет» Иванов Пётр Сергеевич",
            "ИП Глава КФХ «Рассвет» Иванов Пётр Сергеевич",
        ),
        ("ИП Иванов", "ИП Иванов"),
        ("ООО", "ООО"),
        ("Ромашка", "Ромашка"),
        ("ПК Ромашка", "ПК Ромашка"),
        ("Администрация г. Пскова", "Администрация г. Пскова"),
        (12345, "12345"),
    ],
)
def test_shown(typed: object, shown: str) -> None:
    assert company_name.parse(typed) == (shown, ())


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("нет", "placeholder"),
        ("тест", "placeholder"),
        ('""', "placeholder"),
        (["ООО"], "wrong_type"),
        ("я" * 1001, "too_long"),
    ],
)
def test_no_names(typed: object, problem: str) -> None:
    shown, notes = company_name.parse(typed)
    assert (shown, [note.problem for note in notes]) == ("", [problem])


@pytest.mark.parametrize(
    ("typed", "form", "shown", "notes"),
    [
        ("Ромашка", "ООО", "ООО «Ромашка»", ()),
        ("Ромашка", "общество с ограниченной ответственностью", "ООО «Ромашка»", ()),
        ("АО Ромашка", "ООО", "АО «Ромашка»", ()),
        ("Иванов Пётр Сергеевич", "ИП", "ИП Иванов Пётр Сергеевич", ()),
        ("Ромашка", None, "Ромашка", ()),
        ("Ромашка", "01", "Ромашка", (Note("legal_form", "unreadable", "01"),)),
        ("Ромашка", ["ООО"], "Ромашка", (Note("legal_form", "wrong_type", '["ООО"]'),)),
    ],
)
def test_the_legal_form_of_its_own_field(
    typed: str, form: object, shown: str, notes: tuple[Note, ...]
) -> None:
    assert company_name.parse(typed, form) == (shown, notes)


@pytest.mark.parametrize(
    "typed",
    [
        "ООО «Зелёный мир»",
        "зеленый мир",
        "ЗЕЛЁНЫЙ  МИР ООО",
        "АО 'Зелёный мир'",
        'Общество с ограниченной ответственностью "Зелёный мир"',
    ],
)
def test_one_name_for_comparing(typed: str) -> None:
    assert company_name.compare_key(typed) == "зеленый мир"


@given(names())
def test_a_shown_name_stays_as_it_is(typed: str) -> None:
    shown, notes = company_name.parse(typed)
    assert notes == ()
    assert company_name.parse(shown) == (shown, ())
    assert company_name.compare_key(shown) == company_name.compare_key(shown.upper())


@given(names() | SOUP)
def test_quotes_are_closed_and_stay(typed: str) -> None:
    nested = company_name.nest_quotes(typed)
    assert nested.count("«") == nested.count("»")
    assert nested.count("„") == nested.count("“")
    assert company_name.nest_quotes(nested) == nested


@given(ANY_JSON, ANY_JSON)
def test_takes_anything(value: object, form: object) -> None:
    company_name.parse(value, form)
    full_name, _ = company_name.parse_full(value)
    assert company_name.parse_full(full_name) == (full_name, ())
