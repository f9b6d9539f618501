"""Changes of companies and their contacts, as a person who works in the CRM sees them."""

import pytest

from tests.helpers.installation import installation, organisation, party, person, tin

ALFA, VEGA, NEVA, ZARYA = (tin(number) for number in range(1, 5))
NAMES = {ALFA: "АЛЬФА", VEGA: "ВЕГА", NEVA: "НЕВА", ZARYA: "ЗАРЯ"}
WRONG = NEVA[:-1] + str((int(NEVA[-1]) + 1) % 10)
LEFT, BACK = "2024-05-01 12:00:00", "2024-05-02 12:00:00"


@pytest.fixture(scope="module")
def kept(mariadb, tmp_path_factory):
    """Two companies with a contact each, and a third whose TIN is wrong."""
    with installation(tmp_path_factory.mktemp("kept"), mariadb) as place:
        place.know(party(inn, name) for inn, name in NAMES.items())
        place.company(1, ALFA)
        place.company(2, VEGA)
        place.company(3, WRONG)
        place.contact(1, 1, last_name="Абрамов", first_name="Лев")
        place.contact(2, 2, last_name="Белов", first_name="Глеб")
        place.contact(3, 3, last_name="Волков", first_name="Пётр")
        assert place.full(sources=["store_a"]).code == 0
        return place.keep()


@pytest.fixture
def loaded(place, kept):
    place.take(kept)
    return place


def links(place):
    """Each contact's companies in the CRM: our id to TINs."""
    tins = {one["id"]: one["originId"] for one in place.portal.companies()}
    return {
        one["originId"]: sorted(tins[number] for number in one["companyIds"])
        for one in place.portal.contacts()
    }


def reasons(place, kind):
    table = {"company": "invalid_companies", "contact": "invalid_contacts"}[kind]
    return dict(place.rows(f"SELECT source_id, reason FROM {table}"))


def left(place):
    """The number of records in the CRM that no row of a store stands for."""
    return place.summary()["left_base"]


def forget_answer(place, inn):
    """The register's answer grows old."""
    place.execute(f"UPDATE register_answers SET expires_at = 0 WHERE tin = '{inn}'")


def status(place, inn, register_status):
    """From now on the register tells another status of one company."""
    others = [party(other, name) for other, name in NAMES.items() if other != inn]
    place.know([*others, party(inn, NAMES[inn], register_status)])
    forget_answer(place, inn)


def changed(place):
    """A delta's writes to the CRM."""
    ended = place.delta()
    assert ended.code == 0, ended
    return place.wrote()


def test_a_company_that_becomes_inactive_stays_and_is_told(loaded):
    status(loaded, ALFA, "LIQUIDATED")
    assert changed(loaded) == {}
    assert set(loaded.titles()) == {ALFA, VEGA}
    assert links(loaded) == {"A-1": [ALFA], "A-2": [VEGA]}
    assert reasons(loaded, "company") == {"1": "not_active", "3": "bad_tin_checksum"}
    assert reasons(loaded, "contact")["1"] == "company_refused"
    assert left(loaded) == 2
    # What becomes of its rows meanwhile is nobody's business in the CRM.
    loaded.change("companies", 1, phone="8 812 765-43-21", updated_at=LEFT)
    assert changed(loaded) == {}


def test_a_company_that_becomes_active_again_goes_on_as_it_was(loaded):
    status(loaded, ALFA, "LIQUIDATING")
    assert changed(loaded) == {}
    loaded.change("contacts", 1, phone="8 921 765-43-21", updated_at=LEFT)
    assert changed(loaded) == {}
    status(loaded, ALFA, "ACTIVE")
    assert changed(loaded) == {"crm.item.update": 1}
    assert links(loaded) == {"A-1": [ALFA], "A-2": [VEGA]}
    assert left(loaded) == 0
    assert reasons(loaded, "contact") == {"3": "company_refused"}


def test_a_person_comes_back_as_the_same_whatever_rows_it_is_made_of(loaded):
    """Known by store B's row first: the id is that one's, even if store A's would give another."""
    same = {"last_name": "Новиков", "first_name": "Иван", "phones": ["+7 921 765-43-21"]}
    loaded.export(organisation("0001000010", ALFA), person("0002000020", "0001000010", **same))
    assert loaded.full().code == 0
    loaded.contact(4, 1, last_name="Новиков", first_name="Иван", phone="8 921 7654321")
    assert changed(loaded)["crm.item.batchImport"] == 1
    assert "A-4" not in loaded.people()
    loaded.change("companies", 1, is_deleted=1, updated_at=LEFT)
    loaded.export(organisation("0001000010", ALFA, deleted=True, changed_at="2024-05-01"))
    assert loaded.full().code == 0
    assert left(loaded) == 3
    loaded.change("companies", 1, is_deleted=0, updated_at=BACK)
    loaded.wrote()
    # Of store A's row alone it may say something else; it is nobody new.
    assert changed(loaded).keys() <= {"crm.item.update"}
    assert sorted(loaded.people()) == ["A-1", "A-2", "B-0002000020"]


def test_a_deleted_company_and_a_deleted_contact_stay_with_their_history(loaded):
    loaded.change("companies", 1, is_deleted=1, updated_at=LEFT)
    loaded.change("contacts", 2, is_deleted=1, updated_at=LEFT)
    assert changed(loaded) == {}
    assert (set(loaded.titles()), sorted(loaded.people())) == ({ALFA, VEGA}, ["A-1", "A-2"])
    assert reasons(loaded, "company")["1"] == "deleted_in_store"
    assert reasons(loaded, "contact")["1"] == "company_refused"
    assert reasons(loaded, "contact")["2"] == "deleted_in_store"
    assert left(loaded) == 3
    loaded.change("contacts", 2, is_deleted=0, updated_at=BACK)
    assert changed(loaded) == {}
    assert left(loaded) == 2


def test_a_company_with_another_tin_is_another_company_and_its_contact_follows(loaded):
    loaded.change("companies", 1, inn=ZARYA, updated_at=LEFT)
    wrote = changed(loaded)
    assert (wrote["crm.item.batchImport"], wrote["crm.contact.company.add"]) == (1, 1)
    assert set(loaded.titles()) == {ALFA, VEGA, ZARYA}
    # The former link is history: it is not ours to delete.
    assert links(loaded)["A-1"] == sorted([ALFA, ZARYA])
    assert left(loaded) == 1
    loaded.change("companies", 1, inn=ALFA, updated_at=BACK)
    # Of the contact nothing but the version: its links are there.
    assert changed(loaded) == {"crm.item.update": 1}
    assert left(loaded) == 1


def test_a_company_whose_tin_becomes_right_comes_with_the_contacts_that_were_refused(loaded):
    loaded.change("companies", 3, inn=NEVA, updated_at=LEFT)
    assert changed(loaded)["crm.item.batchImport"] == 2
    assert loaded.titles()[NEVA] == "ООО «НЕВА»"
    assert links(loaded)["A-3"] == [NEVA]
    assert reasons(loaded, "company") == reasons(loaded, "contact") == {}


def test_a_company_whose_tin_becomes_wrong_is_left_as_it_is(loaded):
    loaded.change("companies", 1, inn=WRONG, updated_at=LEFT)
    assert changed(loaded) == {}
    assert reasons(loaded, "company") == {"1": "bad_tin_checksum", "3": "bad_tin_checksum"}
    assert left(loaded) == 2


def test_a_contact_that_moves_is_linked_to_its_new_company(loaded):
    loaded.change("contacts", 1, company_id=2, position="Директор", updated_at=LEFT)
    assert changed(loaded) == {"crm.item.update": 1, "crm.contact.company.add": 1}
    assert links(loaded) == {"A-1": [ALFA, VEGA], "A-2": [VEGA]}
    assert changed(loaded) == {}


def test_a_contact_that_moves_to_a_refused_company_stays_where_it_was(loaded):
    loaded.change("contacts", 1, company_id=3, updated_at=LEFT)
    assert changed(loaded) == {}
    assert links(loaded)["A-1"] == [ALFA]
    assert reasons(loaded, "contact") == {"1": "company_refused", "3": "company_refused"}
    loaded.change("contacts", 1, company_id=1, updated_at=BACK)
    assert changed(loaded) == {}
    assert left(loaded) == 0


def test_a_contact_before_its_company_waits_and_is_loaded_with_it(loaded):
    loaded.contact(9, 9, last_name="Громов", updated_at=LEFT)
    assert changed(loaded) == {}
    assert loaded.rows("SELECT kind, source_id, reason FROM deferred") == [
        ("contact", "9", "waiting_for_company")
    ]
    assert loaded.summary()["contacts"]["waiting"] == 1
    loaded.company(9, ZARYA, updated_at=BACK)
    assert changed(loaded)["crm.item.batchImport"] == 2
    assert links(loaded)["A-9"] == [ZARYA]
    assert loaded.rows("SELECT * FROM deferred") == []


def test_what_people_wrote_in_the_crm_meanwhile_is_theirs(loaded):
    [alfa] = [one for one in loaded.portal.companies() if one["originId"] == ALFA]
    loaded.portal.edit("companies", alfa["id"], {"title": "Альфа, важный клиент"})
    loaded.change("companies", 1, phone="8 812 765-43-21", updated_at=LEFT)
    assert changed(loaded) == {"crm.item.update": 1}
    assert loaded.titles()[ALFA] == "Альфа, важный клиент"
