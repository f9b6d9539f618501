"""A run up to the load, one step after the other: what the graph does where several may work."""

from collections.abc import Iterable, Sequence

from transforms.ledger import companies, persons, pieces, standing
from transforms.ledger.database import Ledger
from transforms.ledger.source_rows import Run, Touched, left_over, remember, unsettled
from transforms.processes import HERE, Processes
from transforms.records import Row


def take_up(
    ledger: Ledger, run: Run, portions: Iterable[Sequence[Row]], processes: Processes = HERE
) -> Touched:
    """Remember rows, portion by portion; what they touch, and what earlier runs have left."""
    found = [remember(ledger, run, rows, processes) for rows in portions]
    with ledger.read() as connection:
        touched = left_over(connection, run)
    for one in found:
        touched.add(one)
    return touched


def rebuild(ledger: Ledger, run: Run, touched: Touched, processes: Processes = HERE) -> None:
    """Golden companies and contacts of all that is touched; the register has been asked."""
    with ledger.read() as connection:
        cut_off = unsettled(connection, run)
    affected = companies.consolidate(
        ledger, run, sorted(touched.tins), processes, for_the_first_time=not cut_off
    )
    affected |= touched.companies
    with ledger.read() as connection:
        named = standing.contacts_of(connection, sorted(affected))
    standing.resolve(ledger, run, sorted(touched.contacts | named), processes)
    groups = pieces.dirty_pieces(ledger, run, processes)
    persons.refresh(ledger, run, groups, processes)
    persons.consolidate(ledger, run, groups, processes)
