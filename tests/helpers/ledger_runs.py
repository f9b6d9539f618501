"""Rows, runs and snapshots for tests of the ledger, the matching and the loader."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from transforms import stages
from transforms.core.golden_records import decode_golden_company, decode_golden_contact
from transforms.core.identity import Run, now
from transforms.core.records import COMPANY, CONTACT, Company, Contact, Row, encode
from transforms.ledger import schema
from transforms.ledger.base.answers import fresh_answers, save_answers
from transforms.ledger.database import Ledger
from transforms.ledger.rows.unfinished_work import live_tins
from transforms.ledger.runs import settle_run, start_run
from transforms.register.answer import Answer

ACTIVE, OTHER, CLOSED, SILENT = "7805746764", "7707083893", "7702070139", "500000000100"
VERDICTS: Mapping[str, str | None] = {
    ACTIVE: "active",
    OTHER: "active",
    CLOSED: "not_active",
    SILENT: None,
}


def company_row(
    ref: str, tin: str, at: int = 1, *, reason: str = "", order: int = 0, **fields: Any
) -> Row:
    """``ref`` is ``A:17``."""
    source, _, source_id = ref.partition(":")
    payload = encode(Company(tin, **fields))
    raw = msgspec.json.encode({"ref": ref, "tin": tin, "at": at, "reason": reason} | fields)
    return Row(source, COMPANY, source_id, at, order, tin, reason, "", payload, raw)


def contact_row(
    ref: str,
    company_ids: Iterable[str],
    at: int = 1,
    *,
    reason: str = "",
    order: int = 0,
    **fields: Any,
) -> Row:
    """A contact row; ``name="Иванов Пётр"`` is short for its parts."""
    source, _, source_id = ref.partition(":")
    parts = dict(
        zip(
            ("last_name", "first_name", "middle_name"), fields.pop("name", "").split(), strict=False
        )
    )
    contact = Contact(**parts, company_ids=tuple(company_ids), **fields)
    raw = msgspec.json.encode({"ref": ref, "at": at, "reason": reason, "contact": contact})
    return Row(source, CONTACT, source_id, at, order, "", reason, "", encode(contact), raw)


def answer(tin: str, verdict: str, **fields: Any) -> Answer:
    return Answer(tin, verdict, verdict.upper(), as_of=now(), **fields)


def take_up(ledger: Ledger, rows: Iterable[Row] = (), command: str = "full") -> tuple[Run, Any]:
    """The first half of a run: what it touches."""
    run = start_run(ledger, command)
    return run, stages.find_touched_keys(ledger, run, [list(rows)])


def ask(ledger: Ledger, run: Run, tins: Iterable[str], verdicts: Mapping[str, str | None]) -> None:
    """Remember what the register says of TINs that nothing is known of."""
    with ledger.read() as connection:
        live = live_tins(connection, sorted(tins))
        unknown = live - fresh_answers(connection, sorted(live)).keys()
    answers = [answer(tin, verdict) for tin in sorted(unknown) if (verdict := verdicts.get(tin))]
    ledger.transact(lambda connection: save_answers(connection, run.run_seq, answers))


def rebuild(ledger: Ledger, run: Run, touched: Any, verdicts: Mapping[str, str | None]) -> None:
    """Runs the steps between remembering and loading."""
    ask(ledger, run, touched.tins, verdicts)
    stages.rebuild(ledger, run, touched)


def run_once(
    ledger: Ledger, rows: Iterable[Row] = (), verdicts: Mapping[str, str | None] = VERDICTS
) -> Run:
    """A whole run up to the load."""
    run, touched = take_up(ledger, rows)
    rebuild(ledger, run, touched, verdicts)
    settle_run(ledger, run, {})
    return run


class Snapshot(NamedTuple):
    """All that the order of rows must not change."""

    companies: dict[str, Any]
    contacts: dict[frozenset[str], Any]
    invalid: dict[str, Any]
    deferred: dict[str, Any]


def snapshot(ledger: Ledger) -> Snapshot:
    with ledger.read() as connection:
        members: dict[tuple[str, str], set[str]] = {}
        for kind, source, source_id, key in connection.execute(sa.select(schema.members)):
            members.setdefault((kind, key), set()).add(f"{source}:{source_id}")
        tins: dict[str, set[str]] = {}
        for tin, key in connection.execute(sa.select(schema.golden_tins)):
            tins.setdefault(key, set()).add(tin)
        content = Snapshot({}, {}, {}, {})
        for row in connection.execute(sa.select(schema.golden)):
            refs = frozenset(members.pop((row.kind, row.key)))
            provenance = msgspec.json.decode(row.provenance)
            if row.kind == COMPANY:
                content.companies[row.key] = decode_golden_company(row.payload), provenance, refs
            else:
                contact = decode_golden_contact(row.payload)
                assert contact.key == row.key
                assert set(contact.tins) == tins.pop(row.key)
                content.contacts[refs] = msgspec.structs.replace(contact, key=""), provenance
        assert members == tins == {}
        for kind, table in (
            (COMPANY, schema.invalid_companies),
            (CONTACT, schema.invalid_contacts),
        ):
            for row in connection.execute(sa.select(table)):
                ref = f"{kind} {row.source}:{row.source_id}"
                content.invalid[ref] = row.tin, row.reason, row.detail, row.record
        for row in connection.execute(sa.select(schema.deferred)):
            content.deferred[f"{row.kind} {row.source}:{row.source_id}"] = row.tin, row.reason
    return content


def outcomes(ledger: Ledger) -> dict[str, str]:
    """Each known row's one outcome: ``golden KEY``, or the reason why it is not in one."""
    ends_by_row: dict[str, list[str]] = {}
    with ledger.read() as connection:
        for row in connection.execute(sa.select(schema.rows)):
            ends_by_row[f"{row.kind} {row.source}:{row.source_id}"] = []
        for row in connection.execute(sa.select(schema.members)):
            ends_by_row[f"{row.kind} {row.source}:{row.source_id}"].append(f"golden {row.key}")
    state = snapshot(ledger)
    for ref, (_, reason, *_) in [*state.invalid.items(), *state.deferred.items()]:
        ends_by_row[ref].append(reason)
    assert {ref: ends for ref, ends in ends_by_row.items() if len(ends) != 1} == {}
    return {ref: end for ref, (end,) in ends_by_row.items()}


def column(ledger: Ledger, table: sa.Table, name: str) -> list[Any]:
    """One column of a table, sorted."""
    with ledger.read() as connection:
        return sorted(connection.execute(sa.select(table.c[name])).scalars())
