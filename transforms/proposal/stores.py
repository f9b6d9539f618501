"""Proposes a whole store: which tables hold companies, contacts and orders, and what is where."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from transforms.proposal.contents import value_text
from transforms.proposal.lines import (
    Line,
    cancelled_lines,
    company_lines,
    doubt_lines,
    person_lines,
    shared_lines,
    used_columns,
)
from transforms.proposal.names import plain_name, table_strength
from transforms.proposal.relations import best_reference, id_columns, rival_names
from transforms.proposal.roles import (
    CERTAIN,
    COMPANY_ROLES,
    CONTACT_ROLES,
    ORDER_ROLES,
    RoleFits,
    assign_roles,
    fit,
)
from transforms.proposal.samples import Column, Table
from transforms.proposal.views import DIALECTS, JoinFinder, View, make_view

# So much must speak for a table of contacts, where companies' own rows name persons too.
_OWN_TABLE = 1.4
# So many rows without a TIN must there be to say which rows are companies.
_FEWEST_PERSONS = 3
_MOST_KINDS = 6
_JOINED_ROLES = ("tin", "kpp", "ogrn", "name", "phones", "emails", "bik", "account", "bank")


class TableProposal(msgspec.Struct, frozen=True):
    """A table of records as the file would have it."""

    kind: str
    table: Table
    lines: list[Line]


class StoreProposal(msgspec.Struct, frozen=True):
    """A store as the file would have it, the views to make, and what was not found."""

    tables: list[TableProposal]
    views: list[View]
    notes: list[str]


def propose_store(tables: Sequence[Table], kind: str) -> StoreProposal:
    """Returns the proposal of a store whose tables were looked at; ``kind`` is its source's."""
    search = _Search(tables, kind)
    company = search.company()
    if company is None:
        note = 'no column was found that holds TINs: say where they are, as in tin = "inn"'
        return StoreProposal([], search.views, [note])
    return StoreProposal(
        [company, *search.contact(company), *search.order(company)], search.views, search.notes
    )


class _ContactCandidate(NamedTuple):
    points: float
    table: Table
    reference: str
    view: View | None = None


class _Search:
    """The search in a store's tables; ``views`` and ``notes`` gather what it finds on its way."""

    def __init__(self, tables: Sequence[Table], kind: str) -> None:
        self._tables = [table for table in tables if table.columns and table.columns[0].values]
        self._dialect = DIALECTS.get(kind)
        self.views: list[View] = []
        self.notes: list[str] = []
        self._company = Table("", ())
        self._company_base = Table("", ())
        self._company_id = Column("", ())
        self._contact_table = Table("", ())
        self._contact_id = Column("", ())

    def company(self) -> TableProposal | None:
        """Returns the table of companies: the one in which TINs stand."""
        base = self._company_table()
        if base is None:
            return None
        table = self._extended(base, _JOINED_ROLES, "svod_companies")
        keys = [column.name for column in id_columns(table)[:1] if column.is_key]
        fits = assign_roles(table, COMPANY_ROLES, keys)
        if "tin" not in fits.columns:
            return None
        self._company, self._company_base = table, base
        self._company_id = self._best_id(table, base)
        lines = [Line("id", self._company_id.name), Line("tin", fits.columns["tin"][0])]
        lines += self._company_only(table, fits.columns["tin"][0])
        lines += company_lines(fits)
        return TableProposal("company", table, lines)

    def _company_table(self) -> Table | None:
        direct = [
            (points, table)
            for table in self._tables
            if (points := _tin_points(table)) >= CERTAIN and not _is_order(table)
        ]
        ranked = sorted(direct, key=lambda pair: -(pair[0] + _company_points(pair[1])))
        for _, table in ranked:
            if _has_company_name(table) or table_strength("company", table.name) >= 0.8:
                return table
        parents = sorted(self._tables, key=lambda table: -_company_points(table))
        for parent in parents:
            if table_strength("company", parent.name) and id_columns(parent):
                joins = self._finder(parent)
                if joins and any(_is_tin(join.column) for join in joins.joins(("tin",))):
                    return parent
        return ranked[0][1] if ranked else None

    def _finder(self, table: Table) -> JoinFinder | None:
        if self._dialect is None or not id_columns(table):
            return None
        return JoinFinder(self._tables, table, self._dialect)

    def _extended(self, base: Table, roles: Iterable[str], name: str) -> Table:
        """Returns the table with those columns that a view can add; notes the view."""
        finder = self._finder(base)
        columns = assign_roles(base, roles).columns
        missing = [role for role in roles if role not in columns]
        joins = list(finder.joins(missing)) if finder else []
        if not joins or self._dialect is None:
            return base
        view = make_view(base, joins, name, self._dialect)
        self.views.append(view)
        return view.table

    def _best_id(self, table: Table, base: Table) -> Column:
        """Returns the id that other tables point at, else the likeliest."""
        candidates = id_columns(table)[:3]
        if not candidates:
            self.notes.append(f"{base.name}: no column has another value in each row: check id")
            return table.columns[0]
        others = [other for other in self._tables if other.name != base.name]

        def references(column: Column) -> float:
            found = (best_reference(other, "company_ref", base, column)[0] for other in others)
            return max((points for points in found if points >= CERTAIN), default=0.0)

        return max(candidates, key=references)

    def _company_only(self, table: Table, tin: str) -> list[Line]:
        """Returns the condition that takes companies out of a table that holds persons too."""
        if split := _split_by_kind(table, tin):
            return [Line("only", {"field": split[0], "is": split[1]})]
        return []

    def contact(self, company: TableProposal) -> Iterator[TableProposal]:
        """Yields the table of contacts, when there is one."""
        if persons := self._contacts_of_one_table(company):
            yield persons
            return
        columns = used_columns(company.lines)
        has_persons = _has_person(assign_roles(self._company, CONTACT_ROLES, columns))
        candidates = [
            candidate
            for table in self._tables
            if table.name != self._company_base.name and not _is_order(table)
            for candidate in self._contact_candidates(table)
        ]
        best = max(candidates, key=lambda candidate: candidate.points, default=None)
        if best and (best.points >= _OWN_TABLE or not has_persons):
            self.views += [best.view] if best.view else []
            yield self._contact_proposal(best.table, best.reference)
        elif has_persons:
            yield self._contact_proposal(self._company, self._company_id.name, columns)
        else:
            self.notes.append("no table of contacts was found: add it where there is one")

    def _contacts_of_one_table(self, company: TableProposal) -> TableProposal | None:
        """Returns the persons of a table that holds companies and persons."""
        only = next((line.value for line in company.lines if line.key == "only"), None)
        own_id = [self._company_id.name]
        points, parent = best_reference(
            self._company, "company_ref", self._company, self._company_id, own_id
        )
        if only is None or points < CERTAIN:
            return None
        condition = {"field": only["field"], "is_not": only["is"]}
        return self._contact_proposal(self._company, parent, [only["field"]], condition)

    def _contact_candidates(self, table: Table) -> Iterator[_ContactCandidate]:
        """Yields the table with its reference to companies, direct or by a table of links."""
        if not _has_person(assign_roles(table, CONTACT_ROLES)) or not id_columns(table):
            return
        points, reference = self._company_reference(table)
        strength = table_strength("contact", table.name)
        if {"address", "order"} & set(plain_name(table.name).split("_")):
            strength -= 0.8
        finder = self._finder(table)
        if points >= CERTAIN:
            yield _ContactCandidate(points + strength, table, reference)
        elif finder and self._dialect and strength >= 0.5:
            link = finder.link_join(self._company_base, self._company_id)
            if link:
                view = make_view(table, [link], "svod_contacts", self._dialect)
                yield _ContactCandidate(0.5 + strength, view.table, link.column.name, view)

    def _company_reference(self, table: Table) -> tuple[float, str]:
        """Returns the column of a table that names companies, and how much speaks for it."""
        ids = [column.name for column in id_columns(table)[:1]]
        return best_reference(
            table,
            "company_ref",
            self._company_base,
            self._company_id,
            ids,
            rival_names(self._tables, self._company_base),
        )

    def _contact_proposal(
        self,
        table: Table,
        reference: str,
        used: Iterable[str] = (),
        only: dict[str, Any] | None = None,
    ) -> TableProposal:
        ids = id_columns(table)[0] if id_columns(table) else table.columns[0]
        skipped = {ids.name, reference}
        if table is self._company and only is None:
            ids = self._company_id
            skipped |= set(used)
        self._contact_table, self._contact_id = table, ids
        fits = assign_roles(table, CONTACT_ROLES, skipped)
        lines = [Line("id", ids.name), Line("company", reference)]
        if only:
            lines.append(Line("only", only))
        lines += person_lines(fits)
        if table is self._company and only is None:
            lines += shared_lines(self._company)
        return TableProposal("contact", table, lines)

    def order(self, company: TableProposal) -> Iterator[TableProposal]:
        """Yields the table of orders, when there is one."""
        ranked: list[tuple[float, Table, str]] = []
        for table in self._tables:
            if _is_order(table) and id_columns(table):
                points, reference = self._company_reference(table)
                strength = table_strength("order", table.name)
                if points >= CERTAIN:
                    ranked.append((points + strength, table, reference))
        if ranked:
            _, table, reference = max(ranked, key=lambda entry: entry[0])
            yield self._order_proposal(table, reference)

    def _order_proposal(self, table: Table, reference: str) -> TableProposal:
        ids = id_columns(table)[0]
        skipped = [ids.name, reference]
        lines = [Line("id", ids.name), Line("company", reference)]
        if self._contact_table.columns and self._contact_table is not self._company:
            points, contact = best_reference(
                table, "contact_ref", self._contact_table, self._contact_id, skipped
            )
            if points >= CERTAIN:
                lines.append(Line("contact", contact))
                skipped.append(contact)
        fits = assign_roles(table, ORDER_ROLES, skipped)
        lines += [Line(role, names[0]) for role, names in fits.columns.items()]
        if status := fits.columns.get("status"):
            lines += cancelled_lines(table.column(status[0]))
        return TableProposal("order", table, [*lines, *doubt_lines(fits.doubts)])


def _tin_points(table: Table) -> float:
    return max((fit("tin", column).points for column in table.columns), default=0.0)


def _is_tin(column: Column) -> bool:
    return fit("tin", column).points >= CERTAIN


def _company_points(table: Table) -> float:
    columns = assign_roles(table, ("name", "kpp", "ogrn", "full_name")).columns
    return table_strength("company", table.name) + 0.3 * len(columns)


def _has_company_name(table: Table) -> bool:
    return bool(assign_roles(table, ("name", "full_name")).columns)


def _is_order(table: Table) -> bool:
    return (
        table_strength("order", table.name) >= 0.5
        and "total" in assign_roles(table, ("total",)).columns
    )


def _has_person(fits: RoleFits) -> bool:
    names = fits.columns
    return "whole_name" in names or ("last_name" in names and "first_name" in names)


def _split_by_kind(table: Table, tin: str) -> tuple[str, list[Any]] | None:
    """Returns the column that tells companies from persons, and its values of companies.

    It has few values; most rows with one of them have a TIN, hardly any row with another.
    """
    tins = table.column(tin).values
    if sum(value in (None, "") for value in tins) < _FEWEST_PERSONS:
        return None
    for column in table.columns:
        if not column.is_key and column.name != tin:
            shares = _tin_shares(column, tins)
            companies = [value for value, portion in shares.items() if portion >= 0.5]
            persons = [value for value, portion in shares.items() if portion <= 0.05]
            is_clear = companies and persons and len(companies) + len(persons) == len(shares)
            if is_clear and "" not in companies:
                return column.name, sorted(companies, key=str)
    return None


def _tin_shares(column: Column, tins: Sequence[Any]) -> dict[Any, float]:
    """Returns for each value of a column of few values which share of its rows has a TIN."""
    counts: dict[Any, list[int]] = {}
    for value, tin in zip(column.values, tins, strict=True):
        entry = counts.setdefault(_plain(value), [0, 0])
        entry[0] += 1
        entry[1] += tin not in (None, "")
        if len(counts) > _MOST_KINDS:
            return {}
    is_told = all(rows >= _FEWEST_PERSONS for rows, _ in counts.values())
    return {value: filled / rows for value, (rows, filled) in counts.items()} if is_told else {}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return "" if value is None else value
    return value_text(value)
