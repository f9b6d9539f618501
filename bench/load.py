"""``python -m bench.load --scale S``: loading at the CRM's limits, ours beside two usual ways.

Into the strict local Bitrix24, whose answers take their time and whose clock leaps over the time
in which all wait: how much of what the limits allow is used, what is refused, requests a record,
and how long it takes in the portal's hours; then the same with troubles, whose result has to be
exact.
Scale 1 is 170,000 companies with requisites and bank details, and 264,000 contacts; below 0.07 the
operating time that the portal grants is scaled down too, so that the limits are reached.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from math import ceil

import msgspec

from bench.load_clock import LeapingClock
from bench.load_rivals import GaveUpError, with_fast_bitrix24, with_one_call_a_record
from bench.load_world import Records, differences, hold, records_of
from sandbox.bitrix24 import Bitrix24, Fault
from sandbox.bitrix24.limits import cost_of
from transforms.crm.api.client import CrmClient
from transforms.crm.api.portal import Portal
from transforms.crm.limits.request_rate import Limits
from transforms.crm.loading.loader import Loader
from transforms.ledger.database import open_ledger
from transforms.ledger.limit_usage import LimitUsageStore

RATE, BURST, WINDOW, SETTLE = 2.0, 50, 600.0, 65.0

Way = Callable[[Bitrix24, Records, float, LeapingClock], None]
"""Loads records into a portal; the others are its operating time and its clock."""


class Result(msgspec.Struct, frozen=True):
    """``used`` is the share of what the limits allow; ``hours`` are the portal's."""

    name: str
    used: float
    refused: int
    requests: float
    hours: float
    wrong: int


def ours(portal: Bitrix24, records: Records, operating: float, clock: LeapingClock) -> None:
    """The loader, with its limits on the portal's clock."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        store = LimitUsageStore(ledger, "bench")
        time = {"clock": clock.now, "sleep": clock.sleep}
        limits = Limits(RATE, BURST, operating, WINDOW, store=store, **time)
        with closing(ledger), CrmClient(portal.webhook, limits, **time) as client:
            Loader(ledger, hold(ledger, records), Portal(client), SETTLE).load()


def measured(
    name: str, way: Way, records: Records, operating: float, faults: Sequence[Fault]
) -> Result:
    """One load into an empty portal."""
    with (
        closing(LeapingClock()) as clock,
        Bitrix24(
            clock=clock, sleep=True, seed=1, faults=faults,
            rate=RATE, burst=BURST, operating=operating,
        ) as portal,
    ):  # fmt: skip
        began = clock.now()
        try:
            way(portal, records, operating, clock)
        except GaveUpError:
            name = f"{name} (gave up)"
        seconds = clock.now() - began
        refused = frozenset(key for fault in faults for key in fault.origins)
        return Result(
            name,
            at_best(portal, operating) / seconds,
            sum(portal.stats.refused[c] for c in ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT")),
            portal.stats.requests / len(records.companies + records.contacts),
            seconds / 3600,
            differences(portal, records, refused),
        )


def at_best(portal: Bitrix24, operating: float) -> float:
    """Seconds in which the limits allow what was asked.

    What is granted for ten minutes can be used at once, and again when they are over.
    """
    work: Counter[str] = Counter()
    for method, calls in portal.stats.methods.items():
        items = portal.stats.written[method] if method == "crm.item.batchImport" else 0
        work[method] = calls * cost_of({}, method, 0) + cost_of({}, method, items) * (items > 0)
    slowest = max(WINDOW * (ceil(seconds / operating) - 1) for seconds in work.values())
    return max(0.0, slowest, (portal.stats.requests - BURST) / RATE)


def troubles(records: Records) -> dict[str, list[Fault]]:
    """The faults that a load has to come through."""
    keys = [one.tin for one in records.companies] + [one.key for one in records.contacts]
    bad = frozenset(keys[:: max(1, min(1000, len(keys) // 3))])
    every = [
        Fault("lost", probability=0.05),
        Fault("html", probability=0.05),
        Fault("limit", probability=0.05),
        Fault("operating", probability=0.001),
        Fault("refuse", origins=bad),
    ]
    names = ("5 % lost", "5 % HTML 502", "bursts of 503", "429 in batches", "some refused")
    return {name: [fault] for name, fault in zip(names, every, strict=True)} | {"all": every}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.005)
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", help="rows of the table, by their names"
    )
    chosen = parser.parse_args(arguments)
    records = records_of(chosen.scale)
    runs: dict[str, tuple[Way, Sequence[Fault]]] = {
        "ours": (ours, ()),
        "fast-bitrix24": (with_fast_bitrix24, ()),
        "one call a record": (with_one_call_a_record, ()),
    }
    runs |= {f"ours, {name}": (ours, faults) for name, faults in troubles(records).items()}
    names = chosen.only or list(runs)
    for name in names:
        if name not in runs:
            parser.error(f"--only: there is no row '{name}', only {', '.join(runs)}")
    operating = min(480.0, 7000 * chosen.scale)
    print(
        f"{len(records.companies):,} companies, {len(records.contacts):,} contacts; "
        f"{operating:g} s of operating time\n\n{_HEAD}",
        flush=True,
    )
    for name in names:
        way, faults = runs[name]
        print(row(measured(name, way, records, operating, faults)), flush=True)


_HEAD = (
    "| | used of what is allowed | refused | requests a record | the portal's hours"
    " | wrong records |\n| --- | ---: | ---: | ---: | ---: | ---: |"
)


def row(result: Result) -> str:
    """One line of the table."""
    used = "–" if "gave up" in result.name else f"{result.used:.1%}"
    return (
        f"| {result.name} | {used} | {result.refused:,} | {result.requests:.2f}"
        f" | {result.hours:.2f} | {result.wrong:,} |"
    )


if __name__ == "__main__":
    main()
