"""Company rows without a TIN: which company they seem to be, and which one people say they are.

Nothing is merged by itself. Once somebody has said so, the contacts that name such a row follow to
the company; the row itself stays refused, for its store has to mend it.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.core.golden_records import GoldenCompany, decode_golden_company
from transforms.core.identity import row_ref
from transforms.core.records import COMPANY, Company, decode_company
from transforms.ledger import schema
from transforms.ledger.base.reviews import DoubtfulPair, judgements_of, replace_doubtful_pairs
from transforms.matching.company_similarity import suggest

_WITHOUT_TIN = ("missing_tin", "placeholder_tin")
_AT_ONCE = 2000


def look_for_companies(connection: Connection) -> int:
    """Suggest companies for the rows without a TIN, anew. Returns how many suggestions there are.

    What somebody has judged is not asked again.
    """
    rows = dict(_rows_without_tin(connection))
    old = connection.execute(sa.select(schema.doubts.c.one).where(schema.doubts.c.kind == COMPANY))
    said = judgements_of(connection, COMPANY, sorted(rows))
    judged = {one for (one, _), same in said.items() if same}
    open_rows = {ref: row for ref, row in rows.items() if ref not in judged}
    found = [
        DoubtfulPair(
            COMPANY,
            one.ref,
            one.tin,
            round(one.bits, 2),
            "it has no TIN",
            tuple((what, how, round(bits, 2)) for what, how, bits in one.evidence),
        )
        for one in (suggest(open_rows, _goldens(connection)) if open_rows else ())
        if (one.ref, one.tin) not in said
    ]
    replace_doubtful_pairs(connection, COMPANY, list(old.scalars()), found)
    return len(found)


def _rows_without_tin(connection: Connection) -> Iterator[tuple[str, Company]]:
    table = schema.rows.c
    query = sa.select(table.source, table.source_id, table.payload).where(
        table.kind == COMPANY, table.reason.in_(_WITHOUT_TIN)
    )
    for source, source_id, payload in connection.execute(query):
        yield row_ref((source, source_id)), decode_company(payload)


def _goldens(connection: Connection) -> Iterator[GoldenCompany]:
    golden = schema.golden.c
    query = (
        sa.select(golden.key, golden.payload)
        .where(golden.kind == COMPANY)
        .order_by(golden.key)
        .limit(_AT_ONCE)
    )
    last = ""
    while found := connection.execute(query.where(golden.key > last)).all():
        for _, payload in found:
            yield decode_golden_company(payload)
        last = found[-1].key
