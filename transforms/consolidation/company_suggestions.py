"""Suggestions: which company a row without a TIN seems to be.

Nothing is merged unasked. Once a person has accepted a suggestion, the contacts that name the row
follow to the company; the row itself stays refused until its store mends it.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.golden_records import GoldenCompany, decode_golden_company
from transforms.core.identity import row_ref
from transforms.core.records import COMPANY, Company, decode_company
from transforms.ledger import schema
from transforms.ledger.base.reviews import DoubtfulPair, judgements_of, replace_doubtful_pairs
from transforms.matching.company_similarity import Suggestion, suggest

_WITHOUT_TIN = ("missing_tin", "placeholder_tin")
_PAGE = 2000


def suggest_companies(connection: Connection) -> int:
    """Replaces all suggestions by new ones. Returns how many there are.

    Pairs on which people have given a judgement are not suggested again.
    """
    rows = dict(_rows_without_tin(connection))
    judgements = judgements_of(connection, COMPANY, sorted(rows))
    accepted = {ref for (ref, _), is_same in judgements.items() if is_same}
    open_rows = {ref: row for ref, row in rows.items() if ref not in accepted}
    suggestions = suggest(open_rows, _golden_companies(connection)) if open_rows else []
    pairs = [
        _doubtful_pair(suggestion)
        for suggestion in suggestions
        if (suggestion.ref, suggestion.tin) not in judgements
    ]
    replace_doubtful_pairs(connection, COMPANY, _suggested_rows(connection), pairs)
    return len(pairs)


def _doubtful_pair(suggestion: Suggestion) -> DoubtfulPair:
    return DoubtfulPair(
        COMPANY,
        suggestion.ref,
        suggestion.tin,
        round(suggestion.bits, 2),
        "it has no TIN",
        tuple((kind, value, round(bits, 2)) for kind, value, bits in suggestion.evidence),
    )


def _suggested_rows(connection: Connection) -> list[str]:
    table = schema.doubts.c
    return list(connection.execute(sa.select(table.one).where(table.kind == COMPANY)).scalars())


def _rows_without_tin(connection: Connection) -> Iterator[tuple[str, Company]]:
    table = schema.rows.c
    query = sa.select(table.source, table.source_id, table.payload).where(
        table.kind == COMPANY, table.reason.in_(_WITHOUT_TIN)
    )
    for source, source_id, payload in connection.execute(query):
        yield row_ref((source, source_id)), decode_company(payload)


def _golden_companies(connection: Connection) -> Iterator[GoldenCompany]:
    """Yields the companies of the base, by keyset pagination."""
    golden = schema.golden.c
    query = (
        sa.select(golden.key, golden.payload)
        .where(golden.kind == COMPANY)
        .order_by(golden.key)
        .limit(_PAGE)
    )
    last_key = ""
    while page := connection.execute(query.where(golden.key > last_key)).all():
        for _, payload in page:
            yield decode_golden_company(payload)
        last_key = page[-1].key
