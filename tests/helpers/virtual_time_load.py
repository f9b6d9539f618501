"""A load in virtual time, which passes only while all threads wait for a limit."""

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from sandbox.bitrix24 import Bitrix24
from tests.helpers.golden_load import FULL, IVANOV, changed, hold
from transforms.crm.api.client import CrmClient
from transforms.crm.api.portal import Portal
from transforms.crm.limits.request_rate import Limits, Store
from transforms.crm.loading.loader import Loader
from transforms.ledger.database import open_ledger


class Load(NamedTuple):
    """The shares of the request rate and of the scarcest operating time that a load used."""

    of_requests: float
    of_operating: float
    stats: Any


def records(companies: int, contacts: int) -> list[Any]:
    golden_companies = [
        changed(FULL, tin=f"78{number:08}", kpps=("780501001",)) for number in range(companies)
    ]
    people = [
        changed(IVANOV, key=f"A-{number:05}", tins=(golden_companies[number % companies].tin,))
        for number in range(contacts)
    ]
    return [*golden_companies, *people]


class Waiting:
    """Advances the portal's clock when all threads wait for it."""

    def __init__(self, portal: Bitrix24) -> None:
        self._clock = portal.clock
        self._changed = threading.Condition()
        self._deadlines: list[float] = []
        self._events = 0
        portal.on_request(lambda _: self._count_event())

    def _count_event(self) -> None:
        self._events += 1

    def sleep(self, seconds: float) -> None:
        with self._changed:
            deadline = self._clock.now() + seconds
            self._deadlines.append(deadline)
            self._count_event()
            while self._clock.now() < deadline:
                events_before = self._events
                quiet = not self._changed.wait(0.001) and events_before == self._events
                if quiet and deadline == min(self._deadlines):
                    self._clock.advance(deadline - self._clock.now())
            self._deadlines.remove(deadline)
            self._changed.notify_all()


def limits_of(portal: Bitrix24, store: Store | None = None, **settings: float) -> Limits:
    waiting = Waiting(portal)
    return Limits(**settings, store=store, clock=portal.clock.now, sleep=waiting.sleep)


def load_in_virtual_time(
    folder: Path,
    *,
    companies: int = 500,
    contacts: int = 800,
    rate: float = 2.0,
    burst: float = 50.0,
    operating: float = 480.0,
    costs: Mapping[str, tuple[float, float]],
    **portal_settings: Any,
) -> Load:
    limits = {"rate": rate, "burst": burst, "operating": operating}
    with ExitStack() as stack:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        stack.callback(ledger.close)
        portal = stack.enter_context(Bitrix24(speed=0, costs=costs, **limits, **portal_settings))
        worked = record_charges(portal)
        ours = limits_of(portal, **limits)
        client = stack.enter_context(CrmClient(portal.webhook, ours, waits=(0.0, 0.0)))
        began = portal.clock.now()
        Loader(ledger, hold(ledger, records(companies, contacts)), Portal(client), 0.1).load()
        assert (len(portal.companies()), len(portal.contacts())) == (companies, contacts)
        seconds = portal.clock.now() - began
        of_requests = (portal.stats.requests - burst) / rate / seconds
        return Load(
            of_requests, used_operating_share(worked, began, seconds, operating), portal.stats
        )


def used_operating_share(
    worked: list[tuple[float, str, float]], began: float, seconds: float, operating: float
) -> float:
    """Returns the busiest method's share of the operating time in all complete ten minutes.

    A client may use the operating time of ten minutes at once, and again when they are over; the
    last, incomplete ten minutes end with the load.
    """
    whole = int(seconds / 600)
    spent: Counter[str] = Counter()
    for moment, method, cost in worked:
        if moment - began < 600 * whole:
            spent[method] += cost
    return max(spent.values(), default=0.0) / (operating * whole) if whole else 0.0


def record_charges(portal: Bitrix24) -> list[tuple[float, str, float]]:
    """Returns a list that grows with each charge of the portal: moment, method, seconds."""
    worked: list[tuple[float, str, float]] = []
    operating = portal._gateway.rest.operating
    charge = operating.charge

    def note_charge(method: str, seconds: float) -> dict[str, float]:
        worked.append((portal.clock.now(), method, seconds))
        return charge(method, seconds)

    operating.charge = note_charge
    return worked
