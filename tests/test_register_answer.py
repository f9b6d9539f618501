"""The meaning of the register's replies."""

import copy
import json
from typing import Any

import pytest

from transforms.core.records import Address
from transforms.register.answer import (
    Answer,
    NoAnswer,
    decode_answer,
    encode_answer,
    newest,
)
from transforms.register.party import parse_party

TIN = "7805746764"
OWN_TIN = "500000000100"
NOW = 1_714_003_200_000_000

LEGAL: dict[str, Any] = {
    "value": 'ООО "ПР"',
    "data": {
        "inn": TIN,
        "kpp": "780501001",
        "ogrn": "1197847066020",
        "type": "LEGAL",
        "branch_type": "MAIN",
        "state": {"status": "ACTIVE", "code": None},
        "name": {
            "full_with_opf": 'ОБЩЕСТВО С ОГРАНИЧЕННОЙ  ОТВЕТСТВЕННОСТЬЮ "ПР"',
            "short_with_opf": 'ООО "ПР"',
        },
        "management": {"name": "Лесной Пётр Ильич", "post": "ДИРЕКТОР"},
        "address": {
            "value": "198096, Г.САНКТ-ПЕТЕРБУРГ, УЛ. ПРИМЕРНАЯ, Д.1",
            "data": {
                "postal_code": "198096",
                "region_with_type": "г Санкт-Петербург",
                "city": "Санкт-Петербург",
            },
        },
    },
}
INDIVIDUAL: dict[str, Any] = {
    "value": "ИП Лесной Пётр Ильич",
    "data": {
        "inn": OWN_TIN,
        "ogrn": "320000000000040",
        "type": "INDIVIDUAL",
        "state": {"status": "LIQUIDATED"},
        "fio": {"surname": "Лесной", "name": "Пётр", "patronymic": None},
        "name": {"full_with_opf": "Индивидуальный предприниматель Лесной Пётр"},
    },
}


def with_data(entry: dict[str, Any] = LEGAL, **fields: object) -> dict[str, Any]:
    entry = copy.deepcopy(entry)
    entry["data"].update(fields)
    return entry


def parse(*suggestions: object, tin: str = TIN) -> Answer | NoAnswer:
    return parse_party(tin, {"suggestions": list(suggestions)}, NOW)


def test_a_company_is_read_whole():
    assert parse(LEGAL) == Answer(
        tin=TIN,
        verdict="active",
        status="ACTIVE",
        kpp="780501001",
        ogrn="1197847066020",
        short_name='ООО "ПР"',
        full_name='ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ "ПР"',
        director="Лесной Пётр Ильич",
        address=Address(
            "198096, Г.САНКТ-ПЕТЕРБУРГ, УЛ. ПРИМЕРНАЯ, Д.1",
            "198096",
            "г Санкт-Петербург",
            "Санкт-Петербург",
        ),
        origin="query",
        as_of=NOW,
    )


def test_a_sole_proprietor_is_named_by_the_person():
    assert parse(INDIVIDUAL, tin=OWN_TIN) == Answer(
        tin=OWN_TIN,
        verdict="not_active",
        status="LIQUIDATED",
        ogrn="320000000000040",
        short_name="ИП Лесной Пётр",
        full_name="Индивидуальный предприниматель Лесной Пётр",
        as_of=NOW,
    )


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("ACTIVE", "active"),
        ("REORGANIZING", "active"),
        ("LIQUIDATING", "not_active"),
        ("LIQUIDATED", "not_active"),
        ("BANKRUPT", "not_active"),
    ],
)
def test_each_status_has_its_verdict(status: str, verdict: str):
    answer = parse(with_data(state={"status": status}))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.verdict) == (status, verdict)


def test_only_an_empty_list_says_not_in_the_register():
    assert parse() == Answer(TIN, "not_in_register", as_of=NOW)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        "",
        0,
        True,
        "not found",
        {"suggestions": None},
        {"suggestions": {}},
        {"suggestions": ""},
        {"suggestions": 0},
        {"suggestions": False},
        {"suggestions": [None]},
        {"suggestions": [[]]},
        {"suggestions": ["ООО"]},
        {"suggestions": [{}]},
        {"suggestions": [{"data": None}]},
        {"suggestions": [{"data": [LEGAL["data"]]}]},
        {"family": "CLIENT_ERROR", "reason": "Forbidden", "message": "…"},
        {"data": LEGAL["data"]},
    ],
)
def test_nonsense_is_no_verdict(payload: object):
    assert parse_party(TIN, payload, NOW) == NoAnswer("nonsense")


@pytest.mark.parametrize(
    "fields",
    [
        {"state": None},
        {"state": {}},
        {"state": "ACTIVE"},
        {"state": {"status": None}},
        {"state": {"status": ["ACTIVE"]}},
        {"state": {"status": "active"}},
        {"state": {"status": "SLEEPING"}},
        {"inn": "7707083893"},
        {"inn": None},
        {"inn": [TIN, "7707083893"]},
        {"inn": True},
        {"branch_type": "BRANCH"},
        {"branch_type": ["MAIN"]},
    ],
)
def test_a_company_that_is_not_understood_is_no_verdict(fields: dict[str, object]):
    assert parse(with_data(**fields)) == NoAnswer("nonsense")


@pytest.mark.parametrize(
    "fields",
    [
        {"kpp": 780501001, "ogrn": None, "name": [], "management": "я", "address": {"data": 1}},
        {"kpp": "0", "ogrn": {}, "name": {"full_with_opf": 5}, "management": [], "address": []},
    ],
)
def test_details_of_the_wrong_type_are_left_out(fields: dict[str, object]):
    assert parse(with_data(**fields)) == Answer(TIN, "active", "ACTIVE", as_of=NOW)


def test_of_several_entries_the_main_one_of_this_tin_counts():
    branch = with_data(branch_type="BRANCH", kpp="770101001")
    other = with_data(inn="7707083893", state={"status": "LIQUIDATED"})
    assert parse(other, branch, LEGAL) == parse(LEGAL)


def test_a_proprietor_who_registered_again_is_active():
    again = with_data(INDIVIDUAL, state={"status": "ACTIVE"}, ogrn="321000000000041")
    answer = parse(INDIVIDUAL, again, tin=OWN_TIN)
    assert isinstance(answer, Answer)
    assert (answer.verdict, answer.ogrn) == ("active", "321000000000041")


def test_text_that_cannot_be_stored_is_cleaned():
    reply = json.loads('{"full_with_opf": "ООО\\ud800\\u0000 «А»", "short_with_opf": "\\u200bА"}')
    answer = parse(with_data(name=reply))
    assert isinstance(answer, Answer)
    assert (answer.full_name, answer.short_name) == ("ООО «А»", "А")
    assert decode_answer(encode_answer(answer)) == answer


def test_an_answer_survives_the_ledger():
    answer = parse(LEGAL)
    assert isinstance(answer, Answer)
    assert decode_answer(encode_answer(answer)) == answer


OLD = Answer(TIN, "active", "ACTIVE", "780501001", "1197847066020", full_name="ООО А", as_of=1)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        # The register of small businesses knows no KPP: that one stays.
        (
            Answer(TIN, "active", "ACTIVE", "", "1197847066020", "А", "", as_of=2),
            Answer(TIN, "active", "ACTIVE", "780501001", "1197847066020", "А", "ООО А", as_of=2),
        ),
        # Another registration: nothing of the first one is true of it.
        (
            Answer(TIN, "active", "ACTIVE", "", "1037700012345", as_of=2),
            Answer(TIN, "active", "ACTIVE", "", "1037700012345", as_of=2),
        ),
        (Answer(TIN, "not_in_register", as_of=2), Answer(TIN, "not_in_register", as_of=2)),
        (Answer(TIN, "not_active", "BANKRUPT", as_of=0), OLD),
        # Both of one day: the bad news is the later one.
        (
            Answer(TIN, "not_active", "BANKRUPT", as_of=1),
            Answer(TIN, "not_active", "BANKRUPT", as_of=1),
        ),
    ],
)
def test_the_younger_answer_is_kept(found: Answer, kept: Answer):
    assert newest(OLD, found) == newest(found, OLD) == kept


def test_the_first_answer_is_kept():
    assert newest(None, OLD) == OLD
