"""The memory of this process and of those that it starts."""

import os
import re
import threading
from pathlib import Path

_EVERY = 0.2


class PeakMemory:
    """Watches while it is entered; ``megabytes`` is then the sum of all processes' peaks.

    The peaks need not be at one time: the sum is never too small.
    """

    def __init__(self) -> None:
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
        self._look()

    @property
    def megabytes(self) -> float:
        """What was seen so far."""
        return sum(self._peaks.values()) / 1024

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        for pid in (os.getpid(), *_children()):
            self._peaks[pid] = max(_peak(pid), self._peaks.get(pid, 0))


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for children in lists for pid in children.read_text().split()]


def _peak(pid: int) -> int:
    """In kB; 0 when the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    # The usual ru_maxrss would also count what the program that started this one held.
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) if found else 0
