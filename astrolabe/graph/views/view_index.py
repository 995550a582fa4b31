"""An index that finds the views that a step concerns, so that a step costs nothing for all others.

A view is listed under something that its filter requires of every node, preferably something rare: a
release, a namespace, a label, a piece of text, a kind with a status, a kind, a status. A changed node, as
it was and as it is, says which lists to look up. Nodes that a release takes along have none of these, so
they are listed by uid. A view that only excludes keeps nearly all nodes. It is listed under what it
excludes. If a step contains nothing of that, the view passes it on unchanged, at no cost.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from copy import copy
from itertools import combinations, product
from types import MappingProxyType
from typing import TypeVar

from astrolabe.graph.search.fields import SEARCH_FIELDS
from astrolabe.graph.search.pattern import occurs
from astrolabe.graph.search.term import Term, texts_of
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import EdgeKey
from astrolabe.graph.state.edge_types import ATTACHMENT_TYPES
from astrolabe.graph.state.graph import ReadableGraph, ServedGraph
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter, OwnValues
from astrolabe.graph.views.filter_fields import FILTER_FIELDS, OWN_VALUES
from astrolabe.graph.views.membership import beside_moved, namespaces_of
from astrolabe.graph.views.view import View

K = TypeVar("K", bound=Hashable)

#: What a view is listed under: a dimension, and a value in it.
IndexKey = tuple[str, str]
#: Views in the order in which they were added; the values mean nothing.
Listing = dict[View, None]

_EVERYWHERE: IndexKey = ("", "")
#: Views without a rare value: each step is checked against them.
_ANYTHING: IndexKey = ("anything", "")
#: The dimension of the label keys by which filters that only exclude do so.
_EXCLUDED_KEY = "excluded key"
_NOTHING: Mapping[str, Listing] = MappingProxyType({})
#: At most this many of a text's first characters are an index key. Each length is a dimension.
_LONGEST_PIECE = 3
_TEXTS = tuple([f"text of {length}" for length in range(1, _LONGEST_PIECE + 1)])

_AND = " and "


def _own_dimensions() -> Iterator[tuple[str, Callable[[Node], str]]]:
    """The dimensions of fields that depend on the node alone; see `_index_keys_of_own`."""
    for name, value_of in OWN_VALUES.items():
        if not FILTER_FIELDS[name].closed:
            yield name, value_of
    closed = [name for name in OWN_VALUES if FILTER_FIELDS[name].closed]
    for count in range(1, len(closed) + 1):
        for names in combinations(closed, count):
            yield _AND.join(names), _joined([OWN_VALUES[name] for name in names])


def _joined(values: list[Callable[[Node], str]]) -> Callable[[Node], str]:
    if len(values) == 1:
        return values[0]
    return lambda node: " ".join([value_of(node) for value_of in values])


_OWN_DIMENSIONS = tuple(_own_dimensions())

#: The dimensions of the search's fields, and what a node has in each.
_SEARCH_DIMENSIONS = tuple(
    (f"search {name}", each.texts) for name, each in SEARCH_FIELDS.items() if each.indexed and each.texts
)


class ViewIndex:
    """The views of one graph."""

    def __init__(self, graph: ServedGraph) -> None:
        self._graph = graph
        #: By dimension, those in use only, and value.
        self._listed: dict[str, dict[str, Listing]] = {}
        self._reached: dict[str, Listing] = {}
        #: How many views look at the edges of nodes.
        self._looking_at_edges = 0
        #: The step of the last `concerned`. A view whose part is the whole step passes it on unchanged.
        self._step: Changes | None = None

    def add(self, view: View) -> None:
        """Add a view as it is now."""
        self._looking_at_edges += view.filter.looks_at_edges
        for dimension, value in (*index_keys_of_filter(view.filter), *exclusions_of_filter(view.filter)):
            self._listed.setdefault(dimension, {}).setdefault(value, {})[view] = None
        self._follow(view, view.reached or ())

    def build(self, view: View) -> Iterator[int]:
        """Add a view and build it; see `View.build`."""
        self.add(view)
        for count in view.build():
            self._follow(view, view.turned)
            yield count

    def discard(self, view: View) -> None:
        """Remove the view, if it is listed. It must have followed the same steps as the graph."""
        for dimension, value in (*index_keys_of_filter(view.filter), *exclusions_of_filter(view.filter)):
            listings = self._listed.get(dimension)
            if listings is not None:
                _strike(listings, value, view)
                if not listings:
                    del self._listed[dimension]
        self._looking_at_edges -= view.filter.looks_at_edges
        for uid in view.reached or ():
            _strike(self._reached, uid, view)

    def discard_failed(self, view: View) -> None:
        """Remove a view whose last step failed. Time is proportional to the size of the index."""
        for uid in [uid for uid, listing in self._reached.items() if view in listing]:
            _strike(self._reached, uid, view)
        self.discard(view)

    def concerned(self, changes: Changes, past: GraphAt) -> dict[View, Changes]:
        """The views that this step may change, each with the part of the step that matters to it.

        Call it after the graph has applied the step, and before the views follow.
        past: the graph as it was before the step.
        """
        self._step = changes
        parts = dict.fromkeys(self._at(_EVERYWHERE), changes)
        if len(self._listed) == (1 if parts else 0):
            return parts
        for view in (*self._excluding(changes, past), *self._at(_ANYTHING)):
            parts[view] = copy(changes)
        memo: dict[str, Listing] = {}
        for node in changes.nodes_set:
            for view in self._of_node(node.uid, past, memo):
                _part(parts, view).nodes_set.append(node)
        for uid in changes.nodes_removed:
            for view in self._of_node(uid, past, memo):
                _part(parts, view).nodes_removed.append(uid)
        for edge in changes.edges_set:
            for view in self._of_edge(edge.key, past, memo):
                _part(parts, view).edges_set.append(edge)
        for key in changes.edges_removed:
            for view in self._of_edge(key, past, memo):
                _part(parts, view).edges_removed.append(key)
        return parts

    def update(self, view: View, part: Changes, past: GraphAt) -> Changes:
        """Let a view follow its part of the step. Returns the changes of the view."""
        if part is self._step:
            return part
        delta = view.update(part, past)
        self._follow(view, view.turned)
        return delta

    def _follow(self, view: View, turned: Iterable[str]) -> None:
        """Nodes entered or left what the view's releases reach."""
        assert view.reached is not None or not turned
        for uid in turned:
            if view.reached is not None and uid in view.reached:
                self._reached.setdefault(uid, {})[view] = None
            else:
                _strike(self._reached, uid, view)

    def _excluding(self, changes: Changes, past: GraphAt) -> Listing:
        """The views that only exclude, and exclude a node that changed or has a changed edge.

        The other views that only exclude pass the step on unchanged.
        """
        found: Listing = {}
        excluded = self._listed.get(_EXCLUDED_KEY)
        if excluded is None:
            return found
        uids = {node.uid for node in changes.nodes_set}
        uids.update(changes.nodes_removed)
        for _, *ends in (*[edge.key for edge in changes.edges_set], *changes.edges_removed):
            uids.update(ends)
        for uid in uids:
            for node in (past.node(uid), self._graph.node(uid)):
                if node is None or excluded.keys().isdisjoint(node.labels()):
                    continue
                for key, value in node.labels().items():
                    found.update(self._at(("not label", f"{key}={value}")))
                    found.update(self._at(("not key", key)))
        return found

    # Looking up

    def _of_node(self, uid: str, past: GraphAt, memo: dict[str, Listing]) -> Listing:
        """The views to which a change of this node may matter."""
        found = memo.get(uid)
        if found is not None:
            return found
        found = memo[uid] = dict(self._reached.get(uid, ()))
        before, now = past.node(uid), self._graph.node(uid)
        for node, state in ((before, past), (now, self._graph)):
            if node is not None:
                found.update(self._of_state(node, state))
        if before is not None and now is not None:
            if before.release and not now.release:
                self._find_reachable(uid, found)
            if before.namespace != now.namespace:
                self._find_beside(uid, past, found)
        return found

    def _of_state(self, node: Node, state: ReadableGraph) -> Listing:
        """The views to which a node as it is in a state may matter by itself."""
        found: Listing = {}
        for index_key in self._index_keys_of_node(node, state):
            found.update(self._at(index_key))
        if not self._listed.keys().isdisjoint(_TEXTS):
            self._find_text(texts_of(node), found)
        return found

    def _find_reachable(self, uid: str, found: Listing) -> None:
        """The node lost its release: another release may take it along from now on."""
        for edge in self._graph.incoming(uid):
            if edge.type in ATTACHMENT_TYPES:
                found.update(self._reached.get(edge.source, ()))
                found.update(self._at(("release", self._graph.nodes[edge.source].release)))

    def _find_beside(self, uid: str, past: GraphAt, found: Listing) -> None:
        """The node came back in another namespace: its neighbours may belong to that now."""
        for end in beside_moved((uid,), past, self._graph):
            found.update([(view, None) for view in self._reached.get(end, ()) if view.filter.namespace])
            if self._looking_at_edges and (neighbour := self._graph.node(end)) is not None:
                listed = self._of_state(neighbour, self._graph)
                found.update([(view, None) for view in listed if view.filter.looks_at_edges])

    def _that_look_at_edges(self, uid: str, past: GraphAt, memo: dict[str, Listing]) -> Iterator[View]:
        """The views to which a changed edge of this node may matter, as they look at its edges."""
        node = self._graph.node(uid)
        if node is not None:
            found = self._of_node(uid, past, memo)
            yield from [view for view in found if view.filter.looks_at_edges]

    def _of_edge(self, key: EdgeKey, past: GraphAt, memo: dict[str, Listing]) -> Iterator[View]:
        """The views to which a change of this edge may matter."""
        _, source, target = key
        found = self._of_node(source, past, memo)
        for view in found:
            if (
                view.reached is not None
                or view.filter.namespace
                or view.filter.looks_at_edges
                or (source in view and target in view)
            ):
                yield view
        for view in self._by_target(target, past, memo):
            if view not in found:
                yield view

    def _by_target(self, target: str, past: GraphAt, memo: dict[str, Listing]) -> Iterator[View]:
        """An edge may tie its source to the target's namespace, or the target to the source's."""
        node = self._graph.node(target) or past.node(target)
        if node is not None and node.namespace:
            yield from self._at(("namespace", node.namespace))
        for view in self._reached.get(target, ()):
            if view.filter.namespace:
                yield view
        if self._looking_at_edges:
            yield from self._that_look_at_edges(target, past, memo)

    def _find_text(self, texts: str, found: Listing) -> None:
        """Add the views that search for a text. Texts have many pieces, and few of them are listed."""
        for length, dimension in enumerate(_TEXTS, 1):
            listings = self._listed.get(dimension)
            if listings is None:
                continue
            pieces = {texts[start : start + length] for start in range(len(texts) - length + 1)}
            for piece in listings.keys() & pieces:
                for view in listings[piece]:
                    term = _text_of(view.filter)
                    if term is not None and any(occurs(value, texts) for value in term.values):
                        found[view] = None

    def _index_keys_of_node(self, node: Node, state: ReadableGraph) -> Iterator[IndexKey]:
        """The keys of views to which the node itself may matter, in the dimensions in use."""
        listed = self._listed
        if "release" in listed and node.release:
            yield ("release", node.release)
        if "namespace" in listed:
            for namespace in namespaces_of(node, state):
                yield ("namespace", namespace)
        for dimension, value_of in _OWN_DIMENSIONS:
            if dimension in listed:
                yield (dimension, value_of(node))
        for dimension, texts in _SEARCH_DIMENSIONS:
            if dimension in listed:
                for text in texts(node):
                    yield (dimension, text.lower())
        if "label" in listed or "key" in listed:
            for key, value in node.labels().items():
                yield ("label", f"{key}={value}")
                yield ("key", key)

    def _at(self, index_key: IndexKey) -> Listing | tuple[()]:
        dimension, value = index_key
        return self._listed.get(dimension, _NOTHING).get(value, ())


def index_keys_of_filter(filter: Filter) -> list[IndexKey]:
    """The keys under which its view is listed. Each node that it may keep for itself has one of these."""
    if filter.release:
        return [("release", release) for release in filter.release]
    if filter.namespace:
        return [("namespace", namespace) for namespace in filter.namespace]
    index_keys = _index_keys_of_selector(filter.selector)
    if index_keys:
        return index_keys
    pinned = [term for term in filter.search if term.is_pinned]
    rare = [term for term in pinned if SEARCH_FIELDS[term.field].shape == "text"]
    if rare:
        return _index_keys_of_term(rare[0])
    if (text := _text_of(filter)) is not None:
        pieces = {max(value, key=len)[:_LONGEST_PIECE] for value in text.values}
        return [(_TEXTS[len(piece) - 1], piece) for piece in pieces]
    if filter.own:
        return _index_keys_of_own(filter.own)
    if pinned:
        return _index_keys_of_term(pinned[0])
    return [_ANYTHING if filter.search else _EVERYWHERE]


def _index_keys_of_term(term: Term) -> list[IndexKey]:
    return [(f"search {term.field}", value) for (value,) in term.values]


def _text_of(filter: Filter) -> Term | None:
    """The term by whose text its view is listed: the first one that all its nodes must have."""
    for term in filter.search:
        if term.is_text and not term.negated and all(map(any, term.values)):
            return term
    return None


def _index_keys_of_own(own: tuple[OwnValues, ...]) -> list[IndexKey]:
    """The values of a field without a closed set, since these are rare. Otherwise the combined values of all
    closed fields, or of a broad one if there is nothing else."""
    telling = [(name, values) for name, values in own if not FILTER_FIELDS[name].broad]
    open = [(name, values) for name, values in telling if not FILTER_FIELDS[name].closed]
    chosen = open[:1] or telling or list(own)
    dimension = _AND.join([name for name, _ in chosen])
    return [(dimension, " ".join(each)) for each in product(*[values for _, values in chosen])]


def exclusions_of_filter(filter: Filter) -> list[IndexKey]:
    """For a filter that only excludes: keys (each excluded node has one), and the filter's label keys."""
    if not filter.only_excludes:
        return []
    index_keys: list[IndexKey] = []
    for each in filter.selector.requirements:
        index_keys.append((_EXCLUDED_KEY, each.key))
        index_keys += [("not label", f"{each.key}={value}") for value in each.values]
        if each.operator == "!":
            index_keys.append(("not key", each.key))
    return index_keys


def _index_keys_of_selector(selector: Selector) -> list[IndexKey]:
    """The values of the label requirement with the fewest values, otherwise a label key."""
    choices = [each for each in selector.requirements if each.operator == "in"]
    if choices:
        fewest = min(choices, key=lambda each: (len(each.values), each.key))
        return [("label", f"{fewest.key}={value}") for value in fewest.values]
    keys = [each.key for each in selector.requirements if each.operator in ("exists", "gt", "lt")]
    return [("key", keys[0])] if keys else []


def _part(parts: dict[View, Changes], view: View) -> Changes:
    part = parts.get(view)
    if part is None:
        part = parts[view] = Changes()
    return part


def _strike(listings: dict[K, Listing], key: K, view: View) -> None:
    listing = listings.get(key)
    if listing is not None:
        listing.pop(view, None)
        if not listing:
            del listings[key]
