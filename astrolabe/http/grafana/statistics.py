"""Counts of filtered graphs, every second. Each filter is counted once for all connections."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextvars import Context
from functools import partial
from time import time

from astrolabe.graph.encoding import wire
from astrolabe.graph.views.filter import Filter
from astrolabe.http.grafana import flat
from astrolabe.http.net.message import Message
from astrolabe.http.responses.shared import stretches
from astrolabe.http.stream.hub import SENDS_PER_TURN, Hub
from astrolabe.http.stream.shared_subscription import DISMISSAL
from astrolabe.http.stream.subscription import StreamConnection, dismiss, fail
from astrolabe.timeslice import Lane, TurnQuota, in_slices

logger = logging.getLogger("astrolabe.http")

#: Seconds from one count to the next.
PERIOD = 1.0


class LiveCounts:
    """Sends counts to connections. A slow one misses counts, and gets the next when it can read again."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._listeners: dict[Filter, dict[StreamConnection, None]] = {}
        self._send_quota = TurnQuota(SENDS_PER_TURN, Lane.PEER)
        self._task: asyncio.Task[None] | None = None

    def join(self, connection: StreamConnection, filter: Filter) -> None:
        """Send the counts of this filter from now on."""
        self._listeners.setdefault(filter, {})[connection] = None
        if self._task is None:
            counting = self._count_on()
            # The context of the first request would be kept alive as long as anybody listens.
            self._task = asyncio.create_task(counting, name="astrolabe.http.statistics", context=Context())

    def leave(self, connection: StreamConnection) -> None:
        """Remove a connection."""
        for filter, listeners in list(self._listeners.items()):
            listeners.pop(connection, None)
            if not listeners:
                del self._listeners[filter]

    async def close(self) -> None:
        """Stop counting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _count_on(self) -> None:
        while self._listeners:
            for filter in list(self._listeners):
                if any(connection.writable for connection in self._listeners.get(filter, ())):
                    try:
                        self._tell(filter, await self._count(filter))
                    except Exception:
                        logger.exception("a count failed")
                        self._give_up(filter)
            await asyncio.sleep(PERIOD)
        self._task = None

    def _tell(self, filter: Filter, message: Message) -> None:
        for connection in self._listeners.get(filter, ()):
            self._send_quota.do(partial(_write, connection, message))

    def _give_up(self, filter: Filter) -> None:
        for connection in self._listeners.get(filter, ()):
            self._send_quota.do(partial(dismiss, connection), DISMISSAL)

    async def _count(self, filter: Filter) -> Message:
        if filter:
            part = await self._hub.snapshot(filter)
            nodes, edges = part.nodes, len(part.edges)
        else:
            nodes, edges = list(self._hub.graph.nodes.values()), self._hub.graph.edge_count
        counts = Counter[str]()
        async for stretch in in_slices(stretches(nodes), Lane.ANSWER):
            counts.update([node.status for node in stretch])
        row = flat.statistics(counts, edges=edges, now=int(time() * 1000))
        return Message("row", wire.encode(row))


def _write(connection: StreamConnection, message: Message) -> None:
    if connection.writable:
        try:
            connection.write(message)
        except Exception:  # of this connection; the others are unaffected
            fail(connection)
