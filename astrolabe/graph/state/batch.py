"""The unit of change. Applied in order, batches are the graph."""

from __future__ import annotations

import msgspec

from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node


class Changes(msgspec.Struct):
    """What one commit of the model changed. Every removed node's edges are among `edges_removed`.

    releases: the newest revision of the releases that Helm keeps, None where it keeps none any more.
    """

    nodes_set: list[Node] = []
    edges_set: list[Edge] = []
    edges_removed: list[EdgeKey] = []
    nodes_removed: list[str] = []
    releases: dict[Release, HelmRevision | None] = {}

    def __bool__(self) -> bool:
        return bool(
            self.nodes_set or self.edges_set or self.edges_removed or self.nodes_removed or self.releases
        )


#: Positions come in bands of so many, in turn: those that all who share a history know, and those that a
#: leader gives away while it is detached from what they share.
BAND = 1 << 20


def is_detached(seq: int) -> bool:
    """Whether only one process gives this position away: no other one ever comes to it."""
    return bool(seq & BAND)


class Batch(msgspec.Struct, frozen=True):
    """Changes with their place in history.

    epoch: names one unbroken history. seq: grows by one a batch within it.
    time: when the first of the changes was taken in, in milliseconds since 1970 (UTC).
    gap: how far seq moves. It is more than one if a leader stores what it could not share at once, or enters
        the next band. The numbers between were never used, or belong to another process.
    Apply in this order: nodes set, edges set, edges removed, nodes removed; no edge ever dangles.
    """

    epoch: str
    seq: int
    changes: Changes
    time: int = 0
    gap: int = 1

    @property
    def since(self) -> int:
        """The seq that it goes on from."""
        return self.seq - self.gap


class Undo(msgspec.Struct):
    """What a batch changed, as it was before it: None where there was nothing."""

    nodes: dict[str, Node | None] = {}
    edges: dict[EdgeKey, Edge | None] = {}
