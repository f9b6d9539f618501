"""Consolidating: one company a TIN, one contact a person, rebuilt where something touched them."""

from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam

from transforms.check_register import CheckRegister
from transforms.consolidation import companies, contact_standing, persons, pieces
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.identity import Run, row_key, row_ref
from transforms.core.process_pool import shared_pool
from transforms.core.secrets import Secret
from transforms.ledger.runs import Progress
from transforms.ledger_fn import LedgerFn, sharded
from transforms.remember import ShardedKeys


class ConsolidateCompanies(beam.PTransform):
    """Touched TINs to golden companies in the ledger.

    ``changed`` and ``left_over`` meet by TIN, so each TIN is asked about and rebuilt once. Gives
    the contact rows of the companies that may stand differently now.

    Merging works in up to so many ``processes`` beside a worker's own; 1: in the worker itself; 0:
    as many as it can use.
    """

    def __init__(
        self, ledger: Secret, run: Run, access: RegisterAccess, *, processes: int = 1
    ) -> None:
        super().__init__()
        self._ledger, self._run, self._access = ledger, run, access
        self._fn = _CompaniesFn(ledger, run, processes)

    def expand(
        self, tins: Mapping[str, beam.PCollection[ShardedKeys]]
    ) -> beam.PCollection[ShardedKeys]:
        """``tins`` are PCollections of ``(shard, TINs)`` by why they are touched."""
        return (
            dict(tins)
            | "GroupByTin" >> beam.CoGroupByKey()
            | "Unite" >> beam.Map(_unite).with_output_types(list[str])
            | "Check" >> CheckRegister(self._ledger, self._run, self._access)
            | "Merge" >> beam.ParDo(self._fn).with_output_types(ShardedKeys)
        )


class ConsolidateContacts(beam.PTransform):
    """Touched contact rows to golden contacts in the ledger; gives how many, batch by batch.

    ``processes`` are as for ``ConsolidateCompanies``.
    """

    def __init__(self, ledger: Secret, run: Run, *, processes: int = 1) -> None:
        super().__init__()
        self._resolve_fn = _ResolveFn(ledger, run, processes)
        self._pieces_fn = _PiecesFn(ledger, run, processes)
        self._persons_fn = _PersonsFn(ledger, run, processes)

    def expand(
        self, contacts: Mapping[str, beam.PCollection[ShardedKeys]]
    ) -> beam.PCollection[int]:
        """``contacts`` are PCollections of ``(shard, row references)`` by why they are touched."""
        return (
            dict(contacts)
            | "GroupByContact" >> beam.CoGroupByKey()
            | "Unite" >> beam.Map(_unite).with_output_types(list[str])
            | "Resolve" >> beam.ParDo(self._resolve_fn).with_output_types(tuple[int, int])
            | "Gather" >> beam.GroupByKey()
            | "Piece" >> beam.ParDo(self._pieces_fn).with_output_types(list[list[str]])
            | "Spread" >> beam.Reshuffle()
            | "Merge" >> beam.ParDo(self._persons_fn).with_output_types(int)
        )


class FindContacts(beam.PTransform):
    """References of company rows to those of the contact rows that name them, by shard."""

    def __init__(self, ledger: Secret, run: Run) -> None:
        super().__init__()
        self._ledger, self._run = ledger, run

    def expand(self, companies: beam.PCollection[ShardedKeys]) -> beam.PCollection[ShardedKeys]:
        """Grouped first: the contacts, which may stand in the same input, are remembered then."""
        return (
            companies
            | beam.GroupByKey()
            | beam.ParDo(_FindContactsFn(self._ledger, self._run)).with_output_types(ShardedKeys)
        )


def _unite(element: tuple[int, Mapping[str, Iterable[list[str]]]]) -> list[str]:
    _, groups = element
    return sorted({key for lists in groups.values() for keys in lists for key in keys})


class _ProcessesFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, processes: int) -> None:
        super().__init__(ledger, run)
        self._number = processes

    def setup(self) -> None:
        super().setup()
        self.processes = shared_pool(self._number)


class _CompaniesFn(_ProcessesFn):
    def process(self, tins: list[str]) -> Iterator[ShardedKeys]:
        affected = companies.consolidate(self.ledger, self.run, tins, self.processes)
        with self.ledger.read() as connection:
            contacts = contact_standing.contacts_of(connection, sorted(affected))
        Progress(self.ledger, self.run, "companies").add(len(tins))
        yield from sharded(sorted(map(row_ref, contacts)))


class _FindContactsFn(LedgerFn):
    def process(self, element: tuple[int, Iterable[list[str]]]) -> Iterator[ShardedKeys]:
        _, lists = element
        refused = sorted({row_key(ref) for refs in lists for ref in refs})
        with self.ledger.read() as connection:
            contacts = contact_standing.contacts_of(connection, refused)
        yield from sharded(sorted(map(row_ref, contacts)))


class _ResolveFn(_ProcessesFn):
    def process(self, refs: list[str]) -> Iterator[tuple[int, int]]:
        contact_standing.resolve(
            self.ledger, self.run, [row_key(ref) for ref in refs], self.processes
        )
        yield 0, len(refs)


class _PiecesFn(_ProcessesFn):
    def process(self, _: tuple[int, Iterable[int]]) -> Iterator[list[list[str]]]:
        # All rows are resolved now, and those whose persons are to be rebuilt are marked.
        groups = pieces.dirty_pieces(self.ledger, self.run, self.processes)
        persons.refresh(self.ledger, self.run, groups, self.processes)
        Progress(self.ledger, self.run, "contacts", total=sum(map(len, groups))).flush()
        yield from pieces.batches(groups)


class _PersonsFn(_ProcessesFn):
    def process(self, groups: list[list[str]]) -> Iterator[int]:
        count = persons.consolidate(self.ledger, self.run, groups, self.processes)
        Progress(self.ledger, self.run, "contacts").add(sum(map(len, groups)))
        yield count
