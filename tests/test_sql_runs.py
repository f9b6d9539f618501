"""Runs on stores that a file names: foreign tables in PostgreSQL and MariaDB, with changes."""

import random
from contextlib import closing

import psycopg
import pytest

from sandbox.servers.postgresql import PostgreSQL
from tests.helpers.installation import Installation, party, tin

PLACES = {
    "postgresql": ("SVOD_SHOP", "public", '"'),
    "mysql": ("SVOD_SHOP", "foreign_shop", "`"),
}
FILE = """
[store.shop]
title = "Магазин «Север»"
timezone = "Asia/Yekaterinburg"

[store.shop.full]
kind = "{kind}"
url_env = "SVOD_SHOP"

[store.shop.changes]
kind = "cursor"

[store.shop.company]
from = "{schema}.Клиенты"
only = {{ field = "kind", is = ["org"] }}
id = "код"
changed_at = "modified"
tin = "ИНН"
name = "order"
phones = ["phone", "phone2"]

[store.shop.contact]
from = "{schema}.people"
id = "id"
company = "firm"
changed_at = "modified"
name = "fio"
emails = "mail"

[store.shop.order]
from = "{schema}.sales"
id = "id"
company = "firm"
created_at = "created"
changed_at = "modified"
total = "amount"
status = "state"
cancelled = ["отменён"]
"""
TABLES = (
    "CREATE TABLE {s}.«Клиенты» («код» VARCHAR(20) PRIMARY KEY, «ИНН» VARCHAR(20), kind VARCHAR(9),"
    " «order» VARCHAR(90), phone VARCHAR(40), phone2 VARCHAR(40), modified {t} NULL)",
    "CREATE TABLE {s}.people (id {u} PRIMARY KEY, firm VARCHAR(20), fio VARCHAR(90),"
    " mail VARCHAR(90), modified {t} NULL)",
    "CREATE TABLE {s}.sales (id BIGINT PRIMARY KEY, firm VARCHAR(20), amount NUMERIC(12, 2),"
    " state VARCHAR(20), created {t}, modified {t} NULL)",
    "CREATE INDEX a ON {s}.«Клиенты» (modified, «код»)",
    "CREATE INDEX b ON {s}.people (modified, id)",
    "CREATE INDEX c ON {s}.sales (modified, id)",
    "CREATE INDEX d ON {s}.sales (firm)",
)


class Shop:
    """A foreign store of one kind, and the file that names it."""

    def __init__(self, place, kind, url, execute):
        self.place, self.kind, self._execute = place, kind, execute
        _, self.schema, self.quote = PLACES[kind]
        self.file = place.folder / "svod.toml"
        self.file.write_text(FILE.format(kind=kind, schema=self.schema), "utf-8")
        place.environment = {**place.environment, "SVOD_SHOP": url}
        del place.environment["SVOD_STORE_A"]
        moment, uuid = ("TIMESTAMP", "UUID") if kind == "postgresql" else ("DATETIME(6)", "UUID")
        for table in TABLES:
            self.sql(table.format(s=self.schema, t=moment, u=uuid))
        place.know(party(tin(number), f"Фирма {number}") for number in range(1, 10))

    def sql(self, text, *values):
        self._execute(text.replace("«", self.quote).replace("»", self.quote), values)

    def client(self, key, number, modified, name="ООО «Ель»", kind="org"):
        self._put(
            "«Клиенты»",
            "«код»",
            {"«код»": key, "«ИНН»": tin(number), "kind": kind, "«order»": name}
            | {"modified": modified},
        )

    def person(self, number, firm, modified, fio="Иванов Пётр"):
        row = {"id": f"{number:08d}-0000-4000-8000-000000000000", "firm": firm, "fio": fio}
        row |= {"mail": f"p{number}@x.example", "modified": modified}
        self._put("people", "id", row)

    def sale(self, number, firm, modified, amount="10.00", state="оплачен"):
        row = {"id": number, "firm": firm, "amount": amount, "state": state}
        self._put("sales", "id", row | {"created": "2024-02-01 10:00:00", "modified": modified})

    def _put(self, table, key, row):
        self.sql(f"DELETE FROM {self.schema}.{table} WHERE {key} = %s", row[key])
        marks = ", ".join(["%s"] * len(row))
        self.sql(
            f"INSERT INTO {self.schema}.{table} ({', '.join(row)}) VALUES ({marks})", *row.values()
        )

    def run(self, command, code=0, ledger=None):
        environment = self.place.environment
        if ledger:
            self.place.environment = {**environment, "SVOD_LEDGER": ledger}
        try:
            run = self.place.full if command == "full" else self.place.delta
            options = {"sources": ["store_a"]} if command == "full" else {}
            ended = run(f"--config={self.file}", **options)
        finally:
            self.place.environment = environment
        assert ended.code == code, ended.err
        return ended


@pytest.fixture(scope="module")
def server():
    with PostgreSQL() as running:
        yield running


@pytest.fixture(params=["postgresql", "mysql"])
def shop(request, place: Installation):
    if request.param == "mysql":
        cursor = place.root.cursor()
        for statement in (
            "DROP DATABASE IF EXISTS foreign_shop",
            "CREATE DATABASE foreign_shop CHARACTER SET utf8mb4",
            "GRANT SELECT ON foreign_shop.* TO svod@'%'",
            "SET NAMES utf8mb4",
        ):
            cursor.execute(statement)
        place.root.autocommit(True)
        url = place.environment["SVOD_STORE_A"].replace("/shop", "/foreign_shop")
        place.root.encoding = "utf8"
        yield Shop(place, "mysql", url, lambda text, values: cursor.execute(text, values or None))
        cursor.execute("DROP DATABASE foreign_shop")
    else:
        server = request.getfixturevalue("server")
        url = server.create_database("foreign")
        with closing(psycopg.connect(url, autocommit=True)) as connection:

            def execute(text, values):
                connection.execute(text, values or None)

            yield Shop(place, "postgresql", url, execute)


def companies(place):
    """The ids of the companies that the store has, as the ledger knows."""
    query = "SELECT source_id FROM rows WHERE kind = 'company' AND reason = ''"
    return {key for (key,) in place.rows(query)}


def test_a_foreign_store_is_loaded_and_its_changes_follow(shop):
    place = shop.place
    shop.client("К-1", 1, "2024-03-01 10:00:00.5")
    shop.client("К-2", 2, "2024-03-01 11:00:00", kind="man")
    shop.client("К-3", 3, None)
    shop.person(1, "К-1", "2024-03-01 10:00:00")
    shop.sale(1, "К-1", "2024-03-01 10:00:00")
    shop.sale(2, "К-1", "2024-03-01 10:00:00", state="ОТМЕНЁН")
    shop.run("full")
    assert set(place.titles()) == {tin(1), tin(3)}
    assert [row[0] for row in place.rows("SELECT DISTINCT source FROM rows")] == ["shop"]
    assert dict(place.rows("SELECT name, position FROM cursors")) == {
        "shop.company": "2024-03-01T11:00:00",
        "shop.contact": "2024-03-01T10:00:00",
        "shop.order": "2024-03-01T10:00:00",
    }
    shop.client("К-4", 4, "2024-03-01 12:00:00")
    shop.sale(3, "К-3", "2024-03-01 12:00:00")
    shop.client("К-1", 1, "2024-03-01 12:00:00", kind="man")
    shop.run("delta")
    assert {tin(3), tin(4)} <= set(place.titles())
    assert companies(place) == {"К-3", "К-4"}


def test_deltas_and_a_full_load_agree(shop):
    place, rng = shop.place, random.Random(7)
    place_ledger = f"sqlite:///{place.folder / 'whole.db'}"
    for step in range(3):
        for _ in range(8):
            number = rng.randint(1, 6)
            moment = f"2024-03-0{step + 1} {rng.randint(10, 20)}:{rng.randint(10, 59)}:00"
            kind = rng.choice(["org", "org", "man"])
            shop.client(f"К-{number}", number, moment, rng.choice("абв") * 5, kind)
            shop.person(number, f"К-{rng.randint(1, 6)}", moment, rng.choice(["Ли Ян", "Ким Ир"]))
            # An order that moves to another company leaves no trace in the one that it was of.
            order = rng.randint(1, 9)
            shop.sale(order, f"К-{order % 6 + 1}", moment, f"{step}.00")
        shop.run("full" if step == 0 else "delta")
    query = "SELECT kind, source_id, payload FROM rows WHERE reason = '' ORDER BY kind, source_id"
    followed = place.rows(query)
    shop.run("full", ledger=place_ledger)
    ledger, place.ledger = place.ledger, place_ledger
    try:
        assert place.rows(query) == followed
    finally:
        place.ledger = ledger


def test_a_file_that_does_not_fit_the_store_is_refused_whole(shop):
    text = shop.file.read_text("utf-8").replace('tin = "ИНН"', 'tin = "ИННН"')
    shop.file.write_text(text.replace('emails = "mail"', 'emails = "male"'), "utf-8")
    ended = shop.run("full", code=2)
    assert "2 problems" in ended.err
    assert "store.shop.company.tin: the column Клиенты.ИННН is missing: did you mean ИНН?" in (
        ended.err
    )
    assert "store.shop.contact.emails: the column people.male is missing: did you mean mail?" in (
        ended.err
    )
    assert shop.file.name in ended.err
    assert shop.place.wrote() == {}
