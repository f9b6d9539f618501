"""Doubtful pairs with both sides in words.

Names and phones are shown: the list is for the operator's own eyes.
"""

from collections.abc import Iterator

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.golden_records import GoldenCompany
from transforms.core.identity import row_key
from transforms.core.records import COMPANY, decode_company, decode_contact
from transforms.ledger.base.reviews import DoubtfulPair, doubtful_pairs
from transforms.ledger.database import Ledger
from transforms.ledger.inspection import find_golden, rows_of_id


class DescribedPair(msgspec.Struct, frozen=True):
    """A doubtful pair, and the records on its two sides in words."""

    pair: DoubtfulPair
    left_text: str
    right_text: str

    @property
    def evidence(self) -> str:
        """The comparisons for and against, each with its weight in bits."""
        comparisons = self.pair.evidence
        return "; ".join(f"{subject}: {level} {bits:+.1f}" for subject, level, bits in comparisons)


def read_pairs(ledger: Ledger) -> list[DescribedPair]:
    """Returns the pairs that wait for a judgement, the likeliest first."""
    with ledger.read() as connection:
        return [
            DescribedPair(
                pair,
                describe(connection, pair.kind, pair.left_ref),
                describe(connection, pair.kind, pair.right_ref),
            )
            for pair in doubtful_pairs(connection)
        ]


def terminal_lines(ledger: Ledger) -> Iterator[str]:
    """Yields the list for the terminal."""
    described_pairs = read_pairs(ledger)
    for described in described_pairs:
        pair = described.pair
        refs = f"{pair.left_ref} and {pair.right_ref}"
        yield f"{refs} ({pair.kind}), {pair.bits:.1f} bits: {pair.why}"
        yield f"   {described.left_text}"
        yield f"   {described.right_text}"
        yield f"   {described.evidence}"
    yield (
        f"{len(described_pairs):,} pairs wait for a judgement: svod review --yes RECORD RECORD,"
        " --no RECORD RECORD, --write FILE, --read FILE, --page"
        if described_pairs
        else "Nothing waits for a judgement."
    )


def describe(connection: Connection, kind: str, ref: str) -> str:
    """Returns a record in words: of the row ``ref`` (``A:17``), or of the company with this TIN.

    Empty if the ledger has no such record.
    """
    if ":" not in ref:
        return _describe_company(connection, ref)
    rows = [row for row in rows_of_id(connection, *row_key(ref)) if row.kind == kind]
    if not rows:
        return ""
    if kind == COMPANY:
        company = decode_company(rows[0].payload)
        return _join(company.name or ref, *company.phones, *company.emails)
    contact = decode_contact(rows[0].payload)
    name = " ".join(filter(None, (contact.last_name, contact.first_name, contact.middle_name)))
    return _join(name or ref, contact.position, *contact.phones, *contact.emails)


def _describe_company(connection: Connection, tin: str) -> str:
    golden = find_golden(connection, COMPANY, tin)
    if golden is None or not isinstance(golden.record, GoldenCompany):
        return ""
    company = golden.record
    return _join(company.title, company.tin, *company.phones, *company.emails)


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))
