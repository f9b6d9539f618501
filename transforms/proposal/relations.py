"""Which column is a table's id, and which columns hold the ids of another table."""

import re
from collections.abc import Iterable

from transforms.proposal.contents import share, value_text
from transforms.proposal.names import name_strength, plain_name
from transforms.proposal.samples import Column, Table

_NO_IDS = ("tin", "emails", "phones", "ogrn", "name", "time")
_COMMON_ID_NAMES = frozenset(
    ("id", "entity_id", "code", "kod", "key", "ref_key", "uuid", "guid", "rowid", "pk", "nomer")
)
_SPLIT = re.compile(r"[,;\s]+")


def id_columns(table: Table) -> list[Column]:
    """Returns the columns that may be the table's id, the best first."""
    ranked = [(_id_points(table, column), column) for column in table.columns]
    candidates = [(points, column) for points, column in ranked if points > 0]
    return [column for _, column in sorted(candidates, key=lambda pair: -pair[0])]


def _id_points(table: Table, column: Column) -> float:
    texts = [value_text(value) for value in column.values]
    if not all(texts) or len(set(texts)) < len(texts):
        return 0.0
    if any(share(test, column.values) > 0.5 for test in _NO_IDS) and not column.is_key:
        return 0.0
    points = 3.0 if column.is_key else 0.0
    points += name_strength("id", column.name)
    points += 1.0 if _is_called_as(table, column) else 0.0
    return points + (0.2 if column is table.columns[0] else 0.0)


def _is_called_as(table: Table, column: Column) -> bool:
    """Whether a column's name is the table's with id: also in another case of the word."""
    name = plain_name(column.name)
    if name in _own_id_names(table):
        return True
    stem = name.removeprefix("id_").removesuffix("_id")
    words = plain_name(table.name.rpartition(".")[2]).split("_")
    return stem != name and any(word[:5] == stem[:5] and len(word) >= 5 for word in words)


def _own_id_names(table: Table) -> set[str]:
    stem = plain_name(table.name.rpartition(".")[2])
    stems = {stem, stem.rpartition("_")[2], stem.partition("_")[2]}
    stems |= {name.removesuffix("s") for name in stems}
    forms = ("{}_id", "id_{}", "{}id", "{}_no", "{}_code", "kod_{}")
    return {form.format(name) for name in stems if name for form in forms}


def reference_points(column: Column, role: str, table: Table, ids: Column) -> float:
    """Returns how much speaks for a column that holds ``ids`` of a table, from 0 to 1."""
    if column.refers_to:
        return 1.0 if column.refers_to == (table.name, ids.name) else 0.0
    strength = max(name_strength(role, column.name), _stem_strength(column, table))
    if not column.filled:
        return 0.4 * strength
    if _is_uniform(column):
        return 0.3 * strength
    portion = overlap(column.filled, ids.values)
    if portion < 0.5:
        return 0.0 if portion == 0 and len(ids.values) < 50 else 0.3 * strength
    if strength:
        return 0.5 * strength + 0.5 * portion
    # Small numbers are ids of many things.
    return 0.7 * portion if _are_distinctive(ids) else 0.2


def _is_uniform(column: Column) -> bool:
    """Whether many rows share two or three values: those are kinds of rows, and no ids."""
    return len(column.filled) >= 10 and len(set(map(value_text, column.filled))) <= 3


def _stem_strength(column: Column, table: Table) -> float:
    name = plain_name(column.name)
    return 0.9 if name in _own_id_names(table) or name == plain_name(table.name) else 0.0


def overlap(values: Iterable[object], ids: Iterable[object]) -> float:
    """Returns which share of the values are ids; a value may hold several.

    >>> overlap(["1", 2, "1, 2"], [1, 2, 3]), overlap([7], [1])
    (1.0, 0.0)
    """
    known_ids = {value_text(value) for value in ids}
    texts = [value_text(value) for value in values]
    if not texts:
        return 0.0
    return sum(
        text in known_ids or all(part in known_ids for part in _SPLIT.split(text)) for text in texts
    ) / len(texts)


def _are_distinctive(ids: Column) -> bool:
    texts = [value_text(value) for value in ids.values]
    return bool(texts) and sum(map(len, texts)) / len(texts) >= 4


def best_reference(
    table: Table,
    role: str,
    target: Table,
    ids: Column,
    used: Iterable[str] = (),
    rivals: Iterable[str] = (),
) -> tuple[float, str]:
    """Returns how much speaks for the column that most probably holds the target's ids, and it.

    ``rivals`` are the plain names of other tables' ids: a column of such a name is second choice.
    """
    skipped, names = set(used), set(rivals) - _own_id_names(target)
    ranked = []
    for column in table.columns:
        if column.name in skipped or _is_other_number(table, column, ids):
            continue
        points = reference_points(column, role, target, ids)
        ranked.append((points * (0.9 if plain_name(column.name) in names else 1), column.name))
    return max(ranked, key=lambda pair: pair[0], default=(0.0, ""))


def _is_other_number(table: Table, column: Column, ids: Column) -> bool:
    """Whether a column numbers the rows of its own table: numbers of any two tables are alike.

    A table that goes on with another one's rows has the same ids, under the same name.
    """
    own_ids = id_columns(table)
    if not own_ids or own_ids[0].name != column.name or column.refers_to:
        return False
    is_sure = column.is_key or _is_called_as(table, column)
    if not is_sure and name_strength("id", column.name) < 1:
        return False
    name = plain_name(column.name)
    is_same = name == plain_name(ids.name) and name not in _COMMON_ID_NAMES
    return not is_same and not _are_distinctive(ids)


def rival_names(tables: Iterable[Table], target: Table) -> set[str]:
    """Returns the names of the ids of all tables but one, as far as they say whose ids they are."""
    names = {
        plain_name(ids[0].name)
        for table in tables
        if table.name != target.name and (ids := id_columns(table))
    }
    return {name for name in names if "_" in name and name != "entity_id"}
