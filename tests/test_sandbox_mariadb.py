"""A private MariaDB starts, stops, keeps its data when it is killed, and holds store A."""

import os
import signal
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pymysql
import pytest

from sandbox import store_a
from sandbox.servers import mariadb
from sandbox.servers.mariadb import MariaDB, ServerError
from sandbox.world.world import World


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture
def root(server):
    with closing(store_a.connect(server)) as connection:
        yield connection


def as_reader(server):
    url = urlsplit(server.url(store_a.DATABASE, store_a.READER, store_a.PASSWORD))
    return closing(
        pymysql.connect(
            host=url.hostname,
            port=url.port,
            user=url.username,
            password=url.password,
            database=url.path[1:],
        )
    )


def fetch(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def is_alive(pid):
    return Path(f"/proc/{pid}/cmdline").exists()


def test_the_store_holds_the_worlds_rows_byte_by_byte(server, root):
    world = World(seed=5, scale=0.002)
    store_a.create_shop(root)
    store_a.load_store_a(root, world)
    binary = "CAST(name AS BINARY), CAST(phone AS BINARY), CAST(inn AS BINARY)"
    with as_reader(server) as connection:
        rows = fetch(connection, f"SELECT id, {binary} FROM companies ORDER BY id")
        assert rows == tuple((row[0], row[4], row[11], row[1]) for row in world.a.company_rows())
        counts = [fetch(connection, f"SELECT COUNT(*) FROM {t}")[0][0] for t in store_a.TABLES]
    sizes = world.sizes
    assert counts == [sizes.company_rows_a, sizes.contact_rows_a, sizes.order_rows_a]


def test_the_reader_may_select_and_nothing_else(server, root):
    store_a.create_shop(root)
    with as_reader(server) as connection, connection.cursor() as cursor:
        for statement in (
            "DELETE FROM companies",
            "CREATE TEMPORARY TABLE x (a INT)",
            "LOCK TABLES companies READ",
            "SHOW REPLICA STATUS",
        ):
            with pytest.raises(pymysql.err.MySQLError):
                cursor.execute(statement)


def test_text_is_windows_1251_in_latin1_columns(server, root):
    store_a.create_shop(root)
    row = store_a.insert_row(root, "companies", {"name": "ООО «Ромашка»", "is_deleted": 1})
    raw = store_a.insert_row(root, "companies", {"name": b"\x98 \xd0\x90 '\\%s"})
    with as_reader(server) as connection:
        assert fetch(connection, f"SELECT name FROM companies WHERE id = {row}") == (
            ("ÎÎÎ «Ðîìàøêà»",),
        )
        assert fetch(
            connection, f"SELECT CAST(name AS BINARY) FROM companies WHERE id = {raw}"
        ) == ((b"\x98 \xd0\x90 '\\%s",),)


def test_it_comes_back_after_a_kill_with_its_data(tmp_path):
    with MariaDB(tmp_path) as server:
        with closing(store_a.connect(server)) as connection:
            store_a.create_shop(connection)
            store_a.insert_row(connection, "companies", {"inn": "7805746764"})
        os.kill(server.pid, signal.SIGKILL)
    with MariaDB(tmp_path) as server, as_reader(server) as connection:
        assert fetch(connection, "SELECT inn FROM companies") == (("7805746764",),)


def test_a_server_that_outlived_its_owner_is_ended(tmp_path):
    orphan = MariaDB(tmp_path)
    orphan.start()
    with MariaDB(tmp_path) as server:
        assert server.pid != orphan.pid
    orphan.stop()


def test_stopping_leaves_nothing_running_and_no_socket(tmp_path):
    server = MariaDB(tmp_path)
    server.start()
    pid, sockets = server.pid, Path(server.root()["unix_socket"]).parent
    server.stop()
    server.stop()
    assert not is_alive(pid)
    assert not sockets.exists()


def test_a_cut_short_installation_is_made_anew(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ibdata1").write_bytes(b"half")
    with MariaDB(tmp_path) as server, closing(store_a.connect(server)) as connection:
        assert fetch(connection, "SELECT 1") == ((1,),)


def test_without_the_program_it_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(mariadb.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ServerError, match="apt-get install mariadb-server"):
        MariaDB(tmp_path).start()


def test_a_server_that_fails_to_start_says_why(tmp_path):
    with MariaDB(tmp_path):
        pass
    (tmp_path / "data" / "ibdata1").write_bytes(b"spoilt")
    before = time.monotonic()
    with pytest.raises(ServerError, match="did not come up"):
        MariaDB(tmp_path).start()
    assert time.monotonic() - before < 60
