"""The forecast of a load: how long it takes at the portal's limits."""

from collections.abc import Mapping
from math import ceil

import msgspec

from transforms.crm.limits.request_rate import Limits
from transforms.crm.limits.request_size import IMPORT, Sizes
from transforms.crm.limits.state import BATCH

# Seconds of work a call, where none was measured yet: those of a middling cloud portal.
_USUAL_COSTS = {
    IMPORT: 0.05,
    "crm.item.update": 0.06,
    "crm.item.get": 0.02,
    "crm.requisite.add": 0.04,
    "crm.requisite.update": 0.04,
}
_USUAL_COST = 0.03


class Forecast(msgspec.Struct, frozen=True):
    """Requests, the portal's seconds of work by method, and how long it takes at the limits.

    ``scarce`` is the budget that decides: a method, or ``requests``. ``measured`` says whether the
    costs of all methods were measured at this portal.
    """

    seconds: int
    requests: int
    work: dict[str, float]
    scarce: str
    measured: bool


def forecast(calls: Mapping[str, int], limits: Limits, burst: int) -> Forecast:
    """Forecast these numbers of calls by method; look-ups are a small part, and left out."""
    sizes = Sizes(limits)
    requests, work, measured = 0, {}, True
    for method, count in calls.items():
        cost = limits.seconds(method)
        measured = measured and cost is not None
        seconds_per_call = _USUAL_COSTS.get(method, _USUAL_COST) if cost is None else cost
        work[method] = round(count * seconds_per_call, 1)
        size = sizes.items() * sizes.imports(count) if method == IMPORT else 0
        requests += ceil(count / (size or sizes.commands(method, count)))
    billed = {BATCH: sum(work.values()) - work.get(IMPORT, 0.0)} if limits.billed == BATCH else work
    durations = {"requests": max(0.0, requests - burst) / limits.rate}
    durations |= {
        method: max(0.0, seconds - limits.operating) / limits.operating * limits.window
        for method, seconds in billed.items()
    }
    scarce = max(durations, key=lambda name: durations[name])
    return Forecast(round(durations[scarce]), requests, work, scarce, measured)
