"""The schema describes everything, has a type for each kind, and its answers are REST's."""

from __future__ import annotations

from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, validate_schema

from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.http.graphql.schema import schema
from astrolabe.kinds.builtin import builtin_kinds


def test_it_is_valid() -> None:
    assert validate_schema(schema()) == []


def test_everything_is_described() -> None:
    missing = []
    for name, type in schema().type_map.items():
        if name.startswith("__"):
            continue
        if not type.description:
            missing.append(name)
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field, described in type.fields.items():
                arguments = getattr(described, "args", {})
                missing += [f"{name}.{field}"] if not described.description else []
                missing += [
                    f"{name}.{field}({each})" for each, arg in arguments.items() if not arg.description
                ]
    assert missing == []


def test_each_built_in_kind_has_a_type() -> None:
    resource = schema().get_type("Resource")
    assert isinstance(resource, GraphQLInterfaceType)
    implementations = {type.name for type in schema().get_implementations(resource).objects}
    assert implementations == {*(kind.name for kind in builtin_kinds()), "CustomResource"}


def test_each_type_of_edges_has_a_name() -> None:
    values = schema().type_map["EdgeType"].values  # type: ignore[attr-defined]
    assert {value.value for value in values.values()} == set(EDGE_TYPES)
    assert values["uses_secret"].value == "uses-secret"
