"""How long the portal's limits make a load take."""

from collections.abc import Mapping
from math import ceil

import msgspec

from transforms.crm.limits.request_rate import BATCH, Limits
from transforms.crm.limits.request_size import IMPORT, Sizes

# Seconds of work a call, where none was measured yet: those of a middling cloud portal.
_USUAL = {
    IMPORT: 0.05,
    "crm.item.update": 0.06,
    "crm.item.get": 0.02,
    "crm.requisite.add": 0.04,
    "crm.requisite.update": 0.04,
}
_OTHER = 0.03


class Forecast(msgspec.Struct, frozen=True):
    """Requests, the portal's seconds of work by method, and how long it takes at the limits.

    ``scarce`` is the budget that decides: a method, or ``requests``. ``measured`` says whether the
    costs of all methods have been seen at this portal.
    """

    seconds: int
    requests: int
    work: dict[str, float]
    scarce: str
    measured: bool


def forecast(calls: Mapping[str, int], limits: Limits, burst: int) -> Forecast:
    """What so many calls of each method take; looking up is a small part of it, and left out."""
    sizes = Sizes(limits)
    requests, work, measured = 0, {}, True
    for method, count in calls.items():
        cost = limits.seconds(method)
        measured = measured and cost is not None
        work[method] = round(count * (_USUAL.get(method, _OTHER) if cost is None else cost), 1)
        size = sizes.items() * sizes.imports(count) if method == IMPORT else 0
        requests += ceil(count / (size or sizes.commands(method, count)))
    billed = {BATCH: sum(work.values()) - work.get(IMPORT, 0.0)} if limits.billed == BATCH else work
    took = {"requests": max(0.0, requests - burst) / limits.rate}
    took |= {
        method: max(0.0, seconds - limits.operating) / limits.operating * limits.window
        for method, seconds in billed.items()
    }
    scarce = max(took, key=lambda name: took[name])
    return Forecast(round(took[scarce]), requests, work, scarce, measured)
