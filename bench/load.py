"""``python -m bench.load --scale S``: loading at the CRM's limits, compared with two usual ways.

Loads into the strict local Bitrix24. Its answers take as long as a real portal's, and its clock
leaps over the time in which every thread waits. Prints the share of the limits that was used, the
refusals, the requests a record and the portal's hours; then the same with faults switched on, after
which the CRM must still hold exactly the right records.

Scale 1 is 170,000 companies with requisites and bank details, and 264,000 contacts. Below 0.07 the
portal's operating time is scaled down too, so that the load reaches the limits.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from math import ceil

import msgspec

from bench.load_clock import LeapingClock
from bench.load_rivals import GaveUpError, with_fast_bitrix24, with_one_call_a_record
from bench.load_world import Records, differences, put_pending, records_of
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
"""Loads records into a portal, given its operating time in seconds and its clock."""


class Result(msgspec.Struct, frozen=True):
    """``used`` is the share of the limits; ``requests`` are a record; ``hours`` the portal's."""

    name: str
    used: float
    refused: int
    requests: float
    hours: float
    wrong: int


def ours(portal: Bitrix24, records: Records, operating: float, clock: LeapingClock) -> None:
    """Loads by Svod's own loader, with its limits on the portal's clock."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        store = LimitUsageStore(ledger, "bench")
        limits = Limits(
            RATE, BURST, operating, WINDOW, store=store, clock=clock.now, sleep=clock.sleep
        )
        client = CrmClient(portal.webhook, limits, clock=clock.now, sleep=clock.sleep)
        with closing(ledger), client:
            Loader(ledger, put_pending(ledger, records), Portal(client), SETTLE).load()


def measure(
    name: str, way: Way, records: Records, operating: float, faults: Sequence[Fault]
) -> Result:
    """Measures one load into an empty portal."""
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
            least_seconds(portal, operating) / seconds,
            sum(portal.stats.refused[c] for c in ("QUERY_LIMIT_EXCEEDED", "OPERATION_TIME_LIMIT")),
            portal.stats.requests / len(records.companies + records.contacts),
            seconds / 3600,
            differences(portal, records, refused),
        )


def least_seconds(portal: Bitrix24, operating: float) -> float:
    """Returns the fewest seconds in which the limits allow the requests that were sent.

    A client may use the operating time of ten minutes at once, and again when they are over.
    """
    work: dict[str, float] = {}
    for method, calls in portal.stats.methods.items():
        items = portal.stats.written[method] if method == "crm.item.batchImport" else 0
        work[method] = calls * cost_of({}, method, 0) + cost_of({}, method, items) * (items > 0)
    slowest = max(WINDOW * (ceil(seconds / operating) - 1) for seconds in work.values())
    return max(0.0, slowest, (portal.stats.requests - BURST) / RATE)


def troubles(records: Records) -> dict[str, list[Fault]]:
    """Returns the faults that a load must survive, by the name of the table's row."""
    keys = [company.tin for company in records.companies] + [
        company.key for company in records.contacts
    ]
    bad = frozenset(keys[:: max(1, min(1000, len(keys) // 3))])
    faults = [
        Fault("lost", probability=0.05),
        Fault("html", probability=0.05),
        Fault("limit", probability=0.05),
        Fault("operating", probability=0.001),
        Fault("refuse", origins=bad),
    ]
    names = ("5 % lost", "5 % HTML 502", "bursts of 503", "429 in batches", "some refused")
    return {name: [fault] for name, fault in zip(names, faults, strict=True)} | {"all": faults}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
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
        print(row(measure(name, way, records, operating, faults)), flush=True)


_HEAD = (
    "| | used of what is allowed | refused | requests a record | the portal's hours"
    " | wrong records |\n| --- | ---: | ---: | ---: | ---: | ---: |"
)


def row(result: Result) -> str:
    """Formats a line of the table."""
    used = "–" if "gave up" in result.name else f"{result.used:.1%}"
    return (
        f"| {result.name} | {used} | {result.refused:,} | {result.requests:.2f}"
        f" | {result.hours:.2f} | {result.wrong:,} |"
    )


if __name__ == "__main__":
    main()
