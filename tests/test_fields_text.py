import pytest
from hypothesis import given

from tests.helpers.json_values import ANY_JSON, DIRTY_TEXT, RUSSIAN_TEXT, nested
from transforms.core.records import Address, Note, Orders
from transforms.fields import address, orders, placeholders, site, text


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  ООО\t\tРомашка\r\n", "ООО Ромашка"),
        ("Ромашка\u00a0\u2003плюс", "Ромашка плюс"),
        ("Ро\u200bма\u00adшка\ufeff", "Ромашка"),
        ("Ромашка\x00\x1b\x98\ufffd", "Ромашка"),
        ("И\u0306од и Е\u0308ж", "Йод и Ёж"),
        ("Pомашка", "Ромашка"),
        ("CEBEP и СЕBЕР", "CEBEP и СЕВЕР"),
        ("OOO", "OOO"),
        ("Xerox Ксерoкс", "Xerox Ксерокс"),
        ("ДжинSы", "ДжинSы"),
        ("да\ud800", "да"),
        ("", ""),
    ],
)
def test_clean(typed: str, cleaned: str) -> None:
    assert text.clean(typed) == cleaned


@given(DIRTY_TEXT | RUSSIAN_TEXT)
def test_clean_text_stays_as_it_is_and_can_be_stored(typed: str) -> None:
    cleaned = text.clean(typed)
    assert text.clean(cleaned) == cleaned
    assert cleaned.encode().decode() == cleaned
    assert cleaned.isprintable()


@given(ANY_JSON)
def test_any_value_can_be_shown_and_parsed(value: object) -> None:
    assert len(text.excerpt(value).encode()) <= 4 * text.EXCERPT_LENGTH
    cleaned, notes = text.parse(value, "city")
    assert text.parse(cleaned, "city") == (cleaned, ())
    assert all(note.field == "city" for note in notes)


def test_a_text_too_long_is_left_out_and_noted_short() -> None:
    cleaned, notes = text.parse("я" * 10_000_000, "name")
    assert (cleaned, [(n.problem, len(n.value)) for n in notes]) == ("", [("too_long", 200)])
    assert text.parse("да" + " " * 10_000_000 + "нет", "name") == ("да нет", ())


def test_values_nested_deeper_than_the_stack_are_walked() -> None:
    assert text.leaf_values(nested(100_000), "phone") == (["дно"], ())
    assert text.excerpt(nested(100_000)) == "a value of type list"


def test_a_list_of_very_many_values_is_cut_and_noted() -> None:
    found, notes = text.leaf_values([str(number) for number in range(100_000)], "phone")
    assert (len(found), notes) == (100, (Note("phone", "too_many", "100"),))


@pytest.mark.parametrize(
    "typed", ["", "-", "—", "...", "нет", "НЕТ", "«нет»", "Н/Д", "б/н", "n/a", "?"]
)
def test_placeholders(typed: str) -> None:
    assert placeholders.is_placeholder(typed)


@pytest.mark.parametrize("typed", ["Нет проблем", "5", "Тестоедов", "Ромашка", "И"])
def test_no_placeholders(typed: str) -> None:
    assert not placeholders.is_placeholder(typed)


@given(ANY_JSON)
def test_site_and_address_take_anything(value: object) -> None:
    web, _ = site.parse(value)
    assert site.parse(web)[0] == web
    where, _ = address.choose(value)
    assert address.parse(where.text)[0].text == where.text


def test_an_address_is_told_by_its_text_or_by_its_parts() -> None:
    parts = {"region": "Псковская обл.", "city": "Псков", "street": "ул. Мира", "house": "д. 5"}
    assert address.parse(parts)[0] == Address(
        "Псковская обл., Псков, ул. Мира, д. 5", "", "Псковская обл.", "Псков"
    )
    assert address.parse({**parts, "text": "180000 г. Псков"})[0] == Address(
        "180000 г. Псков", "180000", "Псковская обл.", "Псков"
    )
    assert address.parse({"text": "Псков", "postal_code": "18-00"}) == (
        Address("Псков"),
        (Note("postal_code", "unreadable", "18-00"),),
    )


@given(ANY_JSON, ANY_JSON, ANY_JSON, ANY_JSON)
def test_orders_take_anything(count: object, total: object, last: object, unit: object) -> None:
    found, _ = orders.parse(count, total, last, unit)
    assert found is None or abs(found.total) <= 10**15


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((12, "154300.50", "2024-03-02"), Orders(12, 15430050, "2024-03-02")),
        (("12", 154300.5, None), Orders(12, 15430050)),
        ((1, "1\u00a0000,05", "2024-03-02T23:30:00Z"), Orders(1, 100005, "2024-03-03")),
        ((0, "0.00", None), None),
        ((1, 0.1, None), Orders(1, 10)),
    ],
)
def test_orders(values: tuple[object, object, object], found: Orders | None) -> None:
    assert orders.parse(*values) == (found, ())


def test_sums_in_other_money_are_left_out() -> None:
    assert orders.parse(2, "10", None, "USD") == (
        Orders(2, 0),
        (Note("orders", "not_in_roubles", "10 USD"),),
    )
