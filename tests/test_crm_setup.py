"""``svod crm setup``: what a portal lacks, our own fields, and what new records are given."""

import pytest

from sandbox.bitrix24 import Fault
from tests.helpers.installation import PACE, party, tin

CRM = tuple(option for option in PACE if not option.startswith("--register"))
NAMES = [
    *("UF_CRM_SVOD_ORDERS", "UF_CRM_SVOD_TOTAL", "UF_CRM_SVOD_LAST", "UF_CRM_SVOD_STORES"),
    *("UF_CRM_SVOD_REGISTER", "UF_CRM_SVOD_STATUS_ON", "UF_CRM_SVOD_OKVED"),
    *("UF_CRM_SVOD_SINCE", "UF_CRM_SVOD_DIRECTOR"),
]
REGISTER = [
    *("ufCrmSvodRegister", "ufCrmSvodStatusOn", "ufCrmSvodOkved", "ufCrmSvodSince"),
    "ufCrmSvodDirector",
]
OWN = ["ufCrmSvodOrders", "ufCrmSvodTotal", "ufCrmSvodLast", "ufCrmSvodStores"]


@pytest.fixture
def filled(place):
    known = party(tin(1), "ФИРМА")
    known["data"] |= {
        "okved": "46.90",
        "ogrn_date": 1553040000000,
        "management": {"name": "Иванова Анна Павловна", "post": "ДИРЕКТОР"},
    }
    place.know([known])
    place.company(1, tin(1))
    place.contact(1, 1)
    for number, amount in ((1, "100.50"), (2, "1000.00")):
        row = (number, number, amount, f"2024-03-0{number} 12:00:00")
        place.sql(
            "INSERT INTO orders (id, company_id, number, total, status, currency, created_at,"
            " updated_at) VALUES (%s, 1, %s, %s, 'paid', 'RUB', %s, '2024-03-03 00:00:00')",
            *row,
        )
    return place


def values(place):
    (company,) = place.portal.companies()
    return [company.get(name) for name in OWN]


def test_fields_are_created_once_and_filled_by_the_next_run(filled):
    assert filled.full(sources=["store_a"]).code == 0
    assert values(filled) == [None] * 4
    ended = filled.svod("crm", "setup", *CRM)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        *(f"created: {name}" for name in NAMES),
        "The next run fills them in.",
    ]
    assert filled.full(sources=["store_a"]).code == 0
    assert values(filled) == [2, "1100.50", "2024-03-02", "A"]
    (company,) = filled.portal.companies()
    assert [company[name] for name in REGISTER] == [
        *("Действует", "2024-04-25", "46.90", "2019-03-20", "Иванова Анна Павловна")
    ]
    ended = filled.svod("crm", "setup", *CRM)
    assert ended.out == "The portal has all that svod needs.\n"
    filled.wrote()
    assert filled.full(sources=["store_a"]).code == 0
    assert filled.wrote() == {}
    assert filled.portal.stats.violations == {}


def test_who_is_responsible_and_what_type_is_given_to_new_records_only(filled):
    options = ("--crm_responsible=7", "--crm_company_type=CUSTOMER")
    assert filled.full(*options, sources=["store_a"]).code == 0
    (company,), (contact,) = filled.portal.companies(), filled.portal.contacts()
    assert (company["assignedById"], company["typeId"]) == (7, "CUSTOMER")
    assert contact["assignedById"] == 7
    filled.portal.edit("companies", company["id"], {"assignedById": 9, "typeId": "PARTNER"})
    filled.change("companies", 1, phone="+7 812 000-00-01")
    assert filled.full(*options, sources=["store_a"]).code == 0
    (company,) = filled.portal.companies()
    assert (company["assignedById"], company["typeId"]) == (9, "PARTNER")
    assert filled.portal.stats.violations == {}


def test_all_that_is_missing_is_told_at_once(filled):
    filled.portal.state.presets = []
    del filled.portal.state.fields["companies"]["originVersion"]
    ended = filled.svod("crm", "setup", *CRM)
    assert (ended.code, ended.out) == (2, "")
    for name in ("originVersion", "RU_COMPANY#", "RU_INDIVIDUAL#"):
        assert name in ended.err
    assert filled.full(sources=["store_a"]).code == 2


def test_a_portal_that_does_not_let_us(filled):
    filled.portal.faults.set([Fault("denied", method="crm.company.userfield.add")])
    ended = filled.svod("crm", "setup", *CRM)
    assert (ended.code, ended.out) == (1, "")
    assert "does not let us call crm.company.userfield.add" in ended.err
