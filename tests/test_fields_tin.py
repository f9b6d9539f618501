import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.ru import inn

from tests.helpers.json_values import ANY_JSON
from transforms.core.records import Note
from transforms.fields import kpp, ogrn, tin


def control(digits: str) -> str:
    if len(digits) == 9:
        return digits + inn.calc_company_check_digit(digits)
    return digits + inn.calc_personal_check_digits(digits)


TINS = st.one_of(
    st.from_regex(r"(0[1-9]|[1-9][0-9])[0-9]{7}", fullmatch=True),
    st.from_regex(r"(0[1-9]|[1-9][0-9])[0-9]{8}", fullmatch=True),
).map(control)


@pytest.mark.parametrize(
    "typed",
    [
        "7805746764",
        " 7805746764 ",
        "78 05 74 67 64",
        "7805-746-764",
        "7805\u2013746\u2011764",
        "7805\u00a0746\u202f764",
        "\ufeff7805746764\u200b",
        "ИНН 7805746764",
        "ИНН:7805746764",
        "инн № 7805746764.",
        "INN7805746764",
        "ИHH 7805746764",
        "7805746764.0",
        7805746764,
        7805746764.0,
        [7805746764],
        "7805746764/7805746764",
    ],
)
def test_good(typed: object) -> None:
    assert tin.parse(typed) == tin.Tin("7805746764")


@pytest.mark.parametrize(
    ("typed", "kpps"),
    [
        ("7805746764/780501001", "780501001"),
        ("7805746764 / 780501001", "780501001"),
        ("ИНН/КПП 7805746764/780501001", "780501001"),
        ("ИНН 7805746764, КПП 780501001", "780501001"),
        ("7805746764 780501001", "780501001"),
        ("7805746764\\780501001\\784201001", "780501001/784201001"),
    ],
)
def test_a_kpp_in_the_same_field_is_split_off(typed: str, kpps: str) -> None:
    assert tin.parse(typed) == tin.Tin("7805746764", kpp=kpps)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (None, "missing_tin"),
        ("", "missing_tin"),
        (" \t\u00a0", "missing_tin"),
        ("---", "missing_tin"),
        ("не указан", "missing_tin"),
        ("ИНН", "missing_tin"),
        ("ИНН: ", "missing_tin"),
        ({}, "missing_tin"),
        (0, "placeholder_tin"),
        ("000000000000", "placeholder_tin"),
        ("9999999999", "bad_tin_checksum"),
        ("1234567890", "bad_tin_checksum"),
        ("0012345675", "bad_tin_checksum"),
        ("0000000018", "placeholder_tin"),
        ("1717586110", "bad_tin_checksum"),
        ("7805746765", "bad_tin_checksum"),
        ("500000000101", "bad_tin_checksum"),
        ("780574676", "bad_tin_format"),
        ("1197847066020", "bad_tin_format"),
        ("-7805746764", None),
        (-7805746764, "bad_tin_format"),
        ("7805746764 или 7707083893", "bad_tin_format"),
        ("7805746764/7707083893", "bad_tin_format"),
        ("78O5746764", "bad_tin_format"),
        ("٧٨٠٥٧٤٦٧٦٤", "bad_tin_format"),
        ("7,8E+09", "bad_tin_format"),
        (False, "bad_tin_format"),
        ([7805746764, 7707083893], "bad_tin_format"),
        ("7" * 10_000_000, "bad_tin_format"),
    ],
)
def test_refused(typed: object, reason: str | None) -> None:
    read = tin.parse(typed)
    assert read.reason == (reason or "")
    assert len(read.tin) <= 200


@given(TINS)
def test_a_lost_leading_zero_is_put_back_and_told(number: str) -> None:
    if number[0] == "0":
        assert tin.parse(int(number)) == tin.Tin(number, repaired=number[1:])
        assert tin.parse(f"ИНН {number[1:]}") == tin.Tin(number, repaired=f"ИНН {number[1:]}")
    else:
        assert tin.parse(int(number)).tin == number


@given(ANY_JSON | st.from_regex(r"[0-9]{8,13}", fullmatch=True))
def test_what_is_accepted_is_a_tin(value: object) -> None:
    read = tin.parse(value)
    if not read.reason:
        assert inn.is_valid(read.tin)
        assert not read.tin.startswith("00")
        assert tin.parse(read.tin) == tin.Tin(read.tin)
    assert bool(read.reason) == bool(read.detail)


@pytest.mark.parametrize(
    ("typed", "kpps", "problems"),
    [
        ("780501001", ("780501001",), []),
        ("7805AB001", ("7805AB001",), []),
        ("7805ab001", ("7805AB001",), []),
        ("КПП 7805 01 001", ("780501001",), []),
        ("780501001 784201001", ("780501001", "784201001"), []),
        (["780501001", 780501001, "784201001"], ("780501001", "784201001"), []),
        ("780501001/78", ("780501001",), ["unreadable"]),
        ("7805АВ001", (), ["unreadable"]),
        (50101001, ("050101001",), ["leading_zero"]),
        ("000000000", (), ["placeholder"]),
        ("нет", (), ["placeholder"]),
        (None, (), []),
        (True, (), ["wrong_type"]),
        ("7" * 5000, (), ["too_long"]),
    ],
)
def test_kpp(typed: object, kpps: tuple[str, ...], problems: list[str]) -> None:
    found, notes = kpp.parse(typed)
    assert (found, [note.problem for note in notes]) == (kpps, problems)


@given(ANY_JSON)
def test_kpp_and_ogrn_take_anything(value: object) -> None:
    kpps, _ = kpp.parse(value)
    assert kpp.parse(list(kpps)) == (kpps, ())
    number, _ = ogrn.parse(value)
    assert ogrn.parse(number) == (number, ())


@given(st.from_regex(r"[1-9][0-9]{11}", fullmatch=True))
def test_ogrn_has_one_control_digit(front: str) -> None:
    good = str(int(front) % 11 % 10)
    found = [digit for digit in "0123456789" if ogrn.parse(front + digit)[0]]
    assert found in ([good], [])  # none: the digits only fill the field


@given(st.from_regex(r"3[0-9]{13}", fullmatch=True))
def test_ogrnip_keeps_the_last_digit_of_a_two_digit_remainder(front: str) -> None:
    good = front + str(int(front) % 13 % 10)
    assert ogrn.parse(good) in ((good, ()), ("", (Note("ogrn", "placeholder", good),)))


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("1197847066021", "bad_checksum"),
        ("119784706602", "unreadable"),
        ("0000000000000", "placeholder"),
        ("ОГРН нет", "placeholder"),
        ({"a": True}, "wrong_type"),
    ],
)
def test_a_bad_ogrn_is_noted(typed: object, problem: str) -> None:
    found, notes = ogrn.parse(typed)
    assert (found, [note.problem for note in notes]) == ("", [problem])


def test_a_second_ogrn_is_noted() -> None:
    assert ogrn.parse(["1197847066020", "bad", "1197847066020", 320000000000040]) == (
        "1197847066020",
        (Note("ogrn", "unreadable", "bad"), Note("ogrn", "second_value", "320000000000040")),
    )
