"""A client's copy of the graph, and how each message changes it. No I/O.

The contract: `nodes`, `edges` and `position` always equal one state that the server's filtered graph has had.
A message is applied completely or, if it does not fit, not at all. Applying it takes time proportional to its
size and to the edges of its nodes, not to the size of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from astrolabe.client.adjacency import AdjacencyGraph, key_of, uid_of
from astrolabe.client.errors import ProtocolError
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    Edge,
    EdgeKey,
    Node,
    ResetMessage,
    ServerMessage,
    SnapshotMessage,
)
from astrolabe.client.progress import FollowedCopy, Sign


class NodeChange(msgspec.Struct, frozen=True):
    """`+`: added. `~`: changed. `-`: removed; `node` is its last version.

    before: the previous version; None if added.
    """

    sign: Sign
    node: Node
    before: Node | None = None


class EdgeChange(msgspec.Struct, frozen=True):
    """As `NodeChange`. source and target are the nodes at the ends of the edge."""

    sign: Sign
    edge: Edge
    source: Node
    target: Node
    before: Edge | None = None


Change = NodeChange | EdgeChange


class Graph(FollowedCopy):
    """The nodes and edges of one subscription. It survives reconnects.

    Read only. The mappings `nodes` and `edges` follow the changes, but a snapshot replaces them: get them
    again instead of keeping them. A node or edge is never modified, only replaced.
    """

    def __init__(self) -> None:
        super().__init__()
        self._adjacency = AdjacencyGraph()
        #: What the parts of an interrupted snapshot make.
        self._staged = AdjacencyGraph()

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By uid."""
        return self._adjacency.nodes

    @property
    def edges(self) -> Mapping[EdgeKey, Edge]:
        """By (type, uid of the source, uid of the target)."""
        return self._adjacency.edges

    def out(self, uid: str) -> list[Edge]:
        """The edges from this node."""
        return self._adjacency.out(uid)

    def into(self, uid: str) -> list[Edge]:
        """The edges to this node."""
        return self._adjacency.into(uid)

    def apply(self, message: ServerMessage) -> list[Change]:
        """Apply a message and return the changes. The last part of a snapshot returns all its differences.

        Setting a node to its current value is not a change, nor is removing one that does not exist. Raises
        ProtocolError for a message that does not fit; call `restart` then.
        """
        match message:
            case DeltaMessage():
                return self._delta(message)
            case SnapshotMessage():
                return self._snapshot(message)
            case BookmarkMessage() | ResetMessage():
                self._progress.move(message)
        return []

    def _delta(self, delta: DeltaMessage) -> list[Change]:
        self._progress.check_step(delta)
        changes: list[Change] = []
        try:
            self._set(delta.nodes.set, delta.edges.set, changes)
            gone = ((name.type, name.source, name.target) for name in delta.edges.remove)
            self._remove(delta.nodes.remove, gone, changes)
        except ProtocolError:
            self._undo(changes)
            raise
        self._progress.advance(delta)
        return changes

    def _set(self, nodes: list[Node], edges: list[Edge], changes: list[Change]) -> None:
        held = self._adjacency
        for node in nodes:
            uid = uid_of(node)
            known = held.nodes.get(uid)
            if known != node:
                held.set_node(uid, node)
                changes.append(NodeChange("+" if known is None else "~", node, known))
        for edge in edges:
            key = key_of(edge)
            before = held.edges.get(key)
            if before != edge:
                held.set_edge(key, edge)
                source, target = held.nodes[key[1]], held.nodes[key[2]]
                changes.append(EdgeChange("+" if before is None else "~", edge, source, target, before))

    def _remove(self, uids: Iterable[str], keys: Iterable[EdgeKey], changes: list[Change]) -> None:
        held = self._adjacency
        for key in keys:
            edge = held.edges.get(key)
            if edge is not None:
                held.remove_edge(key)
                changes.append(EdgeChange("-", edge, held.nodes[key[1]], held.nodes[key[2]], edge))
        for uid in uids:
            node = held.nodes.get(uid)
            if node is not None:
                held.remove_node(uid)
                changes.append(NodeChange("-", node, node))

    def _undo(self, changes: list[Change]) -> None:
        held = self._adjacency
        for change in reversed(changes):
            if isinstance(change, NodeChange):
                if change.before is None:
                    held.remove_node(change.node["uid"])
                else:
                    held.set_node(change.node["uid"], change.before)
            elif change.before is None:
                held.remove_edge(key_of(change.edge))
            else:
                held.set_edge(key_of(change.edge), change.before)

    def _snapshot(self, part: SnapshotMessage) -> list[Change]:
        self._progress.add_part(part)
        if part.part == 1:
            self._staged = AdjacencyGraph()
        _stage(self._staged, part)
        if not part.last:
            return []
        before, self._adjacency, self._staged = self._adjacency, self._staged, AdjacencyGraph()
        self._progress.finish(part)
        return _difference(before, self._adjacency)


def _stage(graph: AdjacencyGraph, part: SnapshotMessage) -> None:
    for node in part.nodes:
        uid = uid_of(node)
        if uid in graph.nodes:
            raise ProtocolError(f"{uid} is twice in a snapshot")
        graph.set_node(uid, node)
    for edge in part.edges:
        key = key_of(edge)
        if key in graph.edges:
            raise ProtocolError(f"the edge {key} is twice in a snapshot")
        graph.set_edge(key, edge)


def _difference(old: AdjacencyGraph, new: AdjacencyGraph) -> list[Change]:
    """The changes from one graph to the other, in the order in which a delta is applied."""
    changes: list[Change] = []
    for uid, node in new.nodes.items():
        known = old.nodes.get(uid)
        if known != node:
            changes.append(NodeChange("+" if known is None else "~", node, known))
    for key, edge in new.edges.items():
        before = old.edges.get(key)
        if before != edge:
            source, target = new.nodes[key[1]], new.nodes[key[2]]
            changes.append(EdgeChange("+" if before is None else "~", edge, source, target, before))
    for key, edge in old.edges.items():
        if key not in new.edges:
            source, target = (new.nodes.get(uid) or old.nodes[uid] for uid in key[1:])
            changes.append(EdgeChange("-", edge, source, target, edge))
    changes += [NodeChange("-", node, node) for uid, node in old.nodes.items() if uid not in new.nodes]
    return changes
