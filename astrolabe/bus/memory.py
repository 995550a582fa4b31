"""The bus within one process: a batch is handed to the listeners as it is published."""

from __future__ import annotations

from collections.abc import Callable

from astrolabe.bus.delivery import GraphTarget, deliver
from astrolabe.graph.batch import Batch

Listener = Callable[[Batch], None]


class MemoryBus:
    """Implements `engine.Publisher`. Listeners are called in order of subscription, in the loop.

    served: gets each batch first.
    """

    def __init__(self, served: GraphTarget | None = None) -> None:
        self.served = served
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """From the next batch on; a listener must be quick. What it raises ends the writer."""
        self._listeners.append(listener)

    async def publish(self, batch: Batch) -> bool:
        intact = self.served is None or await deliver(batch, self.served)
        for listener in self._listeners:
            listener(batch)
        return intact
