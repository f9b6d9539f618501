"""The clock that a measured load lives by."""

import heapq
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

from sandbox.bitrix24.limits import Clock

# Seconds between two looks, and how much of the processor's time in between is no work.
_LOOK, _NO_WORK = 200e-6, 20e-6
_THREADS = Path("/proc/self/task")


class LeapingClock(Clock):
    """Runs as the wall's, and leaps over the time in which all of this process waits for it.

    So a load takes as many of the portal's hours as it would beside a real one, but only the
    seconds in which somebody works. Whoever waits on the portal's time, waits by ``sleep`` or
    ``call_after``. Alive until ``close``, on Linux.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._number = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop: nobody is woken any more."""
        self._stopped = True
        self._thread.join()

    def wall(self, moment: float) -> float:
        """The moment itself: clients here have this clock."""
        return moment

    def sleep(self, seconds: float) -> None:
        """Returns when so much time has passed."""
        if seconds > 0:
            woken = threading.Event()
            self.call_after(seconds, woken.set)
            woken.wait()

    def call_after(self, seconds: float, wake: Callable[[], None]) -> None:
        """Calls ``wake`` in another thread when so much time has passed."""
        with self._lock:
            heapq.heappush(self._due, (self.now() + seconds, next(self._number), wake))

    def _run(self) -> None:
        seen = 0.0
        while not self._stopped:
            time.sleep(_LOOK)
            before, seen = seen, _work()
            idle = seen - before < _NO_WORK and _all_wait() and _work() - seen < _NO_WORK
            with self._lock:
                if self._due and idle:
                    self.advance(max(0.0, self._due[0][0] - self.now()))
                now = self.now()
                while self._due and self._due[0][0] <= now:
                    heapq.heappop(self._due)[2]()


def _work() -> float:
    """Seconds of the processor that all other threads have had."""
    return time.process_time() - time.thread_time()


def _all_wait() -> bool:
    """Whether no other thread runs, wants to, or waits for a disk."""
    own = str(threading.get_native_id())
    for thread in _THREADS.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            state = (thread / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if thread.name != own and state in b"RD":
                return False
    return True
