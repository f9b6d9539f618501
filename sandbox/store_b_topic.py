"""Store B's topic: events as SAP sends them, from a world's partners or one by one."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec
from confluent_kafka import Producer

from sandbox.world.world import World

TOPIC: Final = "sap.crm.partners"
_LATER: Final = "2024-11-30T21:00:00Z"
# In seconds, for an answer of the brokers.
_PATIENCE: Final = 120
# In milliseconds; brokers allow no longer transaction.
_TRANSACTION_TIMEOUT: Final = 900_000
_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """A message: the partner's number, and the envelope as JSON; None deletes the partner."""

    key: str | None
    value: bytes | None


def upsert(partner: Mapping[str, Any], sent_at: str = _LATER) -> Event:
    """Returns the event of a partner's current version."""
    return _event("upsert", partner, sent_at)


def delete(number: str, category: str, sent_at: str = _LATER) -> Event:
    """Returns the event of a deleted partner: only its number and category."""
    return _event("delete", {"partner": number, "category": category}, sent_at)


def tombstone(number: str) -> Event:
    """Returns a message with a null value: the partner is deleted."""
    return Event(number, None)


def _event(op: str, partner: Mapping[str, Any], sent_at: str) -> Event:
    envelope = {"op": op, "sent_at": sent_at, "partner": partner}
    # Equal events have equal ids, so that a world always makes the same bytes.
    event_id = str(uuid5(NAMESPACE_URL, _encode(envelope).decode()))
    return Event(str(partner["partner"]), _encode({"event_id": event_id, **envelope}))


def events(world: World) -> Iterator[Event]:
    """Yields all of the world's partners as upserts, including old versions and copies."""
    return map(upsert, world.b.partners())


def produce(
    brokers: str, events: Iterable[Event], topic: str = TOPIC, **settings: str | float
) -> int:
    """Sends the events, in order within a partition; returns their number after the last delivery.

    ``settings`` are librdkafka's, with ``_`` in place of dots.

    Raises:
        RuntimeError: some events were not delivered.
    """
    return _send(_producer(brokers, settings), events, topic)


@contextmanager
def produce_in_transaction(
    brokers: str, events: Iterable[Event], topic: str = TOPIC
) -> Iterator[int]:
    """Sends the events in one transaction that is committed at the end of the block.

    Yields their number. A reader of committed messages sees all of them at once after the block.
    """
    producer = _producer(
        brokers, {"transactional_id": "withheld", "transaction_timeout_ms": _TRANSACTION_TIMEOUT}
    )
    producer.init_transactions(_PATIENCE)
    producer.begin_transaction()
    yield _send(producer, events, topic)
    producer.commit_transaction(_PATIENCE)


def _producer(brokers: str, settings: Mapping[str, str | float]) -> Producer:
    return Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "message.max.bytes": 10_485_760,
            "linger.ms": 5,
            # Java's producers choose partitions in this way.
            "partitioner": "murmur2_random",
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in settings.items()},
        }
    )


def _send(producer: Producer, events: Iterable[Event], topic: str) -> int:
    failures: list[str] = []

    def note_failure(error: Any, _: Any) -> None:
        if error is not None:
            failures.append(str(error))

    def enqueue(event: Event) -> None:
        while True:
            try:
                producer.produce(topic, key=event.key, value=event.value, on_delivery=note_failure)
            except BufferError:
                producer.poll(0.1)
            else:
                return

    count = 0
    for count, event in enumerate(events, 1):  # noqa: B007 - the final count
        enqueue(event)
        producer.poll(0)
    producer.flush(_PATIENCE)
    if failures:
        raise RuntimeError(f"{len(failures)} events were not sent: {failures[0]}")
    return count
