"""How written code reads a value from a record: by column, or by path into nested objects."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from transforms.configuration.structs import Constant, Value, Values
from transforms.stores.mapping.paths import (
    ExpressionSearch,
    FieldPath,
    ListPath,
    Names,
    TypedPath,
    parse_path,
)
from transforms.stores.mapping.source_code import SourceCode
from transforms.stores.mapping.values import (
    TypedEntries,
    flatten,
    join,
    list_values,
    nothing,
    objects,
)

CONSTANTS = {
    "flatten": flatten, "join": join, "list_values": list_values, "nothing": nothing,
    "objects": objects,
}  # fmt: skip
"""What the source of a value calls."""


# The names of lists of values by their type.
_ENTRIES = "entries_"


class RecordCode(Protocol):
    """Writes the source by which values of a record are read."""

    code: SourceCode

    def path(self, path: str, field: str = "") -> str:
        """Returns the source of the value at a path; ``field`` is the record's that it fills."""

    def parent(self, path: str) -> str:
        """Returns the name of the object in which a value stands; "" for the record itself."""

    def notes(self) -> list[str]:
        """Returns the names of the notes on values that have been read."""

    @property
    def is_nested(self) -> bool:
        """Whether a value may be a list or an object."""


def value_source(record: RecordCode, value: Value | None, field: str = "") -> str:
    """Returns the source of a value."""
    if value is None:
        return "None"
    return repr(value.constant) if isinstance(value, Constant) else record.path(value, field)


def several(values: Values | None) -> list[Value]:
    """Returns the places of a field, none when the store has no such field."""
    if values is None:
        return []
    return values if isinstance(values, list) else [values]


def value_sources(record: RecordCode, values: Values | None, field: str) -> list[str]:
    """Returns the source of each of several values; of equal ones it is given once."""
    sources = [value_source(record, value, field) for value in several(values)]
    return list(dict.fromkeys(sources))


def any_source(record: RecordCode, values: Values | None, field: str) -> str:
    """Returns the source of a value, or of a list of several: all of them count."""
    sources = value_sources(record, values, field)
    if len(sources) < 2:
        return sources[0] if sources else "None"
    return f"[{', '.join(sources)}]"


def list_source(record: RecordCode, values: Values | None, field: str) -> str:
    """Returns the source of a list of values; a list among them counts as its elements."""
    sources = value_sources(record, values, field)
    if not record.is_nested:
        return f"[{', '.join(sources)}]"
    if len(sources) == 1:
        return sources[0] if sources[0].startswith(_ENTRIES) else f"objects({sources[0]})"
    return f"flatten([{', '.join(sources)}])"


def text_source(record: RecordCode, values: Values | None, field: str = "") -> str:
    """Returns the source of one text: several values are joined by blanks."""
    sources = value_sources(record, values, field)
    if len(sources) < 2:
        return sources[0] if sources else "None"
    first, *rest = sources
    # Mostly only the first is filled.
    names = [record.code.assign(source) for source in rest]
    return f"({first} if {' is '.join([*names, 'None'])} else join({first}, {', '.join(names)}))"


class ColumnsError(Exception):
    """The record has other columns than those that its cleaner was compiled for."""


class ColumnCode:
    """Reads columns: letter for letter, else without regard to case.

    ``columns`` are those of the records, in their order. A column that they lack is None.
    """

    is_nested = False

    def __init__(self, code: SourceCode, columns: Iterable[str]) -> None:
        self.code = code
        self._columns = dict.fromkeys(columns)
        self._folded: dict[str, str] = {}
        for column in self._columns:
            self._folded.setdefault(column.casefold(), column)
        self.read: dict[str, str] = {}
        """The columns that are read, and the names of their values in the code."""
        self.is_exact = True
        """Whether the records have all columns by the very names of the configuration."""

    def path(self, path: str, field: str = "") -> str:
        """Returns the name of the column's value."""
        column = path if path in self._columns else self._folded.get(path.strip().casefold())
        self.is_exact &= column == path
        if column is None:
            return "None"
        return self.read.setdefault(column, f"column_{len(self.read)}")

    def parent(self, path: str) -> str:
        """Returns "": a column stands in no object."""
        return ""

    def notes(self) -> list[str]:
        """Returns none."""
        return []


class NestedCode:
    """Reads objects and lists: frequent paths as code, all others by ``jmespath``.

    ``get`` is the name by which the code looks up a field of the record, ``record`` the record's.
    """

    is_nested = True

    def __init__(
        self, code: SourceCode, typed: Mapping[str, Iterable[TypedPath]] | None = None
    ) -> None:
        self.code = code
        self._getters: dict[Names, str] = {(): "get"}
        self._lists = _typed_lists(typed or {})
        self._entries: dict[int, str] = {}
        code.line("get = record.get")

    def path(self, path: str, field: str = "") -> str:
        """Returns the source of the value at a path."""
        parsed = parse_path(path)
        match parsed:
            case FieldPath(names):
                return self._field(names)
            case ListPath(parent, names, flattens):
                return f"list_values({self._field(parent)}, {names!r}, {flattens})"
            case TypedPath() if source := self._typed(parsed, field):
                return source
            case _:
                return f"{self.code.constant(ExpressionSearch(path), 'search')}(record)"

    def notes(self) -> list[str]:
        """Returns the names of the notes on lists of types that have been read."""
        return [f"{entries}_notes" for entries in self._entries.values()]

    def parent(self, path: str) -> str:
        """Returns the name of the object in which a value stands; "" for the record itself."""
        parsed = parse_path(path)
        if not isinstance(parsed, FieldPath) or len(parsed.names) < 2:
            return ""
        return self._object(parsed.names[:-1])

    def _field(self, names: Names) -> str:
        return f"{self._getter(names[:-1])}({names[-1]!r})"

    def _getter(self, names: Names) -> str:
        if names not in self._getters:
            value = self._object(names)
            source = f"{value}.get if type({value}) is dict else nothing"
            self._getters[names] = self.code.assign(source, "get")
        return self._getters[names]

    def _object(self, names: Names) -> str:
        return self.code.assign(self._field(names), "object")

    def _typed(self, path: TypedPath, field: str) -> str:
        for number, typed in enumerate(self._lists):
            if (typed.parent, typed.key) == (path.parent, path.key) and typed.takes(path, field):
                if number not in self._entries:
                    self._entries[number] = self._read_entries(typed)
                return f"{self._entries[number]}[{typed.fields.index(field)}]"
        return ""

    def _read_entries(self, typed: "_TypedList") -> str:
        # What stands beside a TIN and is none of the known numbers must not be lost silently.
        noted = typed.parent[-1] if "tin" in typed.fields else ""
        entries = TypedEntries(typed.key, typed.places(), len(typed.fields), noted)
        read, name = self.code.constant(entries, "read"), f"{_ENTRIES}{len(self._entries)}"
        self.code.line(f"{name}, {name}_notes = {read}({self._field(typed.parent)})")
        return name


class _TypedList:
    """A list of entries with a type, and which field of the record an entry of a type fills."""

    def __init__(self, parent: Names, key: str) -> None:
        self.parent, self.key = parent, key
        self.fields: list[str] = []
        self._places: dict[str, tuple[str, str]] = {}

    def places(self) -> dict[str, tuple[int, str]]:
        """Returns for each type the number of its field, and where in the entry its value is."""
        return {
            kind: (self.fields.index(field), name) for kind, (field, name) in self._places.items()
        }

    def takes(self, path: TypedPath, field: str) -> bool:
        """Whether no type of the path has another place."""
        place = field, path.name
        return all(self._places.get(kind, place) == place for kind in _kinds(path))

    def add(self, path: TypedPath, field: str) -> None:
        """Add the path of a field."""
        if field not in self.fields:
            self.fields.append(field)
        self._places.update(dict.fromkeys(_kinds(path), (field, path.name)))


def _kinds(path: TypedPath) -> list[str]:
    return [constant.strip().upper() for constant in path.constants]


def _typed_lists(paths: Mapping[str, Iterable[TypedPath]]) -> list[_TypedList]:
    """Returns the lists that the paths of each field read; each is read once for all fields."""
    lists: list[_TypedList] = []
    for field, path in ((field, path) for field, own in paths.items() for path in own):
        place = path.parent, path.key
        fitting = (typed for typed in lists if place == (typed.parent, typed.key))
        typed = next((typed for typed in fitting if typed.takes(path, field)), None)
        if typed is None:
            typed = _TypedList(*place)
            lists.append(typed)
        typed.add(path, field)
    return lists


def typed_paths(fields: Mapping[str, object]) -> dict[str, list[TypedPath]]:
    """Returns the paths into lists of types, by the field that they fill."""
    named = {**fields, **_extra_fields(fields.get("extra"))}
    return {
        field: [
            path
            for value in several(values)
            if isinstance(value, str) and isinstance(path := parse_path(value), TypedPath)
        ]
        for field, values in named.items()
        if isinstance(values, str | list)
    }


def _extra_fields(extra: object) -> dict[str, object]:
    if not isinstance(extra, dict):
        return {}
    return {f"extra.{name}": values for name, values in extra.items()}
