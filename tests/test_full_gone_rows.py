"""Rows that vanish from a store, stores that are withdrawn or leave the file: end to end."""

import json

import pytest

from tests.helpers.installation import (
    PACE,
    Installation,
    installation,
    organisation,
    party,
    person,
    tin,
)

ALFA, VEGA, NEVA, KEDR = (tin(number) for number in range(1, 5))


@pytest.fixture(scope="module")
def kept(mariadb, tmp_path_factory):
    """Both stores hold some companies and contacts, and the CRM has them."""
    with installation(tmp_path_factory.mktemp("kept"), mariadb) as place:
        names = {ALFA: "АЛЬФА", VEGA: "ВЕГА", NEVA: "НЕВА", KEDR: "КЕДР"}
        place.know(party(inn, name) for inn, name in names.items())
        place.company(1, ALFA)
        place.company(2, VEGA)
        place.company(3, NEVA)
        place.contact(1, 1, last_name="Абрамов", first_name="Лев")
        place.contact(2, 2, last_name="Белов", first_name="Глеб")
        place.contact(3, 3, last_name="Волков", first_name="Пётр")
        place.export(
            organisation("0001000010", KEDR),
            organisation("0001000011", NEVA),
            person("0002000020", "0001000010"),
        )
        assert place.full().code == 0
        return place.keep()


@pytest.fixture
def loaded(place: Installation, kept) -> Installation:
    place.take(kept)
    place.wrote()
    return place


def reasons(place: Installation) -> dict[str, str]:
    rows = [
        (f"{kind} {source}:{source_id}", reason)
        for kind, table in (("company", "invalid_companies"), ("contact", "invalid_contacts"))
        for source, source_id, reason in place.rows(
            f"SELECT source, source_id, reason FROM {table}"
        )
    ]
    return dict(rows)


def golden(place: Installation) -> set[str]:
    return {key for (key,) in place.rows("SELECT key FROM golden")}


def delete_rows(place: Installation) -> None:
    """Company 2, its contact's link with it; company 3, which store B knows too; contact 1."""
    for table, number in (("contacts", 1), ("companies", 2), ("companies", 3)):
        place.sql(f"DELETE FROM {table} WHERE id = %s", number)


GONE = {
    "company A:2": "gone_from_store",
    "company A:3": "gone_from_store",
    "contact A:1": "gone_from_store",
    "contact A:2": "company_refused",
    "contact A:3": "company_refused",
}
LEFT = {VEGA, "A-1", "A-2", "A-3"}


def test_what_the_shop_no_longer_has_leaves_the_base(loaded: Installation) -> None:
    before = golden(loaded)
    delete_rows(loaded)
    for departures in (LEFT, set()):
        ended = loaded.full()
        assert ended.code == 0, ended
        assert reasons(loaded) == GONE
        assert golden(loaded) == before - LEFT
        summary = loaded.summary()
        assert (summary["gone"], summary["left"]) == (3, len(departures))
        assert (summary["companies"]["gone"], summary["contacts"]["gone"]) == (2, 1)
        assert summary["read"] == {
            "A": {"companies": 1, "contacts": 2},
            "B": {"companies": 2, "contacts": 1},
        }
        assert summary["contacts"]["invalid"] == {"company_refused": 2}
        assert summary["companies"]["invalid"] == {}
        assert "Gone: 3 known rows" in ended.out
        # Store B goes on knowing NEVA: nothing of it is to be sent but the stores.
        assert NEVA in golden(loaded)
    shown = loaded.svod("explain", "A:2")
    assert "refused, gone_from_store" in shown.out


def test_a_row_that_comes_back_is_good_again(loaded: Installation) -> None:
    before, titles, people = golden(loaded), loaded.titles(), loaded.people()
    delete_rows(loaded)
    assert loaded.full().code == 0
    assert loaded.svod("replay", *PACE).code == 0
    assert reasons(loaded) == GONE
    loaded.company(2, VEGA)
    loaded.company(3, NEVA)
    loaded.contact(1, 1, last_name="Абрамов", first_name="Лев")
    assert loaded.full().code == 0
    assert golden(loaded) == before
    assert reasons(loaded) == {}
    assert (loaded.titles(), loaded.people()) == (titles, people)
    assert loaded.summary()["gone"] == 0
    assert "crm.item.add" not in loaded.wrote()


@pytest.mark.parametrize("reading", [["full", "--since=2020-01-01"], ["delta"]])
def test_only_a_whole_reading_can_miss_a_row(loaded: Installation, reading: list[str]) -> None:
    before = golden(loaded)
    delete_rows(loaded)
    files = [f"--store_b_files={loaded.files}/*.json"] if reading[0] == "full" else []
    ended = loaded.svod(*reading, *files, f"--report={loaded.report}", *PACE)
    assert ended.code == 0, ended
    assert (golden(loaded), reasons(loaded)) == (before, {})
    assert loaded.summary()["gone"] == 0


def test_a_store_that_is_not_read_misses_nothing(loaded: Installation) -> None:
    before = golden(loaded)
    delete_rows(loaded)
    loaded.export(organisation("0001000012", ALFA))
    assert loaded.full(sources=["store_b"]).code == 0
    # Files are no whole reading unless the configuration says so.
    assert (golden(loaded), reasons(loaded)) == (before, {})


def configure(place: Installation, text: str) -> str:
    """Writes a configuration file: the built-in stores, with this changed; returns the option."""
    built_in = place.svod("init", "--two_stores").out
    for change in text.strip().splitlines():
        table, line = change.split(" ", 1)
        assert f"{table}\n" in built_in
        built_in = built_in.replace(f"{table}\n", f"{table}\n{line}\n")
    path = place.folder / "svod.toml"
    path.write_text(built_in, encoding="utf-8")
    return f"--config={path}"


@pytest.mark.parametrize("is_broken", [False, True])
def test_files_that_are_complete_miss_rows_unless_one_is_broken(
    loaded: Installation, is_broken: bool
) -> None:
    before = golden(loaded)
    config = configure(loaded, "[store.B.full] complete = true")
    loaded.export(organisation("0001000011", NEVA), *([{"category": "2"}] if is_broken else []))
    ended = loaded.full(config)
    assert ended.code == (3 if is_broken else 0), ended
    if is_broken:
        assert (golden(loaded), reasons(loaded)) == (before, {})
        assert loaded.summary()["gone"] == 0
        assert loaded.summary()["messages"] == 1
    else:
        assert golden(loaded) == before - {KEDR, "B-0002000020"}
        assert loaded.summary()["gone"] == 2


def test_a_database_may_be_incomplete(loaded: Installation) -> None:
    before = golden(loaded)
    delete_rows(loaded)
    assert loaded.full(configure(loaded, "[store.A.full] complete = false")).code == 0
    assert golden(loaded) == before


@pytest.mark.parametrize("command", ["full", "delta"])
def test_a_withdrawn_store_leaves_the_base_with_all_its_rows(
    loaded: Installation, command: str
) -> None:
    before = golden(loaded)
    config = configure(loaded, "[store.B] withdrawn = true")
    ended = loaded.svod(command, config, f"--report={loaded.report}", *PACE)
    assert ended.code == 0, ended
    assert golden(loaded) == before - {KEDR, "B-0002000020"}
    assert set(reasons(loaded).values()) == {"gone_from_store"}
    summary = loaded.summary()
    assert (summary["gone"], summary["left"]) == (3, 2)
    assert "store B; withdrawn" in loaded.svod("status").out
    # It may come again.
    assert loaded.full().code == 0
    assert golden(loaded) == before


def test_a_store_that_the_file_no_longer_has_counts_as_not_read(loaded: Installation) -> None:
    before = golden(loaded)
    text = loaded.svod("init", "--two_stores").out
    path = loaded.folder / "svod.toml"
    path.write_text(text[: text.index("[store.B]")], encoding="utf-8")
    ended = loaded.full(f"--config={path}", sources=["store_a"])
    assert ended.code == 0, ended
    assert (golden(loaded), reasons(loaded), loaded.wrote()) == (before, {}, {})
    assert list(loaded.summary()["read"]) == ["A"]
    assert "store B; no longer in the configuration" in loaded.svod("status").out


def test_a_new_priority_reaches_the_portal_once(loaded: Installation) -> None:
    for command in ("full", "full"):
        ended = loaded.svod(
            command,
            configure(loaded, "[store.A] priority = 2"),
            f"--store_b_files={loaded.files}/*.json",
            f"--report={loaded.report}",
            *PACE,
        )
        assert ended.code == 0, ended
        stores = loaded.rows("SELECT key, priority FROM stores ORDER BY key")
        assert stores == [("A", 2), ("B", 1)]
        assert json.loads((loaded.report / "summary.json").read_text())["gone"] == 0
    assert loaded.rows("SELECT * FROM stale_companies") == []


def test_all_stores_may_be_withdrawn(loaded: Installation) -> None:
    config = configure(loaded, "[store.A] withdrawn = true\n[store.B] withdrawn = true")
    ended = loaded.svod("full", config, f"--report={loaded.report}", *PACE)
    assert ended.code == 0, ended
    assert golden(loaded) == set()
    assert loaded.summary()["read"] == {}
    assert loaded.summary()["gone"] == 9


def rename_first_store(place: Installation) -> str:
    """The built-in stores, the first under another key; returns the option."""
    text = place.svod("init", "--two_stores").out
    head, second_store = text[: text.index("[store.B]")], text[text.index("[store.B]") :]
    head = head.replace("[store.A]\n", '[store.shop]\nrenamed_from = "A"\n')
    head = head.replace("[store.A.", "[store.shop.").replace('"SVOD_STORE_A"', '"SVOD_SHOP"')
    start, end = second_store.index("[store.B.changes]"), second_store.index("[store.B.company]")
    path = place.folder / "svod.toml"
    path.write_text(head + second_store[:start] + second_store[end:], encoding="utf-8")
    place.environment["SVOD_SHOP"] = place.environment.pop("SVOD_STORE_A")
    return f"--config={path}"


def test_a_store_goes_on_under_another_key_and_nothing_is_doubled(loaded: Installation) -> None:
    before, titles, people = golden(loaded), loaded.titles(), loaded.people()
    cursors = dict(loaded.rows("SELECT name, position FROM cursors"))
    config = rename_first_store(loaded)
    # A delta goes on where the store was read to before.
    loaded.change("contacts", 1, last_name="Азов")
    delta = loaded.delta(config)
    assert delta.code == 0, delta
    assert loaded.summary()["read"]["shop"]["contacts"] < 4
    renamed = dict(loaded.rows("SELECT name, position FROM cursors"))
    assert renamed.keys() == {"shop.company", "shop.contact", "shop.order"}
    assert renamed["shop.company"] == cursors["companies"]
    for _ in range(2):
        ended = loaded.full(config)
        assert ended.code == 0, ended
        assert golden(loaded) == before
        assert (loaded.titles(), loaded.people()) == (titles, people | {"A-1": "Азов"})
        assert loaded.summary()["read"]["shop"] == {"companies": 3, "contacts": 3}
    assert "crm.item.add" not in loaded.wrote()
    for table in ("rows", "members", "links"):
        assert {key for (key,) in loaded.rows(f"SELECT source FROM {table}")} == {"shop", "B"}
    assert f"Company {ALFA}: in the CRM" in loaded.svod("explain", "shop:1").out
    assert "no longer in the configuration" not in loaded.svod("status").out


def test_two_stores_are_not_made_one(loaded: Installation) -> None:
    text = loaded.svod("init", "--two_stores").out
    path = loaded.folder / "svod.toml"
    renamed = text[: text.index("[store.B]")].replace(
        "[store.A]\n", '[store.A]\nrenamed_from = "B"\n'
    )
    path.write_text(renamed, encoding="utf-8")
    ended = loaded.full(f"--config={path}", sources=["store_a"])
    assert ended.code == 2
    assert "store.A.renamed_from: the ledger has rows of both B and A" in ended.err
    assert loaded.rows("SELECT count(*) FROM runs") == [(1,)]
