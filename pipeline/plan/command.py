"""``svod plan`` and ``svod apply``: what a load would do, and then exactly that."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from pipeline.access import crm_access
from pipeline.checks import check_crm_options, check_options
from pipeline.metrics import RunMetrics
from pipeline.options import Options
from pipeline.plan.file import PlanFile, Totals, read_plan
from pipeline.run import BuildSources, conclude, execute_run, run_graph
from transforms.core.chunks import chunks
from transforms.core.errors import ConfigurationError, SvodError
from transforms.core.identity import Run
from transforms.core.outcomes import DONE, INCOMPLETE, RunStatus
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.access import load_crm, open_client, open_portal
from transforms.crm.api.client import CrmClient
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.crm.limits.forecast import forecast
from transforms.crm.planner import CREATE, SKIP, UPDATE, Planned, Planner
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.runs import finish_run

_CHUNK = 500


def plan(chosen: Options, build_sources: BuildSources, path: Path) -> int:
    """Read and consolidate as a load does, and write down what it would send. The exit code."""
    check_options(chosen)

    def work(ledger: Ledger, run: Run) -> None:
        run_graph(run, chosen, build_sources, loads=False)

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        client = open_client(crm_access(chosen), ledger)
        try:
            totals = _write(ledger, run, client, chosen, path)
        finally:
            client.close()
        finish_run(ledger, run, DONE, None)
        for line in totals.lines():
            print(line)
        print(f"Plan: {path} (and {path.stem}.txt, {path.stem}.html): svod apply {path}")
        return DONE

    return execute_run("plan", chosen, work, finish)


def _write(ledger: Ledger, run: Run, client: CrmClient, chosen: Options, path: Path) -> Totals:
    portal = open_portal(client, crm_access(chosen))
    portal.check()
    planner = Planner(ledger, portal)
    counts: dict[str, Counter[str]] = {COMPANY: Counter(), CONTACT: Counter()}
    calls: Counter[str] = Counter()
    with PlanFile(path) as file:
        for one in _planned(ledger, planner):
            counts[one.kind][one.action] += 1
            calls.update(one.calls)
            file.add(one)
        expected = forecast(calls, client.limits, chosen.crm_burst)
        totals = Totals(run.run_id, {kind: dict(found) for kind, found in counts.items()}, expected)
        file.finish(totals)
    return totals


def _planned(ledger: Ledger, planner: Planner) -> Iterator[Planned]:
    """Each golden record: what is pending as it would be sent, all others as skipped."""
    for kind in (COMPANY, CONTACT):
        after = ""
        while True:
            with ledger.read() as connection:
                keys = load_queue.golden_keys(connection, kind, after, _CHUNK)
                pending = load_queue.pending_records(connection, kind, keys)
                refused = rejections.rejection_reasons(connection, kind, keys)
            if not keys:
                break
            by_key = {one.key: one for one in planner.plan(kind, pending)}
            for key in keys:
                reason = refused.get(key, "unchanged")
                yield by_key.get(key) or Planned(kind, key, "", SKIP, reason=reason)
            after = keys[-1]


def apply(chosen: Options, path: Path, only: Sequence[str], limit: int | None) -> int:
    """Load exactly what the plan says, where that is still so. The exit code."""
    check_crm_options(chosen)
    chosen_lines = _chosen(path, only, limit)
    left: dict[str, int] = {}

    def work(ledger: Ledger, run: Run) -> None:
        access = crm_access(chosen)
        client = open_client(access, ledger)
        try:
            portal = open_portal(client, access)
            portal.check()
            still, done, changed = _still_so(ledger, Planner(ledger, portal), chosen_lines)
        except (CrmUnavailable, Stop, ConfigurationError) as error:
            raise SvodError(str(error)) from None
        finally:
            client.close()
        left["changed"] = len(changed)
        if done:
            print(f"{done:,} records are in the CRM as the plan says already")
        for one in changed[:20]:
            print(f"changed since the plan, left out: {one.kind} {one.key}")
        load_crm(ledger, run, access, {kind: frozenset(keys) for kind, keys in still.items()})

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        status = conclude(ledger, run, "apply", chosen, metrics)
        if left["changed"]:
            print(f"{left['changed']:,} records have changed since the plan: make a new one")
            return INCOMPLETE
        return status

    return execute_run("apply", chosen, work, finish)


def _chosen(path: Path, only: Sequence[str], limit: int | None) -> list[Planned]:
    """The plan's creates and updates that were asked for; companies stand before contacts.

    Raises:
        ConfigurationError: when the plan has nothing by one of the names in ``only``.
    """
    lines: list[Planned] = []
    unknown = set(only)
    for one in read_plan(path):
        meant = {one.kind, one.key, *_tins(one)}.intersection(only)
        unknown -= meant
        if one.action in (CREATE, UPDATE) and (meant or not only):
            lines.append(one)
    if unknown:
        raise ConfigurationError(f"--only: the plan has no {', '.join(sorted(unknown))}")
    return lines[:limit]


def _tins(one: Planned) -> list[str]:
    links = one.fields.get("companyIds")
    return list(links[1]) if links else []


def _still_so(
    ledger: Ledger, planner: Planner, lines: Sequence[Planned]
) -> tuple[dict[str, list[str]], int, list[Planned]]:
    """The keys of which the plan still holds, how many are done, and the lines of all others."""
    still: dict[str, list[str]] = {COMPANY: [], CONTACT: []}
    done = 0
    changed: list[Planned] = []
    for chunk in chunks(lines, _CHUNK):
        for kind in (COMPANY, CONTACT):
            of_kind = {one.key: one for one in chunk if one.kind == kind}
            with ledger.read() as connection:
                pending: list[PendingRecord] = load_queue.pending_records(connection, kind, of_kind)
                there = load_queue.crm_versions(connection, kind, list(of_kind))
            now = {one.key: one for one in planner.plan(kind, pending)}
            for key, line in of_kind.items():
                if key in now and _same(now[key], line):
                    still[kind].append(key)
                elif key not in now and there.get(key) == line.version:
                    done += 1
                else:
                    changed.append(line)
    return still, done, changed


def _same(one: Planned, other: Planned) -> bool:
    return bool(msgspec.to_builtins(one) == msgspec.to_builtins(other))
