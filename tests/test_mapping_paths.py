"""Paths of frequent shapes are code: on well-formed data they return what ``jmespath`` does."""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.json_values import ANY_JSON
from transforms.stores.mapping.record_code import CONSTANTS, NestedCode, typed_paths
from transforms.stores.mapping.source_code import SourceCode

PATHS = (
    "a",
    "a.b",
    "a.b.c",
    '"Имя"',
    "list[].x",
    "list[*].x",
    "list[].a.b",
    "texts[]",
    "list[?type=='INN'].x",
    "list[?type=='INN' || type=='KPP'].x",
    "a.list[?type=='INN'].x",
    "list[?type=='INN'].x | [0]",
    "length(list)",
    "list[-1].x",
    "a || b",
)
TEXTS = st.text("INKPabx ", max_size=4)
SCALARS = st.none() | st.integers() | TEXTS
ENTRIES = st.fixed_dictionaries(
    {"type": st.sampled_from(["INN", "KPP", "OGRN"])},
    optional={"x": st.integers() | TEXTS, "a": st.fixed_dictionaries({}, optional={"b": TEXTS})},
)
LISTS = st.lists(ENTRIES, max_size=4)
INNER = st.fixed_dictionaries(
    {}, optional={"b": SCALARS | st.fixed_dictionaries({"c": SCALARS}), "list": LISTS}
)
RECORDS = st.fixed_dictionaries(
    {"list": LISTS},
    optional={"a": INNER, "b": SCALARS, "Имя": SCALARS, "texts": st.lists(TEXTS, max_size=3)},
)


def search(path: str, record: dict[str, Any]) -> Any:
    code = SourceCode(CONSTANTS)
    source = NestedCode(code, typed_paths({"tin": path})).path(path, "tin")
    code.line(f"return {source}")
    return code.function("search", "record")(record)


@pytest.mark.parametrize("path", PATHS)
@given(record=RECORDS)
def test_well_formed_records(path: str, record: dict[str, Any]) -> None:
    wanted = jmespath.search(path, record)
    assert (search(path, record) or None) == (wanted or None)


@pytest.mark.parametrize("path", PATHS)
@given(record=st.dictionaries(st.sampled_from(["a", "b", "list", "texts", "Имя"]), ANY_JSON))
def test_any_record_is_read(path: str, record: dict[str, Any]) -> None:
    search(path, record)


@pytest.mark.parametrize(
    ("path", "record", "value"),
    [
        ("list[?type=='INN'].x", {"list": {"type": "INN", "x": "1"}}, ["1"]),
        ("list[?type=='INN'].x", {"list": [{"type": " inn", "x": "1"}]}, ["1"]),
        ("list[?type=='INN'].x", {"list": {"INN": "1", "KPP": "2"}}, ["1"]),
        ("list[?type=='INN'].x", {"list": "1"}, []),
        ("list[].x", {"list": {"x": "1"}}, ["1"]),
        ("list[].x", {"list": ["1", {"x": "2"}]}, ["1", "2"]),
        ("texts[]", {"texts": "1"}, ["1"]),
        ("Номер карты", {"Номер карты": "1"}, "1"),
        ("ИНН", {"ИНН": "1"}, "1"),
        ("Банк.БИК", {"Банк": {"БИК": "1"}}, "1"),
        ("join(',', list)", {"list": [1, {}]}, None),
    ],
)
def test_ill_formed_records_are_read_as_they_are_meant(
    path: str, record: dict[str, Any], value: object
) -> None:
    assert search(path, record) == value


def test_names_are_never_code() -> None:
    name = "x'] + __import__('os').getcwd() + y['"
    assert search(name, {name.split(".")[0]: {}}) is None
    assert search('"a\\"b\\\\"', {'a"b\\': 1}) == 1
