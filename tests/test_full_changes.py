"""Changes in the stores between two full loads reach the CRM, and nothing else does."""

import pytest

from tests.helpers.installation import installation, organisation, party, person, tin

ALFA, VEGA, NEVA, ZARYA, KEDR = (tin(number) for number in range(1, 6))
NAMES = {ALFA: "АЛЬФА", VEGA: "ВЕГА", NEVA: "НЕВА", ZARYA: "ЗАРЯ", KEDR: "КЕДР"}
WRONG = ALFA[:-1] + str((int(ALFA[-1]) + 1) % 10)
LATER = "2024-05-01 12:00:00"


@pytest.fixture(scope="module")
def kept(mariadb, tmp_path_factory):
    """Both stores hold some of everything, and the CRM too."""
    with installation(tmp_path_factory.mktemp("kept"), mariadb) as place:
        place.know(party(inn, name) for inn, name in NAMES.items())
        place.company(1, ALFA, phone="8 812 123-45-67")
        place.company(2, VEGA)
        place.company(3, WRONG)
        place.contact(1, 1, last_name="Абрамов", first_name="Лев")
        place.contact(2, 2, last_name="Белов", first_name="Глеб")
        place.contact(3, 3, last_name="Волков", first_name="Пётр")
        place.contact(4, 99, last_name="Громов", first_name="Яков")
        place.export(organisation("0001000010", KEDR), person("0002000020", "0001000010"))
        assert place.full().code == 0
        assert set(place.titles()) == {ALFA, VEGA, KEDR}
        assert place.people() == {"A-1": "Абрамов", "A-2": "Белов", "B-0002000020": "Сидоров"}
        return place.keep()


@pytest.fixture
def loaded(place, kept):
    place.take(kept)
    return place


def contact_reasons(place):
    query = "SELECT source, source_id, reason FROM {}"
    invalid = place.rows(query.format("invalid_contacts"))
    waiting = place.rows(query.format("deferred WHERE kind = 'contact'"))
    return {f"{source}:{source_id}": reason for source, source_id, reason in invalid + waiting}


def test_a_changed_row_is_one_update(loaded):
    loaded.sql(
        f"UPDATE companies SET phone = '8 812 765-43-21', updated_at = '{LATER}' WHERE id = 1"
    )
    assert loaded.full().code == 0
    assert loaded.wrote() == {"crm.item.update": 1}
    [alfa] = [one for one in loaded.portal.companies() if one["originId"] == ALFA]
    assert [one["value"] for one in alfa["fm"]] == ["+78127654321"]
    numbers = loaded.summary()["companies"]
    assert (numbers["created"], numbers["updated"], numbers["unchanged"]) == (0, 1, 2)


def test_a_changed_row_that_means_the_same_is_no_update(loaded):
    loaded.change("companies", 1, phone=" +7 (812) 1234567 ")
    ended = loaded.full()
    assert (ended.code, loaded.wrote()) == (0, {})
    assert "Nothing changed" in ended.out


def test_a_new_company_lets_its_contact_go_on(loaded):
    loaded.company(99, ZARYA)
    assert contact_reasons(loaded) == {"A:3": "company_refused", "A:4": "waiting_for_company"}
    assert loaded.full().code == 0
    assert loaded.wrote() == {
        "crm.item.batchImport": 2,
        "crm.requisite.add": 1,
        "crm.address.add": 1,
    }
    assert loaded.people()["A-4"] == "Громов"
    assert contact_reasons(loaded) == {"A:3": "company_refused"}


def test_a_row_that_became_good_leaves_the_refused_ones(loaded):
    [before] = loaded.rows("SELECT source_id, tin, reason FROM invalid_companies")
    assert before == ("3", WRONG, "bad_tin_checksum")
    loaded.change("companies", 3, inn=NEVA)
    assert loaded.full().code == 0
    assert loaded.rows("SELECT * FROM invalid_companies") == []
    assert loaded.titles()[NEVA] == "ООО «НЕВА»"
    assert loaded.people()["A-3"] == "Волков"
    assert loaded.wrote()["crm.item.batchImport"] == 2


def test_what_a_store_deletes_stays_in_the_crm_and_is_told(loaded):
    loaded.change("companies", 2, is_deleted=1)
    ended = loaded.full()
    assert (ended.code, loaded.wrote()) == (0, {})
    assert VEGA in loaded.titles()
    assert loaded.rows("SELECT source_id, reason FROM invalid_companies") == [
        ("3", "bad_tin_checksum"),
        ("2", "deleted_in_store"),
    ]
    assert contact_reasons(loaded)["A:2"] == "company_refused"
    numbers = loaded.summary()
    assert numbers["left_base"] == 2
    assert numbers["companies"]["golden"] == 2


def test_a_company_of_both_stores_outlives_one_of_them(loaded):
    loaded.export(organisation("0001000011", VEGA), name="more.json")
    loaded.change("companies", 2, is_deleted=1)
    assert loaded.full().code == 0
    assert loaded.summary()["companies"]["golden"] == 3
    # Its contact of store A stands with a row that is refused now.
    assert contact_reasons(loaded)["A:2"] == "company_refused"


def test_a_newer_partner_counts_wherever_it_stands(loaded):
    newer = person("0002000020", "0001000010", last_name="Новиков", changed_at="2024-03-01")
    older = person("0002000020", "0001000010", last_name="Старов", changed_at="2023-03-01")
    loaded.export(newer, older, name="a.json")
    loaded.export(older, name="z.json")
    assert loaded.full().code == 0
    assert loaded.people()["B-0002000020"] == "Новиков"
    assert loaded.wrote() == {"crm.item.update": 1}
    assert loaded.full().code == 0
    assert loaded.wrote() == {}


@pytest.mark.parametrize("made_at", [{}, {"exported_at": "2024-03-01T21:00:00Z"}])
def test_a_partner_from_the_future_is_as_new_as_its_file(loaded, made_at):
    ahead = person("0002000020", "0001000010", last_name="Завтраков", changed_at="2099-01-01")
    older = person("0002000020", "0001000010", last_name="Старов", changed_at="2024-02-01")
    newer = person("0002000020", "0001000010", last_name="Новиков", changed_at="2024-04-01")
    loaded.export(older, ahead, name="a.json", **made_at)
    assert loaded.full().code == 0
    assert loaded.people()["B-0002000020"] == "Завтраков"
    (loaded.files / "a.json").unlink()
    loaded.export(newer, name="b.json", exported_at="2024-04-30T21:00:00Z")
    assert loaded.full().code == 0
    assert loaded.people()["B-0002000020"] == "Новиков"
    if made_at:
        loaded.export(ahead, name="a.json", **made_at)
        assert loaded.full().code == 0
        assert loaded.people()["B-0002000020"] == "Новиков"


def test_a_changed_order_is_seen_without_the_companys_clock(loaded):
    order = "company_id, number, status, total, currency, created_at, updated_at"
    loaded.sql(
        f"INSERT INTO orders ({order}) VALUES (1, 'n', 'paid', 10, 'RUB', '{LATER}', '{LATER}')"
    )
    assert loaded.full().code == 0
    [(payload,)] = loaded.rows(
        "SELECT payload FROM rows WHERE source_id = '1' AND kind = 'company'"
    )
    assert b"2024-05-01" in payload


def test_since_reads_only_what_changed_since(loaded):
    loaded.company(5, ZARYA, updated_at="2024-06-01 00:00:00")
    loaded.company(6, NEVA, updated_at="2024-05-31 23:59:59")
    loaded.export(
        person("0002000021", "0001000010", changed_at="2024-05-31T21:00:00Z"),
        person("0002000022", "0001000010", changed_at="2024-05-31T20:59:59Z", last_name="Старов"),
        person("0002000023", "0001000010", changed_at=None, last_name="Безвременный"),
    )
    assert loaded.full("--since=2024-06-01").code == 0
    assert loaded.summary()["read"] == {
        "A": {"companies": 1, "contacts": 0},
        "B": {"companies": 0, "contacts": 2},
    }
    assert ZARYA in loaded.titles()
    assert NEVA not in loaded.titles()
    assert {"B-0002000021", "B-0002000023"} <= loaded.people().keys()
    assert "B-0002000022" not in loaded.people()
