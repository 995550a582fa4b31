"""The namespaces of each cluster that are not empty.

Of the whole graph, for finding out rights: apart from the scopes, which see only parts of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.http.stream.hub import Hub


class NamespaceCounts:
    """Implements `HubObserver`: how many objects each namespace has."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._counts: dict[str, Counter[str]] = {}
        hub.observe(self)
        self.replaced()

    def names(self, cluster: str = "") -> Collection[str]:
        """The namespaces now. cluster: its name among several."""
        return self._counts[cluster].keys() if cluster in self._counts else ()

    def stepped(self, batch: Batch, past: GraphAt) -> None:
        for uid, before in past.nodes.items():
            now = self._hub.graph.nodes.get(uid)
            if before is not None and before.namespace:
                self._add(before, -1)
            if now is not None and now.namespace:
                self._add(now, 1)

    def replaced(self) -> None:
        self._counts = {}
        for node in self._hub.graph.nodes.values():
            if node.namespace:
                self._add(node, 1)

    def _add(self, node: Node, count: int) -> None:
        counts = self._counts.setdefault(node.cluster, Counter())
        counts[node.namespace] += count
        if not counts[node.namespace]:
            del counts[node.namespace]
