"""A simulated API server that marks every write, in a process of its own.

`python -m tests.benchmarks.churning OBJECTS` answers commands: see `Churning`, and `processes`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Collection
from random import Random
from typing import Any

import uvloop

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.server import Simulator
from tests.benchmarks.failures import Failures
from tests.benchmarks.marks import MarkingStore
from tests.benchmarks.processes import answer
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE


class Churning:
    def __init__(self, simulator: Simulator, store: MarkingStore) -> None:
        self._simulator = simulator
        self._store = store
        self._churn = Churn(store)
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._ended.set)

    async def site(self) -> dict[str, Any]:
        """Where it is, and its namespaces."""
        return {"url": self._simulator.url, "namespaces": sorted(self._store.collection("Namespace").items)}

    async def churn(self, *, rate: float, seconds: float) -> int:
        """Let things happen for a while; returns how many writes were marked."""
        before = self._store.marked
        await self._run({"churn": self._churn.run(rate)}, seconds)
        return self._store.marked - before

    async def fail(
        self, *, rate: float, seconds: float, faults: float, seed: int, without: Collection[str] = ()
    ) -> dict[str, Any]:
        """The same, while so much goes wrong a minute: see `Failures`.

        Returns the number of writes as `changes`, and as `faults` how often there was which.
        """
        before = self._store.marked
        failures = Failures(self._simulator, self._churn, Random(seed), without=without)
        try:
            work = {"churn": self._churn.run(rate), "failures": failures.run(60 / faults)}
            await self._run(work, seconds)
        finally:
            await failures.heal()
        return {"changes": self._store.marked - before, "faults": failures.struck}

    async def _run(self, work: dict[str, Any], seconds: float) -> None:
        """Let these coroutines run for a while, or until the signal."""
        tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]
        ended = asyncio.create_task(self._ended.wait(), name="ended")
        done, _ = await asyncio.wait([ended, *tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, *tasks):
            task.cancel()
        await asyncio.gather(ended, *tasks, return_exceptions=True)
        for task in done - {ended}:
            task.result()  # none ends by itself: it failed

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
                "fail": churning.fail,
                "touch": churning.touch,
            }
        )


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
