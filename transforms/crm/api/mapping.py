"""Mapping golden records to Bitrix24: items, requisites, addresses, bank details."""

from collections.abc import Iterable, Mapping
from typing import Any

from transforms.core.golden_records import GoldenCompany, GoldenContact
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api.batch import defuse

COMPANY_TYPE = 4
CONTACT_TYPE = 3
REQUISITE_TYPE = 8
LEGAL_ADDRESS = 6
RUSSIA = 1

ENTITY_TYPES: Mapping[str, int] = {COMPANY: COMPANY_TYPE, CONTACT: CONTACT_TYPE}
"""The CRM's entity type of each kind of record that is an item."""

ORIGINATOR = "svod"

MULTIFIELDS = ("PHONE", "EMAIL", "WEB")
LINKS = "companyIds"
MARK = ("originatorId", "originId", "originVersion")

ORGANISATION_PRESET = "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"
INDIVIDUAL_PRESET = "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#"

# Fields that a portal must have, checked before the first write: it silently drops unknown ones.
ITEM_FIELDS = {
    COMPANY_TYPE: ("title", "originatorId", "originId", "originVersion", "fm"),
    CONTACT_TYPE: (
        "lastName",
        "name",
        "secondName",
        "post",
        "originatorId",
        "originId",
        "originVersion",
        "fm",
        "companyIds",
    ),
}

Fields = dict[str, Any]

_TITLE = 255
_COMPANY_NAME = 255
_FULL_NAME = 300
_XML_ID = 45
_SHORT_TEXT = 255
_DIRECTOR = 150
_PLACE = 128
_POSTAL_CODE = 16
_PERSON_NAME = 50


def company_item(company: GoldenCompany) -> Fields:
    """The company's own fields; phones, e-mails and sites under ``PHONE``, ``EMAIL``, ``WEB``."""
    return _filled(
        {
            "title": company.title[:_TITLE],
            "PHONE": _phones(company.phones),
            "EMAIL": _typed(company.emails, "WORK"),
            "WEB": _typed([company.site] if company.site else [], "WORK"),
        }
    )


def contact_item(contact: GoldenContact) -> Fields:
    """The contact's own fields, without its links."""
    only_name = "" if contact.last_name else contact.middle_name
    return _filled(
        {
            "lastName": contact.last_name[:_PERSON_NAME],
            # The portal requires one of the two: a middle name without both takes this place.
            "name": (contact.first_name or only_name)[:_PERSON_NAME],
            "secondName": contact.middle_name[:_PERSON_NAME],
            "post": contact.position[:_SHORT_TEXT],
            "PHONE": _phones(contact.phones),
            "EMAIL": _typed(contact.emails, "WORK"),
        }
    )


def origin(key: str, version: str) -> Fields:
    """The fields that mark an item as ours, with the golden version that the portal holds."""
    return {"originatorId": ORIGINATOR, "originId": key, "originVersion": version}


def requisites(company: GoldenCompany, presets: Mapping[str, int]) -> dict[str, Fields]:
    """The company's requisites by ``XML_ID``: one a KPP, the register's first; else a single one.

    ``presets`` maps a preset's ``XML_ID`` to its id in this portal.
    """
    preset = INDIVIDUAL_PRESET if company.is_individual else ORGANISATION_PRESET
    common = {
        "PRESET_ID": presets[preset],
        "NAME": company.title[:_SHORT_TEXT],
        "RQ_INN": company.tin,
        "RQ_OGRNIP" if company.is_individual else "RQ_OGRN": company.ogrn,
        "RQ_COMPANY_NAME": company.title[:_COMPANY_NAME],
        "RQ_COMPANY_FULL_NAME": company.full_name[:_FULL_NAME],
        "RQ_DIRECTOR": company.director[:_DIRECTOR],
    }
    return {
        _xml_id(company.tin, kpp): _filled({**common, "RQ_KPP": kpp})
        for kpp in company.kpps or ("",)
    }


def address(company: GoldenCompany) -> Fields:
    """The legal address; empty when none is known."""
    address = company.address
    return _filled(
        {
            "ADDRESS_1": address.text[:_SHORT_TEXT],
            "CITY": address.city[:_PLACE],
            "POSTAL_CODE": address.postal_code[:_POSTAL_CODE],
            "REGION": address.region[:_PLACE],
        }
    )


def address_key(requisite_id: int) -> Fields:
    """The key of a requisite's legal address."""
    return {
        "TYPE_ID": LEGAL_ADDRESS,
        "ENTITY_TYPE_ID": REQUISITE_TYPE,
        "ENTITY_ID": requisite_id,
    }


def bank_details(company: GoldenCompany) -> dict[str, Fields]:
    """The bank accounts by ``XML_ID``; they belong to the company's first requisite."""
    return {
        f"{ORIGINATOR}-{account.bik}-{account.account}": _filled(
            {
                "COUNTRY_ID": RUSSIA,
                "NAME": (account.bank or account.account)[:_SHORT_TEXT],
                "RQ_BANK_NAME": account.bank[:_SHORT_TEXT],
                "RQ_BIK": account.bik,
                "RQ_ACC_NUM": account.account,
                "RQ_COR_ACC_NUM": account.corr_account,
            }
        )
        for account in company.accounts
    }


def _xml_id(tin: str, kpp: str) -> str:
    return "-".join(filter(None, (ORIGINATOR, tin, kpp)))[:_XML_ID]


def _phones(numbers: Iterable[str]) -> list[dict[str, str]]:
    return [
        {"VALUE": number, "VALUE_TYPE": "MOBILE" if number.startswith("+79") else "WORK"}
        for number in numbers
    ]


def _typed(values: Iterable[str], value_type: str) -> list[dict[str, str]]:
    return [{"VALUE": defuse(value), "VALUE_TYPE": value_type} for value in values]


def _filled(fields: Fields) -> Fields:
    # An update never empties a field, so empty values are not sent; "0" is empty for a portal
    # written in PHP. All text is defused, not only that of batches: what is created and what is
    # updated must not differ.
    return {
        name: defuse(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if value not in ("", "0", [])
    }
