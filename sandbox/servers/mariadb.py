"""A private MariaDB server with a data folder, on a free port of 127.0.0.1.

Needs the binaries of Debian's package ``mariadb-server``; the service of that package is not used.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pymysql

from sandbox.servers.server import Server
from sandbox.servers.services import end_orphan, free_port

_PATIENCE = 60.0
USER: Final = "ledger"
PASSWORD: Final = "p@ss/w:rd"
# A killed server keeps everything that was committed; a power cut may lose the last second.
_SETTINGS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=off",
    "--local-infile=1",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=256M",
    "--innodb-log-file-size=96M",
)


class ServerError(Exception):
    """MariaDB is not installed, could not make its data folder, or did not come up."""


class MariaDB(Server):
    """``with MariaDB(folder) as server: pymysql.connect(**server.root())``.

    The folder keeps the data and the object keeps its port: after another ``start``, also after a
    kill, the server has the same data at the same address. ``settings`` are more options of the
    server.
    """

    def __init__(self, folder: Path, *settings: str) -> None:
        self.folder = folder.resolve()
        self.port = 0
        self._settings = settings
        self._data = self.folder / "data"
        self._pid_file = self.folder / "mariadbd.pid"
        self._log = self.folder / "mariadbd.log"
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Makes the data folder if it is missing, starts the server, waits until it answers."""
        server = _binary("mariadbd")
        self.folder.mkdir(parents=True, exist_ok=True)
        end_orphan(self._pid_file, f"--datadir={self._data}")
        self._install()
        # The path of a Unix socket may have 107 characters; test folders are longer.
        self._sockets = Path(tempfile.mkdtemp(prefix="svod-"))
        self.port = self.port or free_port()
        self._process = subprocess.Popen(
            [
                server,
                "--no-defaults",
                *_as_root(),
                *_SETTINGS,
                *self._settings,
                f"--datadir={self._data}",
                f"--socket={self._sockets / 's'}",
                f"--tmpdir={self._sockets}",
                f"--pid-file={self._pid_file}",
                f"--log-error={self._log}",
                f"--port={self.port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._await(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the server; kills it when it does not end in time. A second call does nothing."""
        if self._process is not None:
            self._process.terminate()
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
            raise ServerError("MariaDB is not running: call start() first")
        return self._process.pid

    def root(self) -> dict[str, str]:
        """Returns arguments for ``pymysql.connect`` as root, who needs no password."""
        return {"unix_socket": f"{self._sockets}/s", "user": "root"}

    def create_database(self, name: str, character_set: str = "utf8mb4") -> str:
        """Makes the database empty, whether it exists or not, and returns its URL."""
        with closing(pymysql.connect(**self.root())) as root, root.cursor() as cursor:
            user = f"{USER}@'127.0.0.1'"
            cursor.execute(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY %s", [PASSWORD])
            cursor.execute(f"GRANT ALL ON *.* TO {user}")
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET {character_set}")
        return self.url(name)

    def url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """Returns ``mysql://user:password@127.0.0.1:port/database``."""
        return f"mysql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def _install(self) -> None:
        mark = self.folder / "installed"
        if mark.exists():
            return
        # Without the mark an earlier attempt was interrupted: its data may be incomplete.
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir()
        with tempfile.TemporaryDirectory(prefix="svod-") as folder:
            # The script fails when a path contains a blank.
            data = Path(folder) / "data"
            data.symlink_to(self._data)
            process = subprocess.run(
                [
                    _binary("mariadb-install-db"),
                    "--no-defaults",
                    *_as_root(),
                    f"--datadir={data}",
                    # A starting server deletes the files of others in a shared folder.
                    f"--tmpdir={folder}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        if process.returncode:
            raise ServerError(f"MariaDB could not make its data folder: {process.stderr[-500:]}")
        mark.touch()

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            if _listens(f"{self._sockets}/s"):
                pymysql.connect(**self.root()).close()
                return
            time.sleep(0.05)
        end = self._log.read_text(errors="replace")[-1000:] if self._log.exists() else ""
        raise ServerError(f"MariaDB did not come up. Its log ends with:\n{end}")


def _binary(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
    if path is None:
        raise ServerError(f"{name} is missing: install it with apt-get install mariadb-server")
    return path


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
