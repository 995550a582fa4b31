"""The bus within one process: publishing a batch hands it to the listeners.

The counterpart of `bus.redis`.
"""

from __future__ import annotations

from collections.abc import Callable

from astrolabe.bus.delivery import GraphTarget, deliver
from astrolabe.graph.state.batch import Batch

BatchListener = Callable[[Batch], None]


class MemoryBus:
    """Implements `engine.Publisher`. Calls the listeners in order of subscription, in the event loop.

    served: receives each batch first.
    """

    def __init__(self, served: GraphTarget | None = None) -> None:
        self.served = served
        self._listeners: list[BatchListener] = []

    def subscribe(self, listener: BatchListener) -> None:
        """Call the listener for each batch from now on. It must be quick. If it raises, the writer ends."""
        self._listeners.append(listener)

    async def publish(self, batch: Batch) -> bool:
        intact = self.served is None or await deliver(batch, self.served)
        for listener in self._listeners:
            listener(batch)
        return intact
