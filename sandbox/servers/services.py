"""Child processes that serve the sandbox, and end with the program that started them."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None)


class ServiceError(Exception):
    """A service did not come up."""


def ends_with_parent() -> Callable[[], None]:
    """For ``preexec_fn``: the child gets SIGTERM when this process dies, by ``kill -9`` too."""
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # It has died in between.
            os.kill(os.getpid(), signal.SIGTERM)

    return arrange


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now: for servers that must be told one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """``python -m MODULE ARGUMENTS`` in a session of its own: Ctrl-C is for whoever started it.

    What it prints goes into ``log``. ``held`` is an open file that it keeps open while it lives.
    """

    def __init__(self, module: str, arguments: Sequence[str], log: Path, held: int) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(held,),
                preexec_fn=ends_with_parent(),
            )

    def await_url(self) -> str:
        """The first line it prints that is a URL; waits for it as long as the service lives.

        Raises:
            ServiceError: it has ended.
        """
        while True:
            has_ended = self._process.poll() is not None
            lines = self._log.read_text(errors="replace").splitlines(keepends=True)
            for line in lines:
                if line.startswith(("http://", "mysql://", "kafka://")) and line.endswith("\n"):
                    return line.strip()
            if has_ended:
                raise ServiceError(f"{''.join(lines[-5:]).strip()} (all of it: {self._log})")
            time.sleep(0.05)

    def stop(self) -> bool:
        """Ends it and waits; whether it ended in good order."""
        self._process.terminate()
        return self._process.wait() == 0
