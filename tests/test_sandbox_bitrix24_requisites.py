"""Requisites, bank details, addresses and templates in the strict local Bitrix24."""

import pytest
from test_sandbox_bitrix24 import Caller

COMPANY = "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"
INDIVIDUAL = "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#"


def test_template_ids_differ_per_portal_and_names_are_no_key():
    ids = set()
    for seed in range(5):
        with Caller(seed=seed) as crm:
            answer = crm.full("crm.requisite.preset.list", filter={"COUNTRY_ID": "1"})
            assert answer["total"] == 4
            ids.add(answer["result"][0]["ID"])
            assert [preset["XML_ID"] for preset in answer["result"]][:3] == [
                COMPANY,
                None,
                INDIVIDUAL,
            ]
            named = crm.ok("crm.requisite.preset.list", filter={"NAME": "Организация"})
            assert len(named) == 2
    assert len(ids) > 1


def test_requisite_comes_back_as_strings():
    with Caller() as crm:
        company_id = crm.company()
        requisite_id = crm.requisite(company_id, XML_ID="svod-1", RQ_INN="7707083893", RQ_X="?")
        assert requisite_id != company_id
        got = crm.ok("crm.requisite.get", id=requisite_id)
        names = ("ID", "ENTITY_TYPE_ID", "ENTITY_ID", "PRESET_ID", "RQ_INN", "RQ_KPP", "SORT")
        assert [got[name] for name in names] == [
            str(requisite_id), "4", str(company_id), crm.preset(), "7707083893", None, "500"
        ]  # fmt: skip
        assert dict(crm.portal.stats.unknown_fields) == {"requisites.RQ_X": 1}


def test_fields_tell_what_is_fixed():
    with Caller() as crm:
        fields = crm.ok("crm.requisite.fields")
        assert (fields["ENTITY_ID"]["isRequired"], fields["ENTITY_ID"]["isImmutable"]) == (
            True,
            True,
        )
        assert fields["RQ_INN"]["type"] == "string"
        assert "RQ_BIK" in crm.ok("crm.requisite.bankdetail.fields")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"ENTITY_TYPE_ID": 2}, "ENTITY_TYPE_ID is not defined or invalid."),
        ({"ENTITY_ID": 0}, "ENTITY_ID is not defined or invalid."),
        ({"ENTITY_ID": 99}, "Entity not found."),
        ({"PRESET_ID": 999}, "PRESET_ID is not defined or invalid."),
        ({"NAME": ""}, "Не заполнено обязательное поле NAME."),
        ({"XML_ID": "x" * 46}, 'Значение поля "XML_ID" длиннее 45 символов.'),
        (
            {"RQ_COMPANY_FULL_NAME": "я" * 301},
            'Значение поля "RQ_COMPANY_FULL_NAME" длиннее 300 символов.',
        ),
        ({"RQ_COMPANY_NAME": "я" * 256}, 'Значение поля "RQ_COMPANY_NAME" длиннее 255 символов.'),
        ({"RQ_INN": "1" * 16}, 'Значение поля "RQ_INN" длиннее 15 символов.'),
        ({"RQ_KPP": "1" * 10}, 'Значение поля "RQ_KPP" длиннее 9 символов.'),
    ],
)
def test_requisite_is_refused_with_an_empty_error(wrong, reason):
    with Caller() as crm:
        place = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": crm.company(), "PRESET_ID": crm.preset()}
        fields = {**place, "NAME": "Юр. лицо", **wrong}
        assert crm.refused("crm.requisite.add", fields=fields) == (400, "", reason)
        assert crm.portal.requisites() == []


def test_requisite_is_listed_by_tin_and_by_owner():
    with Caller() as crm:
        for tin in ("7707083893", "7805746764"):
            crm.requisite(crm.company(), RQ_INN=tin)
        answer = crm.full(
            "crm.requisite.list",
            filter={"@RQ_INN": ["7805746764", "1"]},
            select=["RQ_INN", "ENTITY_ID"],
        )
        assert answer["result"] == [{"ENTITY_ID": "2", "RQ_INN": "7805746764"}]
        assert answer["total"] == 1
        requisites = crm.ok("crm.requisite.list", filter={"ENTITY_ID": "1"}, order={"ID": "DESC"})
        assert [requisite["RQ_INN"] for requisite in requisites] == ["7707083893"]


def test_unknown_filter_of_a_requisite_is_dropped_and_gives_everything():
    with Caller() as crm:
        crm.requisite(crm.company())
        assert len(crm.ok("crm.requisite.list", filter={"=inn": "1"})) == 1
        assert crm.violations == {"unknown_filters": 1}
        long = crm.refused("crm.requisite.list", filter={"@RQ_INN": ["1"] * 51})
        assert long[:2] == (400, "INVALID_ARG_VALUE")


def test_requisite_is_updated_where_it_may_be():
    with Caller() as crm:
        requisite_id = crm.requisite(crm.company(), RQ_KPP="770701001", RQ_INN="7707083893")
        fields = {"RQ_KPP": "770701002", "ENTITY_ID": 99, "RQ_INN": ""}
        assert crm.ok("crm.requisite.update", id=requisite_id, fields=fields) is True
        row = crm.portal.requisites()[0]
        assert (row["RQ_KPP"], row["RQ_INN"], row["ENTITY_ID"]) == ("770701002", None, 1)
        assert crm.portal.find("requisites", "RQ_INN", "7707083893") == []
        assert crm.violations == {"emptied_fields": 1}
        assert crm.refused("crm.requisite.update", id=9999, fields={}) == (
            400,
            "",
            "The Requisite with ID '9999' is not found",
        )
        assert crm.refused("crm.requisite.get")[2] == "ID is not defined or invalid."


def test_second_requisite_of_the_same_key_is_not_refused_but_counted():
    with Caller() as crm:
        company, other_company = crm.company(), crm.company()
        for company_id in (company, company, other_company):
            crm.requisite(company_id, XML_ID="svod-7707083893")
        assert len(crm.portal.requisites()) == 3
        assert crm.violations == {"duplicate_requisites": 1}


def test_bank_detail_hangs_on_a_requisite():
    with Caller() as crm:
        requisite_id = crm.requisite(crm.company())
        fields = {
            "ENTITY_ID": requisite_id,
            "COUNTRY_ID": 1,
            "NAME": "Счёт",
            "XML_ID": "svod-049805746-40602810700000000025",
            "RQ_BIK": "049805746",
            "RQ_ACC_NUM": "40602810700000000025",
        }
        detail_id = crm.ok("crm.requisite.bankdetail.add", fields=fields)
        details = crm.ok("crm.requisite.bankdetail.list", filter={"@ENTITY_ID": [requisite_id]})
        assert [(detail["ID"], detail["RQ_BIK"], detail["ENTITY_ID"]) for detail in details] == [
            (str(detail_id), "049805746", str(requisite_id))
        ]
        named = {"RQ_BANK_NAME": "Банк"}
        assert crm.ok("crm.requisite.bankdetail.update", id=detail_id, fields=named) is True
        assert crm.portal.bank_details()[0]["RQ_BANK_NAME"] == "Банк"
        crm.ok("crm.requisite.bankdetail.add", fields=fields)
        assert crm.violations == {"duplicate_bank_details": 1}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"ENTITY_ID": ""}, "ENTITY_ID is not defined or invalid."),
        ({"ENTITY_ID": 9999}, "The Requisite with ID '9999' is not found"),
        ({"NAME": ""}, "Не заполнено обязательное поле NAME."),
        ({"XML_ID": "x" * 46}, 'Значение поля "XML_ID" длиннее 45 символов.'),
    ],
)
def test_bank_detail_is_refused(wrong, reason):
    with Caller() as crm:
        fields = {"ENTITY_ID": crm.requisite(crm.company()), "NAME": "Счёт", **wrong}
        assert crm.refused("crm.requisite.bankdetail.add", fields=fields) == (400, "", reason)


def test_one_address_of_a_type():
    with Caller() as crm:
        requisite_id = crm.requisite(crm.company())
        key = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite_id}
        missing = crm.refused("crm.address.update", fields={**key, "CITY": "Псков"})
        assert missing == (400, "", "TypeAddress not found.")
        assert crm.ok("crm.address.add", fields={**key, "CITY": "Псков"}) is True
        repetition = crm.refused("crm.address.add", fields={**key, "CITY": "Тверь"})
        assert repetition == (400, "", "TypeAddress exists.")
        assert crm.ok("crm.address.add", fields={**key, "TYPE_ID": 1}) is True
        assert crm.ok("crm.address.update", fields={**key, "REGION": "Псковская обл."}) is True
        addresses = crm.ok("crm.address.list", filter={"@ENTITY_ID": [requisite_id], "TYPE_ID": 6})
        names = ("TYPE_ID", "ENTITY_ID", "CITY", "REGION", "ANCHOR_TYPE_ID", "ANCHOR_ID")
        assert [[address[name] for name in names] for address in addresses] == [
            ["6", str(requisite_id), "Псков", "Псковская обл.", "4", "1"]
        ]
        assert crm.violations == {}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"TYPE_ID": 99}, "TYPE_ID is not defined or invalid."),
        ({"ENTITY_TYPE_ID": 4}, "ENTITY_TYPE_ID is not defined or invalid."),
        ({"ENTITY_ID": 9999}, "The Requisite with ID '9999' is not found"),
        ({"POSTAL_CODE": "1" * 17}, 'Значение поля "POSTAL_CODE" длиннее 16 символов.'),
    ],
)
def test_address_is_refused(wrong, reason):
    with Caller() as crm:
        key = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": crm.requisite(crm.company())}
        assert crm.refused("crm.address.add", fields={**key, **wrong}) == (400, "", reason)


def test_deleted_requisite_takes_its_accounts_and_addresses():
    with Caller() as crm:
        requisite_id = crm.requisite(crm.company())
        bank = {"ENTITY_ID": requisite_id, "NAME": "Счёт"}
        crm.ok("crm.requisite.bankdetail.add", fields=bank)
        assert crm.ok("crm.requisite.delete", id=requisite_id) is True
        assert crm.portal.requisites() == crm.portal.bank_details() == []
        assert crm.violations == {"deleted": 1}
