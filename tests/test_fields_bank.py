import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.core.records import BankAccount, Note
from transforms.fields import bank

GOOD = BankAccount("044030653", "40702810755000000001", "ПАО Сбербанк", "30101810500000000653")


@pytest.mark.parametrize(
    ("bik", "account"),
    [("049805746", "40602810700000000025"), ("044525225", "30101810400000000225")],
)
def test_good_accounts(bik: str, account: str) -> None:
    assert bank.parse(bik, account) == (BankAccount(bik, account), ())


def test_the_same_details_in_other_clothes() -> None:
    typed = (
        "БИК 044 030 653",
        "4070 2810 7550 0000 0001",
        " ПАО  Сбербанк",
        "30101-81050-00000-00653",
    )
    assert bank.parse(typed[0], typed[1], typed[2], typed[3]) == (GOOD, ())
    numbers = bank.parse(44030653, int(GOOD.account), GOOD.bank, int(GOOD.corr_account))
    assert numbers == (GOOD, (Note("bik", "leading_zero", "44030653"),))


def test_a_bad_correspondent_account_costs_only_itself() -> None:
    found, notes = bank.parse(GOOD.bik, GOOD.account, "", "30101810500000000654")
    assert found == BankAccount(GOOD.bik, GOOD.account)
    assert notes == (Note("corr_account", "bad_checksum", "30101810500000000654"),)


@pytest.mark.parametrize(
    ("bik", "account", "problems"),
    [
        ("044525225", "40702810938000060473", [("account", "bad_checksum")]),
        ("044525225", "4070281093800006047", [("account", "unreadable")]),
        ("044525225", 4.0702810655e19, [("account", "wrong_type")]),
        ("044525225", "0" * 20, [("account", "placeholder")]),
        ("04452522", GOOD.account, [("bik", "unreadable"), ("account", "no_bik")]),
        (None, GOOD.account, [("account", "no_bik")]),
        (GOOD.bik, None, [("bik", "no_account")]),
        (None, None, []),
        ("нет", "-", [("bik", "placeholder"), ("account", "placeholder")]),
    ],
)
def test_bad_accounts(bik: object, account: object, problems: list[tuple[str, str]]) -> None:
    found, notes = bank.parse(bik, account)
    assert found is None
    assert [(note.field, note.problem) for note in notes] == problems


@given(
    st.from_regex(r"04[0-9]{7}", fullmatch=True),
    st.from_regex(r"40702810[0-9]{12}", fullmatch=True),
)
def test_the_key_is_rule_515(bik: str, account: str) -> None:
    weights = [7, 1, 3] * 8
    pairs = zip(bik[6:] + account, weights, strict=False)
    assert bank.agrees(bik, account) == (sum(int(d) * w % 10 for d, w in pairs) % 10 == 0)


@given(ANY_JSON, ANY_JSON, ANY_JSON, ANY_JSON)
def test_takes_anything(bik: object, account: object, name: object, corr: object) -> None:
    assert bank.parse(bik, account, name, corr)[0] is None
    found, _ = bank.parse(GOOD.bik, GOOD.account, name, corr)
    assert found is not None
    assert bank.parse(found.bik, found.account, found.bank, found.corr_account) == (found, ())
