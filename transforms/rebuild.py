"""Rebuilding what was touched, one step after the other: what the graph does for a bounded run."""

from transforms.check_register import RegisterAccess, ask, unknown
from transforms.ledger import companies, persons, pieces, standing
from transforms.ledger.database import Ledger
from transforms.ledger.source_rows import Run, Touched


def rebuild(ledger: Ledger, run: Run, register: RegisterAccess, touched: Touched) -> None:
    """Golden companies and contacts of all that is touched, in the ledger. Safe to repeat."""
    tins = sorted(touched.tins)
    ask(ledger, run, register, unknown(ledger, tins))
    affected = companies.consolidate(ledger, run, tins) | touched.companies
    with ledger.read() as connection:
        contacts = touched.contacts | standing.contacts_of(connection, sorted(affected))
    standing.resolve(ledger, run, sorted(contacts))
    for batch in pieces.batches(pieces.dirty_pieces(ledger, run)):
        persons.consolidate(ledger, run, batch)
