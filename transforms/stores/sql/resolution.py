"""A store of the configuration, resolved against the catalogue of its database.

All that is wrong is found at once. What makes reading impossible, or a burden to the store, is a
problem; what only costs something is a warning.
"""

import re
from dataclasses import dataclass, field

from transforms.configuration.problems import Problem, nearest_name, raise_problems
from transforms.configuration.structs import OrderTable, RecordTable, StoreTable
from transforms.stores.sql.client import DIALECTS, StoreClient
from transforms.stores.sql.clock import Clock, NoClockError, clock_of
from transforms.stores.sql.encoding import TextDecoder
from transforms.stores.sql.location import StoreLocation
from transforms.stores.sql.mapped_table import MappedTable
from transforms.stores.sql.order_sums import OrderSummation
from transforms.stores.sql.relation import Column, Query, Relation
from transforms.stores.sql.store import SqlStore, TableName, sql_tables
from transforms.stores.sql.summation import summation_of
from transforms.stores.sql.table import SqlTable
from transforms.stores.sql.used_columns import used_columns

# Rows by the server's estimate: up to here a page may cost a look at the whole table.
_SMALL = 100_000
_SAMPLE = 200
_KEY_TYPES = ("integer", "number", "text", "binary", "uuid", "date", "datetime", "instant")
_INEXACT = ("float", "double", "real")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Findings:
    """What is wrong with a store, each with its place in the configuration."""

    location: StoreLocation
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, table: str, key: str, text: str) -> None:
        """Note what makes reading impossible."""
        self.problems.append(self.location.problem(table, key, text))

    def warn(self, table: str, key: str, text: str) -> None:
        """Note what only costs something."""
        problem = self.location.problem(table, key, text)
        self.warnings.append(f"{self.location.origin}: {problem}")

    def raise_problems(self) -> None:
        """Raise a ``ConfigurationError`` with all problems, if there are any."""
        raise_problems(self.location.origin, list(dict.fromkeys(self.problems)))


def resolve_store(
    key: str, store: StoreTable, client: StoreClient, query: Query, findings: Findings
) -> SqlStore:
    """Returns the store, ready to be read; its warnings are among the ``findings``.

    Raises:
        ConfigurationError: with all that is wrong.
    """
    resolver = _Resolver(store, client, query, findings)
    tables = {name: resolver.table(name, table) for name, table in sql_tables(store).items()}
    findings.raise_problems()
    sql_tables_by_name = {
        name: resolver.sql_table(name, table) for name, table in tables.items() if table
    }
    orders = tables.get("order")
    summation = resolver.summation(orders, store.order) if orders and store.order else None
    findings.raise_problems()
    return SqlStore(
        key=key,
        client=client,
        timezone=store.timezone,
        tables={name: table for name, table in sql_tables_by_name.items() if table},
        summation=summation,
        has_cursor=resolver.has_cursor,
        decoder=resolver.decoder,
    )


class _Resolver:
    """Resolves the tables of one store; ``has_cursor`` when deltas read by the times of change."""

    def __init__(
        self, store: StoreTable, client: StoreClient, query: Query, findings: Findings
    ) -> None:
        self._store, self._query, self._findings = store, query, findings
        self._url = client.address.url()
        self._dialect = DIALECTS[self._url.dialect]
        self.has_cursor = store.changes is not None and store.changes.kind == "cursor"
        encoding = store.full.encoding if store.full else None
        self.decoder = TextDecoder.of(encoding, self._dialect.name)

    def table(self, name: TableName, table: RecordTable) -> MappedTable | None:
        """Returns the table with its relation; None when a part of it is not there."""
        relation = self._find(name, table.from_ or "")
        if relation is None or not self._has_columns(name, table, relation):
            return None
        mapped = MappedTable(self._dialect, relation, table, self.decoder, _selected_names(table))
        return mapped if self._is_readable(name, mapped) else None

    def sql_table(self, name: TableName, mapped: MappedTable) -> SqlTable | None:
        """Returns the table, ready to be read; None when it cannot be read by its id."""
        key = mapped.column(mapped.table.id)
        if key is None or not self._can_be_key(name, key):
            return None
        clock = self._clock(name, mapped)
        table = mapped.sql_table(name, clock)
        if mapped.relation.is_view:
            self._warn_of_view(name, mapped)
        else:
            self._check_indexes(name, mapped, key, clock)
        return table

    def summation(self, mapped: MappedTable, table: OrderTable) -> OrderSummation | None:
        """Returns how orders are summed by company."""
        company = mapped.column(table.company)
        if company is None:
            self._findings.problem("order", "company", "it must be a column")
            return None
        index = mapped.relation.index_on(company.name)
        if index is None and not mapped.relation.is_view:
            self._lacks_index("order", "company", mapped, (company,))
        return summation_of(mapped, table, self._store.id_form)

    def _find(self, name: TableName, text: str) -> Relation | None:
        if relation := self._dialect.find_relation(self._query, text):
            return relation
        if self._is_forbidden(text):
            self._forbidden(name, text)
            return None
        names = self._dialect.relation_names(self._query)
        problem = f"the database {self._url.database} has no table {text}{_nearest(text, names)}"
        self._findings.problem(name, "from", problem)
        return None

    def _forbidden(self, name: TableName, relation: str) -> None:
        text = f"{self._url.user} may not read the table {relation}: grant SELECT on all of it"
        self._findings.problem(name, "from", text)

    def _is_forbidden(self, text: str) -> bool:
        source = ".".join(map(self._dialect.quote, text.split(".")))
        try:
            self._query(f"SELECT 1 FROM {source} LIMIT 0", ())  # noqa: S608 - quoted
        except self._dialect.errors as error:
            return self._dialect.trouble(error) == "permission"
        return False

    def _has_columns(self, name: TableName, table: RecordTable, relation: Relation) -> bool:
        names = [column.name for column in relation.columns]
        missing = [item for item in used_columns(table) if relation.column(item[1]) is None]
        for key, column in missing:
            text = f"the column {relation.name}.{column} is missing{_nearest(column, names)}"
            self._findings.problem(name, key, text)
        return not missing

    def _is_readable(self, name: TableName, mapped: MappedTable) -> bool:
        columns = dict.fromkeys(column for _, column in used_columns(mapped.table))
        places = ", ".join(mapped.place(c) for key in columns if (c := mapped.column(key)))
        try:
            self._query(f"SELECT {places} FROM {mapped.source} LIMIT 0", ())  # noqa: S608 - quoted
        except self._dialect.errors as error:
            if self._dialect.is_transient(error):
                raise
            self._refused(name, mapped.relation.name, error)
            return False
        return True

    def _refused(self, name: TableName, relation: str, error: Exception) -> None:
        if self._dialect.trouble(error) == "permission":
            self._forbidden(name, relation)
        else:
            text = f"the table {relation} cannot be read: {self._dialect.describe(error)}"
            self._findings.problem(name, "from", text)

    def _can_be_key(self, name: TableName, key: Column) -> bool:
        can_be = key.type in _KEY_TYPES and not key.native.startswith(_INEXACT)
        if not can_be:
            text = (
                f"the column {key.name} is a {key.native}, by which rows cannot be read in order:"
                " name one that is a number, a text, a UUID or a date"
            )
            self._findings.problem(name, "id", text)
        return can_be

    def _clock(self, name: TableName, mapped: MappedTable) -> Clock | None:
        column = mapped.column(mapped.table.changed_at)
        if column is None:
            if self.has_cursor and name == "order":
                text = "without it a delta does not see that an order has changed"
                self._findings.warn(name, "changed_at", text)
            elif self.has_cursor:
                text = 'a delta by cursor (changes.kind = "cursor") needs it: name the column'
                self._findings.problem(name, "changed_at", text)
            return None
        try:
            return clock_of(column, self._store.timezone, self._sample(mapped, column))
        except NoClockError as error:
            if self.has_cursor:
                text = f"a delta cannot go by the column {column.name}: {error}"
                self._findings.problem(name, "changed_at", text)
            return None

    def _sample(self, mapped: MappedTable, column: Column) -> list[object]:
        if column.type not in ("integer", "number", "text"):
            return []
        place = mapped.place(column)
        query = (
            f"SELECT {place} AS v FROM {mapped.source} WHERE {place} IS NOT NULL"  # noqa: S608 - quoted
            f" LIMIT {_SAMPLE}"
        )
        return [row["v"] for row in self._query(query, ())]

    def _check_indexes(
        self, name: TableName, mapped: MappedTable, key: Column, clock: Clock | None
    ) -> None:
        relation = mapped.relation
        if relation.index_on(key.name) is None:
            if relation.rows > _SMALL:
                self._lacks_index(name, "id", mapped, (key,))
            else:
                statement = _statement(mapped, (key,))
                text = f"the table {relation.name} has no index on it, so each page costs the store"
                self._findings.warn(name, "id", f"{text} a look at the whole table: {statement}")
        if not relation.is_unique(key.name):
            text = f"nothing keeps {relation.name} from having one id twice: of such rows the last"
            self._findings.warn(name, "id", f"{text} one counts")
        changed_at = mapped.column(mapped.table.changed_at)
        if self.has_cursor and clock and changed_at and mapped.change_index is None:
            self._lacks_index(name, "changed_at", mapped, (changed_at, key))

    def _lacks_index(
        self, name: TableName, key: str, mapped: MappedTable, columns: tuple[Column, ...]
    ) -> None:
        text = f"the table {mapped.relation.name} lacks an index that reading it needs"
        self._findings.problem(name, key, f"{text}: {_statement(mapped, columns)}")

    def _warn_of_view(self, name: TableName, mapped: MappedTable) -> None:
        text = (
            f"{mapped.relation.name} is a view: whether its tables have the indexes that reading"
            " needs cannot be seen, so look at the plan of a query by id and by time of change"
        )
        self._findings.warn(name, "from", text)


def _selected_names(table: RecordTable) -> tuple[str, ...]:
    """Returns the names of the columns that a row is to have."""
    if isinstance(table, OrderTable):
        names = [table.id, table.company, table.changed_at]
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))
    return tuple(dict.fromkeys(column for _, column in used_columns(table)))


def _statement(mapped: MappedTable, columns: tuple[Column, ...]) -> str:
    names = [column.name for column in columns]
    index = "_".join(["svod", mapped.relation.name, names[0]])
    quote = mapped.dialect.quote
    index, table, *columns_text = (
        text if _PLAIN.fullmatch(text) else quote(text).replace("%%", "%")
        for text in (index, mapped.relation.name, *names)
    )
    return f"CREATE INDEX {index} ON {table} ({', '.join(columns_text)})"


def _nearest(name: str, names: list[str]) -> str:
    """Returns a proposal to add to a message; empty when no name is near."""
    match = nearest_name(name, names)
    return f": did you mean {match}?" if match else ""
