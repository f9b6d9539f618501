"""The same work without Beam: the same readers, cleaners and ledger, in straightforward loops."""

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from bench.register import answering_at_once
from bench.task import CLEAN_B, CONSOLIDATED, REMEMBERED, RUN, Found, Stage, Task
from pipeline.options import LEDGER, STORE_A
from transforms.clean_batch import Part, clean_batch
from transforms.consolidation import register_questions
from transforms.consolidation.stages import rebuild, take_up
from transforms.core.process_pool import ProcessPool
from transforms.core.records import Broken, Row, decode_rows
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.rows import messages
from transforms.ledger.rows.source_rows import TouchedKeys
from transforms.ledger.runs import settle_run
from transforms.stores import clean_a
from transforms.stores.export.partner_file import PartnerFile
from transforms.stores.mysql.client import StoreClient
from transforms.stores.mysql.keyset import COMPANIES, CONTACTS, Keys, with_orders

_R = TypeVar("_R")
_AT_ONCE = 4000


def _files(
    task: Task, each: Callable[[Iterable[dict[str, Any]]], _R], processes: int
) -> Iterator[_R | Broken]:
    pool = ProcessPool(processes)
    for path in sorted(glob.glob(task.files)):  # noqa: PTH207 - the pattern is absolute
        yield from PartnerFile(partial(Path(path).open, "rb"), path, "utf-8", each, pool)
    pool.close()


def _parts_of_b(task: Task, broken: list[Broken]) -> Iterator[Part]:
    for found in _files(task, CLEAN_B, 0):
        if isinstance(found, Broken):
            broken.append(found)
        else:
            yield from found.parts


def _parts_of_a() -> Iterator[Part]:
    pool = ProcessPool()
    with StoreClient(STORE_A, connections=1).session() as session:
        keys = Keys(COMPANIES)
        companies = keys.pages(session, *keys.bounds(session))
        with_them = (with_orders(session, page) for page in companies)
        for found in pool.map(partial(clean_batch, clean=clean_a.clean_company), with_them):
            yield from found.parts
        keys = Keys(CONTACTS)
        contacts = keys.pages(session, *keys.bounds(session))
        for found in pool.map(partial(clean_batch, clean=clean_a.clean_contact), contacts):
            yield from found.parts
    pool.close()


def _cleaned(task: Task, broken: list[Broken]) -> Iterator[Row]:
    for part in chain(_parts_of_a(), _parts_of_b(task, broken)):
        yield from decode_rows(part.rows)


def _read_b(task: Task) -> Found:
    return {"read": sum(found for found in _files(task, len, 1) if isinstance(found, int))}


def _clean_b(task: Task) -> Found:
    return _counted(_parts_of_b(task, []))


def _clean(task: Task) -> Found:
    return _counted(chain(_parts_of_a(), _parts_of_b(task, [])))


def _counted(parts: Iterable[Part]) -> Found:
    counts: Counter[str] = Counter()
    for part in parts:
        counts[part.outcome] += part.size
    return dict(counts)


def _with_ledger(work: Callable[[Ledger, Task], object]) -> Callable[[Task], Found]:
    def stage(task: Task) -> Found:
        ledger = open_ledger(LEDGER.value())
        try:
            work(ledger, task)
        finally:
            ledger.close()
        return {}

    return stage


def _remember(ledger: Ledger, task: Task) -> TouchedKeys:
    broken: list[Broken] = []
    touched = take_up(ledger, RUN, _portions(_cleaned(task, broken)))
    ledger.transact(lambda connection: messages.record(connection, RUN, broken))
    return touched


def _portions(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some


def _whole(ledger: Ledger, task: Task) -> None:
    touched = _remember(ledger, task)
    with answering_at_once():
        unknown = register_questions.unknown(ledger, sorted(touched.tins))
        register_questions.ask(ledger, RUN, task.register, unknown)
    processes = ProcessPool()
    rebuild(ledger, RUN, touched, processes)
    processes.close()
    settle_run(ledger, RUN, {})


STAGES: dict[str, Stage] = {
    "read B": Stage(_read_b, only_b=True),
    "read, clean B": Stage(_clean_b, only_b=True),
    "read, clean A and B": Stage(_clean),
    "…, remember": Stage(_with_ledger(_remember), tables=REMEMBERED),
    "…, up to the loader": Stage(_with_ledger(_whole), tables=CONSOLIDATED),
}
