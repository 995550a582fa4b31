"""What the references of a rule select by labels, and in which namespaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from sys import intern
from typing import Any

import msgspec

from astrolabe.graph.model.links import Link, Select
from astrolabe.graph.selector import Selector, SelectorError, equality, from_expressions
from astrolabe.kinds.custom.path_tree import Leaf, Other, Skipped
from astrolabe.kinds.custom.paths import Path, last_many, show
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rule import KindRule, ReferenceRule, SelectionRule
from astrolabe.kinds.custom.walking import Item
from astrolabe.kinds.manifest import MOST_TERMS


class _Expression(msgspec.Struct, gc=False):
    key: Leaf = None
    operator: Leaf = None
    values: list[Leaf] | Skipped | str | int | float | bool | None = None


class LenientSelector(msgspec.Struct, rename="camel", gc=False):
    """A metav1.LabelSelector whose fields may be of any type."""

    match_labels: dict[str, Leaf] | Other = None
    match_expressions: list[_Expression | Other] | Skipped | str | int | float | bool | None = None


class NamespaceNames(msgspec.Struct, rename="camel", gc=False):
    """Of the Prometheus operator: every namespace, or these."""

    any: Leaf = None
    match_names: list[Leaf] | Skipped | str | int | float | bool | None = None


def wholes_of(rule: KindRule) -> dict[Path, Any]:
    """The values that they read whole: selectors."""
    found: dict[Path, Any] = {}
    for reference in rule.references:
        select = reference.select
        if select is not None:
            found |= dict.fromkeys((select.selector, select.namespace_selector), LenientSelector | Other)
            found |= {select.labels: dict[str, Leaf] | Other, select.namespace_names: NamespaceNames | Other}
    found.pop((), None)
    return found


def selection_reader(
    reference: ReferenceRule, select: SelectionRule, projection: ProjectionOf
) -> Callable[[Any], Iterator[Link]]:
    """Reads what an object selects; of a path of many each of the selectors there."""
    path = select.selector or select.labels
    read = _of_many(path, projection) if last_many(path) else _of_one(path, projection)
    of = labels_selector if select.labels else selector_of
    namespace_selector = projection.whole(select.namespace_selector) if select.namespace_selector else None
    names = projection.whole(select.namespace_names) if select.namespace_names else None
    kinds = [intern(kind.key) for kind in reference.to]

    def links(manifest: Any) -> Iterator[Link]:
        for given, field in read(manifest):
            selector = of(given)
            if selector is None:
                continue
            for kind in kinds:
                for namespace, among in places(manifest):
                    yield Select(reference.edge, kind, namespace, selector, field, among)

    def places(manifest: Any) -> Iterator[tuple[str, Selector | None]]:
        own = manifest.metadata.namespace
        if select.everywhere:
            yield "", _EVERYTHING
        elif namespace_selector is not None:
            among = selector_of(namespace_selector(manifest))
            yield (own, None) if among is None else ("", among)
        elif names is not None:
            yield from _named_places(names(manifest), own)
        elif own:
            yield own, None
        else:
            yield "", _EVERYTHING

    return links


def _of_one(path: Path, projection: ProjectionOf) -> Callable[[Any], Iterable[Item]]:
    read, field = projection.whole(path), show(path)
    return lambda manifest: ((read(manifest), field),)


def _of_many(path: Path, projection: ProjectionOf) -> Callable[[Any], Iterable[Item]]:
    items = projection.items(path)
    return lambda manifest: [(given, intern(where.lstrip("."))) for given, where in items(manifest)]


_EVERYTHING = Selector()


def _named_places(given: Any, own: str) -> Iterator[tuple[str, Selector | None]]:
    if not isinstance(given, NamespaceNames):
        yield own, None
    elif given.any is True:
        yield "", _EVERYTHING
    else:
        listed = given.match_names if isinstance(given.match_names, list) else []
        named = [name for name in listed[:MOST_TERMS] if isinstance(name, str)]
        for name in named or [own]:
            yield intern(name), None


def labels_selector(given: Any) -> Selector | None:
    """What a map of labels selects; None if it is absent, empty or invalid."""
    if not isinstance(given, dict) or not given or len(given) > MOST_TERMS:
        return None
    # Labels are texts. If one that is not were left out, the selector would match more than it should.
    texts = {key: value for key, value in given.items() if isinstance(value, str)}
    return equality(texts) if len(texts) == len(given) else None


def selector_of(given: Any) -> Selector | None:
    """What a selector selects; None if it is absent or invalid."""
    if not isinstance(given, LenientSelector):
        return None
    labels = given.match_labels if isinstance(given.match_labels, dict) else {}
    listed = given.match_expressions if isinstance(given.match_expressions, list) else []
    if len(labels) > MOST_TERMS or len(listed) > MOST_TERMS:
        return None
    texts = {key: value for key, value in labels.items() if isinstance(value, str)}
    if len(texts) < len(labels):
        return None
    expressions = [
        (str(each.key), str(each.operator), [v for v in _values(each.values) if isinstance(v, str)])
        for each in listed
        if isinstance(each, _Expression)
    ]
    try:
        return from_expressions(texts, expressions)
    except SelectorError:
        return None


def _values(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
