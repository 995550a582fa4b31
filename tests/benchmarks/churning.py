"""A simulated API server that marks every write, in a process of its own.

`python -m tests.benchmarks.churning OBJECTS` answers commands: see `Churning`, and `processes`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from random import Random
from typing import Any

import uvloop

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.faults import draw_fault
from astrolabe.sim.server import Simulator
from tests.benchmarks.marks import MarkingStore
from tests.benchmarks.processes import answer
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE


class Churning:
    def __init__(self, simulator: Simulator, store: MarkingStore) -> None:
        self._simulator = simulator
        self._store = store
        self._churn = Churn(store)
        self._struck = 0
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._ended.set)

    async def site(self) -> dict[str, Any]:
        """Where it is, and its namespaces."""
        return {"url": self._simulator.url, "namespaces": sorted(self._store.collection("Namespace").items)}

    async def churn(self, *, rate: float, seconds: float, faults: float = 0.0, seed: int = 1) -> int:
        """Let things happen for a while; returns how many writes were marked. faults: a minute."""
        before = self._store.marked
        tasks = [asyncio.create_task(self._churn.run(rate), name="churn")]
        if faults:
            tasks.append(asyncio.create_task(self._fail(60 / faults, Random(seed)), name="faults"))
        ended = asyncio.create_task(self._ended.wait(), name="ended")
        done, _ = await asyncio.wait([ended, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, *tasks):
            task.cancel()
        for task in done - {ended}:
            task.result()  # none ends by itself: it failed
        self._simulator.faults.clear()
        return self._store.marked - before

    async def struck(self) -> int:
        """How many faults there were."""
        return self._struck

    async def _fail(self, pause: float, random: Random) -> None:
        """Let something go wrong every so many seconds, and now and then forget all that was."""
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)
            if random.random() < 0.1:
                self._store.compact()
            self._simulator.faults.add(draw_fault(random))
            # What is open already would not meet it.
            self._simulator.disconnect()
            self._struck += 1

    async def touch(self) -> int:
        """Write one ConfigMap, the first; returns the number of its mark."""
        manifest = next(self._store.manifests("ConfigMap"))
        self._store.update("ConfigMap", manifest)
        return self._store.marked - 1


async def main(objects: int) -> None:
    store = MarkingStore()
    load(store, objects / OBJECTS_AT_FULL_SCALE, seed=1)
    async with Simulator(store) as simulator:
        churning = Churning(simulator, store)
        await answer(
            {
                "site": churning.site,
                "churn": churning.churn,
                "touch": churning.touch,
                "struck": churning.struck,
            }
        )


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
