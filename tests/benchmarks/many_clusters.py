"""Several simulated API servers in a process of their own.

`python -m tests.benchmarks.many_clusters COUNT OBJECTS` answers commands: see `ManyClusters`, and `processes`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import cycle, islice

import uvloop

from astrolabe.sim.cluster.generator import load
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.benchmarks.processes import answer
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE


class ManyClusters:
    """Each has about as many objects as the others, but other ones."""

    def __init__(self, simulators: Sequence[Simulator]) -> None:
        self._simulators = simulators

    async def urls(self) -> list[str]:
        """Where they are."""
        return [simulator.url for simulator in self._simulators]

    async def change(self, *, rate: float, times: int) -> int:
        """Change ConfigMaps of the first cluster, so many a second."""
        loop, store = asyncio.get_running_loop(), self._simulators[0].store
        manifests = cycle([*islice(store.manifests("ConfigMap"), 50)])
        began = loop.time()
        for number in range(times):
            manifest = next(manifests)
            meta = manifest["metadata"]
            labels = {**meta.get("labels", {}), "bench/number": str(number)}
            store.update("ConfigMap", {**manifest, "metadata": {**meta, "labels": labels}})
            await asyncio.sleep(began + (number + 1) / rate - loop.time())  # the pace of changes
        return times


async def main(count: int, objects: int) -> None:
    async with AsyncExitStack() as running:
        simulators = []
        for seed in range(count):
            store = ObjectStore()
            load(store, objects / OBJECTS_AT_FULL_SCALE, seed=seed)
            simulators.append(await running.enter_async_context(Simulator(store)))
        clusters = ManyClusters(simulators)
        await answer({"urls": clusters.urls, "change": clusters.change})


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
