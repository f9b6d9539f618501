"""Loading into the CRM: one writer for the portal, whatever the number of workers."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import apache_beam as beam
import msgspec

from transforms.crm.client import WAITS, CrmClient
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.crm.limits import Limits
from transforms.crm.loader import Loader, Only
from transforms.crm.mapping import COMPANY_TYPE, CONTACT_TYPE
from transforms.crm.portal import Known, Portal
from transforms.errors import ConfigurationError
from transforms.ledger import usage
from transforms.ledger.database import Ledger
from transforms.ledger.load_results import defer_unloaded
from transforms.ledger.pace import PaceStore
from transforms.ledger.runs import remark, settle_run
from transforms.ledger.source_rows import Run
from transforms.secrets import Secret
from transforms.worker import LedgerFn

OnRequest = Callable[[int, int, int], None]
"""Told of requests, those of them that were refused, and milliseconds waited for the limits."""


_SHARED = (
    "Another program uses the portal too: requests were refused although our own count had room."
    " It was given a part of the rate."
)


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


class LoadCrm(beam.PTransform):
    """When everything is consolidated, bring the CRM to what the ledger says.

    Without ``access`` nothing is loaded: the run is settled, and what it found is pending.
    The limits are the portal's: more writers would gain nothing, so one does it all.
    ``read_up_to`` is how far the run has read the stores: the cursors move on before the load.
    """

    def __init__(
        self, ledger: Secret, run: Run, access: CrmAccess | None, read_up_to: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._fn = _LoadFn(ledger, run, access, read_up_to)

    def expand(self, consolidated: beam.PCollection[int]) -> beam.PCollection[int]:
        """Gives one element when all is done."""
        return (
            consolidated
            | "OnOneWorker" >> beam.Map(lambda count: (0, count)).with_output_types(tuple[int, int])
            | "AwaitAll" >> beam.GroupByKey()
            | "Load" >> beam.ParDo(self._fn).with_output_types(int)
        )


class _LoadFn(LedgerFn):
    def __init__(
        self, ledger: Secret, run: Run, access: CrmAccess | None, read_up_to: Mapping[str, str]
    ) -> None:
        super().__init__(ledger, run)
        self._access, self._read_up_to = access, read_up_to

    def process(self, element: tuple[int, Iterable[int]]) -> Iterator[int]:
        settle_run(self.ledger, self.run, self._read_up_to)
        if self._access:
            load_crm(self.ledger, self.run, self._access)
        yield sum(element[1])


def load_crm(ledger: Ledger, run: Run, access: CrmAccess, only: Only | None = None) -> None:
    """Bring the CRM to what the ledger says; ``only`` names the records, where not all are meant.

    What stops it is told in the run's remarks, and what did not reach the CRM is deferred.
    """
    recorder = usage.Recorder(ledger, run)
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
    webhook = access.webhook.value()
    limits = Limits(
        access.rate,
        access.burst,
        access.operating,
        store=PaceStore(ledger, urlsplit(webhook).netloc),
        on_request=on_request,
    )
    return CrmClient(webhook, limits, waits=WAITS if waits is None else waits)
