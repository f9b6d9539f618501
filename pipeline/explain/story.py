"""``svod explain``: why a company or a contact is in the CRM, or why not, step by step.

What it returns holds names and phones: it is for the operator's own terminal.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipeline.explain.pair import pair_lines
from pipeline.explain.records import crm_lines, golden_lines, instant, standing
from pipeline.explain.rows import Known, company_of, find_rows, links_of, outcome, row_lines
from transforms.core.errors import SvodError
from transforms.core.identity import now, row_ref
from transforms.core.records import COMPANY, CONTACT
from transforms.fields import tin as tin_rules
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.register.answer import decode_answer
from transforms.stores.registry import RULES, parse_reference

_MOST = 20


class UnknownRecordError(SvodError):
    """Nothing in the ledger has this TIN, row or key."""


def explain(ledger: Ledger, what: str, other: str = "") -> str:
    """The story of a TIN (``7805746764``), a row (``A:17``) or a contact's key (``A-17``).

    A row's number may be a company's and a contact's: then both are told. With ``other``: why two
    contact rows are one person, or why not.

    Raises:
        UnknownRecordError: when the ledger knows nothing of it; its message says so plainly.
    """
    what = what.strip()
    with ledger.read() as connection:
        row = parse_reference(what)
        if other:
            lines = list(_pair(connection, what, other))
            what = f"{what} and {other} as contact rows of the base"
        elif row:
            lines = list(_rows(connection, *row))
        else:
            lines = list(_tin(connection, what)) or list(_contact(connection, what))
    if not lines:
        raise UnknownRecordError(
            f"nothing is known of {what}: give a TIN (7805746764), a row (A:17, B:0001000123) or"
            " a contact's key (A-17), and check that its store has been read"
        )
    return "\n".join(lines)


def _pair(connection: Connection, one: str, other: str) -> Iterator[str]:
    return pair_lines(connection, _row_ref(connection, one), _row_ref(connection, other))


def _row_ref(connection: Connection, text: str) -> str:
    """The reference of the row that a person names, or ``text`` when it names none."""
    row = parse_reference(text)
    if not row:
        return text
    source, source_id = row
    if not find_rows(connection, source, source_id):
        source_id = RULES[source].full_id(source_id)
    return row_ref((source, source_id))


def _rows(connection: Connection, source: str, source_id: str) -> Iterator[str]:
    rows = find_rows(connection, source, source_id) or find_rows(
        connection, source, RULES[source].full_id(source_id)
    )
    for number, row in enumerate(rows):
        if number:
            yield ""
        yield f"{row.ref} ({row.kind})"
        yield ""
        yield from (
            _company_row(connection, row) if row.kind == COMPANY else _contact_row(connection, row)
        )


def _company_row(connection: Connection, row: Known) -> Iterator[str]:
    if row.reason:
        yield "1. Row and cleaning"
        yield from row_lines(connection, row)
        yield "It goes no further: not in the register's questions, not in the CRM."
    else:
        yield from _tin(connection, row.tin)


def _contact_row(connection: Connection, row: Known) -> Iterator[str]:
    members = schema.members.c
    query = sa.select(members.key).where(
        members.kind == CONTACT, members.source == row.source, members.source_id == row.source_id
    )
    key = connection.execute(query).scalar()
    if key is not None:
        yield from _contact(connection, key)
        return
    yield "1. Row and cleaning"
    yield from row_lines(connection, row)
    if not row.reason:
        yield "2. Its companies"
        yield from _companies_of(connection, row)
    yield "It is part of no person in the base, and not in the CRM."


def _companies_of(connection: Connection, row: Known) -> Iterator[str]:
    for company_id in links_of(connection, row):
        yield f"   {row.source}:{company_id}: {company_of(connection, row.source, company_id)}"


def _tin(connection: Connection, written: str) -> Iterator[str]:
    read = tin_rules.parse(written)
    tin = written if read.reason else read.tin
    rows = find_rows(connection, tin=tin)
    if not rows and not _was_loaded(connection, COMPANY, tin):
        return
    stopped = "; ".join(sorted({outcome(connection, row) for row in rows[:_MOST]}))
    yield f"Company {tin}: {standing(connection, COMPANY, tin, stopped)}"
    yield ""
    yield "1. Rows and cleaning"
    yield from _row_list(connection, rows)
    yield "2. TIN"
    judged = tin_rules.parse(tin)
    verdict = f"{judged.reason}: {judged.detail}" if judged.reason else "the control digits agree"
    yield f"   {verdict}"
    yield "3. Register"
    yield from _answer(connection, tin)
    yield "4. Consolidation"
    yield from golden_lines(connection, COMPANY, tin)
    yield from _contacts(connection, tin)
    yield "5. CRM"
    yield from crm_lines(connection, COMPANY, tin)


def _row_list(connection: Connection, rows: Sequence[Known]) -> Iterator[str]:
    # Thousands of rows can share a filler like 0000000000.
    for row in rows[:_MOST]:
        yield from row_lines(connection, row)
    if len(rows) > _MOST:
        yield f"   and {len(rows) - _MOST} more rows"
    if not rows:
        yield "   no row tells of it any more"


def _was_loaded(connection: Connection, kind: str, key: str) -> bool:
    table = schema.crosswalk.c
    query = sa.select(table.key).where(table.kind == kind, table.key == key)
    return connection.execute(query).first() is not None


def _answer(connection: Connection, tin: str) -> Iterator[str]:
    table = schema.register_answers.c
    query = sa.select(table.payload, table.expires_at).where(table.tin == tin)
    found = connection.execute(query).first()
    if found is None:
        yield "   no answer is known: not asked, or the register did not answer"
        return
    answer = decode_answer(found.payload)
    origin = "from a bulk file" if answer.origin == "bulk" else "asked for"
    status = f" ({answer.status})" if answer.status else ""
    good = "good until" if found.expires_at > now() else "too old since"
    yield f"   {answer.verdict}{status}, as of {instant(answer.as_of)}, {origin}"
    yield f"   {good} {instant(found.expires_at)}"


def _contacts(connection: Connection, tin: str) -> Iterator[str]:
    table = schema.golden_tins.c
    keys = list(
        connection.execute(
            sa.select(table.key).where(table.tin == tin).order_by(table.key)
        ).scalars()
    )
    if keys:
        more = f" and {len(keys) - _MOST} more" if len(keys) > _MOST else ""
        yield f"   contacts: {', '.join(keys[:_MOST])}{more}"


def _contact(connection: Connection, written: str) -> Iterator[str]:
    aliases, members = schema.aliases.c, schema.members.c
    followed = sa.select(aliases.key).where(aliases.kind == CONTACT, aliases.alias == written)
    key = connection.execute(followed).scalar() or written
    parts = sa.select(members.source, members.source_id).where(
        members.kind == CONTACT, members.key == key
    )
    rows = [
        row
        for source, source_id in connection.execute(
            parts.order_by(members.source, members.source_id)
        )
        for row in find_rows(connection, source, source_id)
        if row.kind == CONTACT
    ]
    if not rows and not _was_loaded(connection, CONTACT, key):
        return
    yield f"Contact {key}: {standing(connection, CONTACT, key)}"
    if key != written:
        yield f"{written} was merged into it."
    yield ""
    yield "1. Rows and cleaning"
    yield from _row_list(connection, rows)
    yield "2. Their companies"
    for row in rows[:_MOST]:
        yield from _companies_of(connection, row)
    yield "3. Consolidation"
    yield from golden_lines(connection, CONTACT, key)
    merged = sa.select(aliases.alias).where(aliases.kind == CONTACT, aliases.key == key)
    if former := sorted(connection.execute(merged).scalars()):
        yield f"   merged into it: {', '.join(former)}"
    yield "4. CRM"
    yield from crm_lines(connection, CONTACT, key)
