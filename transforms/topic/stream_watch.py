"""A stream's steps, and whether they are to go on: the ledger says it."""

import time

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from transforms.core.secrets import Secret
from transforms.ledger import streams
from transforms.ledger.database import open_ledger

_LOOK_AGAIN = 0.5


class Stream(msgspec.Struct, frozen=True):
    """A stream by its number in the ledger."""

    ledger: Secret
    number: int


class StreamWatch:
    """Looks at most twice a second whether the stream is to end."""

    def __init__(self, stream: Stream) -> None:
        self._number = stream.number
        self._ledger = open_ledger(stream.ledger.value())
        self._look_at, self._is_over = 0.0, False

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be read; a ledger that is away for a while ends nothing."""
        if not self._is_over and time.monotonic() >= self._look_at:
            try:
                with self._ledger.read() as connection:
                    found = streams.current_stream(connection)
                self._is_over = found.ends or found.number != self._number
            except SQLAlchemyError:
                pass
            self._look_at = time.monotonic() + _LOOK_AGAIN
        return self._is_over

    def close(self) -> None:
        """Let go of the ledger."""
        self._ledger.close()
