"""The order of what a search finds, for people: what they most likely meant comes first.

Separate from the language: only lists for people have this order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from astrolabe.graph.search.pattern import Pattern, matches, occurs
from astrolabe.graph.search.term import Term
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import WORST_FIRST

#: How a name is like a word: it is the word, begins with it, has it in it, or is not like it.
_SAME, _BEGINS, _CONTAINS, _UNLIKE = range(4)

HitOrder = tuple[int, int, int, str, str, str]


def hit_order(search: Sequence[Term]) -> Callable[[Node], HitOrder]:
    """A key for sorting: by likeness of the name, then the worst, then the shortest name."""
    words = [value for term in search if not term.negated and _is_of_name(term) for value in term.values]

    def key(node: Node) -> HitOrder:
        name = node.name.lower()
        likeness = min([_likeness(word, name) for word in words], default=_UNLIKE)
        return likeness, WORST_FIRST.index(node.status), len(name), name, node.namespace, node.uid

    return key


def _is_of_name(term: Term) -> bool:
    return term.is_text or term.field == "name"


def _likeness(word: Pattern, name: str) -> int:
    if matches(word, name):
        return _SAME
    if matches((*word, ""), name):
        return _BEGINS
    return _CONTAINS if occurs(word, name) else _UNLIKE
