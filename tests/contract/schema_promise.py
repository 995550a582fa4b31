"""The GraphQL schema that clients may rely on: the one that was accepted last; `make accept-api`."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLSchema, build_schema, find_breaking_changes, print_schema

from astrolabe.http.graphql.schema import schema

ACCEPTED = Path(__file__).with_name("schema.graphql")


def accepted() -> GraphQLSchema:
    """The schema that was accepted last."""
    return build_schema(ACCEPTED.read_text())


def broken(before: GraphQLSchema, now: GraphQLSchema) -> list[str]:
    """What would break queries that were valid before."""
    return [change.description for change in find_breaking_changes(before, now)]


def accept() -> list[str]:
    """Keep the schema as it is now. Returns what that breaks."""
    changes = broken(accepted(), schema()) if ACCEPTED.exists() else []
    ACCEPTED.write_text(print_schema(schema()) + "\n")
    return changes
