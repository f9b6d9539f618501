"""Rows and records that were not taken, counted by reason, with a few masked examples."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.report.history import PastRun
from pipeline.report.masking import mask_answer, mask_code, mask_tin, parse_json
from pipeline.report.numbers import number
from pipeline.report.russian import STATUSES
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table

_EXAMPLES = 5


class Example(msgspec.Struct, frozen=True):
    """Rows or records with the same masked ``text``; ``refs`` say where to look (``A:17``)."""

    text: str
    refs: list[str]


class Refusal(msgspec.Struct):
    """Rows refused for one reason; ``first_time`` of them were refused by no run before."""

    kind: str
    reason: str
    by_store: dict[str, int]
    first_time: int
    examples: list[Example]

    @property
    def count(self) -> int:
        """Rows of all stores."""
        return sum(self.by_store.values())


class Rejection(msgspec.Struct, frozen=True):
    """Records that the portal rejected for one reason."""

    kind: str
    reason: str
    count: int
    examples: list[Example]


class DeadLetters(msgspec.Struct, frozen=True):
    """Input that is no record, by its origin (a topic, or ``file:NAME``) and its reason."""

    origin: str
    reason: str
    count: int
    places: list[str]


def read_refusals(connection: Connection, run: PastRun, kind: str) -> list[Refusal]:
    """Returns the refusals of the rows that the run has read, the most frequent reason first."""
    table = invalid_table(kind).c
    is_first = sa.case((table.first_seen_at >= run.started_at, 1), else_=0)
    query = (
        sa.select(table.reason, table.source, sa.func.count(), sa.func.sum(is_first))
        .where(table.run_id == run.run_id)
        .group_by(table.reason, table.source)
    )
    refusals: dict[str, Refusal] = {}
    for reason, source, count, first_time in connection.execute(query):
        refusal = refusals.setdefault(reason, Refusal(kind, reason, {}, 0, []))
        refusal.by_store[source] = count
        refusal.first_time += int(first_time)
    for reason, refusal in refusals.items():
        refusal.examples = _row_examples(connection, run, kind, reason)
    return sorted(refusals.values(), key=lambda refusal: (-refusal.count, refusal.reason))


def _row_examples(connection: Connection, run: PastRun, kind: str, reason: str) -> list[Example]:
    table = invalid_table(kind).c
    query = (
        sa.select(table.source, table.source_id, table.tin, table.detail)
        .where(table.run_id == run.run_id, table.reason == reason)
        .order_by(table.first_seen_at.desc(), table.source, table.source_id)
        .limit(_EXAMPLES)
    )
    return _by_text(
        (f"{source}:{mask_code(source_id)}", _row_text(tin, detail))
        for source, source_id, tin, detail in connection.execute(query)
    )


def _row_text(tin: str | None, detail: str | None) -> str:
    return " · ".join(filter(None, (mask_tin(tin), STATUSES.get(detail or "", ""))))


def _by_text(pairs: Iterable[tuple[str, str]]) -> list[Example]:
    """Joins examples, each ``(reference, text)``, that have the same text."""
    examples: dict[str, Example] = {}
    for ref, text in pairs:
        examples.setdefault(text, Example(text, [])).refs.append(ref)
    return list(examples.values())


def read_rejections(connection: Connection) -> list[Rejection]:
    """Returns all records that stand rejected, the most frequent reason first."""
    return [
        Rejection(kind, mask_code(reason), count, _rejected_examples(connection, kind, reason))
        for (kind, reason), count in count_rejections(connection).items()
    ]


def count_rejections(connection: Connection) -> dict[tuple[str, str], int]:
    """Returns the number of rejected records by ``(kind, reason)``, the most frequent first."""
    table = schema.rejected.c
    query = (
        sa.select(table.kind, table.reason, sa.func.count().label("count"))
        .group_by(table.kind, table.reason)
        .order_by(sa.desc("count"), table.kind, table.reason)
    )
    return {(kind, reason): count for kind, reason, count in connection.execute(query).all()}


def _rejected_examples(connection: Connection, kind: str, reason: str) -> list[Example]:
    table, golden = schema.rejected.c, schema.golden.c
    query = (
        sa.select(table.key, table.detail, table.record, golden.payload)
        .outerjoin(schema.golden, sa.and_(golden.kind == table.kind, golden.key == table.key))
        .where(table.kind == kind, table.reason == reason)
        .order_by(table.seen_at.desc(), table.key)
        .limit(_EXAMPLES)
    )
    return _by_text(
        (mask_code(key), mask_answer(detail or "", parse_json(record), _content(payload)))
        for key, detail, record, payload in connection.execute(query)
    )


def _content(payload: bytes | None) -> object:
    return msgspec.msgpack.decode(payload) if payload else None


def read_dead_letters(connection: Connection, run: PastRun) -> list[DeadLetters]:
    """Returns the run's unreadable messages, broken partners and cut files."""
    table = schema.invalid_messages.c
    query = (
        sa.select(table.topic, table.reason, sa.func.count())
        .where(table.run_id == run.run_id)
        .group_by(table.topic, table.reason)
        .order_by(table.topic, table.reason)
        .limit(50)
    )
    return [
        DeadLetters(topic, reason, count, _places(connection, run, topic, reason))
        for topic, reason, count in connection.execute(query).all()
    ]


def _places(connection: Connection, run: PastRun, topic: str, reason: str) -> list[str]:
    table = schema.invalid_messages.c
    query = (
        sa.select(table.partition, table.offset)
        .where(table.run_id == run.run_id, table.topic == topic, table.reason == reason)
        .order_by(table.partition, table.offset)
        .limit(_EXAMPLES)
    )
    return [
        f"байт {number(offset)}" if partition < 0 else f"{partition}@{offset}"
        for partition, offset in connection.execute(query)
    ]
