"""The same with Sentinels, which replace the primary again and again, with lost writes and without."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.chaos.test_chaos import FAULTS, SCALE, endure, seeds
from tests.support.fleet import fleet
from tests.support.redis_sites import Watched, watched

#: A short run has one: the Sentinel takes ten seconds to make a replica of what was the primary.
FAILOVERS = FAULTS // 2


class Failovers:
    """Of one kind or another, chosen by a seed. told: which there were."""

    def __init__(self, site: Watched, random: Random) -> None:
        self.told: list[str] = []
        self._site = site
        self._random = random

    async def strike(self) -> None:
        kinds: list[Callable[[], Awaitable[None]]] = [self._kill, self._lose_writes, self._pause]
        kind = self._random.choice(kinds)
        self.told.append(kind.__name__.strip("_"))
        await kind()
        await asyncio.to_thread(self._site.exchanged)

    async def _kill(self) -> None:
        """The primary crashes, and comes back; the Sentinel makes it a replica by and by."""
        self._site.primary.kill()
        await asyncio.to_thread(self._site.promoted)
        await asyncio.to_thread(self._site.primary.start)

    async def _lose_writes(self) -> None:
        """The replica is behind when the primary crashes."""
        await asyncio.to_thread(self._site.cut_replica)
        await asyncio.sleep(self._random.uniform(0.5, 3.0))
        await self._kill()

    async def _pause(self) -> None:
        """The primary wakes, and believes that it still is one."""
        self._site.primary.pause()
        try:
            await asyncio.to_thread(self._site.promoted)
            await asyncio.sleep(self._random.uniform(0.0, 8.0))
        finally:
            self._site.primary.resume()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("run", [seed[:1] for seed in seeds()], ids=lambda run: "-".join(map(str, run)))
async def test_failovers_end_in_the_graph_of_the_cluster(run: list[int], tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, SCALE, seed=run[0])
    (tmp_path / "redis").mkdir()
    with watched(tmp_path / "redis") as site:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, site.primary, 3, url=site.url) as replicas:
                    churn = Churn(store, run[0])
                    for seed in run:
                        failovers = Failovers(site, Random(seed))
                        await endure(replicas, simulator, churn, failovers, seed, count=FAILOVERS)
