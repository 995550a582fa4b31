"""A view at one seq, cut into messages: made when they are asked for, once for all who ask at that seq."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph import wire
from astrolabe.graph.view import View
from astrolabe.graph.wire import Cut
from astrolabe.http.message import Message

#: Parts that are shared, the latest made ones: 32 MB of them. Clients choose the ids for which they are made.
PARTS = 64


class Snapshot:
    """What is in the view is taken when it is made; its texts are held only while there are readers.

    seq: of the graph that it is of.
    """

    def __init__(self, view: View, epoch: str, seq: int) -> None:
        self.seq = seq
        self._epoch = epoch
        self._nodes = list(view.nodes())
        self._edges = list(view.edges())
        self._readers = 0
        self._shared = True
        self._parts: dict[tuple[str, Cut], tuple[Message, Cut]] = {}

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
            text, end = wire.snapshot_part(id, self._epoch, self.seq, number, self._nodes, self._edges, start)
            # Only with its last part has a client all of the snapshot.
            position = f"{self._epoch}:{self.seq}" if end == self._whole else ""
            made = Message("snapshot", text, position), end
            if self._shared:
                self._parts[id, start] = made
                if len(self._parts) > PARTS:
                    del self._parts[next(iter(self._parts))]
        return made

    @property
    def _whole(self) -> Cut:
        return len(self._nodes), len(self._edges)
