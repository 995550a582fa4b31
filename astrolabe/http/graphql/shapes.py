"""GraphQL types of the shapes that REST describes, with the same names, keys and descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import cleandoc
from typing import Any, NamedTuple

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
)
from msgspec import inspect

from astrolabe.graph.state.edge_types import EDGE_TYPES, INNER_TYPES
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.http.graphql.words import MEANINGS, STATUSES
from astrolabe.kinds.metadata import Metadata

#: In `GraphQLField.extensions`: see `PlainKey`.
PLAIN = "astrolabe.plain"


class PlainKey(NamedTuple):
    """A field whose value stands in a JSON object as the answer has it: nothing needs to be resolved.

    default: the value where the key is absent.
    """

    key: str
    default: Any = None


JSON = GraphQLScalarType(
    "JSON",
    description="Any JSON value. Its keys depend on the kind, as in REST.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
)
STATUS = GraphQLEnumType(
    "Status",
    {name: GraphQLEnumValue(name, description=STATUSES[name]) for name in SEVERITIES},
    description="How severe it is.",
)
#: GraphQL has no hyphens in names: `uses-secret` is `uses_secret`.
EDGE_TYPE = GraphQLEnumType(
    "EdgeType",
    {
        each.name.replace("-", "_"): GraphQLEnumValue(each.name, description=each.description)
        for each in EDGE_TYPES.values()
        if each.name not in INNER_TYPES
    },
    description="The type of an edge. REST has hyphens where this has underscores.",
)
_CLOSED: Mapping[str, GraphQLEnumType] = {"Status": STATUS, "EdgeType": EDGE_TYPE}


def list_of(type: Any) -> Any:
    """A list that is there, of what is there."""
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(type)))


def plain(type: Any, key: str, description: str | None, default: Any = None) -> GraphQLField:
    """A field whose value stands under a key of the source."""
    extensions = {PLAIN: PlainKey(key, default)}
    return GraphQLField(type, resolve=_get(key, default), description=description, extensions=extensions)


def enum(name: str, values: Iterable[str], description: str) -> GraphQLEnumType:
    """An enum of words that need no explanation."""
    return GraphQLEnumType(name, {each: GraphQLEnumValue(each) for each in values}, description=description)


class ShapeTypes:
    """Makes an object type of each struct, once. more: further fields of a struct and of what extends it."""

    def __init__(self, more: Mapping[type, Callable[[], dict[str, GraphQLField]]] | None = None) -> None:
        self._more = more or {}
        self._made: dict[type, GraphQLObjectType] = {}
        self._names: set[str] = set()

    def of(self, shape: type[msgspec.Struct], name: str = "") -> GraphQLObjectType:
        """The object type of a struct. name: instead of that of the class, without `Shape`."""
        made = self._made.get(shape)
        if made is None:
            name = name or shape.__name__.removesuffix("Shape")
            assert name not in self._names, f"two types are called {name}"
            self._names.add(name)
            # The fields later: a shape may refer to itself.
            made = self._made[shape] = GraphQLObjectType(
                name, lambda: self.fields(shape), description=_about(shape)
            )
        return made

    def fields(self, shape: type[msgspec.Struct]) -> dict[str, GraphQLField]:
        """The fields of a struct. What may be absent there may be null here."""
        described = inspect.type_info(shape)
        assert isinstance(described, inspect.StructType)
        fields = {each.encode_name: self._field(each.encode_name, each) for each in described.fields}
        for base, more in self._more.items():
            if issubclass(shape, base):
                fields |= more()
        return fields

    def _field(self, key: str, member: inspect.Field) -> GraphQLField:
        type, description, is_plain = self._type(member.type)
        description = description or MEANINGS.get(key)
        if member.required and not _may_be_null(member.type):
            type = GraphQLNonNull(type)
        if is_plain:
            return plain(type, key, description)
        return GraphQLField(type, resolve=_get(key), description=description)

    def _type(self, described: inspect.Type) -> tuple[Any, str | None, bool]:
        """The type, what it means, and whether its values are answers as they are."""
        description = None
        while isinstance(described, inspect.Metadata):
            extra = described.extra_json_schema or {}
            description = description or extra.get("description")
            closed = _CLOSED.get(str(extra.get("$ref", "")).rpartition("/")[2])
            if closed is not None and isinstance(described.type, inspect.StrType):
                return closed, description, closed is STATUS
            described = described.type
        if isinstance(described, inspect.UnionType):
            choices = [each for each in described.types if not isinstance(each, inspect.NoneType)]
            if len(choices) != 1:
                return JSON, description, True
            type, inner, is_plain = self._type(choices[0])
            return type, description or inner, is_plain
        if isinstance(described, inspect.StructType):
            return self.of(described.cls), description, False
        if isinstance(described, inspect.ListType | inspect.VarTupleType):
            type, _, is_plain = self._type(described.item_type)
            return GraphQLList(GraphQLNonNull(type)), description, is_plain
        return _LEAVES.get(described.__class__, JSON), description, True


_LEAVES: Mapping[Any, GraphQLScalarType] = {
    inspect.StrType: GraphQLString,
    inspect.LiteralType: GraphQLString,
    inspect.IntType: GraphQLInt,
    inspect.FloatType: GraphQLFloat,
    inspect.BoolType: GraphQLBoolean,
}


def _about(shape: type[msgspec.Struct]) -> str:
    """What it is."""
    # A struct without a docstring has that of its base.
    if issubclass(shape, Metadata):
        return "What is shown of a manifest."
    return cleandoc(shape.__doc__ or "")


def _may_be_null(described: inspect.Type) -> bool:
    while isinstance(described, inspect.Metadata):
        described = described.type
    if isinstance(described, inspect.UnionType):
        return any(isinstance(each, inspect.NoneType) for each in described.types)
    return isinstance(described, inspect.AnyType)


def _get(key: str, default: Any = None) -> Any:
    def resolve(source: Any, _: Any) -> Any:
        return (source if type(source) is dict else source.document).get(key, default)

    return resolve
