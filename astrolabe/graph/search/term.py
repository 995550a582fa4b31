"""A term of a search: which nodes it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal

import msgspec

from astrolabe.graph.search.document import document_of
from astrolabe.graph.search.fields import BY_WORD, METADATA, SearchField, metadata_field, missing, names_of
from astrolabe.graph.search.pattern import Pattern, is_exact, matches, occurs
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.quantity import number_of

#: Characters of a message in which a text is searched.
SEARCHED = 1_024

Operator = Literal[":", ">", ">=", "<", "<="]

#: Whether the node itself is found.
Test = Callable[[Node], bool]


class Term(msgspec.Struct, frozen=True, gc=False, order=True):
    """One condition. All terms of a search must hold.

    field: its name, `metadata.<path>`, or "" for a text in any of the places of `texts_of`.
    values: alternatives in order, each once. negated: it finds what it would not find otherwise.
    """

    field: str
    operator: Operator
    values: tuple[Pattern, ...]
    negated: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the node alone decides."""
        return not self.field or field_of(self.field).texts is not None

    @property
    def is_text(self) -> bool:
        """Whether it is a text to find somewhere."""
        return not self.field

    @property
    def is_pinned(self) -> bool:
        """Whether each node that it finds has one of its values, in a field that is indexed."""
        if self.is_text or self.negated or self.operator != ":":
            return False
        return field_of(self.field).indexed and all(map(is_exact, self.values))

    def finds(self, node: Node) -> bool:
        """Whether the node is found, for a term that is local."""
        return _test_of(self)(node)

    def relates(self, node: Node, state: ReadableGraph) -> bool:
        """Whether the node is found by its edges, for a term that is not local."""
        return _is_related(self, node, state) is not self.negated


@lru_cache(maxsize=1024)
def field_of(name: str) -> SearchField:
    """The field of this name."""
    return metadata_field(name[len(METADATA) :]) if name.startswith(METADATA) else BY_WORD[name]


def texts_of(node: Node) -> str:
    """Where a text without a field is searched, in lower case: name, kind, namespace, release, reason and the
    beginning of the message, a line each.
    """
    shown = document_of(node)
    return (
        f"{node.name}\n{node.kind}\n{node.namespace}\n{node.release}\n{shown.reason}\n{shown.message[:SEARCHED]}"
    ).lower()


@lru_cache(maxsize=4096)
def _test_of(term: Term) -> Test:
    test = _positive(term)
    return (lambda node: not test(node)) if term.negated else test


def _positive(term: Term) -> Test:
    values = term.values
    if term.is_text:
        return _text_test(values)
    field = field_of(term.field)
    texts = field.texts
    assert texts is not None, "a term that is not local"
    if term.operator != ":":
        return _comparison(term, texts)
    if field.shape == "part":
        return lambda node: any(occurs(each, text.lower()) for text in texts(node) for each in values)
    if all(map(is_exact, values)):
        accepted = frozenset([value for (value,) in values])
        return lambda node: any(text.lower() in accepted for text in texts(node))
    return lambda node: any(matches(each, text.lower()) for text in texts(node) for each in values)


def _text_test(values: tuple[Pattern, ...]) -> Test:
    longest = [max(each, key=len) for each in values]
    # What JSON does not escape stands in the node's text as it is: most nodes are out after one look.
    is_plain = all(each.isascii() and each.isprintable() and not {'"', "\\"} & {*each} for each in longest)

    def test(node: Node) -> bool:
        if is_plain:
            text = node.text.lower()
            if not any(piece in text for piece in longest):
                return False
        # What is found must be in one of the places.
        return any(occurs(each, line) for line in texts_of(node).split("\n") for each in values)

    return test


def _comparison(term: Term, texts: Callable[[Node], Iterable[str]]) -> Test:
    ((bound,),) = term.values
    number = number_of(bound)
    operator = term.operator
    if number is not None:
        return lambda node: any(_holds(number_of(text), operator, number) for text in texts(node))
    # Both are times in UTC, whose texts are in order.
    return lambda node: any(_holds(text, operator, bound) for text in texts(node) if text)


def _holds(value: float | str | None, operator: Operator, bound: float | str) -> bool:
    if value is None or isinstance(value, str) is not isinstance(bound, str):
        return False
    if value == bound:
        return "=" in operator
    is_greater = value > bound  # type: ignore[operator]
    return is_greater is operator.startswith(">")


def _is_related(term: Term, node: Node, state: ReadableGraph) -> bool:
    if term.field == "edge":
        types = frozenset([value for (value,) in term.values])
        return any(edge.type in types for edge in (*state.outgoing(node.uid), *state.incoming(node.uid)))
    if term.field == "uses":
        if node.unresolved and _are_named(term.values, missing(node)):
            return True
        ends = (edge.target for edge in state.outgoing(node.uid) if edge.type != OWNS)
    else:
        ends = (edge.source for edge in state.incoming(node.uid) if edge.type != OWNS)
    for uid in ends:
        other = state.node(uid)
        if other is not None and _are_named(term.values, names_of(other)):
            return True
    return False


def _are_named(values: tuple[Pattern, ...], names: Iterable[str]) -> bool:
    return any(matches(each, name.lower()) for name in names for each in values)
