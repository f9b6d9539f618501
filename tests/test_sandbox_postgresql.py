"""A private PostgreSQL starts, stops, and keeps its data when it is killed."""

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from sandbox.servers import postgresql
from sandbox.servers.postgresql import PostgreSQL, ServerError


def test_it_comes_back_after_a_kill_with_its_data_at_its_address():
    with PostgreSQL() as server:
        url = server.create_database("shop")
        with closing(psycopg.connect(url)) as connection:
            connection.execute("CREATE TABLE companies (tin TEXT)")
            connection.execute("INSERT INTO companies VALUES ('7805746764')")
            connection.commit()
            busy = psycopg.connect(url)
            os.kill(server.pid, signal.SIGKILL)
            server.stop()
            server.start()
            busy.close()
        with closing(psycopg.connect(url)) as connection:
            [row] = connection.execute("SELECT tin FROM companies")
            assert row == ("7805746764",)
        server.create_database("shop")
        with (
            closing(psycopg.connect(url)) as connection,
            pytest.raises(psycopg.errors.UndefinedTable),
        ):
            connection.execute("SELECT tin FROM companies")


def test_stopping_leaves_nothing_running_and_no_folder():
    with PostgreSQL() as server:
        pid, sockets, folder = (
            server.pid,
            Path(conninfo_to_dict(server.root())["host"]),
            server.folder,
        )
        # A client that stays does not keep the server.
        client = psycopg.connect(server.root())
        server.stop()
        server.stop()
        assert not Path(f"/proc/{pid}").exists()
        assert not sockets.exists()
        assert folder.exists()
    client.close()
    assert not folder.exists()


def test_a_server_that_outlived_its_owner_is_ended():
    with PostgreSQL() as orphan, PostgreSQL(orphan.folder) as server:
        assert server.pid != orphan.pid
        assert not Path(f"/proc/{orphan.pid}/cmdline").read_bytes()


def test_a_cut_short_installation_is_made_anew():
    with PostgreSQL() as server:
        server.stop()
        (server.folder / "installed").unlink()
        (server.folder / "data" / "PG_VERSION").unlink()
        server.start()
        with closing(psycopg.connect(server.root())) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_without_the_program_it_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql, "_PROGRAMS", tmp_path)
    with pytest.raises(ServerError, match="apt-get install postgresql"):
        PostgreSQL(tmp_path).start()


def test_a_server_that_fails_to_start_says_why():
    with PostgreSQL() as server:
        server.stop()
        (server.folder / "data" / "postgresql.conf").write_text("nonsense = 1")
        before = time.monotonic()
        with pytest.raises(ServerError, match=r"(?s)did not come up.*nonsense"):
            server.start()
        assert time.monotonic() - before < 60
