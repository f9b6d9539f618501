"""Consolidating: one company a TIN, one contact a person; rebuilt where a run touches them."""

from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam

from transforms import stages
from transforms.check_register import CheckRegister
from transforms.consolidation.connected_components import batches
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.identity import Run, row_key, row_ref
from transforms.core.process_pool import ProcessCount, shared_pool
from transforms.core.secrets import Secret
from transforms.ledger_fn import LedgerFn, sharded
from transforms.remember import ShardedKeys


class ConsolidateCompanies(beam.PTransform):
    """Touched TINs to golden companies in the ledger.

    Changed rows and unfinished work meet by TIN, so each TIN is asked about and rebuilt once.
    Returns the contact rows of these companies that may stand differently now.
    """

    def __init__(
        self, ledger: Secret, run: Run, access: RegisterAccess, *, processes: ProcessCount = 1
    ) -> None:
        super().__init__()
        self._ledger, self._run, self._access = ledger, run, access
        self._fn = _CompaniesFn(ledger, run, processes)

    def expand(
        self, tins: Mapping[str, beam.PCollection[ShardedKeys]]
    ) -> beam.PCollection[ShardedKeys]:
        """``tins`` holds PCollections of ``(shard, TINs)``, each under the reason of the touch."""
        return (
            dict(tins)
            | "GroupByTin" >> beam.CoGroupByKey()
            | "Unite" >> beam.Map(_unite).with_output_types(list[str])
            | "Check" >> CheckRegister(self._ledger, self._run, self._access)
            | "Merge" >> beam.ParDo(self._fn).with_output_types(ShardedKeys)
        )


class ConsolidateContacts(beam.PTransform):
    """Touched contact rows to golden contacts in the ledger; returns how many, batch by batch."""

    def __init__(self, ledger: Secret, run: Run, *, processes: ProcessCount = 1) -> None:
        super().__init__()
        self._resolve_fn = _ResolveFn(ledger, run, processes)
        self._connect_fn = _ConnectFn(ledger, run, processes)
        self._persons_fn = _PersonsFn(ledger, run, processes)

    def expand(
        self, contacts: Mapping[str, beam.PCollection[ShardedKeys]]
    ) -> beam.PCollection[int]:
        """``contacts`` holds PCollections of ``(shard, row references)``, each under its reason."""
        return (
            dict(contacts)
            | "GroupByContact" >> beam.CoGroupByKey()
            | "Unite" >> beam.Map(_unite).with_output_types(list[str])
            | "Resolve" >> beam.ParDo(self._resolve_fn).with_output_types(tuple[int, int])
            | "Gather" >> beam.GroupByKey()
            | "Connect" >> beam.ParDo(self._connect_fn).with_output_types(list[list[str]])
            | "Spread" >> beam.Reshuffle()
            | "Merge" >> beam.ParDo(self._persons_fn).with_output_types(int)
        )


class FindContacts(beam.PTransform):
    """References of company rows to those of the contact rows that name them."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, companies: beam.PCollection[ShardedKeys]) -> beam.PCollection[ShardedKeys]:
        """Grouping waits until all rows are remembered: the contacts may be among them."""
        return (
            companies
            | beam.GroupByKey()
            | beam.ParDo(_FindContactsFn(self._ledger, self._run)).with_output_types(ShardedKeys)
        )


def _unite(element: tuple[int, Mapping[str, Iterable[list[str]]]]) -> list[str]:
    _, groups = element
    return sorted({key for lists in groups.values() for keys in lists for key in keys})


class _PoolFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, processes: ProcessCount) -> None:
        super().__init__(ledger, run)
        self._number = processes

    def setup(self) -> None:
        super().setup()
        self.processes = shared_pool(self._number)


class _CompaniesFn(_PoolFn):
    def process(self, tins: list[str]) -> Iterator[ShardedKeys]:
        contacts = stages.consolidate_companies(
            self.ledger, self.run, tins, self.processes, may_repeat=True
        )
        yield from sharded(sorted(map(row_ref, contacts)))


class _FindContactsFn(LedgerFn):
    def process(self, element: tuple[int, Iterable[list[str]]]) -> Iterator[ShardedKeys]:
        _, lists = element
        refused = {row_key(ref) for refs in lists for ref in refs}
        contacts = stages.contacts_of_companies(self.ledger, refused)
        yield from sharded(sorted(map(row_ref, contacts)))


class _ResolveFn(_PoolFn):
    def process(self, refs: list[str]) -> Iterator[tuple[int, int]]:
        contacts = [row_key(ref) for ref in refs]
        stages.resolve_contacts(self.ledger, self.run, contacts, self.processes)
        yield 0, len(contacts)


class _ConnectFn(_PoolFn):
    def process(self, _: tuple[int, Iterable[int]]) -> Iterator[list[list[str]]]:
        yield from batches(stages.find_connected_components(self.ledger, self.run, self.processes))


class _PersonsFn(_PoolFn):
    def process(self, components: list[list[str]]) -> Iterator[int]:
        yield stages.consolidate_persons(self.ledger, self.run, components, self.processes)
