"""A view at one place in history: taken in steps, and cut into messages when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from weakref import ref

from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.wire import Cut
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import Graph
from astrolabe.graph.state.history import History
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.view import View
from astrolabe.http.net.message import Message

#: Parts that are shared, the latest made ones: 30 MB of them. Clients choose the ids for which they are made.
PARTS = 640
#: Nodes and edges, at 8 bytes, that all old snapshots may hold together for readers that are still at them;
#: and for how many one of them counts at least.
OLD = 4_000_000
LEAST = 20_000
#: Seconds within which a part was taken of a snapshot that moves.
MOVING = 30.0
#: Nodes and edges of one that is shared for a moment by all who come; seconds of that.
LARGE = 2_000
MOMENT = 0.5
#: Nodes that are taken in one step.
STEP = 100
#: Uids that are copied in the time in which one node is looked at.
COPIED = 50


class Snapshot:
    """What is in a view when it is begun to be taken; its texts are held only while there are readers.

    begun: whether it is; before that it is of no place in history yet. taken: whether that was done.
    epoch, seq: that place. nodes, edges: what there is, once it is taken.
    given_up: whether its readers have to begin anew. taken_at: when it was taken. read_at: when the latest
        part of it was.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.begun = self.taken = self.given_up = False
        self.taken_at = self.read_at = monotonic()
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._readers = 0
        self._shared = True
        self._parts: dict[tuple[str, Cut], tuple[Message, Cut]] = {}

    def take(self, view: View, graph: Graph, history: History) -> Iterator[int]:
        """Take all that is there now, in steps between which the graph may go on; each tells how many nodes
        it looked at."""
        self.begun, self.epoch, self.seq = True, graph.epoch, graph.seq
        past = history.hold()
        try:
            members = view.uids()
            yield len(members) // COPIED
            for count, uid in enumerate(members, 1):
                node = past.node(uid)
                assert node is not None
                self.nodes.append(node)
                out = past.out(uid)
                self.edges.extend([edge for edge in out if edge.target in members] if view.filter else out)
                if count % STEP == 0:
                    yield STEP
        finally:
            history.let_go(past)
        self.taken, self.taken_at = True, monotonic()

    def read(self, id: str) -> Iterator[Message]:
        """The parts in order, for the subscription of this id; they end early when it is given up."""
        self._readers += 1
        try:
            start, number, last = (0, 0), 1, False
            while not last and not self.given_up:
                self.read_at = monotonic()
                message, start = self._part(id, number, start)
                last = bool(message.position)
                number += 1
                handed = [message]
                del message  # a slow reader would hold its text as well as its frame
                yield handed.pop()
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

    def give_up(self) -> None:
        """Whoever is at it has to begin anew."""
        self.given_up = True
        self.nodes, self.edges = [], []  # others may read these lists

    def may_be_shared(self) -> bool:
        """Whether one who comes now may begin with it, although the graph has gone on: each would else hold
        nodes, edges and a part of its own, of many who come while it changes all the time."""
        return len(self.nodes) + len(self.edges) >= LARGE and monotonic() - self.taken_at < MOMENT

    @property
    def weight(self) -> int:
        """What it counts for among old ones."""
        return max(len(self.nodes) + len(self.edges), LEAST)

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


class OldSnapshots:
    """Snapshots that nobody begins with any more, and slow readers are still at: bounded over all views.

    Beyond the bound those are given up of which a part was taken longest ago. The oldest one is never given
    up while it moves: so whoever goes on reading comes to an end, however many others do not.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._old: list[ref[Snapshot]] = []

    def add(self, snapshot: Snapshot) -> None:
        """It is old from now on, for as long as somebody holds it."""
        self._old.append(ref(snapshot))

    def trim(self) -> None:
        """Keep to the bound; to be called before another one is made."""
        held = [old for old in [each() for each in self._old] if old is not None and not old.given_up]
        weight = sum([old.weight for old in held])
        while weight > OLD and len(held) > 1:
            spared = held[0] if self._clock() - held[0].read_at < MOVING else None
            slowest = min([old for old in held if old is not spared], key=lambda old: old.read_at)
            weight -= slowest.weight
            held.remove(slowest)
            slowest.give_up()
        self._old = [ref(old) for old in held]
