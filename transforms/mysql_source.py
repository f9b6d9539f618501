"""The classes of a MySQL source: beam-mysql-connector's, or ours where it does not install.

The connector declares ``<3.12``. On a newer Python ``TableSource`` and ``TableSplitter`` take the
place of its ``MySQLSource`` and ``BaseSplitter``: same names of methods and parameters, same
division of work (the source belongs to Beam, the splitter reads). Only our own client reads.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from apache_beam.io.iobase import BoundedSource, RangeTracker, SourceBundle

__all__ = ["BaseSplitter", "MySQLSource", "TableSource", "TableSplitter"]


class TableSplitter(ABC):
    """Divides a table into ranges, and reads a range; the source hands all its work to it."""

    def build_source(self, source: BoundedSource) -> None:
        """Gives the splitter its source, with the client on it."""
        self.source: Any = source

    @abstractmethod
    def estimate_size(self) -> int | None:
        """Returns the size of all there is to read, or nothing."""

    @abstractmethod
    def get_range_tracker(
        self, start_position: int | None, stop_position: int | None
    ) -> RangeTracker:
        """Returns the tracker of a range; without positions, of the whole table."""

    @abstractmethod
    def read(self, range_tracker: RangeTracker) -> Iterator[Any]:
        """Yields the elements of a tracker's range."""

    @abstractmethod
    def split(
        self,
        desired_bundle_size: int,
        start_position: int | None = None,
        stop_position: int | None = None,
    ) -> Iterator[SourceBundle]:
        """Yields ranges that together are the one between the positions."""


class TableSource(BoundedSource):
    """A source whose splitter does the work; host to port are the connector's, and unused."""

    def __init__(
        self,
        query: str,
        host: str,
        database: str,
        user: str,
        password: str,
        port: int,
        splitter: TableSplitter,
    ) -> None:
        super().__init__()
        self._query = query
        self._splitter = splitter

    def estimate_size(self) -> int | None:
        """Returns what the splitter says of the size."""
        return self._splitter.estimate_size()

    def get_range_tracker(
        self, start_position: int | None, stop_position: int | None
    ) -> RangeTracker:
        """Returns the splitter's tracker of a range."""
        return self._splitter.get_range_tracker(start_position, stop_position)

    def read(self, range_tracker: RangeTracker) -> Iterator[Any]:
        """Returns the splitter's iterator over a range."""
        return self._splitter.read(range_tracker)

    def split(
        self,
        desired_bundle_size: int,
        start_position: int | None = None,
        stop_position: int | None = None,
    ) -> Iterator[SourceBundle]:
        """Returns the splitter's ranges."""
        return self._splitter.split(desired_bundle_size, start_position, stop_position)


try:
    from beam_mysql.connector.source import MySQLSource
    from beam_mysql.connector.splitters import BaseSplitter
except ImportError:
    MySQLSource, BaseSplitter = TableSource, TableSplitter
