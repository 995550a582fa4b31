"""The schema is a promise: no change breaks a query that was valid for what was accepted last."""

from __future__ import annotations

import pytest
from graphql import build_schema, print_schema

from astrolabe.http.graphql.schema import schema
from tests.contract.promise import refusal
from tests.contract.schema_promise import accepted, broken


def test_no_query_breaks() -> None:
    assert refusal(broken(accepted(), schema())) == ""


ROUTES_TO = '  """The source sends requests to the target."""\n  routes_to\n'


@pytest.mark.parametrize(
    ("was", "becomes", "breaks"),
    [
        ("  namespaces(", "  places(", "Query.namespaces was removed."),
        (ROUTES_TO, "", "Enum value EdgeType.routes_to was removed."),
        ("    uid: ID!\n", "    uid: String!\n", "Query.node(uid:) has changed type from ID! to String!."),
        (
            "  totalCount: Int!",
            "  totalCount: Int",
            "ResourceConnection.totalCount changed type from Int! to Int.",
        ),
    ],
)
def test_a_breaking_change_is_named(was: str, becomes: str, breaks: str) -> None:
    text = print_schema(schema())
    assert was in text
    changes = broken(build_schema(text), build_schema(text.replace(was, becomes)))
    assert [each for each in changes if breaks in each], changes


def test_additions_break_nothing() -> None:
    text = print_schema(schema())
    more = text.replace("  node(\n", "  timeline: String\n  node(\n    at: String\n")
    assert more != text
    assert broken(build_schema(text), build_schema(more)) == []
