"""Injects failures into a simulated API server as long as it runs, each kind in turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from random import Random

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.faults import HalfOpen, HttpStatus, InjectedFault, deal_faults
from astrolabe.sim.server import Simulator
from tests.support import backups

#: Connections that end with a fault, so that requests come which meet it. All of them every time would keep
#: each watch waiting for most of the time: a client waits the longer the more often it fails.
CUT = 3
#: Seconds for which the server is away, at most.
AWAY = 3.0
#: Seconds that a backup is old, at most; or as long as the pause between two failures.
OLD = 10.0


class Failures:
    """Each heals by itself, or is healed by `heal`.

    struck: how often there was which. without: names of those that there are none of.
    """

    def __init__(
        self, simulator: Simulator, churn: Churn, random: Random, *, without: Collection[str] = ()
    ) -> None:
        self.struck: Counter[str] = Counter()
        self._simulator = simulator
        self._churn = churn
        self._random = random
        self._without = without
        self._faults = deal_faults(random)
        self._old = OLD

    async def run(self, pause: float) -> None:
        """Until cancelled, one in about so many seconds. In a round of seventeen, eleven are of requests."""
        self._old = min(OLD, pause)
        whole: tuple[Callable[[], Awaitable[None]], ...] = (
            self._forget,
            self._disconnect,
            self._go_away,
            self._stall,
            self._restore,
            self._restore_unseen,
        )
        while True:
            for strike in self._random.sample((*whole, *[self._refuse] * 11), len(whole) + 11):
                await asyncio.sleep(self._random.uniform(0.5, 1.5) * pause)
                await strike()

    async def heal(self) -> None:
        """From now on all is well; watches that were stalled are ended."""
        self._simulator.faults.clear()
        await self._simulator.go_online()
        self._simulator.disconnect()

    async def _refuse(self) -> None:
        fault = next(self._faults)
        name = _name(fault)
        if name not in self._without:
            self.struck[name] += 1
            self._add(fault)

    async def _stall(self) -> None:
        self.struck["Stall"] += 1
        self._add(HalfOpen(verb="watch", after=self._random.randint(0, 10)))

    def _add(self, fault: InjectedFault) -> None:
        self._simulator.faults.add(fault)
        connections = self._simulator.connections
        for connection in self._random.sample(connections, min(CUT, len(connections))):
            connection.abort()

    async def _forget(self) -> None:
        """All history, while nobody follows: everyone has to list anew."""
        self.struck["compacted"] += 1
        self._simulator.store.compact()
        self._simulator.disconnect()

    async def _disconnect(self) -> None:
        self.struck["disconnected"] += 1
        self._simulator.disconnect()

    async def _restore(self) -> None:
        """From a backup; whoever watched has lost the connection."""
        if await self._go_back():
            self.struck["restored"] += 1
            self._simulator.disconnect()

    async def _restore_unseen(self) -> None:
        """The same while all connections stay: only its versions tell, to who asks for them now and then."""
        if await self._go_back():
            self.struck["restored unseen"] += 1

    async def _go_back(self) -> bool:
        store = self._simulator.store
        backup = backups.back_up(store, self._churn)
        await asyncio.sleep(self._random.uniform(0, self._old))
        return backups.restore(store, self._churn, backup)

    async def _go_away(self) -> None:
        self.struck["away"] += 1
        await self._simulator.go_offline()
        await asyncio.sleep(self._random.uniform(0, AWAY))
        await self._simulator.go_online()


def _name(fault: InjectedFault) -> str:
    return f"HTTP {fault.code}" if isinstance(fault, HttpStatus) else type(fault).__name__
