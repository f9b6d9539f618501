"""Loading into the CRM: one worker writes to the portal, however many there are."""

from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam

from transforms import stages
from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.crm.access import CrmAccess
from transforms.ledger_fn import LedgerFn


class LoadCrm(beam.PTransform):
    """Brings the CRM up to the ledger, when everything is consolidated.

    Without ``access`` nothing is loaded: the run is settled, and its golden records are pending.
    The limits are the portal's: more writers would gain nothing, so one worker does it all.
    ``read_up_to`` is how far the run has read the stores: the cursors move on before the load.
    """

    def __init__(
        self, ledger: Secret, run: Run, access: CrmAccess | None, read_up_to: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._fn = _LoadFn(ledger, run, access, read_up_to)

    def expand(self, consolidated: beam.PCollection[int]) -> beam.PCollection[int]:
        """Returns one element, when all is done."""
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
        stages.settle_and_load(self.ledger, self.run, self._access, self._read_up_to)
        yield sum(element[1])
