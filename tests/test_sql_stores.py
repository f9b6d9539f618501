"""Stores of any make, in real databases: MariaDB and PostgreSQL."""

import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import psycopg
import pymysql
import pytest

from sandbox.servers import mariadb, postgresql
from transforms.configuration.structs import StoreTable
from transforms.core.errors import AwayError, ConfigurationError, StoreError
from transforms.read_sql import SqlSource
from transforms.stores.sql import client, cursors, keyset
from transforms.stores.sql.changed_orders import companies_of_changed_orders
from transforms.stores.sql.check import check_store, estimate_rows, open_store
from transforms.stores.sql.missing_ids import rows_without_id
from transforms.stores.sql.store import store_client

VARIABLE = "SVOD_SHOP"
START = datetime(2024, 3, 1, 12)


class Database:
    """A database of one kind, empty at first: what a test needs to make a store of it."""

    def __init__(self, kind, url, execute):
        self.kind, self.url, self.execute = kind, url, execute

    @property
    def is_mysql(self):
        return self.kind == "mysql"

    def sql(self, text, *parameters):
        """Runs a statement that both kinds understand, apart from quotes."""
        if self.is_mysql:
            text = text.replace('"', "`")
        self.execute(text, parameters)

    def store(self, company=None, *, changes=True, full=None, **tables):
        """The store's configuration; its companies are in ``customers``."""
        table = {"from": "customers", "id": "id", "tin": "tin", "changed_at": "changed"}
        content = {
            "full": {"kind": self.kind, "url_env": VARIABLE, **(full or {})},
            "company": {**table, **(company or {})},
            **tables,
        }
        if changes:
            content["changes"] = {"kind": "cursor"}
        return msgspec.convert(content, StoreTable)


def resolve(store):
    shop = store_client("shop", store)
    with shop.session() as session:
        return open_store(session, "shop", store, shop)


def read(store, table="company", since=None):
    """Every raw row, decoded."""
    shop = resolve(store)
    source = SqlSource(shop, table, since)
    tracker = source.get_range_tracker(None, None)
    return [shop.decoder.row(row) for batch in source.read(tracker) for row in batch]


def ids(rows, name="id"):
    return [row[name] for row in rows]


def complaints(store):
    with pytest.raises(ConfigurationError) as caught:
        check_store("shop", store, file="svod.toml")
    lines = str(caught.value).removeprefix("svod.toml: ").splitlines()
    return [line.strip() for line in lines[1:] or lines]


@pytest.fixture(scope="module")
def mysql_server(tmp_path_factory):
    with mariadb.MariaDB(tmp_path_factory.mktemp("shop")) as server:
        yield server


@pytest.fixture(scope="module")
def postgresql_server():
    with postgresql.PostgreSQL() as server:
        yield server


@pytest.fixture
def mysql(mysql_server, monkeypatch):
    with closing(pymysql.connect(**mysql_server.root(), autocommit=True)) as root:
        cursor = root.cursor()
        for statement in (
            "DROP DATABASE IF EXISTS shop",
            "CREATE DATABASE shop CHARACTER SET utf8mb4",
            "CREATE OR REPLACE USER shop@'%' IDENTIFIED BY 'p'",
            "GRANT SELECT ON shop.* TO shop@'%'",
            "USE shop",
            "SET sql_mode = ''",
        ):
            cursor.execute(statement)
        url = mysql_server.url("shop", "shop", "p")
        monkeypatch.setenv(VARIABLE, url)
        database = Database("mysql", url, lambda text, values: cursor.execute(text, values or None))
        database.rows = lambda text: cursor.execute(text) and cursor.fetchall()
        yield database


@pytest.fixture
def postgres(postgresql_server, monkeypatch):
    url = postgresql_server.create_database("shop")
    monkeypatch.setenv(VARIABLE, url)
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        yield Database(
            "postgresql", url, lambda text, values: connection.execute(text, values or None)
        )


@pytest.fixture(params=["mysql", "postgres"])
def database(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(keyset, "PAGE", 3)


def create(database, key="INT", changed="TIMESTAMP", extra="", constraint="PRIMARY KEY"):
    if database.is_mysql and changed == "TIMESTAMP":
        changed = "DATETIME"
    database.sql(
        f"CREATE TABLE customers (id {key} {constraint}, tin VARCHAR(20), changed {changed} NULL"
        f"{extra})"
    )
    database.sql("CREATE INDEX by_change ON customers (changed, id)")


def add(database, *rows, changed=START):
    for key in rows:
        database.sql("INSERT INTO customers (id, tin, changed) VALUES (%s, 'x', %s)", key, changed)


KEYS = {
    "INT": [7, 1, 3, -2, 2_000_000_000],
    "NUMERIC(20)": [Decimal(5), Decimal(10**18), Decimal(-1)],
    "VARCHAR(40)": ["b", "B2", "a", "Я", "ё", "10", "9", "x y", "ß", ""],
    "CHAR(8)": ["b", "a", "0017"],
    "DATE": [date(2024, 1, 2), date(1999, 12, 31)],
    "TIMESTAMP": [datetime(2024, 1, 2, 3), datetime(2001, 1, 1)],
}


@pytest.mark.parametrize("key", KEYS)
def test_every_row_comes_once_whatever_the_key_is(database, small_pages, key):
    create(database, "DATETIME" if database.is_mysql and key == "TIMESTAMP" else key)
    add(database, *KEYS[key])
    store = database.store()
    assert check_store("shop", store) == []
    for since in (None, START - timedelta(days=1)):
        rows = read(store, since=since)
        keys = [value.strip() if isinstance(value, str) else value for value in ids(rows)]
        assert Counter(keys) == Counter(KEYS[key])


UUIDS = [f"{number:08x}-0000-4000-8000-00000000000{number}" for number in range(8)]


def test_uuids(database, small_pages):
    create(database, "UUID")
    add(database, *UUIDS)
    assert sorted(ids(read(database.store()))) == UUIDS
    assert sorted(ids(read(database.store(), since=START))) == UUIDS


def test_uuids_in_sixteen_bytes_are_read_as_digits(mysql, small_pages):
    create(mysql, "BINARY(16)")
    add(mysql, *(bytes.fromhex(key.replace("-", "")) for key in UUIDS))
    digits = [key.replace("-", "") for key in UUIDS]
    assert sorted(ids(read(mysql.store()))) == digits
    assert sorted(ids(read(mysql.store(), since=START))) == digits


@pytest.mark.parametrize("since", [None, START])
def test_ids_that_come_twice_lose_no_row(database, small_pages, since):
    create(database, "VARCHAR(10)", constraint="")
    database.sql("CREATE INDEX by_id ON customers (id)")
    keys = ["a", "a", "a", "a", "a", "b", "c", "c", "d", "e", "e", "e"]
    add(database, *keys)
    store = database.store()
    assert ids(read(store, since=since)) == keys
    [warning] = check_store("shop", store, file="svod.toml")
    assert warning.startswith(
        "svod.toml: store.shop.company.id: nothing keeps customers from having one id"
    )


def test_a_collation_without_case_neither_loses_nor_repeats_rows(mysql, small_pages):
    create(mysql, "VARCHAR(10) COLLATE utf8mb4_unicode_ci", constraint="NOT NULL")
    mysql.sql("CREATE INDEX by_id ON customers (id)")
    keys = ["a", "A", "a", "á", "Á", "b", "B", "ё", "е", "Е"]
    add(mysql, *keys)
    for since in (None, START):
        assert Counter(ids(read(mysql.store(), since=since))) == Counter(keys)


def test_a_unique_key_in_a_collation_without_case(mysql, small_pages):
    create(mysql, "VARCHAR(10) COLLATE utf8mb4_general_ci")
    keys = ["a", "B", "c", "D", "é", "Я", "ж", "Б"]
    add(mysql, *keys)
    assert Counter(ids(read(mysql.store()))) == Counter(keys)


@pytest.mark.parametrize("collation", ["C", "en_US.utf8", "und-x-icu"])
def test_every_order_of_postgresql(postgres, small_pages, collation):
    try:
        create(postgres, f'TEXT COLLATE "{collation}"')
    except psycopg.Error:
        pytest.skip(f"the server has no collation {collation}")
    keys = ["a", "B", "c", "a-b", "a b", "ab", "Я", "ё", "Ё", "0", "_"]
    add(postgres, *keys)
    assert Counter(ids(read(postgres.store()))) == Counter(keys)
    assert Counter(ids(read(postgres.store(), since=START))) == Counter(keys)


@pytest.mark.parametrize("since", [None, START])
def test_rows_without_an_id_are_dead_letters(database, small_pages, since):
    create(database, "INT", constraint="UNIQUE")
    add(database, 1, None, 2, None)
    add(database, None, changed=START - timedelta(days=9))
    store = database.store()
    assert ids(read(store, since=since)) == [1, 2]
    shop = resolve(store)
    with shop.client.session() as session:
        letters = [
            list(
                rows_without_id(
                    session, shop.tables["company"], since, "shop.company", shop.decoder
                )
            )
            for _ in range(2)
        ]
    assert letters[0] == letters[1]
    assert len({letter.offset for letter in letters[0]}) == (2 if since else 3)
    assert {letter.reason for letter in letters[0]} == {"no_id"}
    assert b'"tin":"x"' in letters[0][0].raw


NAMES = ["order", "ИНН клиента", "50%", "a`b", 'quo"te', "semi;colon", "select"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_works(database, name):
    quote = client.DIALECTS[database.kind].quote
    create(database)
    quoted = quote(name).replace("%%", "%")
    database.execute(f"ALTER TABLE customers ADD {quoted} VARCHAR(9) DEFAULT 'v'", ())
    add(database, 1)
    store = database.store({"extra": {"x": name}})
    assert [row[name] for row in read(store)] == ["v"]
    assert [row[name] for row in read(store, since=START)] == ["v"]
    database.execute(f"ALTER TABLE customers RENAME TO {quoted}", ())
    assert [row[name] for row in read(database.store({"from": name, "extra": {"x": name}}))] == [
        "v"
    ]


def test_a_table_may_stand_with_its_schema(database):
    create(database)
    add(database, 1)
    schema = "shop" if database.is_mysql else "public"
    assert ids(read(database.store({"from": f"{schema}.customers"}))) == [1]


def test_names_are_found_without_regard_to_case(database):
    create(database)
    add(database, 1)
    store = database.store({"id": "ID", "tin": "Tin", "changed_at": "CHANGED"})
    [row] = read(store, since=START)
    assert (row["ID"], row["Tin"]) == (1, "x")


def test_all_that_is_missing_is_told_at_once(database):
    create(database)
    contact = {"from": "peopel", "id": "id", "company": "c", "name": "n"}
    database.sql("CREATE TABLE people (id INT PRIMARY KEY)")
    store = database.store({"tin": "tni", "name": "xyz"}, contact=contact)
    lines = complaints(store)
    assert lines[:2] == [
        "store.shop.company.tin: the column customers.tni is missing: did you mean tin?",
        "store.shop.company.name: the column customers.xyz is missing",
    ]
    assert lines[2] == (
        "store.shop.contact.from: the database shop has no table peopel: did you mean people?"
    )


def test_a_column_that_vanishes_and_a_type_that_changes_are_told(database):
    create(database)
    add(database, 1)
    store = database.store()
    assert check_store("shop", store) == []
    database.sql("ALTER TABLE customers DROP COLUMN tin")
    assert complaints(store) == ["store.shop.company.tin: the column customers.tin is missing"]
    database.sql("ALTER TABLE customers ADD tin VARCHAR(9)")
    database.sql("DROP INDEX by_change" + (" ON customers" if database.is_mysql else ""))
    database.sql("ALTER TABLE customers DROP COLUMN changed")
    database.sql("ALTER TABLE customers ADD changed VARCHAR(30)")
    database.sql("UPDATE customers SET changed = '01.03.2024'")
    database.sql("CREATE INDEX by_change ON customers (changed, id)")
    [line] = complaints(store)
    assert line.startswith("store.shop.company.changed_at: a delta cannot go by the column changed")
    database.sql("DROP TABLE customers")
    assert complaints(store) == [
        "store.shop.company.from: the database shop has no table customers"
    ]


def test_an_index_is_asked_for_by_what_it_covers(database):
    create(database)
    store = database.store()
    database.sql("DROP INDEX by_change" + (" ON customers" if database.is_mysql else ""))
    assert complaints(store) == [
        "store.shop.company.changed_at: the table customers lacks an index that reading it needs:"
        " CREATE INDEX svod_customers_changed ON customers (changed, id)"
    ]
    assert check_store("shop", database.store(changes=False)) == []
    database.sql('CREATE INDEX "any name" ON customers (changed, id, tin)')
    assert check_store("shop", store) == []


def test_a_table_without_an_index_on_its_id_is_read_with_a_warning(database, small_pages):
    database.sql("CREATE TABLE customers (id INT NOT NULL, tin VARCHAR(9), changed DATE)")
    add(database, 3, 1, 2, 2, 5, 4)
    store = database.store(changes=False)
    assert ids(read(store)) == [1, 2, 2, 3, 4, 5]
    warning, _ = check_store("shop", store)
    assert "CREATE INDEX svod_customers_id ON customers (id)" in warning


def test_a_view_is_read_with_a_warning(database, small_pages):
    create(database)
    add(database, 1, 2, 3, 4, 5)
    database.sql("CREATE VIEW firms AS SELECT * FROM customers WHERE id > 1")
    store = database.store({"from": "firms"})
    assert ids(read(store)) == ids(read(store, since=START)) == [2, 3, 4, 5]
    [warning] = check_store("shop", store)
    assert "firms is a view" in warning


@pytest.mark.parametrize(("user", "told"), [("other", "does not know this user and password")])
def test_a_refused_account_is_told(database, monkeypatch, user, told):
    monkeypatch.setenv(VARIABLE, database.url.replace("://", f"://{user}", 1))
    [line] = complaints(database.store())
    assert line.startswith("store.shop.full.url_env (SVOD_SHOP): 127.0.0.1:")
    assert told in line


def test_a_store_that_is_not_there_is_told(database, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{database.kind}://u:p@127.0.0.1:1/shop")
    with pytest.raises(AwayError, match=r"^svod.toml: store.shop.full.url_env \(SVOD_SHOP\): 127."):
        check_store("shop", database.store(), file="svod.toml")
    monkeypatch.setenv(VARIABLE, "http://u:geheim@h/shop")
    [line] = complaints(database.store())
    assert "it does not begin with " in line
    assert "geheim" not in line
    monkeypatch.delenv(VARIABLE)
    assert "SVOD_SHOP is not set" in complaints(database.store())[0]


def test_a_table_that_may_not_be_read_is_told(postgres):
    create(postgres)
    postgres.sql("REVOKE ALL ON customers FROM svod")
    assert complaints(postgres.store()) == [
        "store.shop.company.from: svod may not read the table customers: grant SELECT on all of it"
    ]


MOMENTS = {
    "DATE": lambda at: at.date(),
    "TIMESTAMP": lambda at: at,
    "TIMESTAMP(6)": lambda at: at + timedelta(microseconds=123_456),
    "BIGINT": lambda at: int(at.replace(tzinfo=UTC).timestamp()),
    "NUMERIC(20)": lambda at: int(at.replace(tzinfo=UTC).timestamp() * 1000),
    "VARCHAR(30)": lambda at: at.isoformat(),
    "VARCHAR(31)": lambda at: f"{at.isoformat()}.5Z",
    "VARCHAR(32)": lambda at: f"{at:%Y%m%d%H%M%S}",
    "VARCHAR(33)": lambda at: f"{at:%Y-%m-%d}",
}


@pytest.mark.parametrize("form", MOMENTS)
def test_a_delta_reads_what_changed_by_any_form_of_time(database, small_pages, form):
    column = form.replace("TIMESTAMP", "DATETIME") if database.is_mysql else form
    create(database, changed=column)
    moment = MOMENTS[form]
    days = [START + timedelta(days=number) for number in range(10)]
    for number, day in enumerate(days):
        add(database, number, changed=moment(day))
    add(database, 100, changed=None)
    add(database, 101, changed=moment(datetime(2098, 1, 1)))
    store = database.store()
    assert check_store("shop", store) == []
    shop = resolve(store)
    with shop.client.session() as session:
        newest = cursors.newest_cursors(session, shop)
    start = cursors.delta_start(shop, newest, newest, timedelta(days=2))
    assert ids(read(store, since=start["company"])) == [7, 8, 9, 101]
    assert len(read(store)) == 12


def test_moments_with_a_zone_are_utc(database):
    column = "TIMESTAMP" if database.is_mysql else "TIMESTAMPTZ"
    if database.is_mysql:
        database.sql("SET time_zone = '+00:00'")
        database.sql(
            f"CREATE TABLE customers (id INT PRIMARY KEY, tin VARCHAR(9), changed {column} NULL)"
        )
        database.sql("CREATE INDEX by_change ON customers (changed, id)")
    else:
        create(database, changed=column)
    add(database, 1, changed=START.replace(tzinfo=None if database.is_mysql else UTC))
    store = database.store()
    [row] = read(store)
    assert row["changed"] == START.replace(tzinfo=UTC)
    shop = resolve(store)
    with shop.client.session() as session:
        newest = cursors.newest_cursors(session, shop)
    assert newest == {"shop.company": "2024-03-01T12:00:00+00:00"}
    assert ids(read(store, since=START)) == [1]
    assert ids(read(store, since=START + timedelta(seconds=1))) == []


def test_times_that_no_calendar_has_stop_nothing(postgres, small_pages):
    create(postgres, changed="TIMESTAMPTZ")
    for number, text in enumerate(("infinity", "-infinity", "0044-03-15 BC", "20000-01-01")):
        postgres.sql("INSERT INTO customers VALUES (%s, 'x', %s::timestamptz)", number, text)
    add(postgres, 10, changed=START)
    store = postgres.store()
    assert ids(read(store)) == [0, 1, 2, 3, 10]
    assert ids(read(store, since=START)) == [10]


@pytest.mark.parametrize("form", ["TIME", "BOOLEAN", "JSON"])
def test_what_is_no_time_is_refused_as_a_cursor(postgres, form):
    postgres.sql(f"CREATE TABLE customers (id INT PRIMARY KEY, tin TEXT, changed {form})")
    [line] = complaints(postgres.store())
    assert "a delta cannot go by the column changed: it is a" in line


def test_numbers_that_are_no_times_are_refused_as_a_cursor(database):
    create(database, changed="BIGINT")
    add(database, 1, 2, 3, changed=17)
    [line] = complaints(database.store())
    assert line.endswith("its numbers are neither seconds nor milliseconds since 1970")


def test_windows_1251_in_columns_that_say_latin1(mysql):
    mysql.sql(
        "CREATE TABLE customers (id VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY, changed DATETIME,"
        " tin VARCHAR(90) CHARACTER SET latin1, name VARCHAR(90))"
    )
    mysql.sql("CREATE INDEX by_change ON customers (changed, id)")
    for key in ("Ы1", "Ы2", "a"):
        mysql.sql(
            "INSERT INTO customers VALUES (_binary %s, %s, _binary %s, 'Москва')",
            *(key.encode("cp1251"), START, "ООО «Ель»".encode("cp1251")),
        )
    store = mysql.store({"name": "name"}, full={"encoding": "windows-1251 in latin1"})
    for since in (None, START):
        rows = read(store, since=since)
        assert sorted(ids(rows)) == ["a", "Ы1", "Ы2"]
        assert {(row["tin"], row["name"]) for row in rows} == {("ООО «Ель»", "Москва")}
        assert all(set(row) == {"id", "tin", "changed", "name"} for row in rows)


def test_bytes_that_are_no_utf8_stop_nothing(postgresql_server, monkeypatch, small_pages):
    with closing(psycopg.connect(postgresql_server.root(), autocommit=True)) as root:
        root.execute("DROP DATABASE IF EXISTS bytes")
        root.execute(
            "CREATE DATABASE bytes OWNER svod TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
        )
    url = postgresql_server.url("bytes")
    monkeypatch.setenv(VARIABLE, url)
    with closing(psycopg.connect(url, autocommit=True, client_encoding="SQL_ASCII")) as connection:
        database = Database(
            "postgresql", url, lambda text, values: connection.execute(text, values or None)
        )
        create(database, "TEXT")
        for key in ("a", "Ы", "b", "Я", "Ж", "ё", "c"):
            connection.execute(
                "INSERT INTO customers VALUES (convert_from(%s, 'SQL_ASCII'), 'x', %s)",
                (key.encode("cp1251"), START),
            )
    for since in (None, START):
        assert sorted(ids(read(database.store(), since=since))) == sorted("aЫbЯЖёc")


def orders(database, *rows, company="INT", extra=""):
    moment = "DATETIME" if database.is_mysql else "TIMESTAMP"
    database.sql(
        f"CREATE TABLE orders (id INT PRIMARY KEY, firm {company}, total NUMERIC(10, 2),"
        f" cur CHAR(3), state VARCHAR(20), created {moment}, changed {moment} {extra})"
    )
    database.sql("CREATE INDEX by_firm ON orders (firm)")
    database.sql("CREATE INDEX orders_change ON orders (changed, id)")
    for number, row in enumerate(rows):
        values = {"total": 10, "cur": "RUB", "state": "paid", "created": START, "changed": START}
        values |= row
        names, cells = ", ".join(values), list(values.values())
        marks = ", ".join(["%s"] * len(cells))
        database.sql(f"INSERT INTO orders (id, {names}) VALUES (%s, {marks})", number, *cells)


ORDER = {
    "from": "orders",
    "id": "id",
    "company": "firm",
    "changed_at": "changed",
    "created_at": "created",
    "total": "total",
    "currency": "cur",
    "status": "state",
    "cancelled": ["cancelled"],
}


def sums(store):
    return {
        row["id"]: (row["orders_count"], row["orders_total"], row["orders_last_at"])
        for row in read(store)
    }


def test_orders_are_summed(database):
    create(database)
    add(database, 1, 2, 3)
    late = START + timedelta(days=1)
    orders(
        database,
        *({"firm": 1}, {"firm": 1, "created": late}, {"firm": 1, "state": " Cancelled "}),
        *({"firm": 2, "state": "cancelled"}, {"firm": 9}, {"firm": None}),
        {"firm": 3, "state": None},
    )
    assert sums(database.store(order=ORDER)) == {
        1: (2, Decimal(20), late),
        2: (0, Decimal(0), None),
        3: (1, Decimal(10), START),
    }


def test_orders_cancelled_in_russian_and_left_out_by_conditions(database):
    create(database)
    add(database, 1)
    orders(
        database,
        *({"firm": 1}, {"firm": 1, "state": "ОТМЕНЁН "}, {"firm": 1, "gone": 1}),
        *({"firm": 1, "type": "test"}, {"firm": 1, "type": "Sale"}),
        extra=", gone INT DEFAULT 0, type VARCHAR(9) DEFAULT 'sale'",
    )
    rules = {"cancelled": ["отменён"], "deleted": "gone", "only": {"field": "type", "is": ["sale"]}}
    assert sums(database.store(order=ORDER | rules)) == {1: (2, Decimal(20), START)}


def test_only_roubles_are_summed(database):
    create(database)
    add(database, 1, 2, 3)
    orders(
        database,
        *({"firm": 1}, {"firm": 1, "cur": "USD"}, {"firm": 1, "cur": None}),
        *({"firm": 2, "cur": "USD"}, {"firm": 3}),
    )
    store = database.store(order=ORDER)
    assert {key: row[:2] for key, row in sums(store).items()} == {
        1: (3, Decimal(20)),
        2: (1, Decimal(10)),
        3: (1, Decimal(10)),
    }
    assert {row["id"]: row.get("orders_currency") for row in read(store)} == {
        1: None,
        2: "USD",
        3: None,
    }


def test_totals_and_times_that_are_texts_are_summed(database):
    create(database)
    add(database, 1)
    database.sql(
        "CREATE TABLE orders (id INT PRIMARY KEY, firm INT, total VARCHAR(20), created VARCHAR(30))"
    )
    database.sql("CREATE INDEX by_firm ON orders (firm)")
    for number, (total, created) in enumerate(
        [("1 000,50", "2024-01-01"), ("1 000,50", "2024-01-01"), ("7", "2024-03-01T10:00:00")]
    ):
        database.sql("INSERT INTO orders VALUES (%s, 1, %s, %s)", number, total, created)
    table = {"from": "orders", "id": "id", "company": "firm", "total": "total"}
    store = database.store(order=table | {"created_at": "created"}, changes=False)
    assert sums(store) == {1: (3, Decimal("2008.00"), "2024-03-01T10:00:00")}


@pytest.mark.parametrize(
    ("key", "keys", "company", "firms"),
    [
        ("INT", [17, 18], "VARCHAR(9)", ["17", "x"]),
        ("VARCHAR(9)", ["17", "x"], "INT", [17, 18]),
        ("VARCHAR(12)", ["0000000017", "x"], "INT", [17, 18]),
    ],
)
def test_orders_name_their_company_in_another_type(database, key, keys, company, firms):
    create(database, key)
    add(database, *keys)
    orders(database, *({"firm": firm} for firm in firms), company=company)
    store = database.store(order=ORDER)
    if len(str(keys[0])) == 10:
        store = msgspec.structs.replace(store, id_form="digits:10")
    assert [row["orders_count"] for row in read(store)] == [1, 0]
    shop = resolve(store)
    later = START + timedelta(days=1)
    with shop.client.session() as session:
        pages = list(companies_of_changed_orders(session, shop, START, later))
    assert [ids(page) for page in pages] == [[keys[0]]]


def test_an_index_on_the_orders_company_is_asked_for(database):
    create(database)
    orders(database)
    store = database.store(order=ORDER)
    assert check_store("shop", store) == []
    database.sql("DROP INDEX by_firm" + (" ON orders" if database.is_mysql else ""))
    assert complaints(store) == [
        "store.shop.order.company: the table orders lacks an index that reading it needs:"
        " CREATE INDEX svod_orders_firm ON orders (firm)"
    ]


def test_a_connection_lost_in_the_middle_costs_no_row(database, small_pages, monkeypatch):
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    create(database, "VARCHAR(9)")
    keys = [f"k{number:02}" for number in range(20)]
    add(database, *keys)
    source = SqlSource(resolve(database.store()), "company")
    rows = []
    for batch in source.read(source.get_range_tracker(None, None)):
        rows += batch
        if database.is_mysql:
            for (number,) in database.rows(
                "SELECT id FROM information_schema.processlist WHERE user = 'shop'"
            ):
                database.sql(f"KILL {number}")
        else:
            database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND"
                " pid <> pg_backend_pid()"
            )
    assert ids(rows) == keys


def test_a_store_that_stays_away_is_an_error(postgres, monkeypatch):
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    create(postgres)
    source = SqlSource(resolve(postgres.store()), "company")
    monkeypatch.setenv(VARIABLE, "postgresql://svod:geheim@127.0.0.1:1/shop")
    with pytest.raises(StoreError) as caught:
        source.get_range_tracker(None, None)
    assert str(caught.value).startswith("store shop does not answer, tried 6 times; last: ")
    assert "geheim" not in str(caught.value)


def test_no_page_reads_a_whole_table(postgres, monkeypatch):
    create(postgres, "TEXT")
    postgres.sql(
        "INSERT INTO customers SELECT 'k' || n, 'x', TIMESTAMP '2024-03-01' + n * INTERVAL '1 s'"
        " FROM generate_series(1, 20000) AS n"
    )
    postgres.sql("ANALYZE customers")
    plans = []
    rows = client.Session.rows

    def explained(session, query, parameters=()):
        plans.append([row["QUERY PLAN"] for row in rows(session, f"EXPLAIN {query}", parameters)])
        return rows(session, query, parameters)

    wholes = [SqlSource(resolve(postgres.store()), "company", at) for at in (None, START)]
    monkeypatch.setattr(client.Session, "rows", explained)
    for whole in wholes:
        tracker = whole.get_range_tracker(None, None)
        for _ in whole.read(tracker):
            pass
    text = "\n".join(line for plan in plans for line in plan)
    assert "Seq Scan" not in text
    assert "Sort" not in text
    assert "customers_pkey" in text
    assert "by_change" in text


def test_connections_are_bounded(postgres, small_pages, monkeypatch):
    monkeypatch.setattr(client, "_slots", {})
    create(postgres)
    add(postgres, *range(30))
    source = SqlSource(resolve(postgres.store()), "company")
    connect, opened, counts = client.connect, [], []

    def counted(url):
        opened.append(connect(url))
        counts.append(sum(not connection.closed for connection in opened))
        return opened[-1]

    monkeypatch.setattr(client, "connect", counted)
    threads = [
        threading.Thread(
            target=lambda at=at: list(source.read(source.get_range_tracker(at, at + 5)))
        )
        for at in range(0, 30, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(counts) <= 2
    assert len(opened) == 6


def test_the_servers_own_estimate(database):
    create(database)
    add(database, *range(50))
    database.sql("ANALYZE" + (" TABLE customers" if database.is_mysql else " customers"))
    assert estimate_rows("shop", database.store()) == 50


def test_a_delta_after_the_clocks_went_back_reads_the_hour_that_came_twice():
    clock = cursors.Clock("datetime", "Europe/Berlin")
    before, after = datetime(2024, 10, 27, 2, 50), datetime(2024, 10, 27, 3, 10)
    assert clock.put_back(before, after) == timedelta(hours=1)
    assert clock.put_back(after, after) == timedelta()
