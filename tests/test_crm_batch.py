"""Commands as a batch takes them, held against the sandbox's own reading of PHP."""

import doctest
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.bitrix24 import php
from transforms.crm.api import batch
from transforms.crm.api.batch import BatchAnswer, as_map, defuse, encode_command
from transforms.crm.errors import Refused, Stop


def test_the_examples_hold() -> None:
    assert doctest.testmod(batch).failed == 0


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ({}, "m"),
        ({"id": 15}, "m?id=15"),
        ({"a": True, "b": False, "c": None, "d": 1.5}, "m?a=1&b=0&d=1.5"),
        ({"fields": {"title": "А&=#+ %\n"}}, "m?fields[title]=%D0%90%26%3D%23%2B%20%25%0A"),
        ({"fm": {"n0": {"value": "+7"}}}, "m?fm[n0][value]=%2B7"),
        ({"data": [{"a": [1, 2]}, {"b": ()}]}, "m?data[0][a][0]=1&data[0][a][1]=2"),
        ({"filter": {">id": 0, "=x": "y"}}, "m?filter[%3Eid]=0&filter[%3Dx]=y"),
        ({"t": "\ud800!"}, "m?t=%3F%21"),
        ({"t": ""}, "m?t="),
    ],
)
def test_a_command_is_a_query_string_with_brackets(params: dict[str, Any], line: str) -> None:
    assert encode_command("m", params) == line


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_NAMES = st.from_regex(r"[=@>!]?[a-zA-Z][a-zA-Z0-9_]{0,8}", fullmatch=True)
_VALUES = st.recursive(
    _TEXT,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(_NAMES, inner, min_size=1, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=40)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), _VALUES))
def test_php_reads_what_was_written(params: dict[str, Any]) -> None:
    _, _, query = encode_command("m", params).partition("?")
    parsed: Any = php.parse_query(query)
    assert (parsed or {}) == _defused(params)


def _defused(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _defused(child) for key, child in value.items()}
    return [_defused(child) for child in value] if isinstance(value, list) else defuse(value)


_ANSWERS = {name: {"c1": {"id": 7}} for name in ("result", "next", "total", "time", "error")}
_HOSTILE = st.lists(
    st.sampled_from(
        ["$", "$$", "result", "RESULT", "Next", "total", "time", "error", "[c1]", "[id]"]
    )
).map("".join)


@given(_HOSTILE | _TEXT)
def test_defused_text_is_never_replaced_and_stays_as_it_is(text: str) -> None:
    safe = defuse(text)
    assert php.substitute(safe, _ANSWERS) == (safe, 0)
    assert defuse(safe) == safe
    assert len(safe) == len(text)
    assert safe.replace("＄", "$") == text.replace("＄", "$")


def test_harmless_dollars_stay() -> None:
    assert defuse("$100, $ result, US$, results$") == "$100, $ result, US$, results$"


def test_maps_come_as_lists_too() -> None:
    assert as_map({"0": 1}) == as_map([1]) == {"0": 1}
    assert as_map("nonsense") == {}


def test_the_fatal_error_of_a_batch() -> None:
    stop = Stop("no right")
    assert BatchAnswer(errors={"a": Refused("X"), "b": stop}).fatal is stop
    assert BatchAnswer(errors={"a": Refused("X")}).fatal is None
