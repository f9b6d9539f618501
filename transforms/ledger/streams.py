"""Which stream follows the topic: one at a time, the one that began last, until it is told to end.

A stream is a job of an engine, which may outlive the program that has started it: what it may do,
and whether it is to end, it is told here.
"""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

_KEY = "stream"
_ENDING, _ENDED = "ending", "ended"


class Current(NamedTuple):
    """The stream that began last. ``ends``: it reads no more, and finishes what it holds.

    ``ended``: it holds nothing any more. Streams have numbers below 0, and so are not taken for
    runs.
    """

    number: int
    ends: bool = False
    ended: bool = False


def current(connection: Connection) -> Current:
    """The stream that may write; number 0 when there has been none."""
    table = schema.meta.c
    value = connection.execute(sa.select(table.value).where(table.key == _KEY)).scalar() or "0"
    number, _, state = value.partition(" ")
    return Current(int(number), state != "", state == _ENDED)


def begin_stream(ledger: Ledger) -> int:
    """The number of a new stream; the one before it may write no more, and ends."""

    def begin(connection: Connection) -> int:
        number = current(connection).number - 1
        _write(connection, str(number))
        return number

    return ledger.transact(begin)


def end_stream(ledger: Ledger, number: int) -> None:
    """Tell the stream to end, unless another one has begun."""
    _mark(ledger, number, _ENDING)


def stream_ended(ledger: Ledger, number: int) -> None:
    """The stream has finished all that it held."""
    _mark(ledger, number, _ENDED)


def _mark(ledger: Ledger, number: int, state: str) -> None:
    def mark(connection: Connection) -> None:
        if current(connection).number == number:
            _write(connection, f"{number} {state}")

    ledger.transact(mark)


def _write(connection: Connection, value: str) -> None:
    upsert(connection, schema.meta, [{"key": _KEY, "value": value}])
