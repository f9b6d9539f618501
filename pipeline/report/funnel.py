"""The way from source rows to records in the CRM: how many each stage passes on."""

from collections.abc import Mapping, Sequence

import msgspec

from pipeline.report.base_queries import Queue
from pipeline.report.history import PastRun
from transforms.core.outcomes import CRM_NOT_REACHED

_PLURALS = {"company": "companies", "contact": "contacts"}
_DELAYS = {"company": "deferred", "contact": "waiting"}


class Stage(msgspec.Struct, frozen=True):
    """Rows or records at one stage, and how many are lost on the way to the next, by cause."""

    name: str
    count: int
    losses: Mapping[str, int] = {}


def funnels(run: PastRun, queues: Sequence[Queue]) -> dict[str, list[Stage]]:
    """Returns the stages of companies and of contacts; none for a run without numbers."""
    if not run.summary:
        return {}
    unloaded = sum(
        queue.count
        for queue in queues
        if (queue.kind, queue.reason) == ("company", CRM_NOT_REACHED)
    )
    return {
        "company": _stages(run, "company", min(unloaded, run.outcome("companies", "deferred"))),
        # Good contacts that did not reach the CRM are counted as valid already.
        "contact": _stages(run, "contact", 0),
    }


def _stages(run: PastRun, kind: str, unloaded: int) -> list[Stage]:
    """``unloaded`` rows are valid but deferred, because their record did not reach the CRM."""
    plural = _PLURALS[kind]
    valid, golden = run.outcome(plural, "valid") + unloaded, run.outcome(plural, "golden")
    changed = run.outcome(plural, "created") + run.outcome(plural, "updated")
    refused = {
        "refused": run.outcome(plural, "invalid"),
        "waiting": run.outcome(plural, _DELAYS[kind]) - unloaded,
    }
    read = Stage("read", run.read(plural), refused)
    if golden > valid:
        # The base is larger than what this run has read: only its changes can be compared.
        return [read, Stage("valid", valid), Stage("changed", changed)]
    unsent = {name: run.outcome(plural, name) for name in ("rejected", "not_reached")}
    return [
        read,
        Stage("valid", valid, {"merged": valid - golden}),
        Stage(f"golden_{kind}", golden, unsent),
        Stage("loaded", changed + run.outcome(plural, "unchanged")),
    ]
