"""Store B's topic: events as SAP sends them, from the partners of a world or one by one."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec
from confluent_kafka import Producer

from sandbox.world.world import World

TOPIC: Final = "sap.crm.partners"
_LATER: Final = "2024-11-30T21:00:00Z"
# In seconds: for what the brokers answer. In milliseconds: the longest transaction they allow.
_PATIENCE: Final = 120
_LONGEST: Final = 900_000
_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """A message: the partner's number, and the envelope as JSON; None deletes."""

    key: str | None
    value: bytes | None


def upsert(partner: Mapping[str, Any], sent_at: str = _LATER) -> Event:
    """A partner as it is now."""
    return _event("upsert", partner, sent_at)


def delete(number: str, category: str, sent_at: str = _LATER) -> Event:
    """A partner is gone: the event holds no more than its number and category."""
    return _event("delete", {"partner": number, "category": category}, sent_at)


def tombstone(number: str) -> Event:
    """A partner is gone, told by a null value."""
    return Event(number, None)


def _event(op: str, partner: Mapping[str, Any], sent_at: str) -> Event:
    envelope = {"op": op, "sent_at": sent_at, "partner": partner}
    # The same event has the same id, so that a world's events are the same bytes every time.
    event_id = str(uuid5(NAMESPACE_URL, _encode(envelope).decode()))
    return Event(str(partner["partner"]), _encode({"event_id": event_id, **envelope}))


def events(world: World) -> Iterator[Event]:
    """All of the world's partners, old versions and copies included, each as an upsert."""
    return map(upsert, world.b.partners())


def produce(
    brokers: str, events: Iterable[Event], topic: str = TOPIC, **settings: str | float
) -> int:
    """Sends the events, in order within a partition; returns how many when the broker has all.

    ``settings`` are librdkafka's, with ``_`` for its dots.
    """
    return _send(_producer(brokers, settings), events, topic)


@contextmanager
def withheld(brokers: str, events: Iterable[Event], topic: str = TOPIC) -> Iterator[int]:
    """Sends the events, and gives how many; at the end of the context they are there, all at once.

    They are one transaction: a reader that reads what is committed sees none of them before.
    """
    producer = _producer(
        brokers, {"transactional_id": "withheld", "transaction_timeout_ms": _LONGEST}
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
            # As Java's producers spread keys.
            "partitioner": "murmur2_random",
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in settings.items()},
        }
    )


def _send(producer: Producer, events: Iterable[Event], topic: str) -> int:
    failures: list[str] = []

    def sent(error: Any, _: Any) -> None:
        if error is not None:
            failures.append(str(error))

    count = 0
    for count, event in enumerate(events, 1):  # noqa: B007 - the number of the last one
        while True:
            try:
                producer.produce(topic, key=event.key, value=event.value, on_delivery=sent)
            except BufferError:
                producer.poll(0.1)
            else:
                break
        producer.poll(0)
    producer.flush(_PATIENCE)
    if failures:
        raise RuntimeError(f"{len(failures)} events were not sent: {failures[0]}")
    return count
