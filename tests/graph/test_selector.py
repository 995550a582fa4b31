"""Label selectors: the text form with the API server's own errors, and what each operator matches."""

from __future__ import annotations

import re

import pytest

from astrolabe.graph.selector import Requirement, Selector, SelectorError, equality, from_expressions, parse


def one(key: str, operator: str, *values: str) -> Selector:
    return Selector((Requirement(key, operator, frozenset(values)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Selector()),
        ("   ", Selector()),
        ("a=b", one("a", "in", "b")),
        ("a==b", one("a", "in", "b")),
        ("a = b", one("a", "in", "b")),
        ("a=", one("a", "in", "")),
        ("a!=b", one("a", "notin", "b")),
        ("a in (x, y)", one("a", "in", "x", "y")),
        ("a notin (x)", one("a", "notin", "x")),
        ("a in ()", one("a", "in", "")),
        ("a in (,x)", one("a", "in", "", "x")),
        ("a in (x,)", one("a", "in", "x", "")),
        ("a", one("a", "exists")),
        ("!a", one("a", "!")),
        ("a>3", one("a", "gt", "3")),
        ("a<3", one("a", "lt", "3")),
        ("app.kubernetes.io/name=web", one("app.kubernetes.io/name", "in", "web")),
        (
            "a=b,!c",
            Selector((Requirement("a", "in", frozenset(("b",))), Requirement("c", "!"))),
        ),
    ],
)
def test_parse(text: str, expected: Selector) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a==b,,!", "found ',', expected: identifier after ','"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a b", "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in x", "found 'x', expected: '('"),
        ("a in (x", "found '', expected: ',', or ')'"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("-=b", "invalid label key '-'"),
        ("a=-", "invalid label value '-'"),
        ("a>x", "the value must be an integer, not 'x'"),
    ],
)
def test_parse_errors(text: str, message: str) -> None:
    with pytest.raises(SelectorError, match=re.escape(message)):
        parse(text)


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("a=b", {"a": "b"}, {"a": "c"}),
        ("a!=b", {}, {"a": "b"}),
        ("a in (x,y)", {"a": "y"}, {}),
        ("a notin (x,y)", {}, {"a": "x"}),
        ("a", {"a": ""}, {}),
        ("!a", {"b": ""}, {"a": ""}),
        ("a>3", {"a": "4"}, {"a": "three"}),
        ("a<3", {"a": "2"}, {"a": "3"}),
        ("a>3", {"a": "10"}, {}),
        ("", {"any": "thing"}, None),
    ],
)
def test_matches(text: str, matching: dict[str, str], other: dict[str, str] | None) -> None:
    assert parse(text).matches(matching)
    if other is not None:
        assert not parse(text).matches(other)


def test_object_forms() -> None:
    assert equality({"b": "2", "a": "1"}) == parse("a=1,b=2")
    expressions = [
        ("e", "In", ["f", "g"]),
        ("h", "NotIn", ["i"]),
        ("j", "Exists", []),
        ("k", "DoesNotExist", []),
    ]
    assert from_expressions({"a": "1"}, expressions) == parse("a=1,e in (f,g),h notin (i),j,!k")
    with pytest.raises(SelectorError, match="unknown operator 'Near' for label 'x'"):
        from_expressions({}, [("x", "Near", [])])


def test_pinned_pairs_are_in_every_match() -> None:
    assert list(parse("a=1,b in (2,3),c,d!=4").pinned()) == [("a", "1")]
