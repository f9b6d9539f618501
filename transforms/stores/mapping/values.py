"""Values of nested records that written code reads: lists of types, of bank accounts, of addresses.

A store that has one object where a list is due, or a type in another case, is read all the same.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, time

from transforms.core.records import Extra, Note
from transforms.fields import text
from transforms.stores.mapping.companies import RawBankAccount

Entry = dict[str, object]


def nothing(_: object) -> None:
    """Returns None: looks a field up where there is no object."""


def objects(value: object) -> list[object]:
    """Returns a list as it is, a single value as a list of it.

    >>> objects([1]), objects({"a": 1}), objects(None)
    ([1], [{'a': 1}], [])
    """
    return value if isinstance(value, list) else [] if value is None else [value]


def flatten(values: Iterable[object]) -> list[object]:
    """Returns the values, and in a list's place its elements.

    >>> flatten([1, [2, [3]], None])
    [1, 2, [3]]
    """
    single: list[object] = []
    for value in values:
        single += objects(value)
    return single


def join(*values: object) -> object:
    """Returns one text of several values, joined by blanks; a single value as it is.

    >>> join("ООО Торговый дом", "Ромашка"), join(None, "Ромашка", ""), join(None, None)
    ('ООО Торговый дом Ромашка', 'Ромашка', None)
    """
    parts = [value for value in values if value is not None and value != ""]
    if len(parts) < 2:
        return parts[0] if parts else None
    return " ".join(filter(None, map(_as_text, parts)))


def _as_text(value: object) -> str:
    plain = _plain(value)
    return plain if isinstance(plain, str) else text.excerpt(plain)


class TypedEntries:
    """A list of entries with a type: it returns the values of each group of types.

    ``places`` says for a type, in capitals, which group it belongs to, and in which field of the
    entry its value stands. With ``noted`` an entry of another type becomes a note on that field.

    >>> places = {"INN": (0, "number"), "KPP": (1, "number")}
    >>> read = TypedEntries("type", places, 2, noted="taxnumbers")
    >>> read([{"type": "INN", "number": "7805746764"}, {"type": " kpp", "number": 780501001}])
    ([['7805746764'], [780501001]], ())
    >>> read({"INN": "7805746764"})
    ([['7805746764'], []], ())
    """

    def __init__(
        self, key: str, places: dict[str, tuple[int, str]], groups: int, noted: str = ""
    ) -> None:
        self._key, self._places, self._groups, self._noted = key, places, groups, noted
        self._field = next(field for _, field in places.values())
        self._fields = {key, *(field for _, field in places.values())}

    def __call__(self, value: object) -> tuple[list[list[object]], text.Notes]:
        """Returns a list of values for each group, and the notes."""
        groups: list[list[object]] = [[] for _ in range(self._groups)]
        notes: list[Note] = []
        key, places = self._key, self._places
        for entry in value if type(value) is list else objects(value):
            kind = entry.get(key) if type(entry) is dict else None
            place = places.get(kind) if type(kind) is str else None
            if place and type(entry) is dict:
                if (content := entry.get(place[1])) is not None:
                    groups[place[0]].append(content)
            else:
                self._add_unusual(entry, groups, notes)
        return groups, tuple(notes[: text.MOST_VALUES])

    def _add_unusual(self, entry: object, groups: list[list[object]], notes: list[Note]) -> None:
        for kind, value in self._typed(entry):
            if value is None:
                continue
            if place := self._places.get(_fold(kind)):
                groups[place[0]].append(value)
            elif self._noted:
                notes.append(Note(self._noted, "unknown_type", text.excerpt([kind, value])))

    def _typed(self, entry: object) -> Iterable[tuple[object, object]]:
        """Returns type and value of an entry; of an object without both, its fields."""
        if not isinstance(entry, dict):
            return [(None, entry)]
        if self._fields.isdisjoint(entry):
            return entry.items()
        kind = entry.get(self._key)
        place = self._places.get(_fold(kind))
        return [(kind, entry.get(place[1] if place else self._field))]


def _fold(kind: object) -> str:
    if not isinstance(kind, str):
        return ""
    return kind[: text.EXCERPT_LENGTH].strip().upper()


def list_values(value: object, names: tuple[str, ...], flattens: bool) -> list[object]:
    """Returns a field of each element; an element that is no object counts itself.

    >>> list_values([{"number": "1"}, {"number": None}, "2"], ("number",), True)
    ['1', '2']
    """
    elements = objects(value)
    fields = (_field(element, names) for element in (flatten(elements) if flattens else elements))
    return [field for field in fields if field is not None]


def _field(element: object, names: tuple[str, ...]) -> object:
    for name in names:
        element = element.get(name) if isinstance(element, dict) else element
    return element


def extra_texts(values: tuple[tuple[str, object], ...]) -> tuple[Extra, text.Notes]:
    """Returns the values as clean texts, those that are empty left out; the names are sorted.

    >>> extra_texts((("abc", " A "), ("born", datetime(1990, 5, 1)), ("tags", ["b", 7.5, True])))[0]
    (('abc', 'A'), ('born', '1990-05-01'), ('tags', 'b, 7.5, true'))
    """
    extra = []
    notes: text.Notes = ()
    for name, value in values:
        if value is None or value == "":
            continue
        clean, more = text.parse_cached(_plain(value), f"extra.{name}")
        notes += more
        if clean:
            extra.append((name, clean))
    return tuple(extra), notes


def _plain(value: object) -> object:
    """Returns a value as text, as people write it; an object as it is: it is no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        is_day = value.tzinfo is None and value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(" ")
    if isinstance(value, list):
        parts = [_plain(part) for part in value if part is not None]
        return ", ".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else value
    if isinstance(value, dict) or text.integer(value) is not None:
        return value if isinstance(value, dict) else str(text.integer(value))
    return value if isinstance(value, str) else str(value)


def no_orders(value: object) -> tuple[None, text.Notes]:
    """Returns no orders, and a note on what stands in their place."""
    return None, () if value is None else (Note("orders", "wrong_type", text.excerpt(value)),)


def bank_accounts(
    value: object, account: Callable[[Entry], RawBankAccount]
) -> tuple[list[RawBankAccount], text.Notes]:
    """Returns the accounts in a list of objects or in one; what is no object becomes a note."""
    if type(value) is list and len(value) == 1 and type(value[0]) is dict:
        return [account(value[0])], ()
    accounts = []
    notes: list[Note] = []
    for entry in objects(value):
        if isinstance(entry, dict):
            accounts.append(account(entry))
        else:
            notes.append(Note("account", "wrong_type", text.excerpt(entry)))
    return accounts, tuple(notes[: text.MOST_VALUES])
