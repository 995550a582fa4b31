"""The hub of a graph that some users share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.stream.hub import Hub
from astrolabe.settings import Limits

#: Seconds by which a replica may be behind another one. After so long it has what the other had.
REPLICAS_LAG = 0.5


class VisibleHub(Hub):
    """A hub whose seqs are times, in milliseconds since 1970.

    They are the process's own: other replicas number the same changes otherwise. So a seq of another replica
    is waited for by the clock.
    """

    def __init__(self, graph: ServedGraph, limits: Limits, *, clock: Callable[[], float]) -> None:
        super().__init__(graph, limits)
        self._clock = clock

    async def wait_for_seq(self, seq: int, *, timeout: float) -> bool:
        """Wait until what was visible anywhere at that time is visible here."""
        left = seq / 1000 + REPLICAS_LAG - self._clock()
        if self.graph.seq >= seq or left <= 0:
            return True
        await asyncio.sleep(min(left, timeout))
        return left <= timeout
