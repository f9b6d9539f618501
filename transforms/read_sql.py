"""Reading a store's database: companies with their orders, and contacts, by ranges of keys."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.iobase import SourceBundle
from apache_beam.io.range_trackers import OffsetRangeTracker

from transforms.core.records import DeadLetter
from transforms.mysql_source import BaseSplitter, MySQLSource
from transforms.raw_batch import RawBatch
from transforms.stores.sql.changed_orders import companies_of_changed_orders
from transforms.stores.sql.cursors import DeltaStart
from transforms.stores.sql.keyset import Keyset
from transforms.stores.sql.missing_ids import rows_without_id
from transforms.stores.sql.relation import RawRow
from transforms.stores.sql.store import SqlStore, TableName


class SqlRows(NamedTuple):
    """The rows of a store by table, up to 1000 a batch; and rows that have no id."""

    batches: dict[TableName, beam.PCollection[RawBatch]]
    dead_letters: beam.PCollection[DeadLetter] | None = None


class ReadSql(beam.PTransform):
    """Reads all of a store, or what changed ``since`` a start.

    Companies carry the sums of their orders, and count as changed when one of these is.

    A process holds at most ``connections`` connections of the store's client. Each table is cut
    into half as many ranges (at least one). So an engine with several processes holds no more
    connections in all, unless it cuts a range further, and except for those that read the changed
    orders and the rows without an id.
    """

    def __init__(self, store: SqlStore, *, since: DeltaStart | None = None) -> None:
        super().__init__()
        if store.client.connections < 1:
            raise ValueError("connections must be 1 or more")
        self._since: DeltaStart = since or {}
        if any(moment.tzinfo for moment in self._since.values()):
            raise ValueError("since must be local time, without a zone")
        self._store = store

    def expand(self, root: beam.pvalue.PBegin) -> SqlRows:
        """Batches of raw rows, ready for the store's cleaners."""
        key, since = self._store.key, self._since
        batches: dict[TableName, beam.PCollection[RawBatch]] = {}
        for name in self._tables:
            source = SqlSource(self._store, name, since.get(name))
            read = beam.io.Read(source).with_output_types(RawBatch)
            batches[name] = root | f"Read {key} {name}" >> read
        if "company" in since and "order" in since:
            fn = _ReadCompaniesOfChangedOrdersFn(self._store, since)
            of_orders = (
                root
                | "OrdersChangedSince" >> beam.Create([None])
                | "ReadCompaniesOfChangedOrders" >> beam.ParDo(fn).with_output_types(RawBatch)
            )
            batches["company"] = (
                batches["company"],
                of_orders,
            ) | "AllChangedCompanies" >> beam.Flatten()
        without_id = list(self._rows_without_id(root))
        dead_letters = without_id | "AllWithoutId" >> beam.Flatten() if without_id else None
        return SqlRows(batches, dead_letters)

    @property
    def _tables(self) -> list[TableName]:
        return [name for name in self._store.tables if name != "order"]

    def _rows_without_id(self, root: beam.pvalue.PBegin) -> Iterator[beam.PCollection[DeadLetter]]:
        for name in self._tables:
            if self._store.tables[name].id.column.nullable:
                fn = _ReadRowsWithoutIdFn(self._store, name, self._since)
                yield (
                    root
                    | f"WithoutId {name}" >> beam.Create([None])
                    | f"ReadRowsWithoutId {name}" >> beam.ParDo(fn).with_output_types(DeadLetter)
                )


class SqlSource(MySQLSource):
    """A source of one table, with a client that knows the password by name only.

    Its elements are batches: one element a row costs more than reading the row.
    """

    def __init__(self, store: SqlStore, name: TableName, since: datetime | None = None) -> None:
        keys = Keyset(store.tables[name], since)
        splitter = KeyRangeSplitter(store, name, keys)
        super().__init__(keys.table.select, "", "", "", "", 0, splitter)
        self.client = store.client
        splitter.build_source(self)

    def _build_value(self) -> None:
        """Do nothing for the connector: the client looks the store's URL up when it connects."""


class KeyRangeSplitter(BaseSplitter):
    """Cuts a table into ranges of keys, which an engine may cut further while they are read.

    A row belongs to the range of its key. So wherever ranges are cut, each row is read once.
    """

    def __init__(self, store: SqlStore, name: TableName, keys: Keyset) -> None:
        self._keys = keys
        self._ranges = max(1, store.client.connections // 2)
        self._store = store if name == "company" else None

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
                if granted and self._store:
                    yield RawBatch(self._store.add_orders(session, granted))
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
    def __init__(self, store: SqlStore, since: DeltaStart) -> None:
        self._store, self._since = store, since

    def process(self, _: None) -> Iterator[RawBatch]:
        with self._store.client.session() as session:
            for companies in companies_of_changed_orders(
                session, self._store, self._since["order"], self._since["company"]
            ):
                if companies:
                    yield RawBatch(self._store.add_orders(session, companies))


class _ReadRowsWithoutIdFn(beam.DoFn):
    def __init__(self, store: SqlStore, name: TableName, since: DeltaStart) -> None:
        self._store, self._name, self._since = store, name, since.get(name)

    def process(self, _: None) -> Iterator[DeadLetter]:
        origin = f"{self._store.key}.{self._name}"
        table = self._store.tables[self._name]
        with self._store.client.session() as session:
            yield from rows_without_id(session, table, self._since, origin, self._store.decoder)
