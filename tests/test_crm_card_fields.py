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


def test_explain_and_the_report_tell_what_fills_a_field_and_what_does_not_fit(shop):
    shop.portal.make_field("companies", "UF_CRM_OKVED")
    shop.portal.make_field("companies", "UF_CRM_KIND", "enumeration", options=("Оптовик",))
    config = configure(shop, 'ufCrmOkved = "register.okved"\nUF_CRM_KIND = "title"')
    assert shop.full(config, sources=["store_a"]).code == 0
    lines = shop.svod("explain", tin(1), config).out.splitlines()
    assert "   ufCrmOkved: 46.90   <- register.okved" in lines
    title = card(shop)["title"]
    assert f"   ufCrmKind: left alone, not_in_list: {title}   <- title" in lines
    page = (shop.report / "report.html").read_text("utf-8")
    assert "ufCrmKind" in page


def test_fields_that_cannot_be_filled_stop_the_run_before_it_reads(shop):
    config = configure(shop, 'ufCrmOkvd = "register.okved"\ntitle = "name"')
    ended = shop.full(config, sources=["store_a"])
    assert ended.code == 2
    for text in ("[crm.company] ufCrmOkvd", "[crm.company] title"):
        assert text in ended.err
    assert shop.rows("SELECT count(*) FROM rows") == [(0,)]
    assert shop.portal.companies() == []


def test_rules_of_the_file_give_new_records_away(shop):
    rules = '[[crm.responsible]]\nregion = ["78"]\nuser = 12\n'
    assert shop.full(configure(shop, rest=rules), sources=["store_a"]).code == 0
    assert card(shop)["assignedById"] == 12
    assert card(shop, "contacts", "A-1")["assignedById"] == 12
    shop.portal.dismiss(12)
    ended = shop.full(configure(shop, rest=rules), sources=["store_a"])
    assert ended.code == 2
    assert "user 12: this user is dismissed" in ended.err


def test_a_new_answer_of_the_register_reaches_the_card(shop):
    shop.portal.make_field("companies", "UF_CRM_STATUS")
    config = configure(shop, 'ufCrmStatus = "register.status"')
    assert shop.full(config, sources=["store_a"]).code == 0
    assert card(shop)["ufCrmStatus"] == "Действует"
    shop.know([party(tin(1), "ФИРМА", "REORGANIZING"), party(tin(2), "ДРУГАЯ")])
    shop.execute("UPDATE register_answers SET expires_at = 0")
    shop.change("companies", 1, phone="+7 812 000-00-01")
    assert shop.full(config, sources=["store_a"]).code == 0
    assert card(shop)["ufCrmStatus"] == "Реорганизация"
    assert shop.portal.stats.violations == {}
