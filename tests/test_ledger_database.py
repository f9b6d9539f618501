"""The ledger on each database: the same content, the same errors, one run a time."""

import multiprocessing
import pickle
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.bitrix24 import Bitrix24, Fault
from sandbox.servers.mariadb import MariaDB
from tests.helpers.golden_load import CHANGED, RECORDS, bring, hold, load, picture
from tests.helpers.ledger_runs import (
    ACTIVE,
    CLOSED,
    OTHER,
    SILENT,
    company_row,
    contact_row,
    outcomes,
    run_once,
    snapshot,
)
from transforms.core.chunks import CHUNK
from transforms.core.errors import ConfigurationError, LedgerError
from transforms.crm.errors import Stop
from transforms.ledger import schema
from transforms.ledger.database import Ledger, open_ledger, perform
from transforms.ledger.lock import LedgerLockedError, exclusive
from transforms.ledger.progress import PartialProgress, Progress, announce, complete, stages
from transforms.ledger.rows.source_rows import remember
from transforms.ledger.runs import finish_run, start_run
from transforms.ledger.statements import delete, delete_rows, look_up, upsert

ROWS = (
    company_row("A:1", ACTIVE, name="Ромашка 😀", phones=("+78120000001",)),
    company_row("A:2", CLOSED),
    company_row("A:3", SILENT),
    company_row("A:4", "ИНН 😀", reason="bad_tin_format"),
    # Ids that a careless collation takes for one.
    company_row("B:a", OTHER, name="Малая"),
    company_row("B:A", ACTIVE, name="Большая"),
    contact_row("A:1", ["1", "2"], name="Иванов Пётр", phones=("+79210000001",)),
    contact_row("A:2", ["1"], name="Иванов Петр", phones=("+79210000001",)),
    contact_row("A:3", ["3"], name="Сидоркин Лев"),
    contact_row("B:ё", ["a"], name="Лютикова Анна"),
    contact_row("B:е", ["A"], name="Лютикова Анна"),
)


def test_a_draft_is_written_when_it_is_performed_and_can_be_made_in_another_process(
    ledger: Ledger,
) -> None:
    table = schema.aliases

    def alias(name: str, key: str) -> dict[str, str]:
        return {"kind": "contact", "alias": name, "key": key}

    def content() -> dict[str, str]:
        with ledger.read() as connection:
            return dict(connection.execute(sa.select(table.c.alias, table.c.key)).all())

    def work(connection: sa.Connection) -> list[str]:
        upsert(connection, table, [alias("A-1", "A-3"), alias("A-4", "A-5")])
        delete(connection, table.c.alias, ["A-2"], kind="contact")
        columns = (table.c.alias,)
        found = look_up(connection, columns, table.c.alias, ["A-1", "A-2", "A-4"], kind="contact")
        return sorted(name for (name,) in found)

    before = {"A-1": "A-9", "A-2": "A-9"}
    ledger.transact(lambda one: upsert(one, table, [alias(*pair) for pair in before.items()]))
    there = pickle.loads(pickle.dumps(ledger))
    draft = pickle.loads(pickle.dumps(there.draft(work)))
    there.close()
    assert draft.result == ["A-1", "A-2"]
    assert content() == before
    ledger.transact(lambda connection: perform(connection, [draft]))
    assert content() == {"A-1": "A-3", "A-4": "A-5"}


def test_what_the_database_says_to_a_draft_can_be_told(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"^the ledger failed: .*nowhere") as told:
        ledger.draft(lambda connection: connection.exec_driver_sql("SELECT 1 FROM nowhere"))
    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)


def test_rows_go_through_in_any_order(ledger: Ledger) -> None:
    run_once(ledger, ROWS)
    whole = snapshot(ledger)
    assert outcomes(ledger) == {
        "company A:1": f"golden {ACTIVE}",
        "company A:2": "not_active",
        "company A:3": "register_no_answer",
        "company A:4": "bad_tin_format",
        "company B:a": f"golden {OTHER}",
        "company B:A": f"golden {ACTIVE}",
        "contact A:1": "golden A-1",
        "contact A:2": "golden A-1",
        "contact A:3": "waiting_for_company",
        "contact B:ё": "golden B-ё",
        "contact B:е": "golden B-е",
    }
    assert whole.companies[ACTIVE][0].title == "Ромашка 😀"
    changes = [company_row("A:1", OTHER, 2), contact_row("A:2", [], 2, reason="no_company")]
    for row in changes:
        run_once(ledger, [row])
    run_once(ledger, [company_row("A:1", ACTIVE, 3, name="Ромашка 😀", phones=("+78120000001",))])
    run_once(ledger, [contact_row("A:2", ["1"], 3, name="Иванов Петр", phones=("+79210000001",))])
    assert snapshot(ledger).contacts.keys() == whole.contacts.keys()
    assert snapshot(ledger).companies.keys() == whole.companies.keys()


def test_a_record_of_200_kilobytes_comes_back_byte_by_byte(ledger: Ledger) -> None:
    name = "Ж😀\\'\"\x00" * 30_000
    row = company_row("A:1", "x", reason="bad_tin_format", name=name)
    good = company_row("A:2", ACTIVE, name=name)
    run_once(ledger, [row, good])
    with ledger.read() as connection:
        query = sa.select(schema.rows.c.payload, schema.rows.c.raw).order_by(
            schema.rows.c.source_id
        )
        assert [(bytes(p), bytes(r)) for p, r in connection.execute(query)] == [
            (row.payload, row.raw),
            (good.payload, good.raw),
        ]
        assert (
            connection.execute(sa.select(schema.invalid_companies.c.record)).scalar()
            == row.raw.decode()
        )
    assert snapshot(ledger).companies[ACTIVE][0].title == name


def test_upsert_overwrites_but_for_what_is_kept(ledger: Ledger) -> None:
    table = schema.deferred
    row = {
        "kind": "company",
        "source": "A",
        "source_id": "1",
        "tin": "1",
        "reason": "x",
        "since": "a",
    }
    other = row | {"source_id": "2"}
    with ledger.write() as connection:
        upsert(connection, table, [])
        upsert(connection, table, [row, other])
        upsert(connection, table, [row | {"reason": "y", "since": "b"}], keep=["since"])
        upsert(connection, table, [other | {"reason": "z", "since": "b"}])
        upsert(connection, schema.golden_tins, [{"tin": "1", "key": "k"}])
        upsert(connection, schema.golden_tins, [{"tin": "1", "key": "k"}, {"tin": "1", "key": "K"}])
    with ledger.read() as connection:
        assert connection.execute(sa.select(table.c.reason, table.c.since)).all() == [
            ("y", "a"),
            ("z", "b"),
        ]
        assert set(connection.execute(sa.select(schema.golden_tins.c.key)).scalars()) == {"K", "k"}


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.sets(st.tuples(_TEXTS, st.integers(-(2**63), 2**63 - 1)), max_size=20),
    asked=st.lists(_TEXTS, max_size=20),
    born=st.integers(0, 2),
)
def test_looking_up_finds_what_a_plain_query_finds(
    ledger: Ledger, there: set[tuple[str, int]], asked: list[str], born: int
) -> None:
    table, keys = schema.tombstones.c, schema.contact_keys.c
    rows = [
        {"source": "A", "source_id": one, "changed_at": born, "tie_order": number, "raw": b"\0\xff"}
        for one, number in dict(sorted(there)).items()
    ]
    numbers = sorted({number for _, number in there})
    with ledger.write() as connection:
        for old in (schema.tombstones, schema.contact_keys):
            connection.execute(old.delete())
        upsert(connection, schema.tombstones, rows)
        values = [{"key": number, "source": "A", "source_id": "1"} for number in numbers]
        upsert(connection, schema.contact_keys, values)
    # Enough to be asked for in several pieces.
    sought = sorted({*asked, *(text for text, _ in there), *map(str, range(CHUNK + 1))})
    columns = table.source_id, table.tie_order, table.raw
    with ledger.read() as connection:
        plain = sa.select(*columns).where(
            table.source_id.in_(sought), table.source == "A", table.changed_at == 1
        )
        found = look_up(connection, columns, table.source_id, sought, source="A", changed_at=1)
        assert sorted(map(tuple, found)) == sorted(map(tuple, connection.execute(plain)))
        found = look_up(connection, (keys.key,), keys.key, numbers)
        assert sorted(key for (key,) in found) == numbers
        assert not list(look_up(connection, columns, table.source_id, []))


def test_rows_are_deleted_by_their_whole_keys(ledger: Ledger) -> None:
    table = schema.contact_keys
    there = [
        (key, source, str(number)) for key in (-1, 7) for source in "AB" for number in range(9)
    ]
    there += [(8, "A", str(number)) for number in range(2 * CHUNK)]
    # Enough for several statements; the last is not there.
    gone = [*there[1::2], (9, "A", "1")]
    with ledger.write() as connection:
        upsert(connection, table, [dict(zip(table.c.keys(), key, strict=True)) for key in there])
        delete_rows(connection, table, gone)
        delete_rows(connection, table, [])
    with ledger.read() as connection:
        left = {tuple(row) for row in connection.execute(sa.select(table))}
    assert left == set(there) - set(gone)


def test_sqlite_finds_the_rows_to_delete_by_their_keys(tmp_path: Path) -> None:
    keys = [(number, "A", str(number)) for number in range(3)]
    with closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        drafted = ledger.draft(lambda one: delete_rows(one, schema.contact_keys, keys))
        with ledger.read() as connection:
            for sql, values in drafted.statements:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values[0]).all()
                assert [row.detail.split()[0] for row in plan] == ["SEARCH"]


def test_a_load_and_its_interruptions(ledger: Ledger) -> None:
    with Bitrix24(limits=False) as portal:
        portal.faults.set([Fault("overload", method="crm.requisite.bankdetail.add")])
        run = hold(ledger, RECORDS)
        with pytest.raises(Stop):
            load(ledger, portal, run)
        with ledger.read() as connection:
            assert (
                connection.execute(sa.select(sa.func.count()).select_from(schema.deferred)).scalar()
                == 4
            )
        portal.faults.set([Fault("lost", probability=0.2)])
        for records in (RECORDS, CHANGED, RECORDS):
            bring(ledger, portal, records)
        with ledger.read() as connection:
            for table in (schema.deferred, schema.rejected, schema.intents):
                assert connection.execute(sa.select(table)).all() == []
        assert len(picture(portal)["companies"]) == len(picture(portal)["contacts"]) == 2
        assert portal.stats.violations.keys() <= {"unchanged_updates"}


def test_writers_that_get_in_each_others_way_try_again(ledger: Ledger) -> None:
    """Two transactions that lock two rows crosswise: one of them is sent back, and succeeds."""
    table, meeting = schema.meta, threading.Barrier(2, timeout=5)
    with ledger.write() as connection:
        upsert(connection, table, [{"key": key, "value": "0"} for key in ("x", "y")])

    def work(first: str, second: str) -> None:
        tries = 0

        def add(connection: Any) -> None:
            nonlocal tries
            tries += 1
            one = {"value": sa.cast(sa.cast(table.c.value, sa.Integer) + 1, sa.String(10))}
            connection.execute(table.update().where(table.c.key == first).values(one))
            if tries == 1 and ledger.engine.dialect.name != "sqlite":
                meeting.wait()
            connection.execute(table.update().where(table.c.key == second).values(one))

        ledger.transact(add)

    threads = [threading.Thread(target=work, args=keys) for keys in (("x", "y"), ("y", "x"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.read() as connection:
        query = sa.select(table.c.value).where(table.c.key.in_(("x", "y")))
        assert connection.execute(query).scalars().all() == ["2", "2"]


def test_many_writers_lose_nothing(ledger: Ledger) -> None:
    run = start_run(ledger, "full")

    def write(number: int) -> None:
        remember(ledger, run, [company_row(f"A:{number}-{n}", ACTIVE) for n in range(40)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.read() as connection:
        assert (
            connection.execute(sa.select(sa.func.count()).select_from(schema.rows)).scalar() == 240
        )


def test_runs_are_numbered_and_those_cut_off_are_marked(ledger: Ledger) -> None:
    first = start_run(ledger, "full")
    second = start_run(ledger, "delta")
    finish_run(ledger, second, "done", {"имя": "Ж"})
    with ledger.read() as connection:
        query = sa.select(schema.runs.c.run_seq, schema.runs.c.status, schema.runs.c.summary)
        assert connection.execute(query.order_by(schema.runs.c.run_seq)).all() == [
            (1, "interrupted", None),
            (2, "done", '{"имя": "Ж"}'),
        ]
    assert first.run_id != second.run_id
    progress = Progress(ledger, second, "read", total=10)
    progress.add(3)
    progress.flush()
    with ledger.read() as connection:
        assert [(stage.done, stage.total) for stage in stages(connection, second.run_id)] == [
            (3, 10)
        ]


def test_workers_that_count_side_by_side_lose_nothing(ledger_url: str, ledger: Ledger) -> None:
    """Each counts parts of a stage; a part that is done again counts once."""
    run = start_run(ledger, "full")
    announce(ledger, run, "companies", 80)

    def count(first: int) -> None:
        with closing(open_ledger(ledger_url)) as own:
            for number in range(first, first + 10):
                PartialProgress(own, run, "companies").note(f"part {number}", 4)

    threads = [threading.Thread(target=count, args=(first,)) for first in (0, 10, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.read() as connection:
        assert [(stage.done, stage.total) for stage in stages(connection, run.run_id)] == [(80, 80)]


def test_a_stage_that_is_begun_again_goes_on_counting(ledger: Ledger) -> None:
    """The first attempt at a load of ten has done seven, and noted six."""
    run = start_run(ledger, "full")
    for total, count in ((10, 6), (3, 2)):
        progress = Progress(ledger, run, "load companies", total=total)
        progress.add(count)
        progress.flush()
    with ledger.read() as connection:
        assert [stage.done for stage in stages(connection, run.run_id)] == [9]
    complete(ledger, run, "load companies", "load contacts")
    with ledger.read() as connection:
        assert [(stage.done, stage.total) for stage in stages(connection, run.run_id)] == [(10, 10)]


def test_a_second_run_is_told_to_wait(ledger_url: str, ledger: Ledger) -> None:
    other = open_ledger(ledger_url)
    try:
        with exclusive(ledger):
            with (
                pytest.raises(LedgerLockedError, match="another run is going on"),
                exclusive(other),
            ):
                pass
            run_once(ledger, ROWS)
        with exclusive(other):
            pass
    finally:
        other.close()


def test_two_names_of_a_file_are_one_lock(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "ledger.db")
    with (
        closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger,
        closing(open_ledger(f"sqlite:///{link}")) as same_ledger,
        exclusive(ledger),
        pytest.raises(LedgerLockedError),
        exclusive(same_ledger),
    ):
        pass


def test_a_lock_that_was_lost_with_its_connection(mariadb: MariaDB) -> None:
    """A second run gets in: the first one notices before it creates anything."""
    with closing(pymysql.connect(**mariadb.root())) as root, Bitrix24(limits=False) as portal:
        # Not the ledger's own character set: it must not depend on the server's settings.
        url = mariadb.create_database("lost", "latin1")
        with closing(open_ledger(url)) as ledger, closing(open_ledger(url)) as other:
            with exclusive(ledger):
                first = hold(ledger, RECORDS)
                with root.cursor() as cursor:
                    cursor.execute("SELECT IS_USED_LOCK('svod lost')")
                    cursor.execute("KILL %s", cursor.fetchone())
                with exclusive(other):
                    second = hold(other, RECORDS)
                    with pytest.raises(LedgerLockedError, match="another run has begun"):
                        load(ledger, portal, first)
                    assert picture(portal)["companies"] == []
                    load(other, portal, second)
            assert portal.state.duplicates("companies") == {}
            assert len(picture(portal)["companies"]) == 2


def _hold_the_lock(url: str, told: Any) -> None:
    with exclusive(open_ledger(url)):
        told.set()
        threading.Event().wait()


def test_the_lock_ends_with_its_process(ledger_url: str, ledger: Ledger) -> None:
    context = multiprocessing.get_context("spawn")
    told = context.Event()
    process = context.Process(target=_hold_the_lock, args=(ledger_url, told))
    process.start()
    try:
        assert told.wait(30)
        with pytest.raises(LedgerLockedError), exclusive(ledger):
            pass
    finally:
        process.kill()
        process.join()
    for _ in range(100):
        try:
            with exclusive(ledger):
                return
        except LedgerLockedError:
            threading.Event().wait(0.05)
    pytest.fail("the lock outlived its process")


def test_a_ledger_of_another_program_is_refused(ledger_url: str, ledger: Ledger) -> None:
    run_once(ledger, ROWS)
    with ledger.write() as connection:
        connection.execute(schema.meta.update().values(value=str(schema.VERSION + 1)))
    newer = f"--ledger: its tables are of version {schema.VERSION + 1}"
    with pytest.raises(ConfigurationError, match=newer):
        open_ledger(ledger_url)


def test_tables_that_were_made_halfway_are_finished(ledger_url: str, ledger: Ledger) -> None:
    with ledger.write() as connection:
        connection.execute(schema.meta.delete())
        schema.sent.drop(connection)
        schema.crosswalk.drop(connection)
    anew = open_ledger(ledger_url)
    run_once(anew, ROWS)
    assert sa.inspect(anew.engine).has_table("crosswalk")
    anew.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nowhere/at/all/ledger.db",
        "mysql://svod:s3cret@127.0.0.1:1/svod",
        "nonsense",
        "oracle://svod:s3cret@127.0.0.1/svod",
    ],
)
def test_a_ledger_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--ledger: ") as caught:
        open_ledger(url)
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"PK\x03\x04" * 1000)
    with pytest.raises(
        ConfigurationError, match=r"^--ledger: cannot open it: file is not a database"
    ):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db")


_INVALID = "source, source_id, tin, reason, detail, record, first_seen_at, last_seen_at, run_id"


def test_other_programs_read_the_tables_of_the_contract(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    run_once(ledger, ROWS)
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        for table, columns in (
            ("runs", "run_id, command, started_at, finished_at, status, summary"),
            (
                "invalid_companies",
                _INVALID,
            ),
            (
                "invalid_contacts",
                _INVALID,
            ),
            ("invalid_messages", "topic, partition, offset, reason, raw, seen_at"),
            ("deferred", "kind, source, source_id, tin, reason, since"),
            ("rejected", "kind, key, reason, detail, record, run_id, seen_at"),
            ("crosswalk", "kind, key, crm_id, version, loaded_at"),
            ("members", "kind, key, source, source_id"),
        ):
            connection.execute(f"SELECT {columns} FROM {table}").fetchall()
