"""Filters: what part of the graph a client asks for. Same on the graph, the resources and the stream."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.graph import selector as selectors
from astrolabe.graph.node import Node
from astrolabe.graph.selector import Selector, SelectorError
from astrolabe.graph.status import LEVELS


class FilterError(ValueError):
    """A filter that cannot be meant; the message names the parameter and what it may be."""


class Filter(msgspec.Struct, frozen=True, gc=False):
    """OR within one field, AND between them; an empty field does not restrict. Equal filters are equal.

    q: text to be found, case-insensitively, in name, kind, namespace or release; lower case here.
    """

    namespace: frozenset[str] = frozenset()
    release: frozenset[str] = frozenset()
    kind: frozenset[str] = frozenset()
    status: frozenset[str] = frozenset()
    selector: Selector = Selector()
    q: str = ""

    def __bool__(self) -> bool:
        """Whether it restricts anything."""
        return self != EVERYTHING

    def passes(self, node: Node) -> bool:
        """Whether the node itself passes; namespace and release, which depend on neighbours, aside."""
        if self.kind and node.kind not in self.kind:
            return False
        if self.status and node.status not in self.status:
            return False
        if self.q and not self._finds(node):
            return False
        return not self.selector.requirements or self.selector.matches(node.labels())

    def _finds(self, node: Node) -> bool:
        q = self.q
        return (
            q in node.name.lower()
            or q in node.kind.lower()
            or q in node.namespace.lower()
            or q in node.release.lower()
        )


EVERYTHING = Filter()

#: The names of the parameters, in URLs and in messages.
PARAMETERS = ("namespace", "release", "kind", "status", "selector", "q")
_LISTS = ("namespace", "release", "kind", "status")


def parse_query(query: Mapping[str, Sequence[str]], *, kinds: Collection[str]) -> Filter:
    """The filter of a URL: lists may be repeated or comma-separated. Raises FilterError.

    kinds: the names that `kind` may have. Parameters that are none of a filter must be taken out before.
    """
    _check_names(query)
    lists = {name: _split(query.get(name, ())) for name in _LISTS}
    return _build(lists, ",".join(query.get("selector", ())), " ".join(query.get("q", ())), kinds)


def parse_message(document: Any, *, kinds: Collection[str]) -> Filter:
    """The filter of a subscribe message: lists of strings (or one string). Raises FilterError."""
    if document is None:
        return EVERYTHING
    if not isinstance(document, dict):
        raise FilterError(f"a filter is an object, not {type(document).__name__}")
    _check_names(document)
    lists = {name: _texts(name, document.get(name)) for name in _LISTS}
    selector, q = (_text(name, document.get(name)) for name in ("selector", "q"))
    return _build(lists, selector, q, kinds)


def _build(lists: Mapping[str, Iterable[str]], selector: str, q: str, kinds: Collection[str]) -> Filter:
    values = {name: frozenset(value for value in lists[name] if value) for name in _LISTS}
    _check("kind", values["kind"], sorted(kinds))
    _check("status", values["status"], LEVELS)
    try:
        parsed = selectors.parse(selector)
    except SelectorError as error:
        raise FilterError(f"selector {selector!r} does not parse: {error}") from error
    return Filter(selector=parsed, q=q.strip().lower(), **values)


def _check_names(names: Iterable[Any]) -> None:
    unknown = sorted(set(map(str, names)) - set(PARAMETERS))
    if unknown:
        raise FilterError(f"unknown parameter {unknown[0]!r}; a filter has {', '.join(PARAMETERS)}")


def _check(name: str, values: Iterable[str], allowed: Sequence[str]) -> None:
    for value in sorted(values):
        if value not in allowed:
            raise FilterError(f"unknown {name} {value!r}; it is one of {', '.join(allowed)}")


def _split(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",")]


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FilterError(f"{name} is a string, not {type(value).__name__}")
    return value


def _texts(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise FilterError(f"{name} is a list of strings")
    return value
