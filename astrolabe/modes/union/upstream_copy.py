"""What another Astrolabe streams, as changes of a cluster's part of a union.

The part itself is the copy: nothing of it is held a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from astrolabe.client.errors import ProtocolError
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    ResetMessage,
    ServerMessage,
    SnapshotMessage,
)
from astrolabe.client.progress import FollowedCopy
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.cluster_part import ClusterPart
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.identity import qualified
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import Node, parse_node

Json = dict[str, Any]
#: What one message changes: batches to publish one by one, and None where others may have their turn. Raises
#: ProtocolError for what does not fit.
Steps = Iterator[Changes | None]

#: Nodes or edges of one batch, which is applied in one turn of the loop; and those that are read in one step.
TOGETHER, STEP = 300, 50

SEVERAL = "the server serves several clusters itself; list each of them by an address of its own"


class UpstreamCopy(FollowedCopy):
    """Implements `client.progress.LocalCopy`: tells what each message changes of the served part.

    Whoever applies a message draws its steps, and publishes them, before the next message.
    """

    def __init__(self, part: ClusterPart) -> None:
        super().__init__()
        self._part = part
        self._snapshot = _ReceivedSnapshot()

    def apply(self, message: ServerMessage) -> list[Steps]:
        """What a message changes. Raises ProtocolError if it may not be applied now."""
        match message:
            case DeltaMessage():
                self._progress.check_step(message)
                self._progress.advance(message)
                return [self._delta(message)]
            case SnapshotMessage():
                self._progress.add_part(message)
                if message.part == 1:
                    self._snapshot = _ReceivedSnapshot()
                if message.last:
                    self._progress.finish(message)
                return [self._part_of_snapshot(message, self._snapshot)]
            case BookmarkMessage() | ResetMessage():
                self._progress.move(message)
        return []

    def _delta(self, delta: DeltaMessage) -> Steps:
        changes, part = Changes(), self._part
        for document in delta.nodes.set:
            node = self._node(document)
            if self._is_news(node):
                changes.nodes_set.append(node)
            if len(changes.nodes_set) % STEP == 0:
                yield None
        edges = map(self._edge, delta.edges.set)
        changes.edges_set = [edge for edge in edges if self._is_news_of(edge)]
        gone = [self._key(each.type, each.source, each.target) for each in delta.edges.remove]
        changes.edges_removed = [key for key in gone if part.edge(key) is not None]
        removed = [self._id(uid) for uid in delta.nodes.remove]
        changes.nodes_removed = [uid for uid in removed if part.node(uid) is not None]
        new = {node.uid for node in changes.nodes_set}
        for edge in changes.edges_set:
            if any(end not in new and part.node(end) is None for end in (edge.source, edge.target)):
                raise ProtocolError(f"an edge of which an end is not known: {edge.key}")
        if changes:
            yield changes

    def _part_of_snapshot(self, message: SnapshotMessage, snapshot: _ReceivedSnapshot) -> Steps:
        nodes = iter(message.nodes)
        while some := [self._node(document) for document in islice(nodes, STEP)]:
            snapshot.nodes.update([node.uid for node in some])
            if news := [node for node in some if self._is_news(node)]:
                yield Changes(nodes_set=news)
            yield None
        edges = iter([*snapshot.early, *map(self._edge, message.edges)])
        snapshot.early = []
        while waiting := list(islice(edges, TOGETHER)):
            if fit := [edge for edge in waiting if self._is_fit(edge, snapshot)]:
                yield Changes(edges_set=fit)
            yield None
        if message.last:
            if snapshot.early:
                raise ProtocolError(f"an edge of which an end is not known: {snapshot.early[0].key}")
            yield from self._left(snapshot)

    def _is_fit(self, edge: Edge, snapshot: _ReceivedSnapshot) -> bool:
        """Whether the edge is to be set now. One whose ends have not come yet waits for them."""
        if edge.source not in snapshot.nodes or edge.target not in snapshot.nodes:
            snapshot.early.append(edge)
            return False
        snapshot.edges.add(edge.key)
        return self._is_news_of(edge)

    def _left(self, snapshot: _ReceivedSnapshot) -> Steps:
        """What the part has that the whole snapshot has not."""
        nodes: list[str] = []
        edges: list[EdgeKey] = []
        for node in self._part.each_node():
            if node is None:
                yield None
                continue
            if node.uid not in snapshot.nodes:
                nodes.append(node.uid)
            edges += [edge.key for edge in self._part.outgoing(node.uid) if edge.key not in snapshot.edges]
        for begin in range(0, len(edges), TOGETHER):
            yield Changes(edges_removed=edges[begin : begin + TOGETHER])
        for begin in range(0, len(nodes), TOGETHER):
            yield Changes(nodes_removed=nodes[begin : begin + TOGETHER])

    def _is_news(self, node: Node) -> bool:
        served = self._part.node(node.uid)
        return served is None or served.text != node.text

    def _is_news_of(self, edge: Edge) -> bool:
        """Of which end a field is may be known from a time of its own API server; no client is told that."""
        served = self._part.edge(edge.key)
        return served is None or served.field != edge.field

    def _node(self, document: Json) -> Node:
        if "cluster" in document:
            raise ProtocolError(SEVERAL)
        told: Json = {}
        for key, value in document.items():
            told[key] = value
            if key == "uid":
                told[key], told["cluster"] = self._id(value), self._part.cluster
        try:
            return parse_node(json_text(told))
        except ValueError as error:
            raise ProtocolError(f"a node that is none: {error}") from error

    def _edge(self, edge: Json) -> Edge:
        field = tuple(edge["field"])
        type, source, target = self._key(edge["type"], edge["from"], edge["to"])
        # Which fields are of which end is not told.
        return Edge(type, source, target, field, len(field))

    def _key(self, type: str, source: str, target: str) -> EdgeKey:
        return type, self._id(source), self._id(target)

    def _id(self, uid: str) -> str:
        return qualified(self._part.cluster, uid)


class _ReceivedSnapshot:
    """What a snapshot has had so far. early: its edges of which an end has not come yet."""

    def __init__(self) -> None:
        self.nodes: set[str] = set()
        self.edges: set[EdgeKey] = set()
        self.early: list[Edge] = []
