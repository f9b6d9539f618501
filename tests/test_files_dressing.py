"""The same records make the same rows, whatever kind of file they stand in."""

from functools import partial
from io import BytesIO

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.dressing import dressed
from transforms.clean_batch import clean_records
from transforms.configuration.structs import CompanyTable, FullSource, OrderSums, StoreTable
from transforms.core.process_pool import ProcessPool
from transforms.core.records import COMPANY, decode_rows
from transforms.stores.files.data_file import DataFile
from transforms.stores.files.parts import FilePart
from transforms.stores.mapping.cleaners import compile_store

TABLE = CompanyTable(
    id="id",
    tin="tin",
    name=["name", "name 2"],
    phones="phone",
    changed_at="on",
    deleted="gone",
    orders=OrderSums(count="count", total="total"),
    extra={"note": "note"},
)
NAMES = ("id", "tin", "name", "name 2", "phone", "on", "gone", "count", "total", "note")

TEXTS = st.text(st.sampled_from("абвAB1 \";,\t|'-."), max_size=12).map(str.strip)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(1, 999).map("{:06}".format),
            "tin": st.sampled_from(["7805746764", "500000000100", "7805746760", "", "нет"]),
            "name": TEXTS,
            "name 2": TEXTS,
            "phone": st.sampled_from(["8 (812) 123-45-67 доб. 12", "+7 921 123-45-67", "?", ""]),
            "on": st.sampled_from(["2024-02-11 17:40:12", "11.02.2024", "2024-02-11T17:40:12Z"]),
            "gone": st.sampled_from(["0", "1", "да", "нет", ""]),
            "count": st.sampled_from(["0", "12", ""]),
            "total": st.sampled_from(["0", "154300.50", ""]),
            "note": TEXTS,
        }
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda record: record["id"],
)


def rows(records, kind, encoding="utf-8", **options):
    data = dressed(records, kind, encoding=encoding, **options)
    store = StoreTable(full=FullSource(kind=kind), company=TABLE)
    cleaner = compile_store("shop", store).cleaners[COMPANY]
    part = FilePart(
        path="f",
        kind=kind,
        member="data" if options.get("packing") == "zip" else "",
        encoding=encoding,
        names=NAMES,
        id_names=("id",),
    )
    convert = partial(clean_records, cleaners=[cleaner])
    batches = list(DataFile(partial(BytesIO, data), part, convert, ProcessPool(1)))
    cleaned = [row for batch in batches for part in batch.parts for row in decode_rows(part.rows)]
    # An empty cell of a workbook is none at all: the original says so, the row is the same.
    return sorted((msgspec.structs.replace(row, raw=b"") for row in cleaned), key=str)


@settings(deadline=None, max_examples=20)
@given(
    RECORDS,
    st.sampled_from([";", ",", "\t", "|"]),
    st.sampled_from(["utf-8", "cp1251", "utf-16"]),
    st.sampled_from(["", "gzip", "zip"]),
    st.sampled_from([None, 1]),
)
def test_any_kind_of_file_makes_the_same_rows(records, delimiter, encoding, packing, indent):
    expected = rows(records, "jsonl")
    assert len(expected) == len(records)
    assert rows(records, "jsonl", encoding=encoding, packing=packing) == expected
    assert rows(records, "json", encoding=encoding, packing=packing, indent=indent) == expected
    assert rows(records, "csv", delimiter=delimiter, encoding=encoding, packing=packing) == expected
    assert rows(records, "xlsx", packing=packing) == expected
