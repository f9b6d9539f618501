"""SIGINT (Ctrl-C) and SIGTERM: how a run reacts to them."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pipeline.console import say

_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED = 130
# A ledger that is away must not hold the program; in seconds.
_PATIENCE = 5.0

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def restored_signals(handler: Handler | None = None) -> Iterator[dict[int, Any]]:
    """Let ``handler`` handle both signals meanwhile; yields the previous handlers by signal.

    In the end these are restored, even if other code, such as an engine, has set others.
    """
    previous: dict[int, Any] = {int(number): signal.getsignal(number) for number in _END_SIGNALS}
    try:
        if handler:
            for number in _END_SIGNALS:
                signal.signal(number, handler)
        yield previous
    finally:
        for restored, former in previous.items():
            signal.signal(restored, former)


@contextmanager
def interruptible(
    enter_interruption: Callable[[], None], silence: Callable[[], None]
) -> Iterator[None]:
    """Let both signals end the program at once: the ledger may be left at any moment.

    Waiting for the workers could take as long as the CRM's slowest request. ``silence`` ends all
    other output, ``enter_interruption`` enters into the ledger how the run ended.
    """
    leaving = threading.Event()

    def leave(number: int, _: FrameType | None) -> None:
        code = _INTERRUPTED if number == signal.SIGINT else 128 + number
        if leaving.is_set():  # The second signal ends the program without any wait.
            os._exit(code)
        leaving.set()
        silence()
        say("\nsvod: interrupted; nothing is lost, the next run goes on from here")
        # In other threads: the signal may meet this one within a transaction, which has to end.
        threading.Thread(target=enter_and_exit, args=(code,)).start()

    def enter_and_exit(code: int) -> None:
        entering = threading.Thread(target=enter_interruption, daemon=True)
        entering.start()
        entering.join(timeout=_PATIENCE)
        os._exit(code)

    with restored_signals(leave):
        yield


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Yields an event that the first signal sets; the second one ends the program at once."""
    stop = threading.Event()

    def set_stop(number: int, _: FrameType | None) -> None:
        signal.signal(number, previous[number])
        stop.set()

    with restored_signals(set_stop) as previous:
        yield stop
