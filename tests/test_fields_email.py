import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.fields import email

LOCALS = st.text("abcXYZ019._+-!", min_size=1, max_size=12)
LABELS = st.text("abcXYZ019-", min_size=1, max_size=8)
ENDINGS = st.sampled_from(
    ["ru", "COM", "example", "test", "local", "invalid", "xn--p1ai", "r2", "r"]
)
ADDRESSES = st.builds(
    lambda local, labels, ending: f"{local}@{'.'.join([*labels, ending])}",
    LOCALS,
    st.lists(LABELS, min_size=0, max_size=3),
    ENDINGS,
)


def by_validator(address: str) -> str:
    try:
        checked = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return ""
    return checked.normalized


@settings(max_examples=400)
@given(ADDRESSES)
def test_the_short_cut_agrees_with_the_validator(address: str) -> None:
    assert email.parse_usual(address) in ("", by_validator(address))


@given(
    st.from_regex(
        r"[A-Za-z0-9_+-]{1,9}(\.[a-z]{1,5})?@([A-Za-z0-9]{1,9}\.){1,3}(ru|example|COM)",
        fullmatch=True,
    )
)
def test_usual_addresses_take_the_short_cut(address: str) -> None:
    assert email.parse_usual(address) == by_validator(address) != ""


@pytest.mark.parametrize("domain", ["a" * 63 + ".ru", "a" * 64 + ".ru", "a.b" * 90 + ".ru"])
def test_long_domains(domain: str) -> None:
    assert email.parse_usual(f"ivan@{domain}") == by_validator(f"ivan@{domain}")


@pytest.mark.parametrize(
    ("typed", "addresses"),
    [
        ("P.Ivanov@Romashka.example", ["P.Ivanov@romashka.example"]),
        (" Info@Romashka.EXAMPLE ", ["info@romashka.example"]),
        ("ivan@shop.test", ["ivan@shop.test"]),
        ("почта@пример.рф", ["почта@пример.рф"]),
        ("почта@ПРИМЕР.РФ", ["почта@пример.рф"]),
        (
            "a@b.ru, c@d.ru; e@f.ru / g@h.ru i@j.ru\nk@l.ru",
            ["a@b.ru", "c@d.ru", "e@f.ru", "g@h.ru", "i@j.ru", "k@l.ru"],
        ),
        ("mailto:ivan@mail.ru", ["ivan@mail.ru"]),
        ("E-mail: ivan@mail.ru.", ["ivan@mail.ru"]),
        ("<ivan@mail.ru>", ["ivan@mail.ru"]),
        ("a@mail.ru,com@mail.ru", ["a@mail.ru", "com@mail.ru"]),
        (["ivan@mail.ru", "IVAN@mail.ru", None], ["ivan@mail.ru"]),
        ({"value": "ivan@mail.ru"}, ["ivan@mail.ru"]),
        (None, []),
    ],
)
def test_addresses(typed: object, addresses: list[str]) -> None:
    assert email.parse(typed) == (tuple(addresses), ())


@pytest.mark.parametrize(
    "typed",
    [
        "ivan @mail.ru",
        "ivan@ mail.ru",
        "ivan@mail,ru",
        "ivan@mail ,ru",
        "ivan@mail. ru",
        "ivan@@mail.ru",
        "ivan@mail..ru",
        "ivan@mаil.ru",
    ],
)
def test_obvious_damage_is_repaired_and_told(typed: str) -> None:
    found, notes = email.parse(typed)
    assert (found, [(n.problem, n.value) for n in notes]) == (
        ("ivan@mail.ru",),
        [("repaired", typed)],
    )


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("test@romashka.example", "placeholder"),
        ("No@mail.ru", "placeholder"),
        ("нет@mail.ru", "placeholder"),
        ("1@1.ru", "placeholder"),
        ("нет", "placeholder"),
        ("-", "placeholder"),
        ("ivan", "unreadable"),
        ("@mail.ru", "unreadable"),
        ("ivan@", "unreadable"),
        ("ivan@mail", "unreadable"),
        ("ivan@test", "unreadable"),
        ("ivan@printer.local", "unreadable"),
        ("ivan@192.168.0.1", "unreadable"),
        ("i@v@an.ru", "unreadable"),
        ("a" * 250 + "@mail.ru", "unreadable"),
        (True, "wrong_type"),
        ("a@b.ru " * 1_000_000, "too_long"),
    ],
)
def test_what_is_no_address_is_noted(typed: object, problem: str) -> None:
    found, notes = email.parse(typed)
    assert (found, [note.problem for note in notes]) == ((), [problem])


@settings(max_examples=300)
@given(ANY_JSON | ADDRESSES | st.text("aяо@.,; ru<>:-+", max_size=40))
def test_clean_addresses_stay_as_they_are(value: object) -> None:
    found, notes = email.parse(value)
    assert email.parse(list(found)) == (found, ())
    assert email.parse(", ".join(found)) == (found, ())
    assert all(note.field == "email" for note in notes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("P.Ivanov@Romashka.example", "p.ivanov@romashka.example"),
        ("ivan+shop@mail.ru", "ivan@mail.ru"),
        ("ivan@ya.ru", "ivan@yandex.com"),
        ("ivan@yandex.ru", "IVAN+1@yandex.com"),
        ("p.i.v@gmail.com", "piv@gmail.com"),
    ],
)
def test_one_mailbox(one: str, other: str) -> None:
    assert email.compare_key(one) == email.compare_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("p.i@mail.ru", "pi@mail.ru"), ("ivan@mail.ru", "ivan@yandex.ru"), ("+a@x.ru", "+b@x.ru")],
)
def test_two_mailboxes(one: str, other: str) -> None:
    assert email.compare_key(one) != email.compare_key(other)


@pytest.mark.parametrize(
    "local",
    ["info", "Office", "sales", "zakaz", "buh", "info2", "sales-spb", "zakaz.msk", "no-reply"],
)
def test_role_mailboxes(local: str) -> None:
    assert email.is_role(f"{local}@romashka.example")


@pytest.mark.parametrize("local", ["ivanov", "p.ivanov", "infomir", "buharin", "i.office"])
def test_personal_mailboxes(local: str) -> None:
    assert not email.is_role(f"{local}@romashka.example")


@pytest.mark.parametrize("written", ["_ivan@mail.ru", "_ivan@mail.ru; -_ivan@mail.ru_"])
def test_an_underscore_in_front_belongs_to_the_address(written: str) -> None:
    assert email.parse(written) == (("_ivan@mail.ru",), ())
