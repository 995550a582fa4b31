"""The unit of change. Apply the batches in order, and you have the graph."""

from __future__ import annotations

import msgspec

from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node


class Changes(msgspec.Struct):
    """What one commit of the model changed. Every removed node's edges are among `edges_removed`.

    releases: the newest revision of each Helm release; None if Helm no longer keeps any.
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


#: The size of a band of positions. Bands alternate: one is for positions that all replicas share, the next
#: for positions that a leader assigns while it is detached from Redis.
BAND = 1 << 20


def is_detached(seq: int) -> bool:
    """Whether a detached leader assigned this position, so that no other process ever reaches it."""
    return bool(seq & BAND)


#: The smallest jump: more batches than any process makes before the clock is ahead again.
MIN_SKIP = 1_000_000


def next_seq(seq: int, *, detached: bool) -> int:
    """The next seq, among the stored ones or among the detached ones."""
    following = seq + 1
    if is_detached(following) is detached:
        return following
    return (following | (BAND - 1)) + 1


def skip_ahead(seq: int, *, microseconds: int, detached: bool) -> int:
    """A seq that no other process uses.

    microseconds: the Unix time. There are a few dozen batches per second, so an epoch whose seq was set to
        the clock never catches up with the clock, and every later jump reaches unused numbers. Other
        processes may continue at `seq` one by one, and would need MIN_SKIP batches to get here.
    """
    reached = max(seq + MIN_SKIP, microseconds)
    # Not to the start of a band: the microseconds make the number unique.
    return reached if is_detached(reached) is detached else reached + BAND


class Batch(msgspec.Struct, frozen=True):
    """Changes with their place in history.

    epoch: names one unbroken history. seq: grows by one per batch within it.
    time: when the first of the changes arrived, in milliseconds since 1970 (UTC).
    gap: how far seq moves. It is more than one if a leader stores what it could not share at once, or enters
        the next band. The numbers between were never used, or belong to another process.
    Apply in this order: nodes set, edges set, edges removed, nodes removed; then no edge ever lacks an end.
    """

    epoch: str
    seq: int
    changes: Changes
    time: int = 0
    gap: int = 1

    @property
    def since(self) -> int:
        """The seq that it continues from."""
        return self.seq - self.gap


class Undo(msgspec.Struct):
    """What a batch overwrote, and what undoes it. None: there was nothing before."""

    nodes: dict[str, Node | None] = {}
    edges: dict[EdgeKey, Edge | None] = {}
