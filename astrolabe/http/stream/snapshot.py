"""A view at one position: collected in steps, and cut into messages when a client needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from weakref import ref

from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.wire import SnapshotOffset
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import History
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.view import View
from astrolabe.http.net.message import Message

#: Parts that are kept for other clients, newest first: 30 MB. Clients choose the ids they are made for.
MAX_SHARED_PARTS = 640
#: Nodes and edges (8 bytes each) that all retired snapshots may hold together for slow readers, and the
#: minimum for which one of them counts.
MAX_RETIRED_WEIGHT = 4_000_000
MIN_WEIGHT = 20_000
#: A snapshot makes progress if one of its parts was read within this many seconds.
PROGRESS_SECONDS = 30.0
#: A snapshot with so many nodes and edges is given to new clients for so many seconds, though the graph
#: changes.
MIN_SHARED_SIZE = 2_000
SHARED_SECONDS = 0.5
#: Nodes collected in one step.
STEP = 100
#: Uids that are copied in the time that one node takes.
UIDS_PER_NODE = 50


class ViewSnapshot:
    """The content of a view when collecting starts. Its texts are kept only while there are readers.

    started: whether collecting has started; until then the snapshot has no position.
    complete: whether collecting has ended. epoch, seq: the position. nodes, edges: filled when complete.
    abandoned: whether its readers have to restart. completed_at: when it became complete.
    read_at: when a part was read last.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.started = self.complete = self.abandoned = False
        self.completed_at = self.read_at = monotonic()
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._readers = 0
        self._shared = True
        self._parts: dict[tuple[str, SnapshotOffset], tuple[Message, SnapshotOffset]] = {}

    def collect(self, view: View, graph: ServedGraph, history: History) -> Iterator[int]:
        """Collect the view as it is now, in steps. The graph may change between them. A step yields the
        number of nodes that it visited."""
        self.started, self.epoch, self.seq = True, graph.epoch, graph.seq
        past = history.hold()
        try:
            members = view.uids()
            yield len(members) // UIDS_PER_NODE
            for count, uid in enumerate(members, 1):
                node = past.node(uid)
                assert node is not None
                self.nodes.append(node)
                out = past.outgoing(uid)
                self.edges.extend([edge for edge in out if edge.target in members] if view.filter else out)
                if count % STEP == 0:
                    yield STEP
        finally:
            history.let_go(past)
        self.complete, self.completed_at = True, monotonic()

    def read(self, id: str) -> Iterator[Message]:
        """The parts in order, for the subscription with this id.

        They end early if the snapshot is abandoned.
        """
        self._readers += 1
        try:
            start, number, last = (0, 0), 1, False
            while not last and not self.abandoned:
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

    def stop_sharing(self) -> None:
        """Make the remaining parts for each reader alone: there will be no new readers.

        Otherwise one slow reader would keep all parts alive, though nobody shares them.
        """
        self._shared = False
        self._parts.clear()

    def abandon(self) -> None:
        """Make all readers restart."""
        self.abandoned = True
        self.nodes, self.edges = [], []  # others may read these lists

    def may_be_shared(self) -> bool:
        """Whether a new client may start with it although the graph has changed since.

        Otherwise each of many clients that connect while the graph changes would hold a snapshot of its own.
        """
        return (
            len(self.nodes) + len(self.edges) >= MIN_SHARED_SIZE
            and monotonic() - self.completed_at < SHARED_SECONDS
        )

    @property
    def weight(self) -> int:
        """What it counts for among retired snapshots."""
        return max(len(self.nodes) + len(self.edges), MIN_WEIGHT)

    def _part(self, id: str, number: int, start: SnapshotOffset) -> tuple[Message, SnapshotOffset]:
        made = self._parts.get((id, start))
        if made is None:
            text, end = wire.snapshot_part(id, self.epoch, self.seq, number, self.nodes, self.edges, start)
            # A client holds the whole snapshot only after its last part.
            position = f"{self.epoch}:{self.seq}" if end == self._end else ""
            made = Message("snapshot", text, position), end
            if self._shared:
                self._parts[id, start] = made
                if len(self._parts) > MAX_SHARED_PARTS:
                    del self._parts[next(iter(self._parts))]
        return made

    @property
    def _end(self) -> SnapshotOffset:
        return len(self.nodes), len(self.edges)


class RetiredSnapshots:
    """Snapshots that only slow readers still read. All views together have one bound.

    Beyond the bound, the snapshots are abandoned that were read least recently. The oldest is never abandoned
    while it makes progress, so a client that keeps reading always finishes, however many others do not.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._old: list[ref[ViewSnapshot]] = []

    def add(self, snapshot: ViewSnapshot) -> None:
        """Count a snapshot for as long as somebody holds it."""
        self._old.append(ref(snapshot))

    def abandon(self) -> None:
        """Make all their readers restart."""
        for snapshot in [each() for each in self._old]:
            if snapshot is not None:
                snapshot.abandon()
        self._old = []

    def trim(self) -> None:
        """Enforce the bound. Called before a new snapshot is made."""
        held = [old for old in [each() for each in self._old] if old is not None and not old.abandoned]
        weight = sum([old.weight for old in held])
        while weight > MAX_RETIRED_WEIGHT and len(held) > 1:
            spared = held[0] if self._clock() - held[0].read_at < PROGRESS_SECONDS else None
            slowest = min([old for old in held if old is not spared], key=lambda old: old.read_at)
            weight -= slowest.weight
            held.remove(slowest)
            slowest.abandon()
        self._old = [ref(old) for old in held]
