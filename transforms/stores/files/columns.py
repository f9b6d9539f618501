"""The columns of a table in a file, and the records that its rows make.

A column is found letter for letter, else without regard to case and to blanks around its name.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Record = dict[str, Any]

# A text that Excel made a number of, as CSV has it: 7,80575E+09, 7805746764.0
_NUMBER = re.compile(r"\s*([+-]?\d+)(?:\.0+|([.,]\d+)?[eE]\+(\d{1,3}))\s*").fullmatch
_TRACE = re.compile(r"\d[eE]\+\d|\d\.0+(?!\d)").search
_CELLS = "\x1f"
_MOST_DIGITS = 40


def record_names(columns: Sequence[str], names: Iterable[str]) -> list[str]:
    """The keys of a file's records, one for each column; empty for a column that is left out.

    A column that the mapping names (``names``) is called as there. A column without a name, and
    one whose name another column has, are left out, unless the mapping names them.

    >>> record_names(["ID", " Tin ", "", "note", "note"], ["id", "tin"])
    ['id', 'tin', '', 'note', '']
    """
    places = {position: name for name in names for position in find_columns(columns, name)}
    keys: list[str] = []
    for position, column in enumerate(columns):
        key = places.get(position, column.strip())
        keys.append("" if key in keys and position not in places else key)
    return keys


def find_columns(columns: Sequence[str], name: str) -> list[int]:
    """The positions of the columns of this name; several where the name is not clear.

    >>> find_columns(["id", "ID", "tin", "TIN"], "id"), find_columns(["tin", "TIN"], "Tin")
    ([0], [0, 1])
    """
    exact = [position for position, column in enumerate(columns) if column == name]
    folded = name.strip().casefold()
    return exact or [
        position for position, column in enumerate(columns) if column.strip().casefold() == folded
    ]


def column_problems(
    columns: Sequence[str], names: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yields key and problem of each name of the mapping that is not one column.

    ``names`` holds keys of the configuration file, each with the name of a column.

    >>> columns = ["id", "inn", "a", "a"]
    >>> list(column_problems(columns, [("tin", "in"), ("name", "a"), ("id", "id")]))
    [('tin', 'there is no column "in" (nearest: "inn")'), ('name', 'two columns are called "a"')]
    """
    for key, name in names:
        positions = find_columns(columns, name)
        if not positions:
            yield key, f'there is no column "{name}"{_nearest(columns, name)}'
        elif len(positions) > 1:
            listed = Counter(columns[position] for position in positions)
            called = " and ".join(f'"{column}"' for column in listed)
            yield key, f"{_count_word(len(positions))} columns are called {called}"


def _count_word(count: int) -> str:
    return "two" if count == 2 else str(count)


def _nearest(columns: Sequence[str], name: str) -> str:
    folded = {column.strip().casefold(): column for column in columns if column.strip()}
    matches = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f' (nearest: "{folded[matches[0]]}")' if matches else ""


def records_of(keys: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Record]:
    """Yields the record of each row of text cells; a row without any content makes an empty one.

    A number that Excel made of a text is what it was, where nothing is lost; else a ``Decimal``,
    which the fields note.
    """
    left_out = [position for position, key in enumerate(keys) if not key]
    for row in rows:
        if not any(row):
            yield {}
            continue
        record: Record = dict(zip(keys, row, strict=True))
        if _TRACE(_CELLS.join(row)):
            record = {key: restore_text(cell) for key, cell in record.items()}
        if left_out:
            record.pop("", None)
        yield record


def restore_text(cell: str) -> str | Decimal:
    """The text that Excel took for a number.

    >>> restore_text("7805746764.0"), restore_text("7,805746764E+09"), restore_text("7,80575E+09")
    ('7805746764', '7805746764', Decimal('7.80575E+9'))
    >>> restore_text("12.50"), restore_text("1.0.0"), restore_text("0.0")
    ('12.50', '1.0.0', '0')
    """
    match = _NUMBER(cell)
    if not match:
        return cell
    whole, fraction, exponent = match.groups()
    if exponent is None:
        return whole
    try:
        number = Decimal(f"{whole}{(fraction or '').replace(',', '.')}E{exponent}")
    except InvalidOperation:
        return cell
    power = number.as_tuple().exponent
    is_exact = isinstance(power, int) and power <= 0 and number.adjusted() < _MOST_DIGITS
    return f"{number:f}".partition(".")[0] if is_exact and number == int(number) else number
