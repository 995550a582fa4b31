"""The graph as a client of the stream holds it, and what each message changes of it. No I/O.

The contract: `nodes`, `edges` and `position` are at every moment one state that the server's filtered
graph has been in. A message is applied as a whole or, when it does not fit, not at all. It costs its own
size and the degree of what it is about, never the size of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from astrolabe.client.errors import ProtocolError
from astrolabe.client.holding import Holding, key_of, uid_of
from astrolabe.client.message import Bookmark, Delta, Edge, EdgeKey, Message, Node, Reset, Snapshot

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
        self._held = Holding()
        self._position: Position | None = None
        self._staged: _Staged | None = _Staged()
        self._stale = False

    @property
    def nodes(self) -> Mapping[str, Node]:
        """By uid."""
        return self._held.nodes

    @property
    def edges(self) -> Mapping[EdgeKey, Edge]:
        """By (type, uid of the source, uid of the target)."""
        return self._held.edges

    @property
    def position(self) -> Position | None:
        """Where in history this is; None before the first complete snapshot."""
        return self._position

    @property
    def complete(self) -> bool:
        """Whether the next message may be a delta; False from a reset to the end of its snapshot."""
        return self._staged is None

    def out(self, uid: str) -> list[Edge]:
        """The edges from this node."""
        return self._held.out(uid)

    def into(self, uid: str) -> list[Edge]:
        """The edges to this node."""
        return self._held.into(uid)

    def restart(self) -> None:
        """Nothing but a snapshot is to come next; what is held stays until it is complete."""
        self._staged = _Staged()
        self._stale = True

    def resume(self) -> Position | None:
        """On a new connection: the position to resume from, or None when a snapshot is needed.

        What came of a snapshot that was cut off is dropped.
        """
        resumes = self._position is not None and not self._stale
        self._staged = None if resumes else _Staged()
        return self._position if resumes else None

    def apply(self, message: Message) -> list[Change]:
        """What the message changes; a snapshot: what differs from what was held, when its last part comes.

        What is set to what it is, and what is removed that was not held, has not changed. Raises
        ProtocolError for a message that does not fit, after which `restart` is due.
        """
        match message:
            case Delta():
                return self._delta(message)
            case Bookmark(epoch, seq):
                self._check(message, since=min(seq, self._seq()))
                self._position = Position(epoch, seq)
            case Snapshot():
                return self._snapshot(message)
            case Reset():
                self._staged = _Staged()
        return []

    def _seq(self) -> int:
        return self._position.seq if self._position is not None else 0

    def _check(self, message: Delta | Bookmark, *, since: int) -> None:
        what = f"a {type(message).__name__.lower()} of {message.epoch}:{message.seq} since {since}"
        if self._staged is not None:
            raise ProtocolError(f"{what} before the end of a snapshot")
        if self._position != (message.epoch, since):
            held = "{}:{}".format(*self._position) if self._position is not None else "nothing"
            raise ProtocolError(f"{what}, while {held} is held")

    def _delta(self, delta: Delta) -> list[Change]:
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
        held = self._held
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
        held = self._held
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
        held = self._held
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

    def _snapshot(self, part: Snapshot) -> list[Change]:
        staged = self._staged
        if staged is None:
            raise ProtocolError(f"a snapshot of {part.epoch}:{part.seq} that was not asked for")
        staged.add(part)
        if not part.last:
            return []
        before, self._held = self._held, staged.holding
        self._position, self._staged, self._stale = Position(part.epoch, part.seq), None, False
        return _difference(before, self._held)


class _Staged:
    """A snapshot of which not all parts are there."""

    def __init__(self) -> None:
        self.holding = Holding()
        self._part = 0
        self._position: tuple[str, int] | None = None

    def add(self, part: Snapshot) -> None:
        """Raises ProtocolError for another than the next part of the same snapshot."""
        position = (part.epoch, part.seq)
        if part.part != self._part + 1 or self._position not in (None, position):
            raise ProtocolError(f"part {part.part} of a snapshot of {position} after {self._part} parts")
        self._part, self._position = part.part, position
        for node in part.nodes:
            uid = uid_of(node)
            if uid in self.holding.nodes:
                raise ProtocolError(f"{uid} is twice in a snapshot")
            self.holding.set_node(uid, node)
        for edge in part.edges:
            key = key_of(edge)
            if key in self.holding.edges:
                raise ProtocolError(f"the edge {key} is twice in a snapshot")
            self.holding.set_edge(key, edge)


def _difference(old: Holding, new: Holding) -> list[Change]:
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
