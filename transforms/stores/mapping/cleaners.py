"""Compiles a store's tables of the configuration into the cleaners of its records.

>>> from transforms.configuration.structs import ContactTable, StoreTable
>>> people = ContactTable(id="no", company="firm", name="fio")
>>> clean = compile_store("S", StoreTable(contact=people)).cleaners[CONTACT]
>>> row = clean({"no": 7, "firm": "017", "fio": "Иванов Пётр"})
>>> row.source_id, row.reason
('7', '')
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec

from transforms.configuration.structs import SQL_KINDS, RecordTable, StoreTable
from transforms.core.records import COMPANY, CONTACT, UNKNOWN_KIND, Kind, Row
from transforms.stores.mapping.exclusions import Outside, Unusable
from transforms.stores.mapping.headers import NO_CLOCK_BOUND, ClockBound
from transforms.stores.mapping.ids import form_of
from transforms.stores.mapping.origins import Origin, origin_of
from transforms.stores.mapping.owner_names import owner_names
from transforms.stores.mapping.place_code import compile_place
from transforms.stores.mapping.record_code import ColumnsError
from transforms.stores.mapping.table_code import (
    TableForm,
    compile_columns,
    compile_nested,
)
from transforms.stores.sql.encoding import TextDecoder
from transforms.stores.sql.url import DialectName

Result = Row | Outside | Unusable
"""What a raw record becomes."""

Record = dict[str, Any]
Function = Callable[[Record, int, ClockBound], Any]

Adapt = Callable[[tuple[str, ...]], Function]

_VARIANTS = 32
_COLUMN_KINDS = (*SQL_KINDS, "csv", "xlsx")


class Cleaner:
    """Cleans the records of one table of a store, or of two tables that stand in one place.

    It is pickled as the configuration that it was compiled from. ``adapt`` returns the function for
    records with other columns than the last one had.
    """

    def __init__(
        self, store: "CompiledStore", kind: str, function: Function, adapt: Adapt | None = None
    ) -> None:
        self._store, self._kind, self._function, self._adapt = store, kind, function, adapt

    def __call__(
        self, record: Record, order: int = 0, clock_bound: ClockBound = NO_CLOCK_BOUND
    ) -> Any:
        """Returns what the record becomes, a ``Result``; several where it is in several tables.

        ``order`` ranks versions of equal time.
        """
        try:
            return self._function(record, order, clock_bound)
        except ColumnsError:
            if self._adapt is None:
                raise
            self._function = self._adapt(tuple(record))
            return self._function(record, order, clock_bound)

    def __reduce__(self) -> tuple[Any, ...]:
        return _cleaner_of, (self._store.configuration, self._kind)

    @property
    def origin(self) -> Origin:
        """Where its records come from, and what its rows depend on besides them."""
        return self._store.origin(self._kind)


class CompiledStore:
    """The cleaners of a store. Use ``compile_store``, which compiles a store once in a process.

    ``companies`` and ``contacts`` clean the records of their table, ``records`` those of a place
    that both tables share, such as an array or a topic.
    """

    def __init__(self, key: str, table: StoreTable, company_form: str | None) -> None:
        self.configuration = key, msgspec.msgpack.encode(table), company_form
        self._table = table
        self.ids = form_of(table.id_form)
        """How the store writes its ids."""
        company_ids = form_of(company_form)
        zone = ZoneInfo(table.timezone)
        self._form = TableForm(
            key,
            self.ids,
            company_ids,
            zone,
            is_snapshot=table.full is not None and table.full.kind in SQL_KINDS,
            has_orders=table.order is not None,
        )
        kinds: dict[Kind, RecordTable | None] = {COMPANY: table.company, CONTACT: table.contact}
        self._tables = {kind: own for kind, own in kinds.items() if own is not None}
        self.cleaners: Mapping[Kind, Cleaner] = {
            kind: self._cleaner(kind, own) for kind, own in self._tables.items()
        }
        """The cleaner of each table, by its kind."""
        place = compile_place(self._tables, self._form)
        self.records = Cleaner(self, UNKNOWN_KIND, place.clean)
        self.find_problem = place.find_problem
        """Returns why a value is no record of the store, None when it is one."""

    def owner_names(self, kind: Kind) -> Mapping[str, str]:
        """Returns what the store's owner calls each field of a record, and of its notes."""
        return owner_names(self._tables[kind])

    def cleaner(self, kind: str) -> Cleaner:
        """Returns the cleaner of a kind; for the unknown kind that of all records."""
        return self.records if kind == UNKNOWN_KIND else self.cleaners[cast(Kind, kind)]

    def origin(self, kind: str) -> Origin:
        """Returns the origin of the records of a kind; for the unknown kind that of all records."""
        tables = {
            own_kind: table
            for own_kind, table in self._tables.items()
            if kind in (own_kind, UNKNOWN_KIND)
        }
        configuration = msgspec.msgpack.encode((self.configuration, kind))
        return origin_of(self.configuration[0], tables, self.ids.digits, configuration)

    def _cleaner(self, kind: Kind, table: RecordTable) -> Cleaner:
        format_ = table.kind or (self._table.full.kind if self._table.full else None)
        if format_ not in _COLUMN_KINDS:
            return Cleaner(self, kind, compile_nested(table, self._form))
        decode = None
        if format_ in SQL_KINDS:
            encoding = table.encoding or (self._table.full.encoding if self._table.full else None)
            decode = TextDecoder.of(encoding, cast(DialectName, format_)).row

        @lru_cache(_VARIANTS)
        def adapt(columns: tuple[str, ...]) -> Function:
            return compile_columns(table, self._form, columns, decode)

        return Cleaner(self, kind, adapt(()), adapt)


def compile_store(key: str, table: StoreTable, company_form: str | None = None) -> CompiledStore:
    """Returns the compiled store; ``company_form`` is the ``id_form`` of its contacts' companies.

    By default that is its own.
    """
    return _compile(key, msgspec.msgpack.encode(table), company_form or table.id_form)


@lru_cache(maxsize=64)
def _compile(key: str, table: bytes, company_form: str | None) -> CompiledStore:
    return CompiledStore(key, msgspec.msgpack.decode(table, type=StoreTable), company_form)


def _cleaner_of(configuration: tuple[str, bytes, str | None], kind: str) -> Cleaner:
    return _compile(*configuration).cleaner(kind)
