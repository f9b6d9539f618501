"""The stream that follows the topic: one at a time, the last one to begin, until asked to end.

A stream is a job of an engine, and may outlive the program that has started it. So it reads here
whether it may write, and whether it is to end.
"""

from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.statements import upsert

StreamState = Literal["reading", "ending", "ended"]

READING: StreamState = "reading"
ENDING: StreamState = "ending"
ENDED: StreamState = "ended"


class CurrentStream(NamedTuple):
    """The stream that began last; number 0 when there has been none.

    ``ends``: it reads no more, and finishes what it holds. ``ended``: it holds nothing any more.
    """

    number: int
    ends: bool = False
    ended: bool = False


def current_stream(connection: Connection) -> CurrentStream:
    """The stream that may write."""
    table = schema.streams.c
    query = sa.select(table.number, table.state).order_by(table.number).limit(1)
    stream = connection.execute(query).first()
    if stream is None:
        return CurrentStream(0)
    return CurrentStream(stream.number, stream.state != READING, stream.state == ENDED)


def begin_stream(ledger: Ledger) -> int:
    """Begin a stream and return its number; the one before it may write no more, and ends."""

    def begin(connection: Connection) -> int:
        number = current_stream(connection).number - 1
        upsert(connection, schema.streams, [{"number": number, "state": READING}])
        return number

    return ledger.transact(begin)


def end_stream(ledger: Ledger, number: int) -> None:
    """Tell the stream to end, unless another one has begun."""
    _note_state(ledger, number, ENDING)


def mark_stream_ended(ledger: Ledger, number: int) -> None:
    """Note that the stream has finished all that it held, unless another one has begun."""
    _note_state(ledger, number, ENDED)


def _note_state(ledger: Ledger, number: int, state: StreamState) -> None:
    def note(connection: Connection) -> None:
        if current_stream(connection).number == number:
            upsert(connection, schema.streams, [{"number": number, "state": state}])

    ledger.transact(note)
