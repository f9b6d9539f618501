"""``svod plan`` and ``svod apply``: write down what a load would do, then load exactly that."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.access import crm_access
from pipeline.checks import check_crm_options, check_options
from pipeline.metrics import RunMetrics
from pipeline.options import Options
from pipeline.plan.file import PlanFile, Totals, read_plan
from pipeline.run import BuildSources, conclude, execute_run, run_graph
from transforms.configuration.selection import Reading
from transforms.core.chunks import chunks
from transforms.core.errors import ConfigurationError, SvodError
from transforms.core.identity import Run
from transforms.core.outcomes import DONE, INCOMPLETE, UNCHANGED, RunStatus
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.access import CrmAccess, load_crm, open_client, open_portal
from transforms.crm.api.client import CrmClient
from transforms.crm.api.mapping import LINKS
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.crm.limits.forecast import forecast
from transforms.crm.loading.card_queue import queue_changed_cards
from transforms.crm.planner import CREATE, SKIP, UPDATE, Planned, Planner
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.runs import finish_run

_CHUNK = 500
_SHOWN = 20


def plan(chosen: Options, reading: Reading, build_sources: BuildSources, path: Path) -> int:
    """Read and consolidate as a load does, and write down what it would send.

    Returns the exit code.
    """
    check_options(chosen, reading)

    def work(ledger: Ledger, run: Run) -> None:
        run_graph(run, chosen, build_sources, loads=False)

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        with open_client(crm_access(chosen), ledger) as client:
            totals = _write_plan(ledger, run, client, chosen, path)
        finish_run(ledger, run, DONE, None)
        for line in totals.lines():
            print(line)
        print(f"Plan: {path} (and {path.stem}.txt, {path.stem}.html): svod apply {path}")
        return DONE

    return execute_run("plan", chosen, work, finish)


def _write_plan(ledger: Ledger, run: Run, client: CrmClient, chosen: Options, path: Path) -> Totals:
    portal = open_portal(client, crm_access(chosen))
    portal.check()
    queue_changed_cards(ledger, portal)
    planner = Planner(ledger, portal)
    counts: dict[str, Counter[str]] = {COMPANY: Counter(), CONTACT: Counter()}
    calls: Counter[str] = Counter()
    with PlanFile(path) as file:
        for record in _plan_all(ledger, planner):
            counts[record.kind][record.action] += 1
            calls.update(record.calls)
            file.add(record)
        totals = Totals(
            run.run_id,
            {kind: dict(actions) for kind, actions in counts.items()},
            forecast(calls, client.limits, chosen.crm_burst),
        )
        file.finish(totals)
    return totals


def _plan_all(ledger: Ledger, planner: Planner) -> Iterator[Planned]:
    """Plan each golden record: pending ones as a load would send them, all others as skipped."""
    for kind in (COMPANY, CONTACT):
        last_key = ""
        while True:
            with ledger.read() as connection:
                keys = load_queue.golden_keys(connection, kind, last_key, _CHUNK)
                pending = load_queue.pending_records(connection, kind, keys)
                reasons = rejections.rejection_reasons(connection, kind, keys)
            if not keys:
                break
            planned = {record.key: record for record in planner.plan(kind, pending)}
            for key in keys:
                reason = reasons.get(key, UNCHANGED)
                yield planned.get(key) or Planned(kind, key, "", SKIP, reason=reason)
            last_key = keys[-1]


def apply(chosen: Options, path: Path, only: Sequence[str], limit: int | None) -> int:
    """Load exactly what the plan says, where that still holds.

    ``only`` names kinds, keys or TINs; without it all creates and updates are loaded, ``limit`` of
    them at most. Returns the exit code.
    """
    check_crm_options(chosen)
    lines = _select_lines(path, only, limit)
    changed: list[Planned] = []

    def work(ledger: Ledger, run: Run) -> None:
        access = crm_access(chosen)
        comparison = _compare_with_now(ledger, access, lines)
        changed.extend(comparison.changed)
        if comparison.applied:
            print(f"{comparison.applied:,} records are in the CRM as the plan says already")
        for line in changed[:_SHOWN]:
            print(f"changed since the plan, left out: {line.kind} {line.key}")
        valid_keys = {kind: frozenset(keys) for kind, keys in comparison.valid_keys.items()}
        load_crm(ledger, run, access, valid_keys)

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        status = conclude(ledger, run, "apply", chosen, metrics)
        if changed:
            print(f"{len(changed):,} records have changed since the plan: make a new one")
            return INCOMPLETE
        return status

    return execute_run("apply", chosen, work, finish)


def _select_lines(path: Path, only: Sequence[str], limit: int | None) -> list[Planned]:
    """The plan's creates and updates that ``only`` names; companies come before contacts.

    Raises:
        ConfigurationError: when a name in ``only`` stands for nothing in the plan.
    """
    lines: list[Planned] = []
    unknown_names = set(only)
    for line in read_plan(path):
        names = {line.kind, line.key, *_tins(line)}.intersection(only)
        unknown_names -= names
        if line.action in (CREATE, UPDATE) and (names or not only):
            lines.append(line)
    if unknown_names:
        raise ConfigurationError(f"--only: the plan has no {', '.join(sorted(unknown_names))}")
    return lines[:limit]


def _tins(line: Planned) -> list[str]:
    links = line.fields.get(LINKS)
    return list(links[1]) if links else []


class _Comparison(NamedTuple):
    """A plan compared with what would be planned now.

    ``valid_keys`` are, by kind, the records whose line still holds; ``applied`` is how many are in
    the CRM as the plan says already; ``changed`` are the lines of all others.
    """

    valid_keys: dict[str, list[str]]
    applied: int
    changed: list[Planned]


def _compare_with_now(ledger: Ledger, access: CrmAccess, lines: Sequence[Planned]) -> _Comparison:
    """Plan the records of these lines again, and compare.

    Raises:
        SvodError: when the portal cannot be used.
    """
    try:
        with open_client(access, ledger) as client:
            portal = open_portal(client, access)
            portal.check()
            return _compare(ledger, Planner(ledger, portal), lines)
    except (CrmUnavailable, Stop, ConfigurationError) as error:
        raise SvodError(str(error)) from None


def _compare(ledger: Ledger, planner: Planner, lines: Sequence[Planned]) -> _Comparison:
    valid_keys: dict[str, list[str]] = {COMPANY: [], CONTACT: []}
    applied = 0
    changed: list[Planned] = []
    for chunk in chunks(lines, _CHUNK):
        for kind in (COMPANY, CONTACT):
            lines_by_key = {line.key: line for line in chunk if line.kind == kind}
            with ledger.read() as connection:
                pending = load_queue.pending_records(connection, kind, lines_by_key)
                versions = load_queue.crm_versions(connection, kind, list(lines_by_key))
            replanned = {record.key: record for record in planner.plan(kind, pending)}
            for key, line in lines_by_key.items():
                if key in replanned and _are_equal(replanned[key], line):
                    valid_keys[kind].append(key)
                elif key not in replanned and versions.get(key) == line.version:
                    applied += 1
                else:
                    changed.append(line)
    return _Comparison(valid_keys, applied, changed)


def _are_equal(record: Planned, line: Planned) -> bool:
    """Whether a record is planned as a line of the file says: that holds no tuples."""
    return bool(msgspec.to_builtins(record) == msgspec.to_builtins(line))
