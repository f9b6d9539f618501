"""Work on the ledger that several processes compute, and one process writes."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy.engine import Connection

from transforms.core.process_pool import ProcessPool
from transforms.ledger.database import Draft, Ledger, perform

T = TypeVar("T")
Item = TypeVar("Item")

Work = Callable[[Connection, Item], T]
"""Reads the ledger for one item, writes as ``Ledger.draft`` says, and returns a result."""


def carry_out(
    ledger: Ledger,
    work: Work[Item, T],
    items: Iterable[Item],
    processes: ProcessPool,
    *,
    per_transaction: int = 1,
) -> list[T]:
    """Do ``work`` on each of the items in any process; return the results in the items' order.

    The items have nothing in common: the work on one does not see what that on another writes. The
    statements are written by this process, those of ``per_transaction`` items at a time.

    Raises:
        LedgerError: as ``Ledger.draft`` does.
        ProcessError: as ``ProcessPool.map`` does.
    """
    drafts = processes.map(partial(draft, ledger, work), items)
    results: list[T] = []
    while batch := list(islice(drafts, per_transaction)):
        ledger.transact(partial(perform, drafts=batch))
        results += (drafted.result for drafted in batch)
    return results


def read_each(
    ledger: Ledger, work: Work[Item, T], items: Iterable[Item], processes: ProcessPool
) -> Iterator[T]:
    """The result of ``work``, which only reads the ledger, for each of the items in their order.

    Raises:
        LedgerError: as ``Ledger.draft`` does.
        ProcessError: as ``ProcessPool.map`` does.
    """
    for drafted in processes.map(partial(draft, ledger, work), items):
        yield drafted.result


def draft(ledger: Ledger, work: Work[Item, T], item: Item) -> Draft[T]:
    """The result of ``work`` on one item, and what it would write."""
    return ledger.draft(lambda connection: work(connection, item))
