"""Makes events of the messages of a store's topic, and rows of the events.

Source: contracts/configuration; for store B contracts/stores.

>>> from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
>>> reader = event_reader(built_in_configuration(), SECOND_STORE)
>>> message = TopicMessage(
...     7, 0, b"0001000123", b'{"op": "upsert", "partner": {"partner": "0001000123",'
...     b' "category": "2", "changed_at": "2024-02-11T17:40:12+03:00"}}')
>>> event = reader.read("sap.crm.partners", 2, message)
>>> event.record["partner"], event.order == message_order(2, 7)
('0001000123', True)
>>> reader.read("sap.crm.partners", 0, TopicMessage(7, 0, None, b"?")).reason
'not_json'
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from transforms.configuration.structs import (
    ChangesSource,
    Condition,
    Configuration,
    RecordTable,
    StoreTable,
)
from transforms.core.outcomes import DELETED_IN_STORE
from transforms.core.records import NO_PARTITION, UNKNOWN_KIND, DeadLetter, Row, message_order
from transforms.fields import moments
from transforms.stores.export.json_values import decode
from transforms.stores.mapping.cleaners import Result, compile_store
from transforms.stores.mapping.conditions import compile_condition
from transforms.stores.mapping.exclusions import NO_ID, NOT_AN_OBJECT, Unusable
from transforms.stores.mapping.headers import ClockBound, raw_json
from transforms.stores.mapping.paths import FieldPath, finder, parse_path
from transforms.stores.registry import company_form
from transforms.stores.topic.messages import TopicMessage

Record = dict[str, Any]

_BYTE_ORDER_MARK = "\ufeff"
# The end of the year 9999, in milliseconds since the epoch.
_LATEST_TIMESTAMP = 253_402_300_799_999
# By how many microseconds clocks may differ.
_CLOCK_SKEW = 300_000_000


class Event(NamedTuple):
    """A raw record, with its ``message_order`` among versions of equal time of change.

    ``kind_is_known`` is False for a deletion that names an id and no more. ``sent`` is the time of
    sending as the message has it: it replaces the time of change of a record that has none.
    ``arrived_at`` is the brokers' timestamp in microseconds since the epoch, 0 when they keep none.
    """

    record: Record
    order: int
    sent: object
    arrived_at: int
    deletes: bool = False
    kind_is_known: bool = True


class _DeadLetterError(Exception):
    """The message is not an event; the exception's text is the dead letter's reason."""


class EventReader:
    """Reads the events of a store's topic. Use ``event_reader``.

    It is pickled as the configuration that it was made from.
    """

    def __init__(self, key: str, table: StoreTable, ids_of_companies: str | None) -> None:
        self.configuration = key, msgspec.msgpack.encode(table), ids_of_companies
        self._key, self._rules = key, compile_store(key, table, ids_of_companies)
        self._changes = table.changes or ChangesSource(kind="kafka")
        self._tables = [own for own in (table.company, table.contact) if own is not None]
        self._zone = ZoneInfo(table.timezone)
        self._id, self._mark = _shared_path(self._tables), _deletion_mark(self._tables)
        self._deletes = _passes(self._changes.deleted, missing=False)
        self._is_known = _passes(self._changes.operation, missing=True)
        self._record = _place(self._changes.record, lambda envelope: envelope)
        self._sent = _place(self._changes.sent_at, lambda _: None)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reader_of, self.configuration

    def read(self, topic: str, partition: int, message: TopicMessage) -> Event | DeadLetter:
        """Returns the event in a message, or a dead letter when there is none.

        The reasons are ``not_utf8``, ``not_json``, ``not_an_object``, ``unknown_op``, and those for
        which a record cannot be used.
        """
        order, arrived_at = message_order(partition, message.offset), _arrival(message)
        try:
            if message.value is None:
                record = self._record_of_key(message.key or b"")
                return Event(record, order, None, arrived_at, True, False)
            envelope = _decode_object(message.value)
            return self._event(envelope, order, arrived_at)
        except _DeadLetterError as error:
            raw = message.value if message.value is not None else message.key or b""
            return DeadLetter(topic, partition, message.offset, str(error), raw)

    def rows(self, event: Event) -> list[Result]:
        """Returns what an event becomes; dated by its change unless that is later than its arrival.

        A deletion has no payload when it has no trustworthy time of change, or does not say whether
        it deletes a company or a contact: see ``Row``.
        """
        if not event.kind_is_known:
            return [self._deletion(event)]
        bound = _clock_bound(event.arrived_at)
        results = self._rules.records(event.record, event.order, bound)
        return [
            self._dated(part, event)
            for part in (results if isinstance(results, tuple) else (results,))
        ]

    def _event(self, envelope: Record, order: int, arrived_at: int) -> Event:
        deletes = self._deletes(envelope)
        if not deletes and not self._is_known(envelope):
            raise _DeadLetterError("unknown_op")
        record = self._record(envelope)
        problem = self._rules.find_problem(record)
        # A deletion may have no more than the id.
        if problem and (not deletes or problem.reason in _WITHOUT_ID or not self._has_id(record)):
            raise _DeadLetterError(problem.reason)
        if deletes and self._mark:
            record = {**record, self._mark: True}
        return Event(record, order, self._sent(envelope), arrived_at, deletes, problem is None)

    def _dated(self, result: Result, event: Event) -> Result:
        """Returns what a record becomes, as new as its sending where it has no time of change."""
        if isinstance(result, Unusable):
            return result
        if isinstance(result, Row) and (event.deletes or result.reason == DELETED_IN_STORE):
            return self._deleted(result, event)
        if result.changed_at and not (isinstance(result, Row) and result.undated):
            return result
        return msgspec.structs.replace(result, changed_at=_sent_at(event))

    def _deleted(self, row: Row, event: Event) -> Row:
        replace = msgspec.structs.replace
        if not self._trusted_time(event):
            return replace(row, changed_at=_sent_at(event), tin="", payload=b"")
        if row.reason == DELETED_IN_STORE:
            return row
        # The store's own record does not say that it is deleted: only the message does.
        order = row.order | NO_PARTITION
        return replace(row, order=order, tin="", reason=DELETED_IN_STORE, payload=b"")

    def _record_of_key(self, key: bytes) -> Record:
        """Returns the record that a message without a value deletes: that of its key."""
        try:
            source_id = self._rules.ids.read(key.decode())
        except UnicodeDecodeError:
            raise _DeadLetterError("not_utf8") from None
        if not source_id:
            problem = self._rules.find_problem({})
            raise _DeadLetterError(problem.reason if problem else NO_ID)
        return {self._id: source_id} | ({self._mark: True} if self._mark else {})

    def _has_id(self, record: Record) -> bool:
        return bool(self._rules.ids.read(finder(self._id)(record)))

    def _deletion(self, event: Event) -> Row:
        changed_at = self._trusted_time(event)
        source_id = self._rules.ids.read(
            event.record.get(self._id) or finder(self._id)(event.record)
        )
        # The time decides the order, and the offset only among equal times.
        order = event.order | NO_PARTITION if changed_at else event.order
        moment = changed_at or _sent_at(event)
        raw = raw_json(event.record)
        return Row(self._key, UNKNOWN_KIND, source_id, moment, order, "", "", "", b"", raw)

    def _trusted_time(self, event: Event) -> int:
        """Returns when the record changed; 0 where it does not say so, or a wrong clock does."""
        for table in self._tables:
            path = table.changed_at
            value = finder(path)(event.record) if isinstance(path, str) else None
            if changed_at := moments.parse(value, zone=self._zone)[0]:
                return changed_at if _clock_bound(event.arrived_at).allows(changed_at) else 0
        return 0


# Reasons for which not even a deletion can be told.
_WITHOUT_ID = frozenset((NOT_AN_OBJECT, NO_ID, "no_partner_number"))


def event_reader(configuration: Configuration, key: str) -> EventReader:
    """Returns the reader of a store's topic, made once in a process.

    Raises:
        KeyError: the configuration has no such store.
    """
    table = msgspec.msgpack.encode(configuration.store[key])
    return _reader_of(key, table, company_form(configuration, key))


@lru_cache(maxsize=64)
def _reader_of(key: str, table: bytes, ids_of_companies: str | None) -> EventReader:
    return EventReader(key, msgspec.msgpack.decode(table, type=StoreTable), ids_of_companies)


def _sent_at(event: Event) -> int:
    """When the message was sent, in microseconds: by itself, unless a wrong clock says so."""
    sent_at = moments.parse(event.sent)[0] if event.sent else 0
    is_plausible = sent_at and _clock_bound(event.arrived_at).allows(sent_at)
    return sent_at if is_plausible else event.arrived_at


def _place(path: str | None, default: Callable[[Record], Any]) -> Callable[[Record], Any]:
    """Returns the function that finds what a path leads to; without a path the default."""
    return default if path is None else finder(path)


def _shared_path(tables: Sequence[RecordTable]) -> str:
    """Returns where an id stands that says nothing of the kind of its record."""
    paths = [table.id for table in tables if isinstance(table.id, str)]
    return paths[0] if paths else "id"


def _deletion_mark(tables: Sequence[RecordTable]) -> str:
    """Returns the field by which all tables mark a deleted record; an empty text for none."""
    marks = {table.deleted if isinstance(table.deleted, str) else "" for table in tables}
    mark = marks.pop() if len(marks) == 1 else ""
    return mark if mark and parse_path(mark) == FieldPath((mark,)) else ""


def _passes(condition: Condition | None, missing: bool) -> Callable[[Record], bool]:
    """Returns the test of a message; ``missing`` is its result where the field says nothing."""
    if condition is None:
        return lambda message: missing
    test, find = compile_condition(condition), finder(condition.field)

    def passes(message: Record) -> bool:
        value = find(message)
        return test(value) if value or not missing else True

    return passes


def _clock_bound(arrived_at: int) -> ClockBound:
    return ClockBound(arrived_at + _CLOCK_SKEW, arrived_at)


def _arrival(message: TopicMessage) -> int:
    """When the message arrived, in microseconds; a producer may have set any number."""
    return 1000 * min(max(message.timestamp, 0), _LATEST_TIMESTAMP)


def _decode_object(value: bytes) -> Record:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise _DeadLetterError("not_utf8") from None
    try:
        envelope = decode(text.removeprefix(_BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        raise _DeadLetterError("not_json") from None
    if not isinstance(envelope, dict):
        raise _DeadLetterError(NOT_AN_OBJECT)
    return envelope
