import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.fields import phone
from transforms.fields._phone_numbers import _RUSSIAN, parse_number, parse_usual
from transforms.fields.placeholders import is_filler_number

MARKS = st.sampled_from(["", " ", "-", ".", " (", ") ", "("])
RUSSIAN = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["+7", "8", "7", "", "+7 8", "8 10 7"]),
        MARKS,
        st.integers(300, 999).map(str),
        MARKS,
        st.from_regex(r"[0-9]{3}", fullmatch=True),
        MARKS,
        st.from_regex(r"[0-9]{1,3}", fullmatch=True),
        MARKS,
        st.from_regex(r"[0-9]{2}", fullmatch=True),
    ),
)
DIGITS_AND_MARKS = st.text("0123456789+-() .", max_size=20)


def by_library(written: str) -> str:
    try:
        parsed = phonenumbers.parse(written, "RU")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed) or is_filler_number(str(parsed.national_number)):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


@settings(max_examples=600)
@given(RUSSIAN | DIGITS_AND_MARKS)
@example("81234567890")
@example("9300012345")
def test_the_short_cut_agrees_with_the_library(written: str) -> None:
    assert parse_usual(written) in ("", by_library(written))


@settings(max_examples=400)
@given(RUSSIAN)
def test_russian_numbers_are_read_as_the_library_reads_them(written: str) -> None:
    assert parse_number(written) == by_library(written)


def test_the_codes_are_those_whose_every_number_is_valid() -> None:
    ends = ["0000000", "9999999", "2000000", "0005000", "0049999", "5040302"]
    whole = {
        str(code)
        for code in range(100, 1000)
        if all(
            phonenumbers.is_valid_number_for_region(
                phonenumbers.PhoneNumber(country_code=7, national_number=int(f"{code}{end}")), "RU"
            )
            for end in ends
        )
    }
    assert whole == _RUSSIAN


@pytest.mark.parametrize(
    ("typed", "phones"),
    [
        ("8 (812) 123-45-67 доб. 12", ["+78121234567;ext=12"]),
        ("8 812 123-45-67 доб12", ["+78121234567;ext=12"]),
        ("8 812 123-45-67 (доб. 12)", ["+78121234567;ext=12"]),
        ("8 812 123-45-67, доб. 12", ["+78121234567;ext=12"]),
        ("8 812 123-45-67 ext 5", ["+78121234567;ext=5"]),
        ("8 812 123-45-67 вн. 7", ["+78121234567;ext=7"]),
        ("8 812 123-45-67 #12", ["+78121234567;ext=12"]),
        ("+78121234567;ext=12; 89211234567", ["+78121234567;ext=12", "+79211234567"]),
        ("8-800-555-35-35", ["+78005553535"]),
        ("+8 916 123-45-67", ["+79161234567"]),
        ("+89161234567", ["+79161234567"]),
        ("007 916 123-45-67", ["+79161234567"]),
        ("7 916 123-45-67", ["+79161234567"]),
        ("9161234567", ["+79161234567"]),
        ("8 10 375 29 123 45 67", ["+375291234567"]),
        ("+84 28 3823 1234", ["+842838231234"]),
        ("+7 701 234 56 78", ["+77012345678"]),
        ("+7 921 123-45-67, 8-812-1234567", ["+79211234567", "+78121234567"]),
        ("8-812-123-45-67, 8 921 765-43-21", ["+78121234567", "+79217654321"]),
        ("+7 921 123-45-67\r\n+7 921 765-43-21", ["+79211234567", "+79217654321"]),
        ("+7 921 123-45-67 +7 921 765-43-21", ["+79211234567", "+79217654321"]),
        ("8 921 123 45 67 8 921 765 43 21", ["+79211234567", "+79217654321"]),
        ("8,812,123-45-67", ["+78121234567"]),
        ("8/812/1234567", ["+78121234567"]),
        ("тел.: 8(921)123-45-67", ["+79211234567"]),
        ("+7\u00a0921\u00a0123\u201145\u201167", ["+79211234567"]),
        ("８９２１１２３４５６７", ["+79211234567"]),
        (89211234567, ["+79211234567"]),
        (9211234567.0, ["+79211234567"]),
        (["89211234567", None, "+7 921 123-45-67"], ["+79211234567"]),
        ({"number": "89211234567"}, ["+79211234567"]),
        (None, []),
        ("", []),
    ],
)
def test_numbers(typed: object, phones: list[str]) -> None:
    assert phone.parse(typed) == (tuple(phones), ())


@pytest.mark.parametrize(
    ("typed", "phones", "left"),
    [
        ("123-45-68", [], [("incomplete", "123-45-68")]),
        ("+70000000000", [], [("placeholder", "+70000000000")]),
        ("+79999999999", [], [("placeholder", "+79999999999")]),
        ("8 (999) 999-99-99", [], [("placeholder", "8 (999) 999-99-99")]),
        ("1111111", [], [("placeholder", "1111111")]),
        ("123-45-67", [], [("placeholder", "123-45-67")]),
        ("нет", [], [("placeholder", "нет")]),
        ("-", [], [("placeholder", "-")]),
        ("спросить Машу", [], [("unreadable", "спросить Машу")]),
        ("8 921 123-45", [], [("unreadable", "8 921 123-45")]),
        ("8 921 123 45 67 8", [], [("unreadable", "8 921 123 45 67 8")]),
        ("8 812 123-45-67/68", ["+78121234567"], [("unreadable", "68")]),
        ("Иван 8-921-123-45-67", ["+79211234567"], [("unreadable", "Иван")]),
        ("89211234567 (факс)", ["+79211234567"], [("unreadable", "факс")]),
        ("89211234567, доб. 1, доб. 2", ["+79211234567;ext=1"], [("unreadable", "доб. 2")]),
        ("нет, доб. 2", [], [("placeholder", "нет"), ("unreadable", "доб. 2")]),
        (["+7 (921) 123-45-67", True], ["+79211234567"], [("wrong_type", "true")]),
    ],
)
def test_what_is_no_number_is_noted(
    typed: object, phones: list[str], left: list[tuple[str, str]]
) -> None:
    found, notes = phone.parse(typed)
    assert (list(found), [(note.problem, note.value) for note in notes]) == (phones, left)


@settings(max_examples=300)
@given(ANY_JSON | RUSSIAN | DIGITS_AND_MARKS | st.text("012879+- ,;/()доб#xе\n", max_size=60))
def test_clean_phones_stay_as_they_are(value: object) -> None:
    phones, notes = phone.parse(value)
    assert phone.parse(list(phones)) == (phones, ())
    assert phone.parse("; ".join(phones)) == (phones, ())
    assert all(note.field == "phone" for note in notes)


@pytest.mark.parametrize("piece", ["1", "(", "+7 ", "8 921 ", ";", "доб. ", "8,812,", "т "])
def test_long_cells_come_to_an_end(piece: str) -> None:
    assert phone.parse(piece * 5_000_000)[0] == ()
    phone.parse(piece * (2000 // len(piece)))
