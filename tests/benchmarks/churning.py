"""A simulated API server that marks every write, in a process of its own.

`python -m tests.benchmarks.churning OBJECTS` answers commands: see `Churning`, and `processes`.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any

import uvloop

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.server import Simulator
from tests.benchmarks.marks import MarkingStore
from tests.benchmarks.processes import answer
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE


class Churning:
    def __init__(self, simulator: Simulator, store: MarkingStore) -> None:
        self._simulator = simulator
        self._store = store
        self._churn = Churn(store)

    async def site(self) -> dict[str, Any]:
        """Where it is, and its namespaces."""
        return {"url": self._simulator.url, "namespaces": sorted(self._store.collection("Namespace").items)}

    async def churn(self, *, rate: float, seconds: float) -> int:
        """Let things happen for a while; returns how many writes were marked."""
        before = self._store.marked
        with suppress(TimeoutError):
            await asyncio.wait_for(self._churn.run(rate), seconds)
        return self._store.marked - before

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
        await answer({"site": churning.site, "churn": churning.churn, "touch": churning.touch})


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
