"""Filters from URLs and from messages: equal ones are equal, wrong ones say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.graph.filter import EVERYTHING, Filter, FilterError, parse_message, parse_query
from astrolabe.graph.selector import parse

KINDS = ("Pod", "Service")
EXPECTED = Filter(
    namespace=frozenset(("shop", "plain")),
    kind=frozenset(("Pod",)),
    status=frozenset(("Error",)),
    selector=parse("a=1,b"),
    q="web",
)


def test_repeated_and_comma_separated_are_the_same() -> None:
    repeated = {
        "namespace": ["shop", "plain"],
        "kind": ["Pod"],
        "status": ["Error"],
        "selector": ["a=1,b"],
        "q": ["Web "],
    }
    joined = {**repeated, "namespace": ["shop, plain,"]}
    assert parse_query(repeated, kinds=KINDS) == parse_query(joined, kinds=KINDS) == EXPECTED


def test_messages_say_the_same_as_urls() -> None:
    document = {
        "namespace": ["plain", "shop"],
        "kind": "Pod",
        "status": ["Error"],
        "selector": "a=1,b",
        "q": "WEB",
    }
    assert parse_message(document, kinds=KINDS) == EXPECTED
    assert parse_message(None, kinds=KINDS) is EVERYTHING
    assert parse_message({}, kinds=KINDS) == EVERYTHING
    assert parse_message({"kind": [], "status": None, "selector": None, "q": ""}, kinds=KINDS) == EVERYTHING
    assert not EVERYTHING
    assert EXPECTED


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"colour": ["red"]},
            "unknown parameter 'colour'; a filter has namespace, release, kind, status, selector, q",
        ),
        ({"kind": ["Pod", "Pot"]}, "unknown kind 'Pot'; it is one of Pod, Service"),
        ({"status": ["Broken"]}, "unknown status 'Broken'; it is one of Ready, Pending, Error, Unknown"),
        ({"selector": ["a in x"]}, r"selector 'a in x' does not parse: found 'x', expected: '\('"),
    ],
)
def test_wrong_queries(query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_query(query, kinds=KINDS)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a filter is an object, not list"),
        ({"colour": 1}, "unknown parameter 'colour'"),
        ({"kind": 7}, "kind is a list of strings"),
        ({"kind": [7]}, "kind is a list of strings"),
        ({"q": []}, "q is a string, not list"),
        ({"q": 0}, "q is a string, not int"),
        ({"q": ["x"]}, "q is a string, not list"),
        ({"selector": 5}, "selector is a string, not int"),
        ({"selector": False}, "selector is a string, not bool"),
    ],
)
def test_wrong_messages(document: Any, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_message(document, kinds=KINDS)
