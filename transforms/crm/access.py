"""Access to the CRM: its settings, a client at its limits, the portal behind it."""

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from transforms.core.errors import ConfigurationError
from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.crm.api.client import WAITS, CrmClient
from transforms.crm.api.mapping import COMPANY_TYPE, CONTACT_TYPE
from transforms.crm.api.portal import Known, Portal
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.crm.limits.request_rate import Limits
from transforms.crm.loading.loader import Loader, Only
from transforms.ledger import request_statistics
from transforms.ledger.database import Ledger
from transforms.ledger.limit_usage import LimitUsageStore
from transforms.ledger.loads.results import defer_unloaded
from transforms.ledger.runs import remark

_SHARED = (
    "Another program uses the portal too: requests were refused although our own count had room."
    " It was given a part of the rate."
)


OnRequest = Callable[[int, int, int], None]
"""Told of requests, those of them that were refused, and milliseconds waited for the limits."""


class CrmAccess(msgspec.Struct, frozen=True):
    """Where the CRM is, and what it allows: requests a second, a burst, operating seconds.

    ``settle`` is how long a request may still be executed after its answer was lost, in seconds.
    ``responsible`` is the user to whom new records are given, ``company_type`` what new companies
    are; 0 and "" leave both to the portal.
    """

    webhook: Secret
    rate: float
    burst: int
    operating: float
    settle: float
    responsible: int = 0
    company_type: str = ""


def load_crm(ledger: Ledger, run: Run, access: CrmAccess, only: Only | None = None) -> None:
    """Bring the CRM to what the ledger says; ``only`` names the records, where not all are meant.

    What stops it is told in the run's remarks, and what did not reach the CRM is deferred.
    """
    recorder = request_statistics.Recorder(ledger, run)
    client = open_client(access, ledger, recorder.add)
    # The runs of one process check the portal once an hour.
    checked = access, access.webhook.value(), int(time.time() // 3600)
    portal = open_portal(client, access, _known.get(checked))
    try:
        Loader(ledger, run, portal, access.settle, only=only).load()
        if portal.known:
            _known[checked] = portal.known
    except (CrmUnavailable, Stop, ConfigurationError) as error:
        forget_checks()
        remark(ledger, run, str(error))
    finally:
        if client.limits.statistics.unexplained:
            remark(ledger, run, _SHARED)
        recorder.flush()
        client.close()
        ledger.transact(lambda connection: defer_unloaded(connection, run))


_known: dict[tuple[CrmAccess, str, int], Known] = {}


def forget_checks() -> None:
    """Portals are to be checked anew: something there has changed."""
    _known.clear()


def open_portal(client: CrmClient, access: CrmAccess, known: Known | None = None) -> Portal:
    """The portal, with what every new record gets there; ``known`` is from an earlier check."""
    person: dict[str, object] = {"assignedById": access.responsible} if access.responsible else {}
    kind: dict[str, object] = {"typeId": access.company_type} if access.company_type else {}
    return Portal(client, {COMPANY_TYPE: person | kind, CONTACT_TYPE: person}, known)


def open_client(
    access: CrmAccess,
    ledger: Ledger,
    on_request: OnRequest = lambda *_: None,
    waits: Sequence[float] | None = None,
) -> CrmClient:
    """A client of the portal, at its limits; ``on_request`` is told of each request.

    ``waits`` are the seconds between its tries to reach the portal, instead of the usual two
    minutes. What is used of the limits stands in the ledger, for all that ask the portal from here.
    """
    limits = open_limits(access, ledger, on_request)
    return CrmClient(access.webhook.value(), limits, waits=WAITS if waits is None else waits)


def open_limits(
    access: CrmAccess, ledger: Ledger, on_request: OnRequest = lambda *_: None
) -> Limits:
    """The portal's limits, with their usage in the ledger; nothing is asked of the portal."""
    host = urlsplit(access.webhook.value()).netloc
    return Limits(
        access.rate,
        access.burst,
        access.operating,
        store=LimitUsageStore(ledger, host),
        on_request=on_request,
    )
