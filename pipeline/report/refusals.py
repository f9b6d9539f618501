"""What was refused, counted by reason, with a few examples that name nobody."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.report.history import PastRun
from pipeline.report.masking import answer_shown, code_shown, json_of, tin_shown
from pipeline.report.numbers import number
from pipeline.report.russian import STATUSES
from transforms.ledger import schema
from transforms.ledger.rows.refusals import invalid_table

_EXAMPLES = 5


class Example(msgspec.Struct, frozen=True):
    """Where to look (``A:17``, ``topic[0]@42``), and what stood there, masked."""

    ref: str
    shown: str


class Refusal(msgspec.Struct):
    """One reason. ``fresh`` are those that were refused for the first time in this run."""

    kind: str
    reason: str
    by_source: dict[str, int]
    fresh: int
    examples: list[Example]

    @property
    def count(self) -> int:
        """Of both stores."""
        return sum(self.by_source.values())


def refusals_of(connection: Connection, run: PastRun, kind: str) -> list[Refusal]:
    """The refusals that this run has seen, the most frequent reason first."""
    table = invalid_table(kind).c
    is_fresh = sa.case((table.first_seen_at >= run.started_at, 1), else_=0)
    query = (
        sa.select(table.reason, table.source, sa.func.count(), sa.func.sum(is_fresh))
        .where(table.run_id == run.run_id)
        .group_by(table.reason, table.source)
    )
    found: dict[str, Refusal] = {}
    for reason, source, count, fresh in connection.execute(query):
        refusal = found.setdefault(reason, Refusal(kind, reason, {}, 0, []))
        refusal.by_source[source] = count
        refusal.fresh += int(fresh)
    for reason, refusal in found.items():
        refusal.examples = _row_examples(connection, run, kind, reason)
    return sorted(found.values(), key=lambda refusal: (-refusal.count, refusal.reason))


def _row_examples(connection: Connection, run: PastRun, kind: str, reason: str) -> list[Example]:
    table = invalid_table(kind).c
    query = (
        sa.select(table.source, table.source_id, table.tin, table.detail)
        .where(table.run_id == run.run_id, table.reason == reason)
        .order_by(table.first_seen_at.desc(), table.source, table.source_id)
        .limit(_EXAMPLES)
    )
    return [
        Example(f"{source}:{code_shown(source_id)}", _shown(tin, detail))
        for source, source_id, tin, detail in connection.execute(query)
    ]


def _shown(tin: str | None, detail: str | None) -> str:
    parts = (tin_shown(tin), STATUSES.get(detail or "", ""))
    return " · ".join(filter(None, parts))


class Rejection(msgspec.Struct, frozen=True):
    """Records that the portal did not take, by the reason that it gave."""

    kind: str
    reason: str
    count: int
    examples: list[Example]


def rejections(connection: Connection) -> list[Rejection]:
    """All that stand rejected, the most frequent reason first."""
    return [
        Rejection(kind, code_shown(reason), count, _rejected_examples(connection, kind, reason))
        for (kind, reason), count in rejected_counts(connection).items()
    ]


def rejected_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """By ``(kind, reason)``, the most frequent first."""
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
    return [
        Example(code_shown(key), answer_shown(detail or "", json_of(record), _content(payload)))
        for key, detail, record, payload in connection.execute(query)
    ]


def _content(payload: bytes | None) -> object:
    return msgspec.msgpack.decode(payload) if payload else None


class BrokenInput(msgspec.Struct, frozen=True):
    """Input that is no record, by where it came from (a topic, or ``file:NAME``) and why."""

    origin: str
    reason: str
    count: int
    places: list[str]


def broken_inputs(connection: Connection, run: PastRun) -> list[BrokenInput]:
    """Poison messages, broken partners and cut files of this run."""
    table = schema.invalid_messages.c
    query = (
        sa.select(table.topic, table.reason, sa.func.count())
        .where(table.run_id == run.run_id)
        .group_by(table.topic, table.reason)
        .order_by(table.topic, table.reason)
        .limit(50)
    )
    return [
        BrokenInput(topic, reason, count, _places(connection, run, topic, reason))
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
