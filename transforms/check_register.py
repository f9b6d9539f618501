"""Asking the register: one question a TIN, only where no fresh answer is known."""

from collections.abc import Iterable, Iterator
from itertools import chain

import apache_beam as beam

from transforms import stages
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.chunks import chunks
from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.ledger_fn import LedgerFn


class CheckRegister(beam.PTransform):
    """Passes lists of TINs on when the register's answers are in the ledger.

    Each TIN is in one list only. One worker asks for the whole run, for the register counts the
    questions of an address, not of a worker.
    """

    def __init__(self, ledger: Secret, run: Run, access: RegisterAccess) -> None:
        super().__init__()
        self._ledger, self._run, self._access = ledger, run, access

    def expand(self, tins: beam.PCollection[list[str]]) -> beam.PCollection[list[str]]:
        """Returns the same TINs, in lists of some hundred."""
        return (
            tins
            | "OnOneWorker" >> beam.WithKeys(0).with_output_types(tuple[int, list[str]])
            | "Gather" >> beam.GroupByKey()
            | "Ask"
            >> beam.ParDo(_AskFn(self._ledger, self._run, self._access)).with_output_types(
                list[str]
            )
            | "Spread" >> beam.Reshuffle()
        )


class _AskFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, access: RegisterAccess) -> None:
        super().__init__(ledger, run)
        self._access = access

    def process(self, element: tuple[int, Iterable[list[str]]]) -> Iterator[list[str]]:
        _, lists = element
        tins = sorted(chain.from_iterable(lists))
        stages.ask_register(self.ledger, self.run, self._access, tins)
        yield from map(list, chunks(tins))
