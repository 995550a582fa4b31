"""A client's copy of the graph, and how each message changes it. No I/O.

The contract: `nodes`, `edges` and `position` always equal one state that the server's filtered graph has had.
A message is applied completely or, if it does not fit, not at all. Applying it takes time proportional to its
size and to the edges of its nodes, not to the size of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

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

Sign = Literal["+", "~", "-"]


class Position(NamedTuple):
    """A position in the server's history: the epoch, and the sequence number in it."""

    epoch: str
    seq: int


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


class Graph:
    """The nodes and edges of one subscription. It survives reconnects.

    Read only. The mappings `nodes` and `edges` follow the changes, but a snapshot replaces them: get them
    again instead of keeping them. A node or edge is never modified, only replaced.
    """

    def __init__(self) -> None:
        self._adjacency = AdjacencyGraph()
        self._position: Position | None = None
        self._partial: _PartialSnapshot | None = _PartialSnapshot()
        self._stale = False

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By uid."""
        return self._adjacency.nodes

    @property
    def edges(self) -> Mapping[EdgeKey, Edge]:
        """By (type, uid of the source, uid of the target)."""
        return self._adjacency.edges

    @property
    def position(self) -> Position | None:
        """The position in the server's history; None before the first complete snapshot."""
        return self._position

    @property
    def complete(self) -> bool:
        """Whether a delta may follow. False from a reset until its snapshot is complete."""
        return self._partial is None

    def out(self, uid: str) -> list[Edge]:
        """The edges from this node."""
        return self._adjacency.out(uid)

    def into(self, uid: str) -> list[Edge]:
        """The edges to this node."""
        return self._adjacency.into(uid)

    def restart(self) -> None:
        """Expect a snapshot next. The current content stays until the snapshot is complete."""
        self._partial = _PartialSnapshot()
        self._stale = True

    def resume(self) -> Position | None:
        """The position to resume from on a new connection; None if a snapshot is needed.

        Discards the parts of an interrupted snapshot.
        """
        resumes = self._position is not None and not self._stale
        self._partial = None if resumes else _PartialSnapshot()
        return self._position if resumes else None

    def apply(self, message: ServerMessage) -> list[Change]:
        """Apply a message and return the changes. The last part of a snapshot returns all its differences.

        Setting a node to its current value is not a change, nor is removing one that does not exist. Raises
        ProtocolError for a message that does not fit; call `restart` then.
        """
        match message:
            case DeltaMessage():
                return self._delta(message)
            case BookmarkMessage(epoch, seq):
                self._check(message, since=min(seq, self._seq()))
                self._position = Position(epoch, seq)
            case SnapshotMessage():
                return self._snapshot(message)
            case ResetMessage():
                self._partial = _PartialSnapshot()
        return []

    def _seq(self) -> int:
        return self._position.seq if self._position is not None else 0

    def _check(self, message: DeltaMessage | BookmarkMessage, *, since: int) -> None:
        what = f"a {message.__struct_config__.tag} of {message.epoch}:{message.seq} since {since}"
        if self._partial is not None:
            raise ProtocolError(f"{what} before the end of a snapshot")
        if self._position != (message.epoch, since):
            held = "{}:{}".format(*self._position) if self._position is not None else "nothing"
            raise ProtocolError(f"{what}, while {held} is held")

    def _delta(self, delta: DeltaMessage) -> list[Change]:
        self._check(delta, since=delta.since)
        if delta.seq <= delta.since:
            raise ProtocolError(f"a delta from {delta.since} to {delta.seq}")
        changes: list[Change] = []
        try:
            self._set(delta.nodes.set, delta.edges.set, changes)
            gone = ((name.type, name.source, name.target) for name in delta.edges.remove)
            self._remove(delta.nodes.remove, gone, changes)
        except ProtocolError:
            self._undo(changes)
            raise
        self._position = Position(delta.epoch, delta.seq)
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
        staged = self._partial
        if staged is None:
            raise ProtocolError(f"a snapshot of {part.epoch}:{part.seq} that was not asked for")
        staged.add(part)
        if not part.last:
            return []
        before, self._adjacency = self._adjacency, staged.graph
        self._position, self._partial, self._stale = Position(part.epoch, part.seq), None, False
        return _difference(before, self._adjacency)


class _PartialSnapshot:
    """A snapshot of which parts are still missing."""

    def __init__(self) -> None:
        self.graph = AdjacencyGraph()
        self._part = 0
        self._position: tuple[str, int] | None = None

    def add(self, part: SnapshotMessage) -> None:
        """Add the next part. Raises ProtocolError for any other part."""
        position = (part.epoch, part.seq)
        if part.part != self._part + 1 or self._position not in (None, position):
            raise ProtocolError(f"part {part.part} of a snapshot of {position} after {self._part} parts")
        self._part, self._position = part.part, position
        for node in part.nodes:
            uid = uid_of(node)
            if uid in self.graph.nodes:
                raise ProtocolError(f"{uid} is twice in a snapshot")
            self.graph.set_node(uid, node)
        for edge in part.edges:
            key = key_of(edge)
            if key in self.graph.edges:
                raise ProtocolError(f"the edge {key} is twice in a snapshot")
            self.graph.set_edge(key, edge)


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
