"""A private PostgreSQL server with a data folder, on a free port of 127.0.0.1.

Needs the binaries of Debian's package ``postgresql``; the service of that package is not used.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sandbox.servers.server import Server
from sandbox.servers.services import end_orphan, free_port

_PATIENCE: Final = 60.0
_PROGRAMS: Final = Path("/usr/lib/postgresql")
_PACKAGE_USER: Final = "postgres"
_CHILDREN_LIVE: Final = "pre-existing shared memory block"
USER: Final = "svod"
PASSWORD: Final = "p@ss/w:rd"
# A killed server keeps everything that was committed; a power cut may damage its data.
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "200",
    "jit": "off",
    "logging_collector": "off",
}


class ServerError(Exception):
    """PostgreSQL is not installed, could not make its data folder, or did not come up."""


class PostgreSQL(Server):
    """``with PostgreSQL(folder) as server: open_ledger(server.create_database("svod"))``.

    The folder keeps the data and the object keeps its port: after another ``start``, also after a
    kill, the server has the same data at the same address. ``settings`` are more settings of the
    server. PostgreSQL refuses to run as root: then it runs as its package's user, who must be able
    to enter the folder, and a server without a ``folder`` makes one that lasts as long as ``with``.
    """

    def __init__(self, folder: Path | None = None, **settings: str) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="svod-") if folder is None else None
        self.folder = Path(self._scratch.name if self._scratch else folder or "").resolve()
        self.port = 0
        self._settings = _SETTINGS | settings
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = _PACKAGE_USER if os.geteuid() == 0 else None

    def start(self) -> None:
        """Makes the data folder if it is missing, starts the server, waits until it answers."""
        server = _binary("postgres")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        end_orphan(self._data / "postmaster.pid", str(self._data), signal.SIGINT)
        self._install()
        # The path of a Unix socket may have 107 characters; test folders are longer.
        self._sockets = Path(tempfile.mkdtemp(prefix="svod-"))
        self._hand_over(self._sockets)
        self.port = self.port or free_port()
        settings = self._settings | {"unix_socket_directories": str(self._sockets)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [server, "-D", str(self._data), "-p", str(self.port), *options]
        try:
            self._start_process(command)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the server; kills it when it does not end in time. A second call does nothing."""
        if self._process is not None:
            # SIGTERM would wait for the clients to leave.
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    @property
    def pid(self) -> int:
        """The running server's process id."""
        if self._process is None:
            raise ServerError("PostgreSQL is not running: call start() first")
        return self._process.pid

    def root(self) -> str:
        """Returns the argument of ``psycopg.connect`` as the superuser, who needs no password."""
        return make_conninfo(
            host=str(self._sockets), port=self.port, user=_PACKAGE_USER, dbname="postgres"
        )

    def url(self, database: str) -> str:
        """Returns ``postgresql://user:password@127.0.0.1:port/database`` for the user ``svod``."""
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Makes the database empty, whether it exists or not, and returns its URL."""
        database, user = sql.Identifier(name), sql.Identifier(USER)
        with closing(psycopg.connect(self.root(), autocommit=True)) as root:
            if root.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [USER]).fetchone() is None:
                role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, PASSWORD)
                root.execute(role)
            root.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            root.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))
        return self.url(name)

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._scratch is not None:
            self._scratch.cleanup()

    def _install(self) -> None:
        mark = self.folder / "installed"
        if mark.exists():
            return
        # Without the mark an earlier attempt was interrupted: its data may be incomplete.
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        self._hand_over(self._data)
        process = subprocess.run(
            [
                _binary("initdb"),
                f"--pgdata={self._data}",
                f"--username={_PACKAGE_USER}",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=self._owner,
            group=self._owner,
            extra_groups=None if self._owner is None else [],
        )
        if process.returncode:
            raise ServerError(f"PostgreSQL could not make its data folder: {process.stderr[-500:]}")
        mark.touch()

    def _hand_over(self, folder: Path) -> None:
        """Gives the folder to the user that the server runs as."""
        if self._owner is not None:
            owner = pwd.getpwnam(self._owner)
            os.chown(folder, owner.pw_uid, owner.pw_gid)

    def _start_process(self, command: Sequence[str]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    user=self._owner,
                    group=self._owner,
                    extra_groups=None if self._owner is None else [],
                )
            if self._answers(self._process, deadline):
                return
            # The children of a server that was killed may live a moment longer.
            if _CHILDREN_LIVE not in self._log.read_text(errors="replace"):
                break
            time.sleep(0.05)
        end = self._log.read_text(errors="replace")[-1000:]
        raise ServerError(f"PostgreSQL did not come up. Its log ends with:\n{end}")

    def _answers(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Waits until the server answers; returns False when it has ended or time is over."""
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.root(), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False


def _binary(name: str) -> str:
    """Returns the path of a program of the newest PostgreSQL: Debian keeps them out of PATH."""
    paths = [path for path in _PROGRAMS.glob(f"*/bin/{name}") if path.parts[-3].isdecimal()]
    if not paths:
        raise ServerError(f"{name} is missing: install it with apt-get install postgresql")
    return str(max(paths, key=lambda path: int(path.parts[-3])))
