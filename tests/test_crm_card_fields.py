"""The portal's own fields on cards: found, filled by their type, and left to people."""

import pytest

from tests.helpers.installation import PACE, party, tin

CRM = tuple(option for option in PACE if not option.startswith("--register"))


@pytest.fixture
def shop(place):
    known = party(tin(1), "ФИРМА")
    known["data"] |= {"okved": "46.90", "ogrn_date": 1553040000000}
    place.know([known, party(tin(2), "ДРУГАЯ")])
    place.company(1, tin(1), name="ООО Фирма")
    place.company(2, tin(2))
    place.contact(1, 1, position="Директор")
    return place


def configure(place, company="", contact="", rest=""):
    """Writes a configuration file; returns the option that names it."""
    path = place.folder / "svod.toml"
    path.write_text(f"[crm.company]\n{company}\n[crm.contact]\n{contact}\n{rest}\n", "utf-8")
    return f"--config={path}"


def card(place, kind="companies", key=None):
    (row,) = place.portal.find(kind, "originId", key or tin(1))
    return row


def test_text_fields_are_filled_and_follow_the_stores(shop):
    for name in ("OKVED", "FULL", "WHERE"):
        shop.portal.make_field("companies", f"UF_CRM_{name}")
    shop.portal.make_field("contacts", "UF_CRM_POST")
    config = configure(
        shop,
        'ufCrmOkved = "register.okved"\nUF_CRM_FULL = "title"\nufcrmwhere = "store_ids"',
        'ufCrmPost = "position"',
    )
    assert shop.full(config, sources=["store_a"]).code == 0
    first = card(shop)
    assert [first[name] for name in ("ufCrmOkved", "ufCrmFull", "ufCrmWhere")] == [
        *("46.90", first["title"], "A:1")
    ]
    assert card(shop, "contacts", "A-1")["ufCrmPost"] == "Директор"
    shop.wrote()
    assert shop.full(config, sources=["store_a"]).code == 0
    assert shop.wrote() == {}
    assert shop.portal.stats.violations == {}
