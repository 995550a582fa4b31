"""API servers of several clusters that cannot be reached for a while, one after the other.

Apart from the churn, which knows one cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import NoReturn

from astrolabe.sim.server import Simulator

#: Seconds between the end of an outage and the next one, and how long one lasts.
CALM = (40.0, 80.0)
OUTAGE = (15.0, 30.0)


class Outages:
    """Cuts off one API server at a time.

    simulators: those that may be cut off, by the names of their clusters.
    away: the cluster that cannot be reached now; "" if all can.
    """

    def __init__(
        self,
        simulators: Mapping[str, Simulator],
        seed: int,
        *,
        calm: tuple[float, float] = CALM,
        outage: tuple[float, float] = OUTAGE,
    ) -> None:
        self.away = ""
        self._simulators = simulators
        self._random = Random(seed)
        self._calm = calm
        self._outage = outage

    async def run(self) -> NoReturn:
        """Go on until cancelled; then all can be reached again."""
        while True:
            await asyncio.sleep(self._random.uniform(*self._calm))
            self.away = self._random.choice(sorted(self._simulators))
            simulator = self._simulators[self.away]
            await simulator.go_offline()
            try:
                await asyncio.sleep(self._random.uniform(*self._outage))
            finally:
                await simulator.go_online()
                self.away = ""
