"""Counts for each field of a table how many records fill it, and what is noted on them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pipeline.report.masking import mask_tin, shape
from transforms.core.records import COMPANY, Kind, Note, Row, decode_company, decode_contact

_EXAMPLES = 2
# What the cleaners call a field in a note, and what the configuration calls it.
_NAMES = {
    "phone": "phones",
    "email": "emails",
    "kpps": "kpp",
    "taxnumbers": "tin",
    "company_ids": "company",
    **dict.fromkeys(("postal_code", "region", "city", "street", "house"), "address"),
    **dict.fromkeys(("accounts", "bik", "account", "corr_account"), "bank"),
}


class FieldCount(msgspec.Struct):
    """A field: in how many records it is filled, good and noted; examples of both, masked."""

    name: str
    good: int = 0
    noted: int = 0
    filled: int = 0
    examples: list[str] = []


class TableCheck(msgspec.Struct):
    """A table's sample: records, those outside, refused ones by reason, and its fields."""

    store: str
    kind: str
    read: int
    outside: int
    reasons: Counter[str]
    fields: list[FieldCount]
    problem: str = ""


def count_fields(store: str, kind: Kind, results: Iterable[Any], *, is_shown: bool) -> TableCheck:
    """Returns the counts of a sample that was cleaned; values are masked unless ``is_shown``."""
    rows = list(results)
    good = [row for row in rows if isinstance(row, Row)]
    fields: dict[str, FieldCount] = {}
    for row in good:
        _count(fields, kind, row, is_shown)
    reasons = Counter(row.reason for row in good if row.reason)
    reasons.update(row.reason for row in rows if hasattr(row, "reason") and row not in good)
    outside = sum(not hasattr(row, "reason") for row in rows)
    return TableCheck(store, kind, len(rows), outside, reasons, list(fields.values()))


def _count(fields: dict[str, FieldCount], kind: Kind, row: Row, is_shown: bool) -> None:
    if not row.payload:
        return
    record: Any = decode_company(row.payload) if kind == COMPANY else decode_contact(row.payload)
    values = {
        _NAMES.get(name, name): getattr(record, name)
        for name in record.__struct_fields__
        if name != "notes"
    }
    notes: dict[str, list[Note]] = {}
    for note in record.notes:
        notes.setdefault(_NAMES.get(note.field, note.field), []).append(note)
    if row.reason.endswith(("_tin", "tin_format", "tin_checksum")):
        notes.setdefault("tin", []).append(Note("tin", row.reason, row.tin))
        values["tin"] = ""
    for name in dict.fromkeys((*values, *notes)):
        count = fields.setdefault(name, FieldCount(name))
        texts = list(_texts(values.get(name)))
        count.filled += bool(texts or notes.get(name))
        count.good += bool(texts)
        count.noted += bool(notes.get(name))
        examples = [_masked(name, text, is_shown) for text in texts[:1]]
        examples += [
            f"{_masked(name, note.value, is_shown)} ({note.problem})"
            for note in notes.get(name, ())[:1]
        ]
        _add_examples(count, examples)


def _add_examples(count: FieldCount, examples: list[str]) -> None:
    for example in examples:
        is_note = example.endswith(")")
        similar = [text for text in count.examples if text.endswith(")") == is_note]
        if example not in count.examples and len(similar) < _EXAMPLES:
            count.examples.append(example)


def _texts(value: Any) -> Iterator[str]:
    """Yields the texts of a field that are not empty."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, msgspec.Struct):
        text = ", ".join(str(item) for item in msgspec.structs.astuple(value) if item)
        if text:
            yield text


def _masked(name: str, text: str, is_shown: bool) -> str:
    if is_shown:
        return text
    return mask_tin(text) if name == "tin" else shape(text)
