"""A view that somebody is subscribed to, or was a moment ago."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph import wire
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.history import History
from astrolabe.graph.view import View
from astrolabe.http.closing import FAILED, INTERNAL_ERROR
from astrolabe.http.message import Message
from astrolabe.http.snapshot import Snapshot
from astrolabe.http.subscription import Subscription

#: Messages for those who fell behind or came back that are shared, the latest made ones: clients choose
#: their ids and where they say that they are, and each message may be as large as all that has changed.
CATCHING_UP = 16


class Feed:
    """Implements `subscription.Source`. Shared by all subscriptions with the same filter.

    changed: the seq of the latest batch that changed the view, or at which it was made.
    """

    def __init__(self, view: View, graph: Graph, history: History) -> None:
        self.subscriptions: dict[Subscription, None] = {}
        self._snapshot: Snapshot | None = None
        self.begin(view, graph, history)

    def begin(self, view: View, graph: Graph, history: History) -> None:
        """Follow this view of this graph from now on."""
        self.view = view
        self.graph = graph
        self.changed = graph.seq
        self.history = history
        self._forget_snapshot()
        #: By the seq that was told and the one that is held: what brings up to the seq `_caught_up`.
        self._catching_up: dict[tuple[str, int, int], Message] = {}
        self._caught_up = graph.seq

    @property
    def filter(self) -> Filter:
        return self.view.filter

    def restart(self) -> None:
        """History could not be continued: everyone begins anew."""
        for subscription in self.subscriptions:
            subscription.restart("epoch-changed")
            subscription.wake()

    def give_up(self) -> None:
        """It failed: everyone has to come back."""
        for subscription in list(self.subscriptions):
            subscription.connection.close(INTERNAL_ERROR, "internal-error", FAILED)

    def publish(self, delta: Changes, batch: Batch) -> None:
        """The view took a step that changed it: hand the delta to all that are in step."""
        before, self.changed = self.changed, batch.seq
        self._forget_snapshot()
        self._catching_up.clear()
        messages: dict[tuple[str, int], Message] = {}
        for subscription in self.subscriptions:
            if not subscription.is_told(before):
                continue
            if not subscription.connection.writable:
                subscription.fall_behind(batch.since)
                continue
            key = (subscription.id, subscription.told)
            message = messages.get(key)
            if message is None:
                message = messages[key] = self._delta(*key, delta, time=batch.time)
            subscription.tell(message)

    def catch_up(self, id: str, *, told: int, held: int) -> Message | None:
        """One message for a client that was told `told` and holds the view as it was at `held`, after
        which it is up to date; None when it is not known any more what has changed since.

        Made once for all that are in the same place.
        """
        if self._caught_up != self.graph.seq:
            self._catching_up.clear()
            self._caught_up = self.graph.seq
        key = (id, told, held)
        message = self._catching_up.get(key)
        if message is None:
            if held >= self.changed:
                return self.bookmark(id)
            past = self.history.since(held)
            if past is None:
                return None
            changes = self.view.since(past)
            message = self._delta(id, told, changes) if changes else self.bookmark(id)
            self._catching_up[key] = message
            if len(self._catching_up) > CATCHING_UP:
                del self._catching_up[next(iter(self._catching_up))]
        return message

    def bookmark(self, id: str) -> Message:
        """Nothing has changed up to the present."""
        epoch, seq = self.graph.epoch, self.graph.seq
        return Message("bookmark", wire.bookmark(id, epoch, seq), f"{epoch}:{seq}")

    def snapshot(self, id: str) -> Iterator[Message]:
        """The view as it is now; its parts are made as they are asked for, once for all who ask."""
        if self._snapshot is None or self._snapshot.seq != self.graph.seq:
            self._forget_snapshot()
            self._snapshot = Snapshot(self.view, self.graph.epoch, self.graph.seq)
        return self._snapshot.read(id)

    def _forget_snapshot(self) -> None:
        if self._snapshot is not None:
            self._snapshot.keep_nothing()
            self._snapshot = None

    def _delta(self, id: str, since: int, changes: Changes, *, time: int = 0) -> Message:
        epoch, seq = self.graph.epoch, self.graph.seq
        text = wire.delta(id, epoch, since=since, seq=seq, changes=changes, time=time)
        return Message("delta", text, f"{epoch}:{seq}")
