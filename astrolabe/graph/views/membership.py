"""Whether a filter keeps a node of the graph as it is or was.

`Filter.passes` decides what depends on the node alone. Three things depend on neighbours: a cluster-scoped
node belongs to the namespaces that its edges lead to, a release takes along what its nodes use, and a search
may ask for what a node uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.state.edge_types import ATTACHMENT_TYPES
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter


class Attachments:
    """Implements `reach.Traversable` over uids: from the nodes of the releases along attachment edges."""

    def __init__(self, state: ReadableGraph, filter: Filter) -> None:
        self._state = state
        self._filter = filter

    def is_root(self, item: str) -> bool:
        node = self._state.node(item)
        return node is not None and is_of_release(node, self._filter)

    def admits(self, item: str) -> bool:
        node = self._state.node(item)
        return node is not None and not node.release

    def successors(self, item: str) -> list[str]:
        return [edge.target for edge in self._state.outgoing(item) if edge.type in ATTACHMENT_TYPES]

    def predecessors(self, item: str) -> list[str]:
        return [edge.source for edge in self._state.incoming(item) if edge.type in ATTACHMENT_TYPES]


def is_of_release(node: Node, filter: Filter) -> bool:
    """Whether the node itself belongs to a release that the filter names.

    If the filter names a namespace, either the release or the node must be in it.
    """
    if not node.release or node.release not in filter.release:
        return False
    wanted = filter.namespace
    return not wanted or node.release_namespace in wanted or node.namespace in wanted


def namespaces_of(node: Node, state: ReadableGraph) -> Iterator[str]:
    """The namespaces that a node belongs to. A cluster-scoped node belongs to those of its neighbours.

    A namespace may come twice.
    """
    if node.namespace:
        yield node.namespace
    elif node.kind == NAMESPACE:
        yield node.name
    else:
        for edge in state.incoming(node.uid):
            neighbour = state.node(edge.source)
            if neighbour is not None and neighbour.namespace:
                yield neighbour.namespace
        for edge in state.outgoing(node.uid):
            neighbour = state.node(edge.target)
            if neighbour is not None and neighbour.namespace:
                yield neighbour.namespace


def is_in_namespace(node: Node, state: ReadableGraph, filter: Filter) -> bool:
    """Whether it belongs to a namespace that the filter names. True if the filter names none."""
    wanted = filter.namespace
    if not wanted or node.namespace in wanted:
        return True
    if node.namespace:
        return False
    return any(namespace in wanted for namespace in namespaces_of(node, state))


def beside_moved(uids: Iterable[str], past: ReadableGraph, now: ReadableGraph) -> set[str]:
    """The neighbours of nodes that came back in another namespace.

    They may belong to other namespaces now, though neither they nor their edges changed.
    """
    moved = []
    for uid in uids:
        before, after = past.node(uid), now.node(uid)
        if before is not None and after is not None and before.namespace != after.namespace:
            moved.append(uid)
    return {end for uid in moved for edge in (*now.outgoing(uid), *now.incoming(uid)) for end in edge.key[1:]}


class Membership:
    """What a filter keeps of one state of the graph, computed per node and remembered.

    Use it for a state that is read once. To follow the present, a view is cheaper.
    """

    def __init__(self, state: ReadableGraph, filter: Filter) -> None:
        self._state = state
        self._filter = filter
        self._terrain = Attachments(state, filter)
        self._reached: dict[str, bool] = {}

    def __contains__(self, uid: str) -> bool:
        node = self._state.node(uid)
        if node is None or not self._filter.passes(node):
            return False
        if self._filter.release and not self._is_reached(uid):
            return False
        if self._filter.looks_at_edges and not self._filter.relates(node, self._state):
            return False
        return is_in_namespace(node, self._state, self._filter)

    def _is_reached(self, uid: str) -> bool:
        """Search backwards for a node of the releases."""
        terrain, seen, waiting = self._terrain, {uid}, [uid]
        while waiting:
            item = waiting.pop()
            if terrain.is_root(item) or self._reached.get(item, False):
                self._reached[uid] = True
                return True
            if item in self._reached or not terrain.admits(item):
                continue
            found = [source for source in terrain.predecessors(item) if source not in seen]
            seen.update(found)
            waiting.extend(found)
        self._reached.update(dict.fromkeys(seen, False))
        return False
