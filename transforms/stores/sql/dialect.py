"""What databases differ in: their drivers, their quoting, their catalogue, their errors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from transforms.stores.sql.relation import Column, Query, RawRow, Relation
from transforms.stores.sql.url import DatabaseUrl, DialectName

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 120

Condition = tuple[str, list[object]]
"""A condition of a query, and its parameters."""

Trouble = Literal["account", "database", "table", "permission", "tls", ""]
"""What an error of a driver says is wrong; empty for anything else."""


class Dialect(ABC):
    """A kind of database. Queries have ``%s`` for parameters, and ``%%`` for a percent sign."""

    name: ClassVar[DialectName]
    title: ClassVar[str]
    errors: ClassVar[type[Exception]]
    """The base of the driver's errors."""

    @abstractmethod
    def connect(self, url: DatabaseUrl) -> Any:
        """Opens a connection without transactions, so that the server keeps nothing after a page.

        Raises:
            Exception: one of ``errors``, when the server cannot be reached, or denies access.
            OSError: when a certificate file cannot be read.
        """

    @abstractmethod
    def query(self, connection: Any, query: str, parameters: Sequence[object] = ()) -> list[RawRow]:
        """Returns all rows of a query."""

    @abstractmethod
    def abandon(self, connection: Any) -> None:
        """Closes a connection without a word to a server that may be gone, or still sending."""

    @abstractmethod
    def is_transient(self, error: Exception) -> bool:
        """Whether another attempt may help: the fault is not in the query or the account."""

    @abstractmethod
    def describe(self, error: Exception) -> str:
        """Returns the text of the server or driver, which never contains a password."""

    @abstractmethod
    def trouble(self, error: Exception) -> Trouble:
        """Returns what is wrong."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """Returns a name for a query, whatever characters it has."""

    @abstractmethod
    def find_relation(self, query: Query, name: str) -> Relation | None:
        """Returns the table or view of this name, which may begin with a schema's."""

    @abstractmethod
    def relation_names(self, query: Query) -> list[str]:
        """Returns the tables and views that there are, to propose the nearest name."""

    @abstractmethod
    def selected(self, column: Column, place: str, charset: str) -> str:
        """Returns the expression that reads the column at ``place``.

        Texts of ``charset``, unless that is empty, are read as raw bytes; what a driver has no
        plain value for is read as text.
        """

    @abstractmethod
    def as_number(self, expression: str, column: Column) -> str:
        """Returns the expression as a number that can be summed."""

    @abstractmethod
    def after(self, columns: Sequence[str], values: Sequence[object]) -> Condition:
        """Returns the condition that ``columns`` come after ``values``, in their order."""

    @abstractmethod
    def hint(self, index: str) -> str:
        """Returns what stands behind a table so that this index is used; empty for none."""

    @abstractmethod
    def valid_time(self, expression: str, column: Column) -> str:
        """Returns the condition that a time is one that a driver can read; empty for none."""
