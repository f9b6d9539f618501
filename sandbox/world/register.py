"""A true company as the register answers: the contract's suggestion."""

from typing import Any

from sandbox.world.identities import ACTIVE, TrueCompany
from sandbox.world.name_stock import LEGAL_FORMS

_MILLISECONDS = 1000
_ASKED_AT = 1_730_419_200_000


def suggestion(company: TrueCompany) -> dict[str, Any]:
    """Returns ``{"value", "data": {"inn", …}}``; dates are milliseconds since the epoch, UTC."""
    data = _individual(company) if company.individual else _legal(company)
    return {"value": data["name"]["short_with_opf"], "data": data}


def _common(company: TrueCompany) -> dict[str, Any]:
    code, full = LEGAL_FORMS[company.form]
    registered = company.registered_at * _MILLISECONDS
    liquidated = None if company.status in ACTIVE else registered + 5 * 31_536_000 * _MILLISECONDS
    region = company.region
    return {
        "inn": company.tin,
        "ogrn": company.ogrn,
        "ogrn_date": registered,
        "state": {
            "status": company.status,
            "code": None,
            "actuality_date": _ASKED_AT,
            "registration_date": registered,
            "liquidation_date": liquidated if company.status == "LIQUIDATED" else None,
        },
        "opf": {"code": code, "full": full, "short": company.form},
        "address": {
            "value": f"{region.postal_code}, {region.name.upper()}, Г.{region.city.upper()}, "
            f"{company.street.upper()}, Д.{company.house}",
            "data": {
                "postal_code": region.postal_code,
                "region_with_type": region.name,
                "city": region.city,
            },
        },
        "okved": "46.90",
    }


def _legal(company: TrueCompany) -> dict[str, Any]:
    full = LEGAL_FORMS[company.form][1].upper()
    return _common(company) | {
        "type": "LEGAL",
        "branch_type": "MAIN",
        "kpp": company.kpp,
        "name": {
            "full_with_opf": f'{full} "{company.name.upper()}"',
            "short_with_opf": f'{company.form} "{company.name.upper()}"',
            "full": company.name.upper(),
            "short": company.name.upper(),
        },
        "management": {"name": " ".join(company.head), "post": "ГЕНЕРАЛЬНЫЙ ДИРЕКТОР"},
    }


def _individual(company: TrueCompany) -> dict[str, Any]:
    head = company.head
    return _common(company) | {
        "type": "INDIVIDUAL",
        "name": {
            "full_with_opf": f"Индивидуальный предприниматель {company.name}",
            "short_with_opf": f"ИП {company.name}",
            "full": company.name,
            "short": None,
        },
        "fio": {"surname": head.last, "name": head.first, "patronymic": head.middle},
    }
