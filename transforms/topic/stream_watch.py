"""A stream by its number, and a watch on the ledger for its end."""

import time

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from transforms.core.secrets import Secret
from transforms.ledger import streams
from transforms.ledger.database import open_ledger

# Seconds between two questions.
_INTERVAL = 0.5


class Stream(msgspec.Struct, frozen=True):
    """A stream: its number, and the secret that names the ledger which knows it."""

    ledger: Secret
    number: int


class StreamWatch:
    """Asks the ledger, at most twice a second, whether the stream is to end."""

    def __init__(self, stream: Stream) -> None:
        self._number = stream.number
        self._ledger = open_ledger(stream.ledger.value())
        self._next_question, self._is_over = 0.0, False

    @property
    def is_over(self) -> bool:
        """Whether reading is to end. A ledger that does not answer for a while ends nothing."""
        if not self._is_over and time.monotonic() >= self._next_question:
            try:
                with self._ledger.read() as connection:
                    latest = streams.current_stream(connection)
                self._is_over = latest.ends or latest.number != self._number
            except SQLAlchemyError:
                pass
            self._next_question = time.monotonic() + _INTERVAL
        return self._is_over

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()
