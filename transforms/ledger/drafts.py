"""Work on the ledger that is thought out in several processes, and written by one."""

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
"""Reads the ledger for one item, writes as ``Ledger.draft`` says, and gives what it found."""


def carry_out(
    ledger: Ledger,
    work: Work[Item, T],
    items: Iterable[Item],
    processes: ProcessPool,
    *,
    per_transaction: int = 1,
) -> list[T]:
    """``work`` on each of the items, which have nothing in common: in any process, and any order.

    What it would write is written here, of so many items in one transaction. Gives what it found.

    Raises:
        LedgerError: as ``Ledger.draft`` does.
        ProcessError: as ``ProcessPool.map`` does.
    """
    drafts = processes.map(partial(draft, ledger, work), items)
    found: list[T] = []
    while some := list(islice(drafts, per_transaction)):
        ledger.transact(partial(perform, drafts=some))
        found += (one.result for one in some)
    return found


def read_each(
    ledger: Ledger, work: Work[Item, T], items: Iterable[Item], processes: ProcessPool
) -> Iterator[T]:
    """What ``work``, which only reads, finds for each of the items, in their order.

    Raises:
        LedgerError: as ``Ledger.draft`` does.
        ProcessError: as ``ProcessPool.map`` does.
    """
    for drafted in processes.map(partial(draft, ledger, work), items):
        yield drafted.result


def draft(ledger: Ledger, work: Work[Item, T], item: Item) -> Draft[T]:
    """What ``work`` would write of one item."""
    return ledger.draft(lambda connection: work(connection, item))
