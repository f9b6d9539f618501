"""Older ledgers are brought up step by step, wherever that is cut off, and lose nothing."""

import importlib.util
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from tests.helpers.ledgers import DATABASES, create_database
from transforms.core.errors import ConfigurationError
from transforms.ledger import database, migrations, schema
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.migrations import STEPS, add_column, add_index
from transforms.ledger.streams import CurrentStream, current_stream

OLDER = Path(__file__).parent / "data" / "ledger_9148ef9"


class CutOffError(Exception):
    """The program ends here."""


def version_5() -> sa.MetaData:
    """The tables of version 5, by that program's own words."""
    spec = importlib.util.spec_from_file_location("schema_5", OLDER / "schema_version_5.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.VERSION == 5
    metadata: sa.MetaData = module.metadata
    return metadata


def fill(engine: Engine) -> None:
    """Make the ledger that commit 9148ef9 left, with a stream that is told to end."""
    metadata = version_5()
    metadata.create_all(engine)
    with closing(sqlite3.connect(":memory:")) as older, engine.begin() as connection:
        older.executescript((OLDER / "ledger.sql").read_text("utf-8"))
        older.row_factory = sqlite3.Row
        for table in metadata.sorted_tables:
            rows = [dict(row) for row in older.execute(f'SELECT * FROM "{table.name}"')]
            if rows:
                connection.execute(table.insert(), rows)
        connection.execute(
            metadata.tables["meta"].insert(), {"key": "stream", "value": "-3 ending"}
        )


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger of version 5."""
    url = create_database(request, tmp_path, "older")
    with closing(Ledger(url)) as ledger:
        fill(ledger.engine)
    return url


def content(url: str) -> dict[str, Any]:
    """All that the ledger holds, but for its version and its streams."""
    with closing(Ledger(url)) as ledger, ledger.read() as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in tables.sorted_tables
            if table.name not in ("meta", "streams")
        }


def meta(url: str) -> dict[str, str]:
    with closing(Ledger(url)) as ledger, ledger.read() as connection:
        rows = connection.execute(sa.select(schema.meta.c.key, schema.meta.c.value))
        return {row.key: row.value for row in rows}


def note_version(url: str, version: int) -> None:
    with closing(Ledger(url)) as ledger, ledger.write() as connection:
        connection.execute(
            schema.meta.update()
            .where(schema.meta.c.key == "schema_version")
            .values(value=str(version))
        )


SINCE_VERSION_1 = {
    *("unloaded", "cursors", "former_persons", "contact_keys", "hot_keys", "dirty_contacts"),
    *("stale_contacts", "models", "doubts", "judgements", "done_offsets", "tombstones", "crm_pace"),
}


def make_first_version(url: str) -> None:
    """Take out of a ledger of version 5 what version 1 did not have."""
    with closing(Ledger(url)) as ledger, ledger.write() as connection:
        for table in version_5().sorted_tables:
            if table.name in SINCE_VERSION_1:
                table.drop(connection)
                continue
            for index in table.indexes:
                if index.name in ("rows_by_run", "crosswalk_by_run", "runs_by_settled"):
                    index.drop(connection)
    note_version(url, 1)


def missing(url: str) -> set[str]:
    """Tables, columns and indexes of this program that the ledger lacks."""
    lacks: set[str] = set()
    with closing(Ledger(url)) as ledger:
        inspector = sa.inspect(ledger.engine)
        there = set(inspector.get_table_names())
        for table in schema.metadata.sorted_tables:
            if table.name not in there:
                lacks.add(table.name)
                continue
            names = {column["name"] for column in inspector.get_columns(table.name)}
            names |= {index["name"] for index in inspector.get_indexes(table.name)}
            parts = {*table.columns.keys(), *(str(index.name) for index in table.indexes)}
            lacks |= {f"{table.name}.{part}" for part in parts - names}
    return lacks


def narrow_columns(url: str) -> set[str]:
    """Text columns of the ledger that are narrower than this program's."""
    with closing(Ledger(url)) as ledger:
        inspector = sa.inspect(ledger.engine)
        return {
            f"{table.name}.{column['name']}"
            for table in schema.metadata.sorted_tables
            for column in inspector.get_columns(table.name)
            if (width := getattr(table.c[column["name"]].type, "length", None))
            and width > (getattr(column["type"], "length", None) or 0)
        }


def test_columns_take_a_stores_key_of_16_characters(url: str) -> None:
    is_sqlite = url.startswith("sqlite")
    open_ledger(url).close()
    # SQLite takes texts of any length into any column.
    assert ("rows.source" in narrow_columns(url)) == is_sqlite
    row = {"source": "S" * 16, "source_id": "1" * 64}
    key = {"kind": "contact", "alias": "K" * 81, "key": "k" * 81}
    with closing(Ledger(url)) as ledger:
        for table, values in ((schema.stale_contacts, row), (schema.aliases, key)):
            with ledger.write() as connection:
                connection.execute(table.insert(), values)
            with ledger.read() as connection:
                assert values in [
                    dict(found) for found in connection.execute(sa.select(table)).mappings()
                ]
        if is_sqlite:
            return
        assert narrow_columns(url) == set()
        inspector = sa.inspect(ledger.engine)
        for table in schema.metadata.sorted_tables:
            for column in inspector.get_columns(table.name):
                assert column["nullable"] == table.c[column["name"]].nullable
                # On MariaDB keys are still compared byte by byte.
                collation = getattr(column["type"], "collation", None)
                assert collation in (None, "utf8mb4_bin")


def stream(ledger: Ledger) -> CurrentStream:
    with ledger.read() as connection:
        return current_stream(connection)


@contextmanager
def cut_off_at(number: int) -> Iterator[None]:
    """Let the program end before it writes for the time of that number."""
    count = 0

    def before(_connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        nonlocal count
        count += sql.lstrip().split()[0] in ("CREATE", "ALTER", "INSERT", "DELETE", "UPDATE")
        if count == number:
            raise CutOffError

    sa.event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        sa.event.remove(Engine, "before_cursor_execute", before)


def test_each_version_has_a_step_that_says_what_it_does() -> None:
    assert list(STEPS) == sorted(STEPS)
    assert max(STEPS) == schema.VERSION
    for number, step in STEPS.items():
        assert (step.__doc__ or "").startswith(f"Version {number}: ")


def test_an_older_ledger_is_brought_up(url: str) -> None:
    before = content(url)
    with closing(open_ledger(url)) as ledger:
        assert stream(ledger) == CurrentStream(-3, ends=True, ended=False)
    # Versions 7 and 8 add a table each, version 9 widens columns: nothing is filled in. Version 10
    # writes down the two stores that every older ledger has, 11 to 13 add a table each, 14 to 16
    # add a column each.
    two_stores = [
        "('A', 'store A', 1, 1, 'listed', '', '')",
        "('B', 'store B', 1, 0, 'listed', '', '')",
    ]
    assert content(url) == before | {
        "stale_companies": [],
        "progress_parts": [],
        "stores": two_stores,
        "departures": [],
        "former_store_keys": [],
        "unfit_values": [],
        # Without a digest they are cleaned once more.
        "rows": [f"{row[:-1]}, 0)" for row in before["rows"]],
    }
    assert missing(url) == set()
    assert meta(url) == {"schema_version": str(schema.VERSION)}


def test_a_ledger_without_a_stream_has_none(url: str) -> None:
    with closing(Ledger(url)) as ledger, ledger.write() as connection:
        connection.execute(schema.meta.delete().where(schema.meta.c.key == "stream"))
    with closing(open_ledger(url)) as ledger:
        assert stream(ledger) == CurrentStream(0)


@pytest.mark.parametrize(
    ("noted", "state"),
    [("-4", (-4, False, False)), ("-4 ending", (-4, True, False)), ("-4 ended", (-4, True, True))],
)
def test_a_streams_state_is_kept(tmp_path: Path, noted: str, state: tuple[int, bool, bool]) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with closing(Ledger(url)) as ledger:
        fill(ledger.engine)
        with ledger.write() as connection:
            table = schema.meta
            connection.execute(table.update().where(table.c.key == "stream").values(value=noted))
    with closing(open_ledger(url)) as ledger:
        assert stream(ledger) == state


def test_a_ledger_of_the_first_version_is_brought_up(url: str) -> None:
    """The loader looks at all records, and all contacts are matched anew."""
    make_first_version(url)
    with closing(open_ledger(url)) as ledger, ledger.read() as connection:

        def keys(query: Any) -> list[Any]:
            return sorted(connection.execute(query).all())

        golden, rows = schema.golden.c, schema.rows.c
        goldens = keys(sa.select(golden.kind, golden.key))
        assert goldens != []
        assert keys(sa.select(schema.unloaded.c.kind, schema.unloaded.c.key)) == goldens
        valid = (rows.kind == "contact") & (rows.reason == "")
        contacts = keys(sa.select(rows.source, rows.source_id).where(valid))
        assert contacts != []
        assert keys(sa.select(schema.dirty_contacts)) == contacts
    assert missing(url) == set()


def test_wherever_it_is_cut_off_the_next_one_finishes(tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    with closing(Ledger(f"sqlite:///{older}")) as ledger:
        fill(ledger.engine)
    make_first_version(f"sqlite:///{older}")
    whole = tmp_path / "whole.db"
    shutil.copy(older, whole)
    open_ledger(f"sqlite:///{whole}").close()
    expected = content(f"sqlite:///{whole}")
    for number in range(1, 1000):
        url = f"sqlite:///{tmp_path}/{number}.db"
        shutil.copy(older, tmp_path / f"{number}.db")
        try:
            with cut_off_at(number):
                open_ledger(url).close()
        except CutOffError:
            with closing(open_ledger(url)) as ledger:
                assert stream(ledger) == (-3, True, False)
            assert content(url) == expected
            continue
        break
    assert 20 < number < 1000


@pytest.mark.parametrize("version", [1, 5])
def test_it_is_finished_after_several_cuts(url: str, version: int) -> None:
    """MySQL commits with each change of the tables: what is there is not made twice."""
    if version == 1:
        make_first_version(url)
    for number in range(1, 1000):
        try:
            with cut_off_at(number):
                ledger = open_ledger(url)
        except CutOffError:
            continue
        break
    with closing(ledger):
        assert stream(ledger) == (-3, True, False)
        with ledger.read() as connection:
            assert connection.execute(sa.select(schema.streams)).all() == [(-3, "ending")]
    assert missing(url) == set()
    assert 3 < number < 1000


def test_a_step_adds_a_column_and_an_index(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Ledger(url)) as ledger, ledger.write() as connection:
        cursor = {"name": "companies", "position": "2024"}
        connection.execute(schema.cursors.delete())
        connection.execute(schema.cursors.insert(), cursor)
    table = sa.Table(
        "cursors",
        sa.MetaData(),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("position", sa.String(32), nullable=False),
        sa.Column("zone", sa.String(16), nullable=False, server_default="Europe/Moscow"),
        sa.Column("offset", sa.BigInteger),
        sa.Index("cursors_by_offset", "offset"),
    )

    def add(connection: Connection) -> None:
        """The next version: cursors say in which zone they are."""
        add_column(connection, table.c.zone)
        add_column(connection, table.c.offset)
        for index in table.indexes:
            add_index(connection, index)
        connection.execute(table.update().values(offset=7))

    version = schema.VERSION + 1
    monkeypatch.setattr(migrations, "STEPS", {**STEPS, version: add})
    monkeypatch.setattr(schema, "VERSION", version)
    for number in range(1, 1000):
        try:
            with cut_off_at(number):
                open_ledger(url).close()
        except CutOffError:
            continue
        break
    with closing(Ledger(url)) as ledger, ledger.read() as connection:
        row = ("companies", "2024", "Europe/Moscow", 7)
        assert connection.execute(sa.select(table)).all() == [row]
        [index] = sa.inspect(connection).get_indexes("cursors")
        assert (index["name"], index["column_names"]) == ("cursors_by_offset", ["offset"])
    # The step is not taken again.
    with closing(Ledger(url)) as ledger, ledger.write() as connection:
        connection.execute(table.update().values(offset=8))
    with closing(open_ledger(url)) as ledger, ledger.read() as connection:
        assert connection.execute(sa.select(table.c.offset)).scalar_one() == 8
    assert meta(url)["schema_version"] == str(version)


def test_a_column_that_rows_cannot_have_is_refused(tmp_path: Path) -> None:
    table = sa.Table("cursors", sa.MetaData(), sa.Column("zone", sa.String(16), nullable=False))
    with (
        closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger,
        ledger.write() as connection,
        pytest.raises(ValueError, match=r"^cursors\.zone needs a server default"),
    ):
        add_column(connection, table.c.zone)


def test_several_may_open_an_older_ledger_at_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is taken once: the others wait for its end."""
    calls: list[int] = []
    meeting = Barrier(4, timeout=20)

    def counted(number: int, step: Callable[[Connection], None]) -> Callable[[Connection], None]:
        def take(connection: Connection) -> None:
            calls.append(number)
            step(connection)

        return take

    counted_steps = {number: counted(number, step) for number, step in STEPS.items()}
    monkeypatch.setattr(migrations, "STEPS", counted_steps)
    looked = database.is_older

    def look(version: str) -> bool:
        meeting.wait()
        return looked(version)

    monkeypatch.setattr(database, "is_older", look)
    note_version(url, 1)
    threads = [Thread(target=lambda: open_ledger(url).close()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == list(STEPS)
    assert missing(url) == set()


def test_a_newer_ledger_is_refused_as_it_is(url: str) -> None:
    note_version(url, schema.VERSION + 1)
    before = content(url), meta(url)
    message = f"^--ledger: its tables are of version {schema.VERSION + 1}, this program needs"
    with pytest.raises(ConfigurationError, match=message):
        open_ledger(url)
    assert (content(url), meta(url)) == before
