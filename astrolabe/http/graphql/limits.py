"""What a query may cost, checked before it is executed: on its text, then on its parsed document.

Nothing here takes longer than a few milliseconds, whatever the query. A refusal names the limit, its value
and the flag that sets it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from astrolabe.http.graphql.connections import LARGEST_PAGE, OF_A_PAGE, PAGE
from astrolabe.http.graphql.schema import schema
from astrolabe.settings import Limits

#: The tokens of a document (GraphQL, 2.1), as far as counting them takes; a string is one.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+"""|"(?:[^"\\\n]|\\.)*+"|#[^\n\r]*+|[_A-Za-z0-9]++|\.\.\.|[^\s,\ufeff]',
    re.DOTALL,
)
#: Pairs of fields of the same place and name that validation compares, at 8 microseconds each.
_PAIRS = 500
#: Items that a list without pages is estimated to have.
_LISTED = 20
#: Fields of a document that describe the schema, at most.
_INTROSPECTIONS = 2


class Size(NamedTuple):
    """The size of a document's text."""

    tokens: int
    depth: int
    directives: int


def too_much(what: str, limit: int, flag: str, code: str) -> GraphQLError:
    """The refusal of a query that is beyond a limit."""
    return GraphQLError(
        f"{what}; at most {limit} are allowed ({flag})",
        extensions={"code": code, "limit": limit, "flag": flag},
    )


def check_text(text: str, limits: Limits) -> Size:
    """The size of a query's text. Raises GraphQLError if it is too large to be parsed."""
    size = len(text.encode(errors="surrogatepass"))
    if size > limits.max_query_bytes:
        raise too_much(f"the query has {size} bytes", limits.max_query_bytes, "--max-query-bytes", "too-big")
    tokens = depth = deepest = directives = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token[0] == "#":
            continue
        tokens += 1
        if token in "{[(":
            depth += 1
            deepest = max(deepest, depth)
        elif token in "}])":
            depth -= 1
        elif token == "@":
            directives += 1
        if tokens > limits.max_query_tokens:
            raise too_much(
                f"the query has more than {limits.max_query_tokens} tokens",
                limits.max_query_tokens,
                "--max-query-tokens",
                "too-big",
            )
    # Arguments with objects and lists add to the nesting of fields, so this is only what the parser needs.
    if deepest > 3 * limits.max_query_depth:
        raise too_much(
            f"the query is nested {deepest} levels deep",
            3 * limits.max_query_depth,
            "--max-query-depth",
            "too-deep",
        )
    if directives > limits.max_query_directives:
        raise too_much(
            f"the query has {directives} directives",
            limits.max_query_directives,
            "--max-query-directives",
            "too-many-directives",
        )
    return Size(tokens, deepest, directives)


class Breadth:
    """Counts the fields of a document with its fragments expanded. Raises GraphQLError at the first limit."""

    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self._limits = limits
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        self._unused = dict.fromkeys(self._fragments)
        self.fields = self.aliases = self.introspections = self.pairs = 0
        #: How many fields there are by the names on the way to them: those of the same place are compared.
        self._places: dict[tuple[str, ...], int] = {}

    def check(self) -> None:
        """Check every operation."""
        for operation in self._operations:
            self._visit(operation.selection_set, ())
        while self._unused:
            self._visit_fragment(next(iter(self._unused)), ())

    def _visit(self, selections: Any, within: tuple[str, ...], place: tuple[str, ...] = ()) -> None:
        limits = self._limits
        if len(place) >= limits.max_query_depth:
            raise too_much(
                f"fields are nested more than {limits.max_query_depth} levels deep",
                limits.max_query_depth,
                "--max-query-depth",
                "too-deep",
            )
        for each in selections.selections:
            if isinstance(each, FieldNode):
                here = (*place, (each.alias or each.name).value)
                self._count(each, here)
                if each.selection_set is not None:
                    self._visit(each.selection_set, within, here)
            elif isinstance(each, InlineFragmentNode):
                self._visit(each.selection_set, within, place)
            elif isinstance(each, FragmentSpreadNode):
                self._visit_fragment(each.name.value, within, place)

    def _visit_fragment(self, name: str, within: tuple[str, ...], place: tuple[str, ...] = ()) -> None:
        if name in within:
            raise GraphQLError(
                f"the fragment {name} contains itself: {' → '.join((*within, name))}",
                extensions={"code": "circular-fragment"},
            )
        self._unused.pop(name, None)
        fragment = self._fragments.get(name)
        if fragment is not None:  # else validation says so
            self._visit(fragment.selection_set, (*within, name), place)

    def _count(self, field: FieldNode, place: tuple[str, ...]) -> None:
        limits = self._limits
        same = self._places.get(place, 0)
        self._places[place] = same + 1
        self.pairs += same
        self.fields += 1
        self.aliases += field.alias is not None
        self.introspections += field.name.value in ("__schema", "__type")
        if self.fields > limits.max_query_fields:
            raise too_much(
                f"the query has more than {limits.max_query_fields} fields, with fragments expanded",
                limits.max_query_fields,
                "--max-query-fields",
                "too-many-fields",
            )
        if self.aliases > limits.max_query_aliases:
            raise too_much(
                f"the query has more than {limits.max_query_aliases} aliases",
                limits.max_query_aliases,
                "--max-query-aliases",
                "too-many-aliases",
            )
        if self.pairs > _PAIRS:
            raise GraphQLError(
                f"{field.name.value} and other fields are asked for again and again, in more than "
                f"{_PAIRS} pairs of the same field: ask for each once",
                extensions={"code": "too-many-fields", "limit": _PAIRS},
            )
        if self.introspections > _INTROSPECTIONS:
            raise GraphQLError(
                f"a query asks for the schema {_INTROSPECTIONS} times at most (__schema, __type)",
                extensions={"code": "too-much-introspection", "limit": _INTROSPECTIONS},
            )


def check_cost(
    document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any], limits: Limits
) -> int:
    """How many objects an operation may answer with, estimated by the sizes of pages.

    The document is valid. Raises GraphQLError if that is too many.
    """
    cost = _Estimate(document, variables).of(operation_name)
    if cost > limits.max_query_cost:
        raise too_much(
            f"the query may answer with {cost} objects, by the sizes of its pages: ask for smaller pages",
            limits.max_query_cost,
            "--max-query-cost",
            "too-expensive",
        )
    return cost


class _Estimate:
    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        self._variables = variables
        self._defaults: Mapping[str, Any] = {}

    def of(self, name: str | None) -> int:
        for operation in self._operations:
            if name is None or (operation.name is not None and operation.name.value == name):
                self._defaults = {
                    each.variable.name.value: each.default_value
                    for each in operation.variable_definitions or ()
                }
                root = schema().get_root_type(operation.operation)
                return self._selections(operation.selection_set, root)
        return 0

    def _selections(self, selections: SelectionSetNode, parent: Any) -> int:
        cost = 0
        for each in selections.selections:
            if isinstance(each, FieldNode):
                cost += self._field(each, parent)
            elif isinstance(each, InlineFragmentNode):
                cost += self._fragment(each, each.type_condition, parent)
            elif isinstance(each, FragmentSpreadNode):
                fragment = self._fragments[each.name.value]
                cost += self._fragment(fragment, fragment.type_condition, parent)
        return cost

    def _fragment(self, fragment: Any, condition: NamedTypeNode | None, parent: Any) -> int:
        within = schema().get_type(condition.name.value) if condition is not None else parent
        return self._selections(fragment.selection_set, within)

    def _field(self, field: FieldNode, parent: Any) -> int:
        if field.selection_set is None or field.name.value in ("__schema", "__type"):
            return 0
        definition = parent.fields[field.name.value]
        below = self._selections(field.selection_set, get_named_type(definition.type))
        if parent.extensions.get(OF_A_PAGE):  # the field with the page has counted its items
            return below
        if "first" in definition.args:
            return self._first(field) * (1 + below)
        return (_LISTED if is_list_type(get_nullable_type(definition.type)) else 1) * (1 + below)

    def _first(self, field: FieldNode) -> int:
        given = {each.name.value: each.value for each in field.arguments or ()}.get("first")
        if isinstance(given, VariableNode):
            value = self._variables.get(given.name.value)
            if isinstance(value, int):
                return min(max(value, 0), LARGEST_PAGE)
            given = self._defaults.get(given.name.value)
        if isinstance(given, IntValueNode):
            return min(max(int(given.value[:9]), 0), LARGEST_PAGE)
        return PAGE
