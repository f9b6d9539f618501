"""A private MariaDB server: own data folder, free port of 127.0.0.1, ended with its owner.

Needs the binaries of Debian's package ``mariadb-server``; the packaged service is not used and need
not run.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import pymysql

from sandbox.servers.services import free_port

_PATIENCE = 60.0
# A kill of the server loses nothing that was committed; a power cut may lose the last second.
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


class MariaDB:
    """``with MariaDB(folder) as server: pymysql.connect(**server.root())``.

    The folder keeps the data, and the object its port: started again, also after a kill, the server
    has it all back. ``settings`` are options of the server beside our own.
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

    def __enter__(self) -> "MariaDB":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Makes the data folder if need be, starts the server and waits until it answers."""
        server = _binary("mariadbd")
        self.folder.mkdir(parents=True, exist_ok=True)
        _end_left_over(self._pid_file, self._data)
        self._install()
        # A Unix socket's path may have 107 characters, and test folders are longer than that.
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
        """Ends the server in good order; kills it when it does not end. Fine to call twice."""
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
        """Arguments for ``pymysql.connect`` as the server's root, who needs no password."""
        return {"unix_socket": f"{self._sockets}/s", "user": "root"}

    def url(self, database: str, user: str, password: str) -> str:
        """``mysql://user:password@127.0.0.1:port/database``."""
        return f"mysql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def _install(self) -> None:
        done = self.folder / "installed"
        if done.exists():
            return
        # Without the mark an earlier attempt was cut short: what it left is not to be trusted.
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir()
        with tempfile.TemporaryDirectory(prefix="svod-") as folder:
            # The script cannot do with a blank in its paths.
            data = Path(folder) / "data"
            data.symlink_to(self._data)
            made = subprocess.run(
                [
                    _binary("mariadb-install-db"),
                    "--no-defaults",
                    *_as_root(),
                    f"--datadir={data}",
                    # A server that starts throws away what others have in a folder for all.
                    f"--tmpdir={folder}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        if made.returncode:
            raise ServerError(f"MariaDB could not make its data folder: {made.stderr[-500:]}")
        done.touch()

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


def _end_left_over(pid_file: Path, data: Path) -> None:
    """Ends a server that outlived its owner: two on one data folder would spoil it."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid = int(pid_file.read_text())
        # The number may by now be another program's.
        command = Path(f"/proc/{pid}/cmdline")
        if f"--datadir={data}".encode() not in command.read_bytes().split(b"\0"):
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        while command.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)
