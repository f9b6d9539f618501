"""Looks at files: which kind they are, their columns, and a sample of what stands in them."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import ijson

from transforms.core.errors import ConfigurationError
from transforms.proposal.samples import Column, Table
from transforms.stores.files.csv_rows import DELIMITERS
from transforms.stores.files.encodings import marked_encoding
from transforms.stores.files.packing import is_zip, unpacked_head, zip_members

SAMPLE = 1000
_HEAD = 4_000_000
_MOST_HEADER_ROWS = 20
_TYPE_KEYS = ("type", "kind", "code", "name", "key")
_MOST_TYPES = 20
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TAB = "\t"
_EXCEL = ("xl/workbook.xml", "[Content_Types].xml")


class SampleFile(NamedTuple):
    """A file's kind, what the configuration says of how to read it, and its tables."""

    kind: str
    place: dict[str, Any]
    tables: list[Table]


def read_records(
    path: Path, kind: str, *, encoding: str, header: int, delimiter: str, place: str
) -> list[dict[str, Any]]:
    """Returns the first records of a file that is read as the configuration says.

    Raises:
        ConfigurationError: it cannot be read.
    """
    if kind == "xlsx":
        tables = [table for table in _excel(path).tables if table.name == (place or table.name)]
        return _records(tables[0]) if tables else []
    text = _read_head(path, encoding)
    if kind == "jsonl":
        return list(_json_lines(text))
    if kind == "json":
        data = text.encode()
        prefixes = [place] if place else _array_prefixes(data)[:1]
        return [
            record
            for prefix in prefixes
            for record in _items(data, f"{prefix}.item" if prefix else "item")
        ]
    delimiters = [_TAB if delimiter == "tab" else delimiter] if delimiter else DELIMITERS
    return _records(_csv_table(path, text, delimiters, header - 1 if header else None)[0])


def _records(table: Table) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    rows = zip(*(column.values for column in table.columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _read_head(path: Path, encoding: str) -> str:
    try:
        with path.open("rb") as stream:
            members = zip_members(stream) if is_zip(stream) else [""]
            head = unpacked_head(stream, members[0] if members else "", _HEAD)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    return head.decode(encoding, "replace").removeprefix("\ufeff") if encoding else _decode(head)[1]


def sample_file(path: Path) -> SampleFile:
    """Returns what a file is and a sample of its rows.

    Raises:
        ConfigurationError: it cannot be read, or is of no kind that svod reads.
    """
    try:
        with path.open("rb") as stream:
            members = zip_members(stream) if is_zip(stream) else [""]
            if any(name in _EXCEL for name in members) or path.suffix.lower() == ".xlsx":
                return _excel(path)
            head = unpacked_head(stream, members[0] if members else "", _HEAD)
    except OSError as error:
        raise ConfigurationError(f"--from: cannot read {path}: {error.strerror}") from None
    encoding, text = _decode(head)
    place = {"files": [str(path)]}
    if encoding not in ("utf-8", "utf-8-sig"):
        place["encoding"] = encoding  # type: ignore[assignment]
    if text.lstrip()[:1] in ("{", "["):
        return _json(path, text, place)
    return _csv(path, text, place)


def _decode(head: bytes) -> tuple[str, str]:
    """Returns the encoding of a file that begins so, and its text; the cut end is left out."""
    encoding = marked_encoding(head) or "utf-8"
    for name in (encoding, "windows-1251"):
        text = head.decode(name, "ignore")
        # A cut letter is lost, and no more.
        if name == "windows-1251" or len(text.encode(name)) >= len(head) - 6:
            return name, text.removeprefix("\ufeff")
    return encoding, ""


def _csv(path: Path, text: str, place: dict[str, Any]) -> SampleFile:
    table, header = _csv_table(path, text, DELIMITERS, None)
    return SampleFile("csv", {**place, **({"header": header + 1} if header else {})}, [table])


def _csv_table(
    path: Path, text: str, delimiters: Iterable[str], header: int | None
) -> tuple[Table, int]:
    """Returns a file's table, and the number of the row that names its columns."""
    lines = text.splitlines(keepends=True)[:SAMPLE]
    if not lines:
        raise ConfigurationError(f"{path} is empty")
    rows, width = max(map(partial(_split, lines), delimiters), key=_evenness)
    if header is None:
        numbers = (
            number for number, row in enumerate(rows[:_MOST_HEADER_ROWS]) if _is_header(row, width)
        )
        header = next(numbers, 0)
    names = [cell.strip() for cell in rows[header]] if header < len(rows) else []
    cells = [row for row in rows[header + 1 :] if len(row) == len(names)]
    return _table(path.stem, names, cells, {}), header


def _split(lines: list[str], delimiter: str) -> tuple[list[list[str]], int]:
    """Returns the rows, and how many cells most of them have."""
    rows = list(csv.reader(lines, delimiter=delimiter))
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return rows, widths.most_common(1)[0][0] if widths else 1


def _evenness(rows: tuple[list[list[str]], int]) -> tuple[int, int]:
    return sum(len(row) == rows[1] > 1 for row in rows[0]), rows[1]


def _is_header(row: list[str], width: int) -> bool:
    return len(row) == width and sum(bool(cell.strip()) for cell in row) > width / 2


def _table(
    name: str, names: list[str], rows: Iterable[Iterable[Any]], place: dict[str, Any]
) -> Table:
    cells = list(zip(*rows, strict=True)) or [()] * len(names)
    columns = (
        Column(column, tuple(values))
        for column, values in zip(names, cells, strict=True)
        if column and names.count(column) == 1
    )
    return Table(name, tuple(columns), place)


def _excel(path: Path) -> SampleFile:
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # noqa: BLE001 - the library raises whatever its parsers do
        raise ConfigurationError(
            f"--from: {path} cannot be read as xlsx: {type(error).__name__}"
        ) from None
    try:
        sheets = [_sheet(path, sheet) for sheet in book.worksheets]
    finally:
        book.close()
    place = {"files": [str(path)]}
    return SampleFile("xlsx", place, [sheet for sheet in sheets if sheet.columns])


def _sheet(path: Path, sheet: Any) -> Table:
    rows = [list(row) for row in sheet.iter_rows(max_row=SAMPLE, values_only=True)]
    width = max(map(len, rows), default=0)
    rows = [row + [None] * (width - len(row)) for row in rows]
    texts = [["" if cell is None else str(cell).strip() for cell in row] for row in rows]
    used = max((sum(map(bool, row)) for row in texts), default=0)
    numbers = [number for number, row in enumerate(texts) if sum(map(bool, row)) > used / 2]
    if not numbers:
        return Table(sheet.title, ())
    header = numbers[0]
    place: dict[str, Any] = {"from": sheet.title}
    if header:
        # Each sheet may begin in another row: it stands with files of the table's own.
        place = {"files": [str(path)], **place, "header": header + 1}
    return _table(sheet.title, texts[header], rows[header + 1 :], place)


def _json(path: Path, text: str, place: dict[str, Any]) -> SampleFile:
    records = list(_json_lines(text))
    if records:
        return SampleFile("jsonl", place, [_record_table(path.stem, records, {})])
    data = text.encode()
    tables = []
    for prefix in _array_prefixes(data):
        items = list(_items(data, f"{prefix}.item" if prefix else "item"))
        table_place = {"from": prefix} if prefix else {}
        tables.append(_record_table(prefix or path.stem, items, table_place))
    if not tables:
        raise ConfigurationError(f"--from: {path} holds no list of records")
    return SampleFile("json", place, tables)


def _json_lines(text: str) -> Iterator[dict[str, Any]]:
    """Yields the objects of the lines; none where the first line is no whole object."""
    for line in text.splitlines()[:SAMPLE]:
        try:
            record = json.loads(line)
        except ValueError:
            return
        if isinstance(record, dict) and not any(map(_is_record_list, record.values())):
            yield record


def _is_record_list(value: object) -> bool:
    return (
        isinstance(value, list) and len(value) > 3 and all(isinstance(item, dict) for item in value)
    )


def _array_prefixes(data: bytes) -> list[str]:
    """Returns the paths of the lists of objects that stand in no other list."""
    prefixes: dict[str, None] = {}
    previous = ("", "")
    try:
        for prefix, event, _ in ijson.parse(io.BytesIO(data)):
            if previous[1] == "start_array" and event == "start_map":
                prefixes[previous[0]] = None
            previous = (prefix, event)
    except ijson.JSONError:
        pass  # The sample ends somewhere.
    return [prefix for prefix in prefixes if "item" not in prefix.split(".")]


def _items(data: bytes, prefix: str) -> Iterator[dict[str, Any]]:
    try:
        for number, item in enumerate(ijson.items(io.BytesIO(data), prefix)):
            if number == SAMPLE:
                return
            if isinstance(item, dict):
                yield item
    except ijson.JSONError:
        return


def _record_table(name: str, records: list[dict[str, Any]], place: dict[str, Any]) -> Table:
    rows = [dict(_flatten("", record)) for record in records]
    names = list(dict.fromkeys(path for row in rows for path in row))
    return _table(name, names, ([row.get(path) for path in names] for row in rows), place)


def _flatten(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the paths of an object's values with them, as JMESPath writes them."""
    for key, item in value.items():
        path = _join(prefix, key)
        if isinstance(item, dict):
            yield from _flatten(path, item)
        elif isinstance(item, list) and any(isinstance(entry, dict) for entry in item):
            yield from _flatten_list(path, [entry for entry in item if isinstance(entry, dict)])
        else:
            yield path, item


def _flatten_list(path: str, entries: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    fields = dict.fromkeys(name for entry in entries for name in entry)
    kind = next((key for key in _TYPE_KEYS if key in fields and len(fields) > 1), None)
    for field in fields:
        if kind is None:
            yield f"{path}[].{_quoted(field)}", [entry.get(field) for entry in entries]
            continue
        for entry in entries[:_MOST_TYPES]:
            if field != kind and isinstance(entry.get(kind), str):
                value = entry[kind].replace("'", "\\'")
                yield f"{path}[?{kind}=='{value}'].{_quoted(field)}", [entry.get(field)]


def _join(prefix: str, key: str) -> str:
    return f"{prefix}.{_quoted(key)}" if prefix else key


def _quoted(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) else json.dumps(key, ensure_ascii=False)
