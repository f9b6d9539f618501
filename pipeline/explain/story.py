"""``svod explain``: why a company or a contact is in the CRM, or why not, step by step.

The lines hold names and phones: they are for the operator's own terminal.
"""

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from pipeline.explain.pair import pair_lines
from pipeline.explain.records import crm_lines, golden_lines, instant, standing
from pipeline.explain.rows import MOST, company_lines, outcome_text, row_lines, row_list
from transforms.core.errors import SvodError
from transforms.core.identity import RowKey, now
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.card_settings import NO_SETTINGS, CardSettings
from transforms.fields import tin as tin_rules
from transforms.ledger.base.goldens import contacts_in, members_of
from transforms.ledger.database import Ledger
from transforms.ledger.inspection import (
    KnownRow,
    aliases_of,
    company_rows,
    find_answer,
    find_item,
    find_row,
    follow_alias,
    rows_of_id,
)
from transforms.ledger.rows.links import golden_key_by_row
from transforms.ledger.stores import read_stores


class UnknownRecordError(SvodError):
    """Nothing in the ledger has this TIN, row or key."""


def explain(
    ledger: Ledger, name: str, second_name: str = "", cards: CardSettings = NO_SETTINGS
) -> str:
    """The story of a TIN (``7805746764``), a row (``A:17``) or a contact's key (``A-17``).

    A number can be both a company's and a contact's: then both are explained. With a second row:
    why the two contact rows are one person, or why not.

    Raises:
        UnknownRecordError: when the ledger knows nothing of it; the message says so plainly.
    """
    name = name.strip()
    with ledger.read() as connection:
        if second_name:
            lines = list(_pair_story(connection, name, second_name))
            name = f"{name} and {second_name} as contact rows of the base"
        else:
            lines = list(_story(connection, name, cards))
    if not lines:
        raise UnknownRecordError(
            f"nothing is known of {name}: give a TIN (7805746764), a row (A:17, B:0001000123) or"
            " a contact's key (A-17), and check that its store has been read"
        )
    return "\n".join(lines)


def _story(connection: Connection, name: str, cards: CardSettings) -> Iterator[str]:
    row = read_stores(connection).parse_reference(name)
    if row:
        yield from _row_story(connection, find_row(connection, row), cards)
        return
    company = list(_company_story(connection, name, cards))
    yield from company or _contact_story(connection, name, cards)


def _pair_story(connection: Connection, name: str, second_name: str) -> Iterator[str]:
    stores = read_stores(connection)
    row, second_row = stores.parse_reference(name), stores.parse_reference(second_name)
    if row and second_row:
        yield from pair_lines(
            connection, find_row(connection, row), find_row(connection, second_row)
        )


def _row_story(connection: Connection, key: RowKey, cards: CardSettings) -> Iterator[str]:
    for number, row in enumerate(rows_of_id(connection, *key)):
        if number:
            yield ""
        yield f"{row.ref} ({row.kind})"
        yield ""
        if row.kind == COMPANY:
            yield from _company_row_story(connection, row, cards)
        else:
            yield from _contact_row_story(connection, row, cards)


def _company_row_story(connection: Connection, row: KnownRow, cards: CardSettings) -> Iterator[str]:
    if not row.reason:
        yield from _company_story(connection, row.tin, cards)
        return
    yield "1. Row and cleaning"
    yield from row_lines(connection, row)
    yield "It goes no further: not in the register's questions, not in the CRM."


def _contact_row_story(connection: Connection, row: KnownRow, cards: CardSettings) -> Iterator[str]:
    keys = golden_key_by_row(connection, CONTACT, [row.key])
    if row.key in keys:
        yield from _contact_story(connection, keys[row.key], cards)
        return
    yield "1. Row and cleaning"
    yield from row_lines(connection, row)
    if not row.reason:
        yield "2. Its companies"
        yield from company_lines(connection, row)
    yield "It is part of no person in the base, and not in the CRM."


def _company_story(connection: Connection, text: str, cards: CardSettings) -> Iterator[str]:
    """The story of the company with this TIN; of a TIN that is not valid, that of its rows."""
    parsed = tin_rules.parse(text)
    tin = text if parsed.reason else parsed.tin
    rows = company_rows(connection, tin)
    if not rows and not find_item(connection, COMPANY, tin):
        return
    obstacles = sorted({outcome_text(connection, row) for row in rows[:MOST]})
    yield f"Company {tin}: {standing(connection, COMPANY, tin, '; '.join(obstacles))}"
    yield ""
    yield "1. Rows and cleaning"
    yield from row_list(connection, rows)
    yield "2. TIN"
    yield f"   {_tin_verdict(tin)}"
    yield "3. Register"
    yield from _answer_lines(connection, tin)
    yield "4. Consolidation"
    yield from golden_lines(connection, COMPANY, tin)
    yield from _contacts_line(connection, tin)
    yield "5. CRM"
    yield from crm_lines(connection, COMPANY, tin, cards)


def _tin_verdict(tin: str) -> str:
    parsed = tin_rules.parse(tin)
    return f"{parsed.reason}: {parsed.detail}" if parsed.reason else "the control digits agree"


def _answer_lines(connection: Connection, tin: str) -> Iterator[str]:
    remembered = find_answer(connection, tin)
    if remembered is None:
        yield "   no answer is known: not asked, or the register did not answer"
        return
    answer, expires_at = remembered
    origin = "from a bulk file" if answer.origin == "bulk" else "asked for"
    status = f" ({answer.status})" if answer.status else ""
    validity = "good until" if expires_at > now() else "too old since"
    yield f"   {answer.verdict}{status}, as of {instant(answer.as_of)}, {origin}"
    yield f"   {validity} {instant(expires_at)}"


def _contacts_line(connection: Connection, tin: str) -> Iterator[str]:
    keys = sorted(contacts_in(connection, [tin]))
    if keys:
        more = f" and {len(keys) - MOST} more" if len(keys) > MOST else ""
        yield f"   contacts: {', '.join(keys[:MOST])}{more}"


def _contact_story(connection: Connection, name: str, cards: CardSettings) -> Iterator[str]:
    key = follow_alias(connection, CONTACT, name)
    rows = _contact_rows(connection, key)
    if not rows and not find_item(connection, CONTACT, key):
        return
    yield f"Contact {key}: {standing(connection, CONTACT, key)}"
    if key != name:
        yield f"{name} was merged into it."
    yield ""
    yield "1. Rows and cleaning"
    yield from row_list(connection, rows)
    yield "2. Their companies"
    for row in rows[:MOST]:
        yield from company_lines(connection, row)
    yield "3. Consolidation"
    yield from golden_lines(connection, CONTACT, key)
    if aliases := aliases_of(connection, CONTACT, key):
        yield f"   merged into it: {', '.join(aliases)}"
    yield "4. CRM"
    yield from crm_lines(connection, CONTACT, key, cards)


def _contact_rows(connection: Connection, key: str) -> list[KnownRow]:
    members = sorted(members_of(connection, CONTACT, [key])[key])
    rows = [row for member in members for row in rows_of_id(connection, *member)]
    return [row for row in rows if row.kind == CONTACT]
