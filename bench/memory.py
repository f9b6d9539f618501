"""The memory of this process and of its children."""

import os
import re
import threading
from pathlib import Path

_INTERVAL = 0.2


class PeakMemory:
    """Watches inside ``with``; afterwards ``megabytes`` is the sum of all processes' peaks.

    The peaks may lie at different moments: the sum is an upper bound.
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
        self._read_peaks()

    @property
    def megabytes(self) -> float:
        """The sum of the peaks so far."""
        return sum(self._peaks.values()) / 1024

    def _watch(self) -> None:
        while not self._over.wait(_INTERVAL):
            self._read_peaks()

    def _read_peaks(self) -> None:
        for pid in (os.getpid(), *_children()):
            self._peaks[pid] = max(_peak(pid), self._peaks.get(pid, 0))


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for children in lists for pid in children.read_text().split()]


def _peak(pid: int) -> int:
    """Returns the process's peak in kB; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    # ru_maxrss would include the memory of the program that started this one.
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) if peak else 0
