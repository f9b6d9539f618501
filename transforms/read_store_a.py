"""Reading store A: companies with their orders, and contacts, by ranges of keys."""

from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.iobase import SourceBundle
from apache_beam.io.range_trackers import OffsetRangeTracker

from transforms.core.secrets import Secret
from transforms.mysql_source import BaseSplitter, MySQLSource
from transforms.raw_batch import RawBatch
from transforms.stores.mysql.client import RawRow, StoreClient
from transforms.stores.mysql.keyset import (
    COMPANIES,
    CONTACTS,
    DeltaStart,
    Keyset,
    companies_of_changed_orders,
    with_orders,
)


class StoreARows(NamedTuple):
    """The rows of store A, up to 1000 a batch: texts are bytes, times are Moscow's."""

    companies: beam.PCollection[RawBatch]
    contacts: beam.PCollection[RawBatch]


class ReadStoreA(beam.PTransform):
    """Reads all of store A, or what changed ``since`` a start.

    Companies carry ``orders_count``, ``orders_total`` (roubles) and ``orders_last_at``, and count
    as changed when one of their orders is.

    A process holds at most ``connections`` connections. Each table is cut into half as many ranges
    (at least one). So an engine with several processes holds no more connections in all, unless
    it cuts a range further, and except for one that reads the changed orders.
    """

    def __init__(
        self, store: Secret, *, since: DeltaStart | None = None, connections: int = 2
    ) -> None:
        super().__init__()
        if connections < 1:
            raise ValueError("connections must be 1 or more")
        self._client = StoreClient(store, connections)
        self._since = since

    def expand(self, root: beam.pvalue.PBegin) -> StoreARows:
        """Batches of raw rows, ready for the cleaner of store A."""
        since = self._since
        of_companies = Keyset(COMPANIES, since.companies if since else None)
        of_contacts = Keyset(CONTACTS, since.contacts if since else None)
        companies = root | "ReadCompanies" >> self._read(of_companies)
        contacts = root | "ReadContacts" >> self._read(of_contacts)
        if since is not None:
            fn = _ReadCompaniesOfChangedOrdersFn(self._client, since)
            of_orders = (
                root
                | "OrdersChangedSince" >> beam.Create([None])
                | "ReadCompaniesOfChangedOrders" >> beam.ParDo(fn).with_output_types(RawBatch)
            )
            companies = (companies, of_orders) | "AllChangedCompanies" >> beam.Flatten()
        return StoreARows(companies, contacts)

    def _read(self, keys: Keyset) -> beam.PTransform:
        return beam.io.Read(StoreASource(self._client, keys)).with_output_types(RawBatch)


class StoreASource(MySQLSource):
    """A MySQL source with a client that knows the password by name only.

    Its elements are batches: one element a row costs more than reading the row.
    """

    def __init__(self, client: StoreClient, keys: Keyset) -> None:
        splitter = KeyRangeSplitter(keys, ranges=max(1, client.connections // 2))
        super().__init__(keys.table.select, "", "", "", "", 0, splitter)
        self.client = client
        splitter.build_source(self)

    def _build_value(self) -> None:
        """Do nothing for the connector: the client looks the store's URL up when it connects."""


class KeyRangeSplitter(BaseSplitter):
    """Cuts a table into ranges of keys, which an engine may cut further while they are read.

    A row belongs to the range of its key. So wherever ranges are cut, each row is read once.
    """

    def __init__(self, keys: Keyset, ranges: int) -> None:
        self._keys = keys
        self._ranges = ranges

    def estimate_size(self) -> None:
        """Return nothing: counting would read the table."""

    def get_range_tracker(
        self, start_position: int | None, stop_position: int | None
    ) -> OffsetRangeTracker:
        """Returns the tracker of a range of keys; by default of all keys there are now."""
        return OffsetRangeTracker(*self._bounds(start_position, stop_position))

    def split(
        self,
        desired_bundle_size: int,
        start_position: int | None = None,
        stop_position: int | None = None,
    ) -> Iterator[SourceBundle]:
        """Yields ranges of equal width; their number follows from connections, not from bytes."""
        start, stop = self._bounds(start_position, stop_position)
        width = max(1, -(-(stop - start) // self._ranges))
        for first in range(start, stop, width):
            last = min(first + width, stop)
            yield SourceBundle(last - first, self.source, first, last)

    def read(self, range_tracker: OffsetRangeTracker) -> Iterator[RawBatch]:
        """Yields the rows of a range; a connection that is lost is replaced by a new one."""
        with self.source.client.session() as session:
            start, stop = range_tracker.start_position(), range_tracker.stop_position()
            for page in self._keys.pages(session, start, stop):
                granted = self._granted(range_tracker, page)
                if granted and self._keys.table == COMPANIES:
                    yield RawBatch(with_orders(session, granted))
                elif granted:
                    yield RawBatch(granted)
                if len(granted) < len(page):
                    return

    def _granted(self, range_tracker: OffsetRangeTracker, page: list[RawRow]) -> list[RawRow]:
        """Returns the rows of ``page`` up to the first one that the engine has given away."""
        claimed = range_tracker.last_record_start
        for count, row in enumerate(page):
            position = self._keys.position(row)
            # Rows that changed in one second share a position: who claims it, reads them all.
            if position != claimed and not range_tracker.try_claim(position):
                return page[:count]
            claimed = position
        return page

    def _bounds(self, start: int | None, stop: int | None) -> tuple[int, int]:
        if start is not None and stop is not None:
            return start, stop
        with self.source.client.session() as session:
            return self._keys.bounds(session)


class _ReadCompaniesOfChangedOrdersFn(beam.DoFn):
    def __init__(self, client: StoreClient, since: DeltaStart) -> None:
        self._client = client
        self._since = since

    def process(self, _: None) -> Iterator[RawBatch]:
        with self._client.session() as session:
            for companies in companies_of_changed_orders(session, self._since):
                if companies:
                    yield RawBatch(with_orders(session, companies))
