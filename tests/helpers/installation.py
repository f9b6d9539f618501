"""An installation of Svod: both stores, the register, the portal, a ledger, the command."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import uuid4

import sqlalchemy as sa
from pymysql.connections import Connection

from pipeline.__main__ import run
from sandbox import store_a
from sandbox.bitrix24 import Bitrix24
from sandbox.register.server import TOKEN, Register, encode
from sandbox.servers.mariadb import MariaDB
from sandbox.store_b import Encoding, write_store_b
from sandbox.world import check_digits
from sandbox.world.world import World

CODE = "c0de-of-the-webhook"
# No limits; a local request ends before its answer arrives.
PACE = (
    *("--crm_rate=100000", "--crm_burst=100000", "--crm_operating=100000", "--crm_settle=0.1"),
    *("--register_rate=100000", "--register_daily=1000000"),
)
SOURCES = ("store_a", "store_b")


class Ended(NamedTuple):
    """The end of a command: its exit code and output."""

    code: int
    out: str
    err: str


class Snapshot(NamedTuple):
    """The state of an installation: its files, the shop's tables, the register, the CRM."""

    folder: Path
    shop: str
    answers: Any
    crm: bytes


class Installation:
    """A ledger and its services; ``svod`` runs a command in this process, ``start`` in another."""

    def __init__(
        self, folder: Path, server: MariaDB, root: Connection, register: Register, portal: Bitrix24
    ) -> None:
        self.folder, self.root, self.register, self.portal = folder, root, register, portal
        self.ledger = f"sqlite:///{folder / 'svod.db'}"
        self.report = folder / "report"
        self.files = folder / "store_b"
        self.files.mkdir()
        self._previous_writes: Counter[str] = Counter()
        self.environment = {
            "SVOD_STORE_A": server.url(store_a.DATABASE, store_a.READER, store_a.PASSWORD),
            "SVOD_CRM": portal.webhook,
            "SVOD_REGISTER": register.url,
            "SVOD_REGISTER_TOKEN": TOKEN,
            "SVOD_LEDGER": self.ledger,
        }

    def full(
        self, *options: str, files: str = "*.json*", sources: Iterable[str] = SOURCES
    ) -> Ended:
        """Runs ``svod full`` on the stores in ``sources``."""
        files_option = [f"--store_b_files={self.files}/{files}"] if "store_b" in sources else []
        left_out = () if "store_a" in sources else ("SVOD_STORE_A",)
        return self.svod(
            "full", *files_option, f"--report={self.report}", *PACE, *options, left_out=left_out
        )

    def delta(self, *options: str) -> Ended:
        """Runs ``svod delta``."""
        return self.svod("delta", f"--report={self.report}", *PACE, *options)

    def svod(self, *arguments: str, left_out: Iterable[str] = ()) -> Ended:
        """Runs a command in this process."""
        out, err = StringIO(), StringIO()
        with (
            patch.dict(os.environ, clear=True) as environment,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            environment.update(self._environment(left_out))
            code = _exit_code(arguments)
        return Ended(code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command in a new process."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *arguments],
            env=self._environment(()),
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def full_arguments(self) -> list[str]:
        """Returns the arguments of ``full``, for ``start``."""
        files = f"--store_b_files={self.files}/*.json*"
        return ["full", files, f"--report={self.report}", *PACE]

    def _environment(self, left_out: Iterable[str]) -> dict[str, str]:
        foreign = {name: value for name, value in os.environ.items() if name[:5] != "SVOD_"}
        named = self.environment.items()
        return foreign | {name: value for name, value in named if name not in left_out}

    def summary(self) -> dict[str, Any]:
        """Returns the last run's ``summary.json``."""
        content: dict[str, Any] = json.loads((self.report / "summary.json").read_text())
        return content

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query to the ledger."""
        engine = sa.create_engine(self.ledger)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(sa.text(query))]
        finally:
            engine.dispose()

    def execute(self, statement: str) -> None:
        """Changes the ledger by SQL."""
        engine = sa.create_engine(self.ledger)
        try:
            with engine.begin() as connection:
                connection.execute(sa.text(statement))
        finally:
            engine.dispose()

    def fill(
        self, world: World, files: int = 3, encoding: Encoding = "utf-8", packed: bool = False
    ) -> None:
        """Puts a whole world into both stores and the register."""
        store_a.load_store_a(self.root, world)
        write_store_b(world, self.files, files, encoding, packed)
        self.know(world.register())

    def know(self, suggestions: Iterable[Mapping[str, Any]]) -> None:
        """Replaces the register's answers."""
        self.register.answers = encode(suggestions)

    def keep(self) -> Snapshot:
        """Saves the state, for installations that begin with it."""
        folder = self.folder / "kept"
        folder.mkdir()
        with (
            closing(sqlite3.connect(self.folder / "svod.db")) as ledger,
            closing(sqlite3.connect(folder / "svod.db")) as copy,
        ):
            ledger.backup(copy)
        for part in (self.files, self.report):
            shutil.copytree(part, folder / part.name)
        shop = f"kept_{uuid4().hex}"
        self.sql(f"CREATE DATABASE {shop}")
        for table in store_a.TABLES:
            self.sql(f"CREATE TABLE {shop}.{table} LIKE {table}")
            self.sql(f"INSERT INTO {shop}.{table} SELECT * FROM {table}")
        return Snapshot(folder, shop, self.register.answers, b"".join(self.portal.state.dump()))

    def take(self, snapshot: Snapshot) -> None:
        """Restores a saved state; the counters of the services stay at zero."""
        shutil.copytree(snapshot.folder, self.folder, dirs_exist_ok=True)
        for table in store_a.TABLES:
            self.sql(f"INSERT INTO {table} SELECT * FROM {snapshot.shop}.{table}")
        self.register.answers = snapshot.answers
        self.portal.state.load(snapshot.crm)

    def company(self, number: int, tin: str, **values: str | bytes | int | None) -> None:
        """Adds a company to store A."""
        store_a.insert_row(self.root, "companies", {"id": number, "inn": tin, **values})

    def contact(self, number: int, company: int | None, **values: str | bytes | int | None) -> None:
        """Adds a contact to store A."""
        row = {"id": number, "company_id": company, "last_name": f"Иванов{'аеи'[number % 3]}"}
        store_a.insert_row(self.root, "contacts", row | values)

    def change(self, table: str, number: int, **values: str | int | None) -> None:
        """Changes a row of store A and its time of change."""
        row = {"updated_at": "2024-05-01 12:00:00", **values}
        sets = ", ".join(f"{name} = %s" for name in row)
        cells = (cell.encode("cp1251") if isinstance(cell, str) else cell for cell in row.values())
        self.sql(f"UPDATE {table} SET {sets} WHERE id = %s", *cells, number)

    def sql(self, statement: str, *values: str | bytes | int | None) -> None:
        """Changes store A by SQL."""
        self.root.select_db(store_a.DATABASE)
        with self.root.cursor() as cursor:
            cursor.execute(statement, values)
        self.root.commit()

    def wrote(self) -> dict[str, int]:
        """Returns the portal's writes by method since the previous call."""
        writes = Counter(self.portal.stats.written)
        since = writes - self._previous_writes
        self._previous_writes = writes
        return dict(since)

    def titles(self) -> dict[str, str]:
        """Returns the portal's companies: TIN to title."""
        return {company["originId"]: company["title"] for company in self.portal.companies()}

    def people(self) -> dict[str, str]:
        """Returns the portal's contacts: our id to last name."""
        return {contact["originId"]: contact["lastName"] for contact in self.portal.contacts()}

    def export(self, *partners: object, name: str = "partners.json", **header: str) -> None:
        """Writes an export file of store B."""
        text = json.dumps({"header": header, "partners": partners}, ensure_ascii=False)
        (self.files / name).write_text(text, encoding="utf-8")


def _exit_code(arguments: Sequence[str]) -> int:
    try:
        return run(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def tin(number: int) -> str:
    """Returns a valid TIN of an organisation."""
    return check_digits.tin(f"78{number:07d}")


def party(inn: str, name: str, status: str = "ACTIVE") -> dict[str, Any]:
    """Returns the register's suggestion for an organisation."""
    full, short = f'ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ "{name}"', f'ООО "{name}"'
    return {
        "value": short,
        "data": {
            "inn": inn,
            "kpp": f"{inn[:4]}01001",
            "ogrn": check_digits.ogrn(f"119784{inn[2:8]}"),
            "type": "LEGAL",
            "branch_type": "MAIN",
            "state": {"status": status, "actuality_date": 1714003200000},
            "name": {"full_with_opf": full, "short_with_opf": short, "full": name, "short": name},
            "opf": {"code": "12300", "short": "ООО"},
            "address": {"value": "198096, Г.САНКТ-ПЕТЕРБУРГ", "data": {"postal_code": "198096"}},
        },
    }


def organisation(number: str, inn: object, **values: object) -> dict[str, object]:
    """Returns an organisation of store B."""
    numbers = [{"type": "INN", "number": inn}]
    return {"partner": number, "category": "2", "taxnumbers": numbers, **_CHANGED, **values}


def person(number: str, *companies: str, **values: object) -> dict[str, object]:
    """Returns a person of store B."""
    partner = {"partner": number, "category": "1", "contact_of": companies, "last_name": "Сидоров"}
    return {**partner, **_CHANGED, **values}


_CHANGED = {"changed_at": "2024-01-01T12:00:00+03:00"}


@contextmanager
def installation(folder: Path, server: MariaDB) -> Iterator[Installation]:
    """Yields an installation with empty stores, an empty register and an empty portal."""
    with ExitStack() as stack:
        root = stack.enter_context(closing(store_a.connect(server)))
        store_a.create_shop(root)
        register = stack.enter_context(Register(rate=10**9, daily=10**9))
        portal = stack.enter_context(Bitrix24(code=CODE, limits=False))
        yield Installation(folder, server, root, register, portal)
