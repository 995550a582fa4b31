"""The namespaces that are not empty.

Of the whole graph, for finding out rights: apart from the scopes, which see only parts of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import KeysView

from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.history import GraphAt
from astrolabe.http.stream.hub import Hub


class NamespaceCounts:
    """Implements `HubObserver`: how many objects each namespace has."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._counts: Counter[str] = Counter()
        hub.observe(self)
        self.replaced()

    def names(self) -> KeysView[str]:
        """The namespaces; follows every change."""
        return self._counts.keys()

    def stepped(self, batch: Batch, past: GraphAt) -> None:
        for uid, before in past.nodes.items():
            now = self._hub.graph.nodes.get(uid)
            if before is not None and before.namespace:
                self._add(before.namespace, -1)
            if now is not None and now.namespace:
                self._add(now.namespace, 1)

    def replaced(self) -> None:
        self._counts = Counter([node.namespace for node in self._hub.graph.nodes.values() if node.namespace])

    def _add(self, namespace: str, count: int) -> None:
        self._counts[namespace] += count
        if not self._counts[namespace]:
            del self._counts[namespace]
