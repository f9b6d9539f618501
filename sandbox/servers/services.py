"""Child processes that end with the program that started them."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PATIENCE: Final = 60.0
_URLS: Final = ("http://", "mysql://", "postgresql://", "kafka://")
_libc = ctypes.CDLL(None)


class ServiceError(Exception):
    """A service did not come up."""


def ends_with_parent() -> Callable[[], None]:
    """Returns a ``preexec_fn``: the child gets SIGTERM when this process dies, even by SIGKILL."""
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # The parent died before the call.
            os.kill(os.getpid(), signal.SIGTERM)

    return arrange


def free_port() -> int:
    """Returns an unused port of 127.0.0.1, for servers that cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_orphan(pid_file: Path, argument: str, ending: int = signal.SIGTERM) -> None:
    """Ends a server that outlived its owner: two servers would damage a data folder.

    The first line of ``pid_file`` is its process id; ``argument`` is a command line argument that
    names the data folder, for the id may belong to another program by now.
    """
    with suppress(FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        pid = int(pid_file.read_text().split()[0])
        command = Path(f"/proc/{pid}/cmdline")
        if argument.encode() not in command.read_bytes().split(b"\0"):
            return
        os.kill(pid, ending)
        deadline = time.monotonic() + _PATIENCE
        while command.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.05)


class Service:
    """``python -m MODULE ARGUMENTS`` in a new session, so that Ctrl-C does not reach it.

    Its output goes into ``log``. It inherits the open file ``inherited`` and keeps it open.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path, inherited: int) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(inherited,),
                preexec_fn=ends_with_parent(),
            )

    def await_url(self) -> str:
        """Waits for the first printed line that is a URL, and returns it.

        Raises:
            ServiceError: the service has ended.
        """
        while True:
            has_ended = self._process.poll() is not None
            lines = self._log.read_text(errors="replace").splitlines(keepends=True)
            for line in lines:
                if line.startswith(_URLS) and line.endswith("\n"):
                    return line.strip()
            if has_ended:
                raise ServiceError(f"{''.join(lines[-5:]).strip()} (all of it: {self._log})")
            time.sleep(0.05)

    def stop(self) -> bool:
        """Ends the service and waits; returns whether its exit code was 0."""
        self._process.terminate()
        return self._process.wait() == 0
