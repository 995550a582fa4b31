"""The graph as a client of the stream holds it, and what each message changes of it. No I/O.

The contract: `nodes`, `edges` and `position` are at every moment one state that the server's filtered
graph has been in. A message is applied as a whole or, when it does not fit, not at all. It costs its own
size and the degree of what it is about, never the size of the graph.
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
    """A place in history: which one, and how far."""

    epoch: str
    seq: int


class NodeChange(msgspec.Struct, frozen=True):
    """`+`: new. `~`: different. `-`: gone, and `node` is what was known of it last.

    before: what was held until now; None when new.
    """

    sign: Sign
    node: Node
    before: Node | None = None


class EdgeChange(msgspec.Struct, frozen=True):
    """As `NodeChange`; source and target are the nodes at its ends."""

    sign: Sign
    edge: Edge
    source: Node
    target: Node
    before: Edge | None = None


Change = NodeChange | EdgeChange


class Graph:
    """Apply the messages of one subscription in order, over as many connections as there are.

    Read only. What `nodes` and `edges` return follows the changes, but is exchanged by a snapshot: ask for
    it again rather than keep it. A node or edge itself is never changed, only replaced.
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
        """Where in history this is; None before the first complete snapshot."""
        return self._position

    @property
    def complete(self) -> bool:
        """Whether the next message may be a delta; False from a reset to the end of its snapshot."""
        return self._partial is None

    def out(self, uid: str) -> list[Edge]:
        """The edges from this node."""
        return self._adjacency.out(uid)

    def into(self, uid: str) -> list[Edge]:
        """The edges to this node."""
        return self._adjacency.into(uid)

    def restart(self) -> None:
        """Nothing but a snapshot is to come next; what is held stays until it is complete."""
        self._partial = _PartialSnapshot()
        self._stale = True

    def resume(self) -> Position | None:
        """On a new connection: the position to resume from, or None when a snapshot is needed.

        What came of a snapshot that was cut off is dropped.
        """
        resumes = self._position is not None and not self._stale
        self._partial = None if resumes else _PartialSnapshot()
        return self._position if resumes else None

    def apply(self, message: ServerMessage) -> list[Change]:
        """What the message changes; a snapshot: what differs from what was held, when its last part comes.

        What is set to what it is, and what is removed that was not held, has not changed. Raises
        ProtocolError for a message that does not fit, after which `restart` is due.
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
    """A snapshot of which not all parts are there."""

    def __init__(self) -> None:
        self.graph = AdjacencyGraph()
        self._part = 0
        self._position: tuple[str, int] | None = None

    def add(self, part: SnapshotMessage) -> None:
        """Raises ProtocolError for another than the next part of the same snapshot."""
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
    """What leads from one to the other, in the order in which a delta is applied."""
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
