"""The clock of a measured load."""

import heapq
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

from sandbox.bitrix24.limits import Clock

# Seconds between two polls, and the processor time between them that does not count as work.
_POLL_INTERVAL, _NO_WORK = 200e-6, 20e-6
_THREADS = Path("/proc/self/task")


class LeapingClock(Clock):
    """Runs like the wall clock, and leaps over the time in which every thread waits for it.

    A load then takes as many of the portal's hours as at a real portal, but only the seconds in
    which a thread works. Code that waits for the portal's time calls ``sleep`` or ``call_after``.
    Runs on Linux only, until ``close``.
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
        """Stops the clock: it wakes no sleeper any more."""
        self._stopped = True
        self._thread.join()

    def wall(self, moment: float) -> float:
        """Returns the moment itself: the clients have this clock too."""
        return moment

    def sleep(self, seconds: float) -> None:
        """Waits until this many of the portal's seconds have passed."""
        if seconds > 0:
            alarm = threading.Event()
            self.call_after(seconds, alarm.set)
            alarm.wait()

    def call_after(self, seconds: float, wake: Callable[[], None]) -> None:
        """Calls ``wake`` in another thread after this many of the portal's seconds."""
        with self._lock:
            heapq.heappush(self._due, (self.now() + seconds, next(self._number), wake))

    def _run(self) -> None:
        work = 0.0
        while not self._stopped:
            time.sleep(_POLL_INTERVAL)
            before, work = work, _work()
            idle = work - before < _NO_WORK and _all_wait() and _work() - work < _NO_WORK
            with self._lock:
                if self._due and idle:
                    self.advance(max(0.0, self._due[0][0] - self.now()))
                now = self.now()
                while self._due and self._due[0][0] <= now:
                    heapq.heappop(self._due)[2]()


def _work() -> float:
    """Returns the processor seconds that all other threads have used."""
    return time.process_time() - time.thread_time()


def _all_wait() -> bool:
    """Whether no other thread runs, is ready to run, or waits for a disk."""
    this_thread = str(threading.get_native_id())
    for thread in _THREADS.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            state = (thread / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if thread.name != this_thread and state in b"RD":
                return False
    return True
