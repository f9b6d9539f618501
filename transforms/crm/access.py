"""Access to the CRM: its settings, a client within its limits, the portal behind it, a load."""

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from transforms.core.errors import ConfigurationError
from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.crm.api.client import WAITS, CrmClient
from transforms.crm.api.mapping import COMPANY_TYPE, CONTACT_TYPE
from transforms.crm.api.portal import Portal, PortalMetadata
from transforms.crm.card_settings import NO_SETTINGS, CardSettings
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.crm.limits.request_rate import Limits
from transforms.crm.loading.loader import Loader, Selection
from transforms.ledger import request_statistics
from transforms.ledger.database import Ledger
from transforms.ledger.limit_usage import LimitUsageStore
from transforms.ledger.loads.results import defer_unloaded
from transforms.ledger.runs import remark

_SHARED_PORTAL = (
    "Another program uses the portal too: requests were refused although our own count had room."
    " It was given a part of the rate."
)

OnRequest = Callable[[int, int, int], None]
"""Called with requests, those of them that were refused, and milliseconds waited for the limits."""


class CrmAccess(msgspec.Struct, frozen=True):
    """Where the CRM is, and what it allows: requests a second, a burst, operating seconds.

    ``settle`` is how long a request may still be executed after its answer was lost, in seconds.
    ``company_type`` is the type of new companies; "" leaves it to the portal. ``cards`` says what
    cards show beside the fields that every portal has, and who is responsible for new records.
    """

    webhook: Secret
    rate: float
    burst: int
    operating: float
    settle: float
    company_type: str = ""
    cards: CardSettings = NO_SETTINGS


class PortalChecks:
    """The metadata of portals that were checked within this hour, for all runs of a process."""

    def __init__(self) -> None:
        self._metadata: dict[tuple[CrmAccess, str, int], PortalMetadata] = {}

    def get(self, access: CrmAccess) -> PortalMetadata | None:
        """The portal's metadata, if it was checked within this hour."""
        return self._metadata.get(_check_key(access))

    def keep(self, access: CrmAccess, metadata: PortalMetadata) -> None:
        """Keep the metadata of a portal that was checked just now."""
        self._metadata[_check_key(access)] = metadata

    def forget(self) -> None:
        """Let every portal be checked again: something in one has changed."""
        self._metadata.clear()


def _check_key(access: CrmAccess) -> tuple[CrmAccess, str, int]:
    return access, access.webhook.value(), int(time.time() // 3600)


PORTAL_CHECKS = PortalChecks()


def load_crm(
    ledger: Ledger,
    run: Run,
    access: CrmAccess,
    only: Selection | None = None,
    checks: PortalChecks = PORTAL_CHECKS,
) -> None:
    """Bring the CRM up to date with the ledger; ``only`` names the records, unless all are loaded.

    When the load is stopped, the run's remarks say why. What did not reach the CRM is deferred.
    """
    recorder = request_statistics.Recorder(ledger, run)
    client = open_client(access, ledger, recorder.add)
    portal = open_portal(client, access, checks.get(access))
    try:
        Loader(ledger, run, portal, access.settle, only=only).load()
        if portal.metadata:
            checks.keep(access, portal.metadata)
    except (CrmUnavailable, Stop, ConfigurationError) as error:
        checks.forget()
        remark(ledger, run, str(error))
    finally:
        if client.limits.statistics.unexplained:
            remark(ledger, run, _SHARED_PORTAL)
        recorder.flush()
        client.close()
        ledger.transact(lambda connection: defer_unloaded(connection, run))


def open_portal(
    client: CrmClient, access: CrmAccess, metadata: PortalMetadata | None = None
) -> Portal:
    """The portal, with the fields that every new record gets; ``metadata`` is of a recent check."""
    user = access.cards.default_user
    person: dict[str, object] = {"assignedById": user} if user else {}
    kind: dict[str, object] = {"typeId": access.company_type} if access.company_type else {}
    defaults = {COMPANY_TYPE: person | kind, CONTACT_TYPE: person}
    return Portal(client, defaults, metadata, cards=access.cards)


def open_client(
    access: CrmAccess,
    ledger: Ledger,
    on_request: OnRequest = lambda *_: None,
    waits: Sequence[float] | None = None,
) -> CrmClient:
    """A client of the portal, within its limits; ``on_request`` is called after each request.

    ``waits`` are the seconds between its tries to reach the portal; without them it tries for two
    minutes.
    """
    limits = open_limits(access, ledger, on_request)
    return CrmClient(access.webhook.value(), limits, waits=WAITS if waits is None else waits)


def open_limits(
    access: CrmAccess, ledger: Ledger, on_request: OnRequest = lambda *_: None
) -> Limits:
    """The portal's limits; nothing is asked of the portal.

    Their usage is kept in the ledger, for all processes on this machine.
    """
    host = urlsplit(access.webhook.value()).netloc
    return Limits(
        access.rate,
        access.burst,
        access.operating,
        store=LimitUsageStore(ledger, host),
        on_request=on_request,
    )
