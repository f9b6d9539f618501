"""Store A, read from a real MariaDB by beam-mysql-connector's source and by our own."""

import importlib
import inspect
import pickle
import sys
import threading
from collections import Counter
from contextlib import closing
from datetime import datetime
from decimal import Decimal

import apache_beam as beam
import pytest
from apache_beam.io import source_test_utils
from apache_beam.io.iobase import BoundedSource
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import transforms
from pipeline.sql_stores import built_in_store
from sandbox import store_a
from sandbox.servers.mariadb import MariaDB
from transforms import mysql_source
from transforms.configuration.builtin import built_in_configuration
from transforms.core.errors import AwayError, ConfigurationError, StoreError
from transforms.read_sql import ReadSql, SqlSource
from transforms.stores.sql import changed_orders, client, keyset
from transforms.stores.sql.check import check_store
from transforms.stores.sql.client import Session
from transforms.stores.sql.url import DatabaseUrl

OLD, SINCE, NEW = datetime(2024, 1, 1, 12), datetime(2024, 3, 1), datetime(2024, 3, 1, 0, 0, 1)
BUILT_IN = built_in_configuration().store["A"]
COMPANY_TEXTS = (
    *("inn", "kpp", "ogrn", "name", "full_name", "address"),
    *("bank_name", "bik", "account", "corr_account", "phone", "email", "site"),
)
CONTACT_TEXTS = ("last_name", "first_name", "middle_name", "position", "phone", "email")
CONNECTOR = "beam_mysql.connector.source"
MODULES = ("mysql_source", "read_sql")


@pytest.fixture(params=["connector", "own"])
def base(request, monkeypatch):
    """The classes that store A's source and splitter derive from: the connector's, or ours."""
    if request.param == "connector":
        pytest.importorskip(CONNECTOR, reason="the connector is for Python 3.11")
    else:
        monkeypatch.setitem(sys.modules, CONNECTOR, None)
    # Imported anew for this test alone.
    for name in MODULES:
        monkeypatch.setattr(transforms, name, getattr(transforms, name))
        monkeypatch.delitem(sys.modules, f"transforms.{name}")
    module = importlib.import_module("transforms.read_sql")
    for name in ("ReadSql", "SqlSource"):
        monkeypatch.setattr(sys.modules[__name__], name, getattr(module, name))
    return request.param


both = pytest.mark.usefixtures("base")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with MariaDB(tmp_path_factory.mktemp("store-a")) as running:
        yield running


@pytest.fixture
def root(server, monkeypatch):
    """A connection as root of an empty shop, which ``SVOD_STORE_A`` points at."""
    url = server.url(store_a.DATABASE, store_a.READER, store_a.PASSWORD)
    monkeypatch.setenv("SVOD_STORE_A", url)
    with closing(store_a.connect(server)) as connection:
        store_a.create_shop(connection)
        yield connection


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(keyset, "PAGE", 3)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(client.time, "sleep", lambda _: None)


def add(root, table, ids, **values):
    for number in ids:
        store_a.insert_row(root, table, {"id": number, **values})


def order(root, company_id, total, status="paid", at=OLD, updated_at=OLD):
    row = {"company_id": company_id, "total": total, "status": status, "number": "n"}
    store_a.insert_row(
        root,
        "orders",
        {**row, "currency": "RUB", "created_at": str(at), "updated_at": str(updated_at)},
    )


def since(moment):
    return dict.fromkeys(("company", "contact", "order"), moment)


def store(connections=2):
    """Store A as its catalogue has it now."""
    resolved = built_in_store()
    resolved.client.connections = connections
    return resolved


def source(table, since=None, connections=2):
    return SqlSource(store(connections), table, since)


def check_store_a(url):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SVOD_STORE_A", url or " ")
        assert check_store("A", BUILT_IN) == []


def companies_of_changed_orders(shop, moment):
    with shop.client.session() as session:
        return list(changed_orders.companies_of_changed_orders(session, shop, moment, moment))


def read_all(tracked):
    """Every row of a source, read without splitting."""
    tracker = tracked.get_range_tracker(None, None)
    return [row for batch in tracked.read(tracker) for row in batch]


def ids(rows):
    return [row["id"] for row in rows]


def run(check_companies, check_contacts, **options):
    with beam.Pipeline(runner=FnApiRunner()) as root:
        read = ReadSql(store(options.get("connections", 2)), since=options.get("since"))
        batches = (root | "A" >> read).batches
        companies = batches["company"] | "Companies" >> beam.FlatMap(list)
        contacts = batches["contact"] | "Contacts" >> beam.FlatMap(list)
        assert_that(companies, check_companies, label="CheckCompanies")
        assert_that(contacts, check_contacts, label="CheckContacts")


def has_ids(*expected):
    def check(rows):
        assert Counter(ids(rows)) == Counter(expected)

    return check


def test_the_source_is_the_connectors_where_it_installs(base):
    origins = {kind.__module__ for kind in SqlSource.__mro__}
    assert (CONNECTOR in origins) == (base == "connector")


@pytest.mark.parametrize(
    ("own", "module", "name"),
    [
        (mysql_source.TableSource, CONNECTOR, "MySQLSource"),
        (mysql_source.TableSplitter, "beam_mysql.connector.splitters", "BaseSplitter"),
    ],
)
def test_our_classes_have_the_connectors_interface(own, module, name):
    connectors = getattr(pytest.importorskip(module), name)

    def interface(kind):
        return {
            method: list(inspect.signature(function).parameters)
            for method, function in inspect.getmembers(kind, inspect.isfunction)
            if method[0] != "_" or method == "__init__"
        }

    assert interface(own) == interface(connectors)
    assert issubclass(own, BoundedSource) == issubclass(connectors, BoundedSource)


@both
def test_rows_come_as_bytes_with_their_orders(root):
    name = b"\xce\xce\xce \xab\xd0\xee\xec\x98\xf8\xea\xe0\xbb"
    store_a.insert_row(root, "companies", {"name": name, "inn": "7805746764", "is_deleted": 1})
    store_a.insert_row(root, "companies", {"email": "Почта".encode()})
    contact = {"company_id": 77, "last_name": "Иванов"}
    store_a.insert_row(root, "contacts", contact)
    order(root, 1, "100.10", at=OLD)
    order(root, 1, "0.90", at=SINCE)
    order(root, 1, "5.00", status="cancelled", at=NEW)
    order(root, 2, "5.00", status="cancelled")
    order(root, 99, "5.00")
    nothing = dict.fromkeys(COMPANY_TEXTS)
    stamps = {"is_deleted": 0, "created_at": OLD, "updated_at": OLD}
    run(
        equal_to(
            [
                {
                    **nothing,
                    **stamps,
                    "id": 1,
                    "inn": b"7805746764",
                    "name": name,
                    "is_deleted": 1,
                    "orders_count": 2,
                    "orders_total": Decimal("101.00"),
                    "orders_last_at": SINCE,
                },
                {
                    **nothing,
                    **stamps,
                    "id": 2,
                    "email": "Почта".encode(),
                    "orders_count": 0,
                    "orders_total": Decimal(0),
                    "orders_last_at": None,
                },
            ]
        ),
        equal_to(
            [
                {
                    **dict.fromkeys(CONTACT_TEXTS),
                    **stamps,
                    "id": 1,
                    "company_id": 77,
                    "last_name": "Иванов".encode("cp1251"),
                }
            ]
        ),
    )


@both
def test_orders_of_scattered_companies(root):
    add(root, "companies", [1, 7, 4_000_000_000])
    for company_id in (1, 5, 7, 7):
        order(root, company_id, "1.00")
    rows = read_all(source("company"))
    assert [(row["id"], row["orders_count"]) for row in rows] == [
        (1, 1),
        (7, 2),
        (4_000_000_000, 0),
    ]


@both
def test_empty_store(root):
    run(has_ids(), has_ids())
    run(has_ids(), has_ids(), since=since(SINCE))


@both
@pytest.mark.parametrize("connections", [1, 2, 7])
def test_every_row_comes_once(root, small_pages, connections):
    add(root, "companies", range(1, 24))
    add(root, "contacts", [1, 2, 3, 1000, 1001, 50_000])
    run(has_ids(*range(1, 24)), has_ids(1, 2, 3, 1000, 1001, 50_000), connections=connections)


@both
def test_since_takes_what_changed_or_has_changed_orders(root, small_pages):
    add(root, "companies", range(1, 6), updated_at=str(OLD))
    add(root, "companies", range(6, 14), updated_at=str(SINCE))
    add(root, "companies", [14], updated_at=str(NEW))
    add(root, "contacts", [1, 2], updated_at=str(OLD))
    add(root, "contacts", [3], updated_at=str(NEW))
    for company_id in (2, 3, 2, 2, 3, 7, 99):
        order(root, company_id, "1.00", updated_at=SINCE)
    order(root, 4, "1.00", updated_at=OLD)
    run(has_ids(2, 3, *range(6, 15)), has_ids(3), since=since(SINCE))
    run(has_ids(14), has_ids(3), since=since(NEW))
    run(has_ids(), has_ids(), since=since(datetime(2025, 1, 1)))


def test_a_cancelled_order_is_a_change(root):
    add(root, "companies", [1])
    order(root, 1, "1.00", status="cancelled", updated_at=NEW)
    assert [ids(page) for page in companies_of_changed_orders(store(1), SINCE)] == [[1]]


@both
@pytest.mark.parametrize("since", [None, OLD])
def test_ranges_hold_all_rows_and_none_twice(root, small_pages, since):
    add(root, "contacts", [1, 2, 3, 4, 5, 8, 9, 30, 31], updated_at=str(SINCE))
    add(root, "contacts", [32, 33], updated_at=str(NEW))
    whole = source("contact", since, connections=8)
    rows = read_all(whole)
    assert ids(rows) == [1, 2, 3, 4, 5, 8, 9, 30, 31, 32, 33]
    parts = list(whole.split(1))
    assert len(parts) == 4
    assert [part.start_position for part in parts[1:]] == [
        part.stop_position for part in parts[:-1]
    ]
    read = []
    for part in parts:
        tracker = part.source.get_range_tracker(part.start_position, part.stop_position)
        read += [row for batch in part.source.read(tracker) for row in batch]
    assert read == rows


@both
def test_runner_may_split_anywhere(root, monkeypatch):
    """With one row an element, Beam's own checks can follow each row."""
    monkeypatch.setattr(keyset, "PAGE", 1)
    add(root, "contacts", [2, 3, 5])
    whole = source("contact", connections=4)
    bundles = [(part.source, part.start_position, part.stop_position) for part in whole.split(1)]
    source_test_utils.assert_sources_equal_reference_source((whole, None, None), bundles)
    source_test_utils.assert_reentrant_reads_succeed((whole, None, None))
    source_test_utils.assert_split_at_fraction_exhaustive(whole, perform_multi_threaded_test=False)


@both
def test_split_in_the_middle_of_a_page(root, small_pages):
    add(root, "contacts", range(1, 21))
    whole = source("contact")
    for split_at in range(2, 21):
        tracker = whole.get_range_tracker(None, None)
        batches = whole.read(tracker)
        first = next(batches)
        taken = tracker.try_split(split_at)
        rows = first + [row for batch in batches for row in batch]
        start = taken[0] if taken else 21
        rest = whole.read(whole.get_range_tracker(start, 21)) if taken else []
        assert (taken is None) == (split_at <= 3)
        assert ids(rows) == list(range(1, start))
        assert ids(rows + [row for batch in rest for row in batch]) == list(range(1, 21))


@both
def test_gaps_between_ids_cost_nothing(root):
    add(root, "contacts", [1, 2_000_000_000, 4_294_967_295])
    whole = source("contact")
    with root.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
        before = int(cursor.fetchone()[1])
        assert ids(read_all(whole)) == [1, 2_000_000_000, 4_294_967_295]
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
        # The bounds, and one page.
        assert int(cursor.fetchone()[1]) - before == 2


@both
@pytest.mark.parametrize("since", [None, OLD])
def test_lost_connection_is_taken_up_behind_the_last_row(root, small_pages, impatient, since):
    add(root, "companies", range(1, 12))
    order(root, 5, "1.00")
    whole = source("company", since)
    rows = []
    for batch in whole.read(whole.get_range_tracker(None, None)):
        rows += batch
        with root.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE user = %s", (store_a.READER,)
            )
            for (connection,) in cursor.fetchall():
                cursor.execute(f"KILL {connection}")
    assert ids(rows) == list(range(1, 12))
    assert rows[4]["orders_count"] == 1


@both
def test_store_that_stays_away_is_an_error(root, impatient, monkeypatch):
    whole = source("contact")
    monkeypatch.setenv("SVOD_STORE_A", "mysql://svod:geheim@127.0.0.1:1/shop")
    with pytest.raises(StoreError) as caught:
        whole.get_range_tracker(None, None)
    told = str(caught.value)
    assert told.startswith("store A does not answer, tried 6 times; last: Can't connect")
    assert "geheim" not in told


@both
def test_refused_query_is_an_error(root):
    whole = source("contact")
    with root.cursor() as cursor:
        cursor.execute("DROP TABLE shop.contacts")
    with pytest.raises(StoreError, match=r"^store A refuses a query: Table "):
        whole.get_range_tracker(None, None)


@both
def test_connections_are_bounded(root, small_pages, monkeypatch):
    monkeypatch.setattr(client, "_slots", {})
    connect = client.connect
    opened, held = [], []

    def counted(url):
        opened.append(connect(url))
        # Not the server's own count: it learns a while later that one is closed.
        held.append(sum(connection.open for connection in opened))
        return opened[-1]

    monkeypatch.setattr(client, "connect", counted)
    add(root, "contacts", range(1, 40))
    whole = source("contact", connections=2)
    opened.clear()
    read = []
    barrier = threading.Barrier(2, timeout=30)

    def read_part(start):
        # As on a worker, where each bundle has its own copy.
        mine = pickle.loads(pickle.dumps(whole))
        for batch in mine.read(mine.get_range_tracker(start, start + 5)):
            barrier.wait()
            read.extend(ids(batch))

    threads = [threading.Thread(target=read_part, args=(at,)) for at in range(1, 41, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(held) == 2
    assert len(opened) == len(threads)
    assert sorted(read) == list(range(1, 40))


@both
def test_no_query_reads_a_whole_table(root, monkeypatch):
    add(root, "companies", range(1, 60), updated_at=str(NEW))
    add(root, "companies", [60], updated_at=str(OLD))
    add(root, "contacts", range(1, 60), updated_at=str(NEW))
    for company_id in range(1, 61):
        order(root, company_id, "1.00", updated_at=NEW)
    plans = []
    rows = Session.rows

    def explained(session, query, parameters=()):
        for plan in rows(session, f"EXPLAIN {query}", parameters):
            plans.append((plan["table"], plan["type"], plan["key"], plan["Extra"] or ""))
        return rows(session, query, parameters)

    wholes = [source(table, at) for at in (None, SINCE) for table in ("company", "contact")]
    shop = store(1)
    monkeypatch.setattr(Session, "rows", explained)
    for whole in wholes:
        assert len(read_all(whole)) >= 59
    assert [ids(page) for page in companies_of_changed_orders(shop, SINCE)] == [[60]]
    assert {plan[:3] for plan in plans} == {
        (None, None, None),
        ("companies", "range", "PRIMARY"),
        ("companies", "range", "idx_companies_updated"),
        ("contacts", "range", "PRIMARY"),
        ("contacts", "range", "idx_contacts_updated"),
        ("orders", "range", "idx_orders_company"),
        ("orders", "range", "idx_orders_updated"),
    }
    assert not [plan for plan in plans if "filesort" in plan[3] or "temporary" in plan[3]]


@both
def test_no_password_travels(root, monkeypatch):
    whole = source("contact")
    assert read_all(whole) == []
    assert store_a.PASSWORD.encode() not in pickle.dumps(whole)
    # A graph that is made where nobody knows the password cannot hold it.
    shop = store()
    monkeypatch.delenv("SVOD_STORE_A")
    pipeline = beam.Pipeline(runner=FnApiRunner())
    pipeline | ReadSql(shop, since=since(SINCE))
    pipeline.to_runner_api()


@both
def test_options_are_checked_at_construction(root):
    with pytest.raises(ValueError, match="connections must be 1 or more"):
        ReadSql(store(connections=0))
    with pytest.raises(ValueError, match="since must be local time, without a zone"):
        ReadSql(store(), since=since(SINCE.astimezone()))


def test_url_is_taken_apart():
    url = "mysql://sv%40od:p%3Aa%2Fs%25s@db.example:3307/shop?ssl_ca=/etc/ca.pem&ssl_verify_identity=true"
    parsed = DatabaseUrl.parse(url, "mysql", "--store_a")
    assert parsed == DatabaseUrl(
        "db.example",
        3307,
        "sv@od",
        "p:a/s%s",
        "shop",
        (("ssl_ca", "/etc/ca.pem"), ("ssl_verify_cert", True), ("ssl_verify_identity", True)),
    )
    assert "p:a/s" not in repr(parsed)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "it does not begin with mysql://"),
        ("postgresql://u:geheim@h/shop", "it does not begin with mysql://"),
        ("mysql://u:geheim@h:port/shop", "it cannot be read as a URL"),
        ("mysql://u:geheim@[h/shop", "it cannot be read as a URL"),
        ("mysql://u:geheim@/shop", "it names no host"),
        ("mysql://h/shop", "it names no user"),
        ("mysql://u:geheim@h", "it names no database"),
        ("mysql://u:geheim@h/shop/x", "a character in it is not percent-encoded"),
        ("mysql://u:geheim@h/shop#x", "a character in it is not percent-encoded"),
        ("mysql://u:geheim@h/shop?tls=1", "its options may be ssl_ca, ssl_cert, ssl_key,"),
        ("mysql://u:geheim@h/shop?ssl_verify_cert=maybe", "its options may be ssl_ca,"),
    ],
)
def test_malformed_url_is_explained(url, told):
    with pytest.raises(ConfigurationError) as caught:
        check_store_a(url)
    assert str(caught.value).startswith(f"--store_a: {told}")
    assert "geheim" not in str(caught.value)


def test_good_store_passes_the_check(root, server):
    check_store_a(server.url(store_a.DATABASE, store_a.READER, store_a.PASSWORD))


@pytest.mark.parametrize(
    ("user", "password", "database", "told"),
    [
        ("svod", "wrong", "shop", "127.0.0.1:{port} does not know this user and password"),
        ("nobody", "only-select", "shop", "127.0.0.1:{port} does not know this user and password"),
        (
            "svod",
            "only-select",
            "other",
            "there is no database other, or svod may not see it",
        ),
    ],
)
def test_refused_account_is_explained(root, server, user, password, database, told):
    with pytest.raises(ConfigurationError) as caught:
        check_store_a(server.url(database, user, password))
    assert str(caught.value) == f"--store_a: {told.format(port=server.port)}"
    assert not isinstance(caught.value, AwayError)


def test_store_that_is_not_there_is_explained():
    with pytest.raises(AwayError, match=r"^--store_a: 127.0.0.1:1 cannot be reached: "):
        check_store_a("mysql://u:p@127.0.0.1:1/shop")
    with pytest.raises(AwayError, match=r"^--store_a: no.invalid:3306 cannot be reached"):
        check_store_a("mysql://u:p@no.invalid/shop")


def test_tls_that_the_server_lacks_is_explained(root, server, tmp_path):
    url = server.url("shop", store_a.READER, store_a.PASSWORD)
    with pytest.raises(ConfigurationError, match=r"^--store_a: no secure connection to 127.0.0.1"):
        check_store_a(f"{url}?ssl_verify_cert=true")
    with pytest.raises(ConfigurationError, match=r"^--store_a: a file of its ssl_ca, ssl_cert or"):
        check_store_a(f"{url}?ssl_ca={tmp_path}/none.pem")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DROP TABLE shop.orders", "the database shop has no table orders"),
        ("ALTER TABLE shop.orders DROP total", "the column orders.total is missing"),
        ("ALTER TABLE shop.companies DROP kpp", "the column companies.kpp is missing"),
        (
            "ALTER TABLE shop.contacts DROP KEY idx_contacts_updated",
            "the table contacts lacks an index that reading it needs: CREATE INDEX"
            " svod_contacts_updated_at ON contacts (updated_at, id)",
        ),
    ],
)
def test_store_that_is_not_as_agreed_is_explained(root, server, change, told):
    with root.cursor() as cursor:
        cursor.execute(change)
    with pytest.raises(ConfigurationError) as caught:
        check_store_a(server.url("shop", store_a.READER, store_a.PASSWORD))
    assert str(caught.value).startswith(f"--store_a: {told}")


def test_table_that_may_not_be_read_is_named(root, server):
    with root.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE USER part@'%' IDENTIFIED BY 'p'")
        for table in ("companies", "orders"):
            cursor.execute(f"GRANT SELECT ON shop.{table} TO part@'%'")
    with pytest.raises(ConfigurationError) as caught:
        check_store_a(server.url("shop", "part", "p"))
    assert str(caught.value) == (
        "--store_a: part may not read the table contacts: grant SELECT on all of it"
    )
