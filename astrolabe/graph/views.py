"""Which views a step concerns, found by index: a step costs nothing to the views that it does not concern.

A view is listed under what its filter requires of every node that it keeps, the rarest first: a release,
a namespace, a label, a piece of text, a kind, a status. A changed node, as it was and as it is, names the
lists to look into. What a release takes along names nothing itself, so that is listed by uid.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import EdgeKey
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.history import Past
from astrolabe.graph.membership import ATTACHMENT_TYPES, State, namespaces_of
from astrolabe.graph.node import Node
from astrolabe.graph.selector import Selector
from astrolabe.graph.view import View

K = TypeVar("K", bound=Hashable)

#: What a view is listed under: a dimension, and a value in it.
Place = tuple[str, str]
#: Views in order of listing; the values mean nothing.
Listing = dict[View, None]

_EVERYWHERE: Place = ("", "")
#: A text is listed under its first characters, at most so many.
_LONGEST_PIECE = 3


class Views:
    """The views of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._listed: dict[Place, Listing] = {}
        #: How many listings there are in each dimension: a node is asked only for those in use.
        self._used: dict[str, int] = {}
        self._reached: dict[str, Listing] = {}

    def add(self, view: View) -> None:
        """List a view as it is now."""
        for place in places_of_filter(view.filter):
            self._listed.setdefault(place, {})[view] = None
            self._used[place[0]] = self._used.get(place[0], 0) + 1
        self._follow(view, view.reached or ())

    def discard(self, view: View) -> None:
        """List it no more. It must have taken the same steps as the graph."""
        for place in places_of_filter(view.filter):
            _strike(self._listed, place, view)
            self._used[place[0]] -= 1
        for uid in view.reached or ():
            _strike(self._reached, uid, view)

    def concerned(self, changes: Changes, past: Past) -> dict[View, Changes]:
        """The views that this step may change, and for each the part of it that matters there.

        To be asked once the graph has taken the step, and before the views have.
        past: the graph as it was before the step.
        """
        parts = dict.fromkeys(self._listed.get(_EVERYWHERE, ()), changes)
        if len(self._listed) == (1 if parts else 0):
            return parts
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

    def update(self, view: View, part: Changes, past: Past) -> Changes:
        """Let a view take its part of the step; returns the step as it sees it."""
        delta = view.update(part, past)
        self._follow(view, view.turned)
        return delta

    def _follow(self, view: View, turned: Iterable[str]) -> None:
        """What the view's releases reach has come in or gone out."""
        assert view.reached is not None or not turned
        for uid in turned:
            if view.reached is not None and uid in view.reached:
                self._reached.setdefault(uid, {})[view] = None
            else:
                _strike(self._reached, uid, view)

    # Looking up

    def _of_node(self, uid: str, past: Past, memo: dict[str, Listing]) -> Listing:
        """The views to which a change of this node may matter."""
        found = memo.get(uid)
        if found is not None:
            return found
        found = memo[uid] = dict(self._reached.get(uid, ()))
        before, now = past.node(uid), self._graph.node(uid)
        for node, state in ((before, past), (now, self._graph)):
            if node is not None:
                for place in self._places_of_node(node, state):
                    found.update(self._listed.get(place, ()))
        if before is not None and now is not None and before.release and not now.release:
            self._find_reachable(uid, found)
        return found

    def _find_reachable(self, uid: str, found: Listing) -> None:
        """The node has lost its release: another one may take it along from now on."""
        for edge in self._graph.into(uid):
            if edge.type in ATTACHMENT_TYPES:
                found.update(self._reached.get(edge.source, ()))
                found.update(self._listed.get(("release", self._graph.nodes[edge.source].release), ()))

    def _of_edge(self, key: EdgeKey, past: Past, memo: dict[str, Listing]) -> Iterator[View]:
        """The views to which a change of this edge may matter."""
        _, source, target = key
        found = self._of_node(source, past, memo)
        for view in found:
            if view.reached is not None or view.filter.namespace or (source in view and target in view):
                yield view
        for view in self._by_target(target, past):
            if view not in found:
                yield view

    def _by_target(self, target: str, past: Past) -> Iterator[View]:
        """An edge may tie its source to the target's namespace, or the target to the source's."""
        node = self._graph.node(target) or past.node(target)
        if node is not None and node.namespace:
            yield from self._listed.get(("namespace", node.namespace), ())
        for view in self._reached.get(target, ()):
            if view.filter.namespace:
                yield view

    def _places_of_node(self, node: Node, state: State) -> Iterator[Place]:
        """Where the views are listed that the node itself may matter to, in the dimensions in use."""
        used = self._used
        if node.release and used.get("release"):
            yield ("release", node.release)
        if used.get("namespace"):
            for namespace in namespaces_of(node, state):
                yield ("namespace", namespace)
        if used.get("kind"):
            yield ("kind", node.kind)
        if used.get("status"):
            yield ("status", node.status)
        if used.get("label") or used.get("key"):
            for key, value in node.labels().items():
                yield ("label", f"{key}={value}")
                yield ("key", key)
        for length in range(1, _LONGEST_PIECE + 1):
            if used.get(_text_dimension(length)):
                yield from _places_of_text(node, length)


def places_of_filter(filter: Filter) -> list[Place]:
    """Where its view is listed: every node that it may keep for its own sake is found in one of these."""
    if filter.release:
        return [("release", release) for release in filter.release]
    if filter.namespace:
        return [("namespace", namespace) for namespace in filter.namespace]
    places = _places_of_selector(filter.selector)
    if places:
        return places
    if filter.q:
        piece = filter.q[:_LONGEST_PIECE]
        return [(_text_dimension(len(piece)), piece)]
    if filter.kind:
        return [("kind", kind) for kind in filter.kind]
    if filter.status:
        return [("status", status) for status in filter.status]
    return [_EVERYWHERE]


def _places_of_selector(selector: Selector) -> list[Place]:
    """Under the values of one label, those of the requirement with the fewest; else under a key."""
    choices = [each for each in selector.requirements if each.operator == "in"]
    if choices:
        fewest = min(choices, key=lambda each: (len(each.values), each.key))
        return [("label", f"{fewest.key}={value}") for value in fewest.values]
    keys = [each.key for each in selector.requirements if each.operator in ("exists", "gt", "lt")]
    return [("key", keys[0])] if keys else []


def _text_dimension(length: int) -> str:
    return f"text of {length}"


def _places_of_text(node: Node, length: int) -> Iterator[Place]:
    dimension = _text_dimension(length)
    pieces = {
        text[start : start + length]
        for text in (node.name, node.kind, node.namespace, node.release)
        for text in (text.lower(),)
        for start in range(len(text) - length + 1)
    }
    for piece in pieces:
        yield (dimension, piece)


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
