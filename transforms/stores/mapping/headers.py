"""Row parts that all tables share: header, original, time of change, deletion mark, lost text."""

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from transforms.core.records import Kind, Note, Row
from transforms.fields import moments, text, time
from transforms.fields.moments import EPOCH, MICROSECOND

RAW_LIMIT = 65_536
_HEAD = 16_384
_TRUE = frozenset({"1", "TRUE", "T", "X", "Х", "Y", "YES", "ДА"})
_FALSE = frozenset({"", "0", "N", "NO", "F", "FALSE", "Н", "НЕТ", "-", "NONE", "NULL"})
REPLACED = "\ufffd".encode()
"""Stands in an original where bytes could not be decoded."""
fromisoformat = datetime.fromisoformat
_encode = msgspec.json.Encoder(enc_hook=str).encode


class RowHeader(msgspec.Struct, frozen=True):
    """The store, id, version and original of a row: what does not depend on its kind."""

    source: str
    source_id: str
    changed_at: int
    order: int
    deleted: bool
    raw: bytes
    undated: bool = False

    def row(self, kind: Kind, tin: str, verdict: tuple[str, str], payload: bytes) -> Row:
        """Returns the row with this header; ``verdict`` is its reason and detail."""
        return Row(
            self.source, kind, self.source_id, self.changed_at, self.order, tin, *verdict, payload,
            self.raw, self.undated,
        )  # fmt: skip


def raw_json(record: object) -> bytes:
    """Encodes the original record as JSON; above 64 KB only its beginning, and its size.

    >>> raw_json({"id": 1, "name": "Ромашка"}).decode()
    '{"id":1,"name":"Ромашка"}'
    """
    try:
        data = _encode(record)
    except (ValueError, TypeError, OverflowError, RecursionError):
        data = _plain_json(record)
    if len(data) <= RAW_LIMIT:
        return data
    head = data[:_HEAD].decode(errors="ignore")
    return _encode({"truncated": True, "size": len(data), "head": head})


def unreadable_notes(record: Mapping[str, object], raw: bytes) -> text.Notes:
    r"""Returns a note for each field with undecodable bytes; ``raw`` is the record as JSON.

    >>> record = {"id": 1, "name": "Ром\ufffdшка"}
    >>> [(note.field, note.problem) for note in unreadable_notes(record, raw_json(record))]
    [('name', 'unreadable_characters')]
    """
    if REPLACED not in raw:
        return ()
    notes = (
        Note(text.excerpt(name), "unreadable_characters", text.excerpt(value))
        for name, value in record.items()
        if REPLACED in raw_json([name, value])
    )
    return tuple(islice(notes, text.MOST_VALUES))


def _plain_json(record: object) -> bytes:
    # The slower encoder also encodes half a surrogate pair and integers of any size.
    try:
        return json.dumps(record, default=str).encode()
    except (ValueError, TypeError, RecursionError):
        return _encode({"unwritable": text.excerpt(record)})


class ClockBound(NamedTuple):
    """The latest plausible time of change, by the time at which a store handed a record over.

    A record that changed after ``latest`` has the time of a wrong clock, and counts as changed at
    ``substitute``. When ``substitute`` is 0 every time is allowed. Both are in microseconds since
    the epoch.
    """

    latest: int
    substitute: int

    def allows(self, changed_at: int) -> bool:
        """Whether the time is plausible."""
        return changed_at <= self.latest or not self.substitute


NO_CLOCK_BOUND = ClockBound(0, 0)


def change_time(
    changed: object, created: object = None, zone: ZoneInfo = time.MOSCOW
) -> tuple[int, text.Notes]:
    """Returns when the row changed, else when it was created; 0 when neither is known.

    What is without an offset is the time of ``zone``.
    """
    try:
        moment = changed if type(changed) is datetime else fromisoformat(changed)  # type: ignore[arg-type]
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return (moment - EPOCH) // MICROSECOND, ()
    except (TypeError, ValueError):
        changed_at, notes = moments.parse(changed, "changed_at", zone)
    if changed_at or not notes or created is None:
        return changed_at, notes
    created_at, more = moments.parse(created, "created_at", zone)
    return created_at, notes + more


def future_note(changed: object) -> Note:
    """Returns the note on a time of a wrong clock."""
    return Note("changed_at", "in_the_future", text.excerpt(changed))


def is_set(mark: object) -> bool:
    """Whether a mark such as ``deleted`` is set, in any of the forms that stores contain.

    A date says when it was set.

    >>> [is_set(x) for x in (True, 1, "X", "true", "2024-03-01", "01.03.2024 12:00", 1709251200)]
    [True, True, True, True, True, True, True]
    >>> [is_set(x) for x in (None, 0, "", "0", "N", "false", "нет", "0000-00-00", [], "closed")]
    [False, False, False, False, False, False, False, False, False, False]
    """
    if not mark:
        return False
    if isinstance(mark, str):
        return len(mark) < text.EXCERPT_LENGTH and _is_set_by(mark.strip())
    return mark is True or bool(text.integer(mark)) or moments.read(mark) is not None


def _is_set_by(word: str) -> bool:
    folded = word.upper()
    return folded in _TRUE or (folded not in _FALSE and moments.read(word) is not None)


def mark_notes(mark: object) -> text.Notes:
    """Returns a note for a mark that is not set and says nothing that is known.

    >>> mark_notes("closed"), mark_notes("N")
    ((Note(field='deleted', problem='unreadable', value='closed'),), ())
    """
    word = mark.strip().upper() if isinstance(mark, str) else None
    if not mark or word in _FALSE or (word and not word.strip("0.-: T")):
        return ()
    return (Note("deleted", "unreadable", text.excerpt(mark)),)
