"""A view that somebody is subscribed to."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph import wire
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.view import View
from astrolabe.http.closing import FAILED, INTERNAL_ERROR
from astrolabe.http.history import History
from astrolabe.http.message import Message
from astrolabe.http.subscription import Subscription

#: How many changed nodes and edges a feed remembers for those that fall behind.
HISTORY_LIMIT = 4096


class Feed:
    """Implements `subscription.Source`. Shared by all subscriptions with the same filter.

    changed: the seq of the latest batch that concerned the view.
    """

    def __init__(self, graph: Graph, filter: Filter) -> None:
        self.subscriptions: dict[Subscription, None] = {}
        self.filter = filter
        self._begin(graph)

    def _begin(self, graph: Graph) -> None:
        self.graph = graph
        self.view = View(graph, self.filter)
        self.changed = graph.seq
        self.history = History(graph.seq, limit=HISTORY_LIMIT)

    def replace(self, graph: Graph) -> None:
        """Follow another graph from here on; everyone begins anew."""
        self._begin(graph)
        for subscription in self.subscriptions:
            subscription.restart("epoch-changed")
            subscription.wake()

    def give_up(self) -> None:
        """It failed: everyone has to come back."""
        for subscription in list(self.subscriptions):
            subscription.connection.close(INTERNAL_ERROR, "internal-error", FAILED)

    def update(self, batch: Batch) -> None:
        """Follow a batch that the graph has applied, and hand its delta to all that are in step."""
        delta = self.view.update(batch.changes)
        if not (delta.nodes_set or delta.edges_set or delta.edges_removed or delta.nodes_removed):
            return
        before, self.changed = self.changed, batch.seq
        self.history.add(batch.seq, delta)
        self._deliver(delta, before)

    def _deliver(self, delta: Changes, before: int) -> None:
        """Each message is made once for all that bear the same id and were told the same."""
        messages: dict[tuple[str, int], Message] = {}
        for subscription in self.subscriptions:
            if not subscription.in_step(before):
                continue
            key = (subscription.id, subscription.told)
            message = messages.get(key)
            if message is None:
                message = messages[key] = self.delta(subscription.id, subscription.told, delta)
            subscription.told = self.changed
            subscription.connection.write(message)

    def delta(self, id: str, since: int, changes: Changes) -> Message:
        """What changed in the view after `since` up to now."""
        epoch, seq = self.graph.epoch, self.graph.seq
        text = wire.delta(id, epoch, since=since, seq=seq, changes=changes)
        return Message("delta", text, f"{epoch}:{seq}")

    def snapshot(self, id: str) -> Iterator[Message]:
        """The view as it is now. What is in it is taken here; the parts are made as they are asked for."""
        epoch, seq = self.graph.epoch, self.graph.seq
        nodes, edges = list(self.view.nodes()), list(self.view.edges())
        parts = wire.snapshot(id, epoch, seq, nodes, edges)
        return _snapshot_messages(parts, f"{epoch}:{seq}")


def _snapshot_messages(parts: Iterator[str], position: str) -> Iterator[Message]:
    """Only with its last part has a client all of the snapshot."""
    text = next(parts)
    for following in parts:
        yield Message("snapshot", text)
        text = following
    yield Message("snapshot", text, position)
