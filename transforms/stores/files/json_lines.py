"""The records of a JSON Lines file: a line that is broken is lost alone."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from transforms.stores.export.json_values import decode
from transforms.stores.files.text_lines import LinePlace, Lines


class LineBatch(NamedTuple):
    """Lines of a file, blank ones too; ``place`` is where the first of them begins."""

    lines: list[str]
    place: LinePlace


def line_batches(lines: Lines) -> Iterator[LineBatch]:
    """Yields the lines, some thousand at a time."""
    while batch := lines.buffered():
        place = lines.place()
        lines.step(len(batch))
        yield LineBatch(batch, place)


def decode_lines(lines: Sequence[str]) -> tuple[list[dict[str, Any]], list[int], list[int]]:
    """Returns the objects, the position of the line of each, and those of lines that are none.

    >>> decode_lines(['{"id": 1}', " ", "[2]", '{"id": ', '{"id": 3}'])
    ([{'id': 1}, {'id': 3}], [0, 4], [2, 3])
    """
    records, starts, broken = [], [], []
    for position, line in enumerate(lines):
        try:
            value = decode(line) if line.strip() else None
        except (ValueError, RecursionError):
            broken.append(position)
            continue
        if type(value) is dict:
            records.append(value)
            starts.append(position)
        elif line.strip():
            broken.append(position)
    return records, starts, broken
