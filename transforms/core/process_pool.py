"""Work in several processes, for Python runs on one core only.

The processes are started as programs of their own, not forked: a runner's threads hold locks that
a copy of the process would never see opened. They live on the pipe from here, so that they end
with this process however that ends, ``kill -9`` included.
"""

import atexit
import gc
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from transforms.core.errors import SvodError

ProcessCount = int
"""How many processes share the work of one step: 0 is as many as this machine can use, 1 is none
but the worker's own."""

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K")

# Starting a process takes as long as cleaning some thousands of records.
_IN_PLACE = 4
# More than these would wait for the one process that hands out the work; each holds some 50 MB.
_MOST = 8
_LENGTH = struct.Struct("<Q")
_ROOT = Path(__file__).parents[2]
_SERVE = "from transforms.core.process_pool import serve; serve()"


class ProcessError(SvodError):
    """A process has ended, or what it was to do has failed; no data are quoted."""


def default_size() -> int:
    """How many processes this machine can use: one for each core, within reason."""
    return min(len(os.sched_getaffinity(0)), _MOST)


class ProcessPool:
    """Up to ``number`` processes, started when there is much to do; with one, all is done here.

    0: as many as this machine can use.
    """

    def __init__(self, number: int = 0) -> None:
        self._number = number or default_size()
        self._done_here = 0
        self._free: deque[_Process] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._starting = threading.Lock()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """``function`` of each of the items, in their order; a few items are taken ahead.

        The function goes to the processes by its name; it, the items and the results are pickled.

        Raises:
            ProcessError: a process has ended, or ``function`` has failed there.
            SvodError: what ``function`` has raised as such.
        """
        waiting: deque[Future[R]] = deque()
        for item in items:
            if self._number == 1 or self._done_here < _IN_PLACE:
                self._done_here += 1
                yield function(item)
                continue
            if len(waiting) == 2 * self._number:
                yield waiting.popleft().result()
            waiting.append(self._pool().submit(self._ask, function, item))
        while waiting:
            yield waiting.popleft().result()

    def map_with_keys(
        self, function: Callable[[T], R], items: Iterable[tuple[K, T]]
    ) -> Iterator[tuple[K, R]]:
        """``map`` over the second of each pair; the first stays here, and comes with the result."""
        kept: deque[K] = deque()

        def sent() -> Iterator[T]:
            for one, item in items:
                kept.append(one)
                yield item

        for result in self.map(function, sent()):
            yield kept.popleft(), result

    def close(self) -> None:
        """End the processes."""
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        while self._free:
            self._free.pop().close()

    def _pool(self) -> ThreadPoolExecutor:
        # A thread waits for each of the processes.
        with self._starting:
            if not self._threads:
                self._free.extend(_Process() for _ in range(self._number))
                self._threads = ThreadPoolExecutor(self._number, "process")
            return self._threads

    def _ask(self, function: Callable[[T], R], item: T) -> R:
        # There are as many as threads, so that one is free.
        process = self._free.pop()
        try:
            return process.ask(function, item)
        finally:
            if process.has_ended:
                process.close()
                process = _Process()
            self._free.append(process)


IN_PLACE = ProcessPool(1)
"""No other process: all is done in the one that asks."""


@cache
def shared_pool(number: int = 0) -> ProcessPool:
    """So many processes for all of this program: they are started once, and end with it."""
    pool = ProcessPool(number)
    atexit.register(pool.close)
    return pool


class _Process:
    """One process, asked by one thread at a time."""

    def __init__(self) -> None:
        paths = filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))
        # No secret is needed there but the ledger's URL, which comes over the pipe.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SVOD_")}
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**inherited, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    def ask(self, function: Callable[[T], R], item: T) -> R:
        """``function`` of ``item``, there."""
        try:
            _send(self._questions, (function, item))
            answer = _receive(self._answers)
        except (OSError, EOFError):
            raise ProcessError(
                f"a process that cleans records has ended (exit code {self._process.wait()}):"
                " is there too little memory?"
            ) from None
        if isinstance(answer, SvodError):
            raise answer
        return cast("R", answer)

    @property
    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Let it end."""
        # What it was not told before it ended is still in the buffer.
        with suppress(OSError):
            self._questions.close()
        self._answers.close()
        self._process.wait()


def collect_less_often() -> None:
    """Let this process look for cyclic garbage once in 100,000 new objects, not in 700.

    A batch of raw records is thousands of objects without cycles: looking through them again and
    again costs a tenth of reading and cleaning.
    """
    gc.set_threshold(100_000, 20, 50)


def serve() -> None:
    """What such a process does: all that is asked, up to the end of the pipe."""
    collect_less_often()
    # Ctrl-C goes to all processes of a terminal; the one that has asked decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    # What is printed is no answer.
    sys.stdout = sys.stderr
    try:
        while True:
            function, item = _receive(questions)
            _send(answers, _answer(function, item))
    except (EOFError, BrokenPipeError):
        # Nobody asks any more.
        os._exit(0)


def _answer(function: Callable[[T], R], item: T) -> R | SvodError:
    try:
        return function(item)
    except SvodError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it was; its text may quote a customer
        where = traceback.extract_tb(error.__traceback__)[-1]
        return ProcessError(
            f"an unexpected {type(error).__name__} in {Path(where.filename).name}, line"
            f" {where.lineno}: this is a defect of svod, please report it; nothing is lost"
        )


def _send(pipe: IO[bytes], told: object) -> None:
    data = pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    [length] = _LENGTH.unpack(_exactly(pipe, _LENGTH.size))
    return pickle.loads(_exactly(pipe, length))  # noqa: S301 - from the process at the other end


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
