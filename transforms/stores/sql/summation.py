"""How the server sums a store's orders, by what types their columns have."""

from transforms.configuration.structs import Condition, OrderTable
from transforms.stores.mapping.conditions import folded_texts
from transforms.stores.sql.mapped_table import MappedTable, is_naive_instant
from transforms.stores.sql.order_sums import (
    COUNT,
    DELETED,
    FIRST_CURRENCY,
    LAST_AT,
    LAST_CURRENCY,
    ONLY,
    STATUS,
    TOTAL,
    OrderRules,
    OrderSummation,
    folded,
    places,
)

_TIMES = ("date", "datetime", "instant", "integer", "number")


def summation_of(mapped: MappedTable, table: OrderTable, id_form: str | None) -> OrderSummation:
    """Returns how the orders of ``mapped`` are summed; their company is a column."""
    summing = _Summing(mapped)
    summing.count_orders(table)
    company = mapped.key(table.company, "company")
    if company is None:
        raise ValueError("an order's company is no column")
    last_at = mapped.column(table.created_at)
    currency = mapped.column(table.currency)
    return OrderSummation(
        dialect=mapped.dialect.name,
        source=mapped.source,
        hint=mapped.hint(mapped.relation.index_on(company.column.name)),
        company=company,
        company_name=str(table.company),
        aggregates=tuple(summing.aggregates.items()),
        groups=tuple(summing.groups.items()),
        condition=summing.condition,
        currency=mapped.selected(currency) if currency else "",
        rules=OrderRules(summing.cancelled, table.only, _condition(table.deleted), mapped.decoder),
        instants=last_at is not None and is_naive_instant(last_at),
        width=int(id_form.partition(":")[2]) if id_form else 0,
    )


class _Summing:
    """What the server sums, and by what it groups."""

    def __init__(self, mapped: MappedTable) -> None:
        self._mapped = mapped
        self.aggregates = {COUNT: "COUNT(*)"}
        self.groups: dict[str, str] = {}
        self.condition: tuple[str, tuple[str, ...]] = ("", ())
        self.cancelled: frozenset[str] = frozenset()

    def count_orders(self, table: OrderTable) -> None:
        """Choose what is summed, and what a person's rules need to see."""
        self._sum(table.total)
        self._find_last(table.created_at)
        if currency := self._mapped.column(table.currency):
            expression = self._mapped.selected(currency)
            self.aggregates[FIRST_CURRENCY] = f"MIN({expression})"
            self.aggregates[LAST_CURRENCY] = f"MAX({expression})"
        self._leave_out(table)
        only = table.only.field if table.only else None
        deleted = table.deleted.field if isinstance(table.deleted, Condition) else table.deleted
        for alias, field in ((ONLY, only), (DELETED, deleted)):
            if column := self._mapped.column(field):
                self.groups[alias] = self._mapped.selected(column)

    def _sum(self, field: object) -> None:
        column = self._mapped.column(field)
        if column is None:
            return
        expression = self._mapped.selected(column)
        if column.type in ("integer", "number"):
            self.aggregates[TOTAL] = f"SUM({expression})"
        else:
            self.groups[TOTAL] = expression

    def _find_last(self, field: object) -> None:
        column = self._mapped.column(field)
        if column is None:
            return
        expression = self._mapped.selected(column)
        if column.type in _TIMES:
            self.aggregates[LAST_AT] = f"MAX({expression})"
        else:
            self.groups[LAST_AT] = expression

    def _leave_out(self, table: OrderTable) -> None:
        """Leave out cancelled orders: by the server where it compares as we do."""
        column = self._mapped.column(table.status)
        cancelled = sorted({folded(status) for status in table.cancelled})
        if column is None or not cancelled:
            return
        expression = self._mapped.selected(column)
        if column.type == "text" and all(map(str.isascii, cancelled)):
            name = self._mapped.place(column)
            query = f"LOWER(TRIM({name})) NOT IN ({places(cancelled)})"
            is_null = f"{name} IS NULL OR " if column.nullable else ""
            self.condition = f"({is_null}{query})", tuple(cancelled)
        else:
            self.groups[STATUS], self.cancelled = expression, folded_texts(table.cancelled)


def _condition(deleted: object) -> Condition | None:
    return deleted if isinstance(deleted, Condition) else None
