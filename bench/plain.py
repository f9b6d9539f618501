"""The same work without Beam: the same readers, cleaners and ledger, in straightforward loops."""

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from bench.register import instant_register
from bench.task import CLEAN_B, CONSOLIDATED, ORIGINALS, REMEMBERED, RUN, Stage, Tally, Task
from pipeline.options import LEDGER
from pipeline.sql_stores import built_in_store
from transforms import stages
from transforms.clean_batch import CleanBatch, KnownRows, OutcomeRows, clean_batch, clock_bound
from transforms.core.process_pool import ProcessPool
from transforms.core.records import DeadLetter, Row, decode_rows
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.rows.source_rows import TouchedKeys
from transforms.stores import two_stores
from transforms.stores.export.decoding import exported_at
from transforms.stores.export.partner_file import PartnerFile
from transforms.stores.mapping.cleaners import Cleaner
from transforms.stores.mapping.headers import ClockBound
from transforms.stores.sql.keyset import Keyset

_R = TypeVar("_R")
_AT_ONCE = 4000


def _open(path: str) -> BinaryIO:
    return Path(path).open("rb")


def _count(partners: Iterable[dict[str, Any]], *, clock_bound: ClockBound) -> int:
    return len(list(partners))


def _files(task: Task, clean: Callable[..., _R], processes: int) -> Iterator[_R | DeadLetter]:
    pool = ProcessPool(processes)
    for path in sorted(glob.glob(task.files)):  # noqa: PTH207 - the pattern is absolute
        with _open(path) as stream:
            convert = partial(clean, clock_bound=clock_bound(exported_at(stream)))
        yield from PartnerFile(partial(_open, path), path, "utf-8", convert, pool)
    pool.close()


def _parts_of_b(task: Task, dead_letters: list[DeadLetter]) -> Iterator[OutcomeRows]:
    for result in _files(task, CLEAN_B, 0):
        if isinstance(result, DeadLetter):
            dead_letters.append(result)
        else:
            yield from result.parts


def _parts_of_a() -> Iterator[OutcomeRows]:
    pool = ProcessPool()
    store = built_in_store()
    with store.client.session() as session:
        keys = Keyset(store.tables["company"])
        companies = keys.pages(session, *keys.bounds(session))
        pages = (store.add_orders(session, page) for page in companies)
        for batch in pool.map(_cleaning(two_stores.clean_company), pages):
            yield from batch.parts
        keys = Keyset(store.tables["contact"])
        contacts = keys.pages(session, *keys.bounds(session))
        for batch in pool.map(_cleaning(two_stores.clean_contact), contacts):
            yield from batch.parts
    pool.close()


def _cleaning(clean: Cleaner) -> Callable[[Sequence[Any]], CleanBatch]:
    return partial(clean_batch, clean=clean, known=KnownRows(ORIGINALS, clean.origin))


def _clean_stores(task: Task, dead_letters: list[DeadLetter]) -> Iterator[Row]:
    for part in chain(_parts_of_a(), _parts_of_b(task, dead_letters)):
        yield from decode_rows(part.rows)


def _read_b(task: Task) -> Tally:
    return {"read": sum(count for count in _files(task, _count, 1) if isinstance(count, int))}


def _clean_b(task: Task) -> Tally:
    return _count_outcomes(_parts_of_b(task, []))


def _clean(task: Task) -> Tally:
    return _count_outcomes(chain(_parts_of_a(), _parts_of_b(task, [])))


def _count_outcomes(parts: Iterable[OutcomeRows]) -> Tally:
    counts: Counter[str] = Counter()
    for part in parts:
        counts[part.outcome] += part.size
    return dict(counts)


def _with_ledger(work: Callable[[Ledger, Task], object]) -> Callable[[Task], Tally]:
    def stage(task: Task) -> Tally:
        ledger = open_ledger(LEDGER.value())
        try:
            work(ledger, task)
        finally:
            ledger.close()
        return {}

    return stage


def _remember(ledger: Ledger, task: Task) -> TouchedKeys:
    dead_letters: list[DeadLetter] = []
    touched = stages.find_touched_keys(ledger, RUN, _portions(_clean_stores(task, dead_letters)))
    stages.record_dead_letters(ledger, RUN, dead_letters)
    return touched


def _portions(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while portion := list(islice(rows, _AT_ONCE)):
        yield portion


def _consolidate(ledger: Ledger, task: Task) -> None:
    touched = _remember(ledger, task)
    with instant_register():
        stages.ask_register(ledger, RUN, task.register, touched.tins)
    processes = ProcessPool()
    stages.rebuild(ledger, RUN, touched, processes)
    processes.close()
    stages.settle_and_load(ledger, RUN, None)


STAGES: dict[str, Stage] = {
    "read B": Stage(_read_b, only_b=True),
    "read, clean B": Stage(_clean_b, only_b=True),
    "read, clean A and B": Stage(_clean),
    "…, remember": Stage(_with_ledger(_remember), tables=REMEMBERED),
    "…, up to the loader": Stage(_with_ledger(_consolidate), tables=CONSOLIDATED),
}
