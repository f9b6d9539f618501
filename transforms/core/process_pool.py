"""A pool of processes for work that keeps a core busy: Python runs on one core only.

The processes are started as new programs, not forked: a fork would copy locks that the
runner's threads hold, and no thread of the copy would ever release them. Each lives on a pipe from
this process, so it ends when this process does, however that ends, ``kill -9`` included.

Why not loky, or ``concurrent.futures``: decision 14.
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

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K")

ProcessCount = int
"""The number of processes that share a step's work: 0 is as many as this machine can use, 1 is none
but the worker's own."""

# The first items are done in place: a start takes as long as cleaning some thousands of records.
_IN_PLACE = 4
# More than these would wait for the one process that hands out the work; each holds some 50 MB.
_MOST = 8
_ROOT = Path(__file__).parents[2]
_SERVE = "from transforms.core.process_pool import serve; serve()"

# A message on a pipe is its length in bytes, and a pickle.
_LENGTH = struct.Struct("<Q")


class ProcessError(SvodError):
    """A process has ended, or its work has failed; the message quotes no data."""


def default_size() -> ProcessCount:
    """The number of processes this machine can use: one for each core, at most ``_MOST``."""
    return min(len(os.sched_getaffinity(0)), _MOST)


class ProcessPool:
    """Up to ``size`` processes, started once there is much to do.

    With size 1 no process is started, and all is done in place; 0 is the ``default_size``.
    """

    def __init__(self, size: ProcessCount = 0) -> None:
        self._size = size or default_size()
        self._done_in_place = 0
        self._idle: deque[_Process] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._starting = threading.Lock()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results of ``function`` in the order of ``items``.

        Twice as many items are taken ahead as there are processes. The function, the items and the
        results are pickled, so the function must be found by its name.

        Raises:
            ProcessError: a process has ended, or ``function`` has failed there.
            SvodError: as ``function`` has raised it.
        """
        waiting: deque[Future[R]] = deque()
        for item in items:
            if self._size == 1 or self._done_in_place < _IN_PLACE:
                self._done_in_place += 1
                yield function(item)
                continue
            if len(waiting) == 2 * self._size:
                yield waiting.popleft().result()
            waiting.append(self._started().submit(self._ask_idle, function, item))
        while waiting:
            yield waiting.popleft().result()

    def map_with_keys(
        self, function: Callable[[T], R], items: Iterable[tuple[K, T]]
    ) -> Iterator[tuple[K, R]]:
        """``map`` over the second of each ``(key, item)``; keys stay in this process."""
        keys: deque[K] = deque()

        def without_keys() -> Iterator[T]:
            for key, item in items:
                keys.append(key)
                yield item

        for result in self.map(function, without_keys()):
            yield keys.popleft(), result

    def close(self) -> None:
        """End the processes."""
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        while self._idle:
            self._idle.pop().close()

    def _started(self) -> ThreadPoolExecutor:
        """A thread for each process, to wait for its answers."""
        with self._starting:
            if not self._threads:
                self._idle.extend(_Process() for _ in range(self._size))
                self._threads = ThreadPoolExecutor(self._size, "process")
            return self._threads

    def _ask_idle(self, function: Callable[[T], R], item: T) -> R:
        # There are as many processes as threads, so one is idle.
        process = self._idle.pop()
        try:
            return process.ask(function, item)
        finally:
            if process.has_ended:
                process.close()
                process = _Process()
            self._idle.append(process)


IN_PLACE = ProcessPool(1)
"""The pool that starts no process."""


@cache
def shared_pool(size: ProcessCount = 0) -> ProcessPool:
    """The pool of that size for all of this program: it is started once, and ends with it."""
    pool = ProcessPool(size)
    atexit.register(pool.close)
    return pool


class _Process:
    """One process; one thread at a time may ask it."""

    def __init__(self) -> None:
        paths = filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))
        # The process needs no secret but the ledger's URL, which it gets over the pipe.
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("SVOD_")
        }
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**inherited, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    def ask(self, function: Callable[[T], R], item: T) -> R:
        """The result of ``function`` of ``item``, computed in the process.

        Raises:
            ProcessError: the process has ended, or ``function`` has failed.
            SvodError: as ``function`` has raised it.
        """
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
        """Whether the process has exited."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Close the pipe, and wait until the process has exited."""
        # If the process has died, the rest of a question may still be in the buffer.
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
    """The main function of a process of the pool: answer questions until the pipe is closed."""
    collect_less_often()
    # Ctrl-C goes to all processes of a terminal; the one that asks decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    # Whatever the work prints must not get between the answers.
    sys.stdout = sys.stderr
    try:
        while True:
            function, item = _receive(questions)
            _send(answers, _answer(function, item))
    except (EOFError, BrokenPipeError):
        # The process that asks is gone. Leave at once, without the work of atexit.
        os._exit(0)


def _answer(function: Callable[[T], R], item: T) -> R | SvodError:
    try:
        return function(item)
    except SvodError as error:
        return error
    except Exception as error:  # noqa: BLE001 - of any type; its text may quote a customer
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return ProcessError(
            f"an unexpected {type(error).__name__} in {Path(frame.filename).name}, line"
            f" {frame.lineno}: this is a defect of svod, please report it; nothing is lost"
        )


def _send(pipe: IO[bytes], message: object) -> None:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    [length] = _LENGTH.unpack(_read_exactly(pipe, _LENGTH.size))
    return pickle.loads(_read_exactly(pipe, length))  # noqa: S301 - from the other end of our pipe


def _read_exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
