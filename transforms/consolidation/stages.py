"""A run up to the load, one step after the other: what the graph does where several may work."""

from collections.abc import Iterable, Sequence

from transforms.consolidation import companies, contact_standing, persons, pieces
from transforms.core.identity import Run
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import Row
from transforms.ledger.database import Ledger
from transforms.ledger.rows.source_rows import TouchedKeys, remember
from transforms.ledger.rows.unfinished_work import unfinished_work, unsettled_runs


def take_up(
    ledger: Ledger, run: Run, portions: Iterable[Sequence[Row]], processes: ProcessPool = IN_PLACE
) -> TouchedKeys:
    """Remember rows, portion by portion; what they touch, and what earlier runs have left."""
    found = [remember(ledger, run, rows, processes) for rows in portions]
    with ledger.read() as connection:
        touched = unfinished_work(connection, run)
    for one in found:
        touched.add(one)
    return touched


def rebuild(
    ledger: Ledger, run: Run, touched: TouchedKeys, processes: ProcessPool = IN_PLACE
) -> None:
    """Golden companies and contacts of all that is touched; the register has been asked."""
    with ledger.read() as connection:
        cut_off = unsettled_runs(connection, run)
    affected = companies.consolidate(
        ledger, run, sorted(touched.tins), processes, for_the_first_time=not cut_off
    )
    affected |= touched.companies
    with ledger.read() as connection:
        named = contact_standing.contacts_of(connection, sorted(affected))
    contact_standing.resolve(ledger, run, sorted(touched.contacts | named), processes)
    groups = pieces.dirty_pieces(ledger, run, processes)
    persons.refresh(ledger, run, groups, processes)
    persons.consolidate(ledger, run, groups, processes)
