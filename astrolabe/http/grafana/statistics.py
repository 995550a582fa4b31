"""Counts of a part of the graph, every second: each filter is counted once, for all who ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Iterator
from contextvars import Context
from time import time

from astrolabe.graph import wire
from astrolabe.graph.filter import Filter
from astrolabe.http.closing import FAILED, INTERNAL_ERROR
from astrolabe.http.grafana import flat
from astrolabe.http.hub import Hub
from astrolabe.http.message import Message
from astrolabe.http.subscription import Connection
from astrolabe.timeslice import in_slices

logger = logging.getLogger("astrolabe.http")

#: Seconds from one count to the next.
PERIOD = 1.0
#: Nodes that are looked at in one step.
STEP = 500


class Statistics:
    """Whoever does not keep up gets the latest count when it can take one again, and none of the others."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._listeners: dict[Filter, dict[Connection, None]] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, connection: Connection, filter: Filter) -> None:
        """Send the counts of this part of the graph, from now on."""
        self._listeners.setdefault(filter, {})[connection] = None
        if self._task is None:
            counting = self._count_on()
            # Not in the context of the first request, which would be kept as long as anybody listens.
            self._task = asyncio.create_task(counting, name="astrolabe.http.statistics", context=Context())

    def leave(self, connection: Connection) -> None:
        """The connection is lost."""
        for filter, listeners in list(self._listeners.items()):
            listeners.pop(connection, None)
            if not listeners:
                del self._listeners[filter]

    async def close(self) -> None:
        """End the counting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _count_on(self) -> None:
        while self._listeners:
            async for _ in in_slices(self._tell_all()):
                pass
            await asyncio.sleep(PERIOD)
        self._task = None

    def _tell_all(self) -> Iterator[None]:
        for filter in list(self._listeners):
            if any(connection.writable for connection in self._listeners.get(filter, ())):
                try:
                    self._tell(filter, (yield from self._count(filter)))
                except Exception:
                    logger.exception("a count failed")
                    self._give_up(filter)

    def _tell(self, filter: Filter, message: Message) -> None:
        for connection in self._listeners.get(filter, ()):
            if connection.writable:
                connection.write(message)

    def _give_up(self, filter: Filter) -> None:
        for connection in self._listeners.get(filter, ()):
            connection.close(INTERNAL_ERROR, "internal-error", FAILED)

    def _count(self, filter: Filter) -> Generator[None, None, Message]:
        """In steps; what changes meanwhile may be counted or not."""
        graph, view = self._hub.graph, self._hub.view(filter)
        nodes = list(view.nodes())
        edges = 0 if filter else graph.edge_count
        for begin in range(0, len(nodes) if filter else 0, STEP):
            yield
            for node in nodes[begin : begin + STEP]:
                edges += sum([edge.target in view for edge in graph.out(node.uid)])
        row = flat.statistics(nodes, edges=edges, now=int(time() * 1000))
        return Message("row", wire.encode(row))
