"""``python -m bench.delta --scale S``: what a delta costs on a base of that size, and on a tenth.

Measures three runs on each base: the full load, a delta without changes, and a delta of 1,000
changed rows of store A. A run is whole, from its start to its summary, with everything that it
writes into the ledger; only the CRM is replaced by one that accepts everything at once. Scale 1 is
853,000 records.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import apache_beam as beam
import msgspec
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from bench.full import facts
from bench.register import instant_register
from bench.task import Task
from bench.world import World, serve_world
from pipeline import graph, options
from pipeline.access import write_configured_stores
from pipeline.run import BuildSources
from pipeline.summary import summarize
from sandbox.store_a import DATABASE, connect
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT
from transforms.core.secrets import Secret
from transforms.crm.access import CrmAccess
from transforms.fields.time import MOSCOW
from transforms.ledger.accounting import touch_refusals
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.loads import load_queue, results
from transforms.ledger.runs import finish_run, settle_run, start_run
from transforms.ledger_fn import LedgerFn

_ROOT = Path(__file__).parents[1]
_CHANGED = 1000


class Times(msgspec.Struct, frozen=True):
    """Seconds of each run on one base."""

    records: int
    full: float
    nothing: float
    changed: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.delta", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=_ROOT / "build" / "bench")
    chosen = parser.parse_args(arguments)
    # A plain SIGTERM would leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(facts())
    print("\n| records | full, s | nothing changed, s | 1,000 changed, s | of the full load |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    small, large = (_show(chosen, scale) for scale in (chosen.scale / 10, chosen.scale))
    print(f"\n1,000 changed, on the base to that on a tenth: {large.changed / small.changed:.2f}")


def _show(chosen: argparse.Namespace, scale: float) -> Times:
    with serve_world(chosen.folder, scale, chosen.seed) as world:
        times = measure(world)
    print(
        f"| {times.records:,} | {times.full:.1f} | {times.nothing:.1f} | {times.changed:.1f}"
        f" | {times.changed / times.full:.0%} |",
        flush=True,
    )
    return times


def measure(world: World) -> Times:
    """Times the three runs on a new ledger."""
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        url = f"sqlite:///{folder}/ledger.db"
        environment = {
            options.STORE_A.variable: world.store_a,
            options.LEDGER.variable: url,
            options.REGISTER_TOKEN.variable: "none",
        }
        with patch.dict(os.environ, environment), closing(open_ledger(url)) as ledger:
            full = _run(ledger, world, graph.full_sources)
            _run(ledger, world, graph.delta_sources)
            nothing = _run(ledger, world, graph.delta_sources)
            change(world)
            changed = _run(ledger, world, graph.delta_sources)
        return Times(world.records, full, nothing, changed)


def change(world: World) -> None:
    """Gives 1,000 companies and contacts, spread over all of store A, another telephone."""
    moment = datetime.now(MOSCOW).replace(tzinfo=None, microsecond=0)
    with closing(connect(world.server)) as connection, connection.cursor() as cursor:
        connection.select_db(DATABASE)
        for table in ("companies", "contacts"):
            cursor.execute(f"SELECT id FROM {table}")
            ids = [number for (number,) in cursor.fetchall()]
            changed_ids = ids[:: max(1, len(ids) * 2 // _CHANGED)][: _CHANGED // 2]
            # Each row gets its own number: a shared one would connect all the contacts.
            phone = "CONCAT(%s, LPAD(id, 7, '0'))"
            query = f"UPDATE {table} SET phone = {phone}, updated_at = %s WHERE id IN %s"
            cursor.execute(query, (f"+79{moment:%M}", moment, changed_ids))
        connection.commit()


def _run(ledger: Ledger, world: World, build_sources: BuildSources) -> float:
    start = time.perf_counter()
    register = Task(world.files, str(world.answers)).register
    crm = CrmAccess(options.CRM, rate=1, burst=1, operating=1, settle=0)
    chosen = options.Options(
        store_a=world.store_a, store_b_files=(world.files,), ledger=str(ledger.engine.url)
    )
    write_configured_stores(ledger, chosen)
    run = start_run(ledger, "bench")
    with (
        instant_register(),
        patch.object(graph, "LoadCrm", _TakeAll),
        beam.Pipeline(runner=FnApiRunner()) as root,
    ):
        sources = build_sources(root, chosen, run)
        _ = graph.build(root, sources, graph.Settings(run, options.LEDGER, register, crm))
    ledger.transact(lambda connection: touch_refusals(connection, run))
    with ledger.read() as connection:
        summary = summarize(connection, run, "bench", 1)
    finish_run(ledger, run, summary["status"], summary)
    return time.perf_counter() - start


class _TakeAll(beam.PTransform):
    """Replaces the loader: marks every pending record as loaded."""

    def __init__(
        self, ledger: Secret, run: Run, _: CrmAccess, read_up_to: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._fn: Callable[..., beam.DoFn] = _TakeAllFn(ledger, run, read_up_to)

    def expand(self, consolidated: beam.PCollection[int]) -> beam.PCollection[int]:
        return (
            consolidated
            | beam.WithKeys(0).with_output_types(tuple[int, int])
            | beam.GroupByKey()
            | beam.ParDo(self._fn).with_output_types(int)
        )


class _TakeAllFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, read_up_to: Mapping[str, str]) -> None:
        super().__init__(ledger, run)
        self._read_up_to = read_up_to

    def process(self, _: tuple[int, Iterable[int]]) -> None:
        settle_run(self.ledger, self.run, self._read_up_to)
        for kind in (COMPANY, CONTACT):
            after = ""
            while chunk := self._pending(kind, after):
                after = chunk[-1].key
                loaded = {record.key: (1, record.version) for record in chunk}
                with self.ledger.write() as connection:
                    load_queue.mark_loaded(connection, self.run, kind, loaded)
        with self.ledger.write() as connection:
            results.defer_unloaded(connection, self.run)

    def _pending(self, kind: str, after: str) -> list[load_queue.PendingRecord]:
        with self.ledger.read() as connection:
            return load_queue.pending_page(connection, kind, after, 500)


if __name__ == "__main__":
    main()
