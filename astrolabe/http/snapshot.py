"""A view at one place in history: taken in steps, and cut into messages when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph import wire
from astrolabe.graph.edge import Edge
from astrolabe.graph.history import Past
from astrolabe.graph.node import Node
from astrolabe.graph.view import View
from astrolabe.graph.wire import Cut
from astrolabe.http.message import Message

#: Parts that are shared, the latest made ones: 32 MB of them. Clients choose the ids for which they are made.
PARTS = 64
#: Nodes that are taken in one step.
STEP = 100


class Snapshot:
    """What is in the view when this is made; its texts are held only while there are readers.

    past: the graph as it is now, held still until all is `taken` (`take`).
    epoch, seq: the place in history that it is of. nodes, edges: what there is, once it is taken.
    """

    def __init__(self, view: View, past: Past, epoch: str, seq: int) -> None:
        self.epoch = epoch
        self.seq = seq
        self.taken = False
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.past = past
        self._members = view.uids()
        self._whole = not view.filter
        self._readers = 0
        self._shared = True
        self._parts: dict[tuple[str, Cut], tuple[Message, Cut]] = {}

    def take(self) -> Iterator[int]:
        """Take all, in steps between which the graph may go on; each tells how many nodes it took."""
        members, past = self._members, self.past
        for count, uid in enumerate(members, 1):
            node = past.node(uid)
            assert node is not None
            self.nodes.append(node)
            out = past.out(uid)
            self.edges.extend(out if self._whole else [edge for edge in out if edge.target in members])
            if count % STEP == 0:
                yield STEP
        self.taken = True
        self._members = ()

    def read(self, id: str) -> Iterator[Message]:
        """The parts in order, for the subscription of this id."""
        self._readers += 1
        try:
            start, number, last = (0, 0), 1, False
            while not last:
                message, start = self._part(id, number, start)
                last = bool(message.position)
                number += 1
                yield message
        finally:
            self._readers -= 1
            if not self._readers:
                self._parts.clear()

    def keep_nothing(self) -> None:
        """There will be no new readers: the parts are made for each of those who are still at it.

        Slow ones would else hold all of a snapshot that nobody shares with them.
        """
        self._shared = False
        self._parts.clear()

    def _part(self, id: str, number: int, start: Cut) -> tuple[Message, Cut]:
        made = self._parts.get((id, start))
        if made is None:
            text, end = wire.snapshot_part(id, self.epoch, self.seq, number, self.nodes, self.edges, start)
            # Only with its last part has a client all of the snapshot.
            position = f"{self.epoch}:{self.seq}" if end == self._end else ""
            made = Message("snapshot", text, position), end
            if self._shared:
                self._parts[id, start] = made
                if len(self._parts) > PARTS:
                    del self._parts[next(iter(self._parts))]
        return made

    @property
    def _end(self) -> Cut:
        return len(self.nodes), len(self.edges)
