"""PHP's rules: query strings with brackets, casts, empty values, references."""

import pytest

from sandbox.bitrix24 import php


@pytest.mark.parametrize(
    ("query", "parsed"),
    [
        ("", {}),
        ("a=1&b=2&a=3", {"a": "3", "b": "2"}),
        ("a=A+B%20C%2BD", {"a": "A B C+D"}),
        ("a=%D0%9E%D0%9E%D0%9E", {"a": "ООО"}),
        ("a", {"a": ""}),
        ("a=1=2", {"a": "1=2"}),
        ("f[t]=1&f[o]=2", {"f": {"t": "1", "o": "2"}}),
        ("f%5Bt%5D=1", {"f": {"t": "1"}}),
        ("i[]=1&i[]=2", {"i": ["1", "2"]}),
        ("i[0]=a&i[1]=b", {"i": ["a", "b"]}),
        ("i[1]=b&i[0]=a", {"i": {"1": "b", "0": "a"}}),
        ("i[5]=a&i[]=b", {"i": {"5": "a", "6": "b"}}),
        ("d[0][PHONE][0][VALUE]=1&d[1][t]=x", {"d": [{"PHONE": [{"VALUE": "1"}]}, {"t": "x"}]}),
        ("filter[@originId][]=1&filter[>id]=2", {"filter": {"@originId": ["1"], ">id": "2"}}),
        ("a.b c=1", {"a_b_c": "1"}),
        ("a[b.c]=1", {"a": {"b.c": "1"}}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b]c=1", {"a": {"b": "1"}}),
        ("[a]=1&=2&&", {}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
    ],
)
def test_parse_query(query, parsed):
    assert php.parse_query(query) == parsed


def test_variables_past_the_limit_are_dropped():
    assert php.parse_query("a[]=1&a[]=2&a[]=3", max_vars=2) == {"a": ["1", "2"]}


@pytest.mark.parametrize(
    ("value", "number"),
    [("15", 15), (" 15abc", 15), ("abc", 0), ("", 0), (None, 0), (True, 1), (2.9, 2), ("-1", -1)],
)
def test_to_int(value, number):
    assert php.to_int(value) == number


@pytest.mark.parametrize("array", [[], {}, [5], {"item": {"id": 7}}])
def test_array_is_the_number_one_and_the_word_array(array):
    assert php.to_int(array) == 1
    assert php.to_str(array) == "Array"


@pytest.mark.parametrize("value", [None, "", "0", 0, 0.0, False, [], {}])
def test_empty(value):
    assert php.is_empty(value)


@pytest.mark.parametrize("value", ["00", " ", "a", 1, True, [0], {"a": None}])
def test_not_empty(value):
    assert not php.is_empty(value)


def test_array_shapes():
    assert php.array({}) == []
    assert php.array({"0": "a", "1": "b"}) == ["a", "b"]
    assert php.array({"1": "a"}) == {"1": "a"}
    assert php.array({"c0001": "a"}) == {"c0001": "a"}


ANSWERS = {
    "result": {"a": {"item": {"id": 7}}, "l": [{"ID": "5"}]},
    "error": {"b": {"error": "X"}},
    "total": {"l": 2},
    "next": {},
    "time": {},
}


@pytest.mark.parametrize(
    ("value", "replacement"),
    [
        ("$result[a][item][id]", 7),
        ("$result[l][0][ID]", "5"),
        ("id $result[a][item][id]!", "id 7"),
        ("$total[l]", 2),
        ("$error[b][error]", "X"),
        ("$result[b][item][id]", ANSWERS["result"]),
        ("$result[a][nothing]", {"item": {"id": 7}}),
        ("цена $result[b][id] руб", "цена Array руб"),
        ("$next[5]", {}),
        ("$RESULT[a]", None),
        ({"f": ["$result[a][item][id]"]}, {"f": [7]}),
    ],
)
def test_reference_is_replaced(value, replacement):
    assert php.substitute(value, ANSWERS) == (replacement, 1)


@pytest.mark.parametrize("value", ["$result", "$ result[a]", "$sum[a]", "5 $", "", 5, None])
def test_no_reference(value):
    assert php.substitute(value, ANSWERS) == (value, 0)
