"""The pipeline from an API server to a served graph, in one process, without the web server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.assembly import create_engine
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kube.client import Cluster
from astrolabe.kube.timing import WatchTiming
from astrolabe.kube.watches import Watches, watched_scopes
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig_file
from tests.support.timing import SHORT


class Followed:
    """A graph that is kept by watches, and a way to wait for what it becomes. Implements `delivery.GraphTarget`.

    bus: of what the watches publish. renewals: how often the graph was made anew.
    """

    def __init__(self, readiness: ReadinessTracker, bus: MemoryBus) -> None:
        self.readiness = readiness
        self.graph = ServedGraph("e")
        self.batches: list[Batch] = []
        bus.served = self
        self.rebuilding = False
        self.renewals = 0
        self._moved = asyncio.Event()

    def receive(self, batch: Batch) -> None:
        self.graph.apply(batch)
        self.batches.append(batch)
        self._moved.set()

    def replace(self, graph: ServedGraph) -> None:
        assert self.rebuilding
        self.graph = graph
        self.renewals += 1
        self._moved.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until the condition holds; it is asked after every batch."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def followed(
    url: str,
    *,
    label_selector: str = "",
    timing: WatchTiming = SHORT,
    window: float = 0.01,
    token: str = "",
    **changes: Any,
) -> AsyncIterator[Followed]:
    """Watch the API server at this URL with all kinds, or as these changes of the settings say.

    token: where it wants one.
    """
    with kubeconfig_file(url, user={"token": token} if token else None) as path:
        settings = Settings(
            in_cluster=False,
            kubeconfig=path,
            label_selector=label_selector,
            batch_window=window,
            **changes,
        )
        cluster = await Cluster.connect(settings)
    catalogue = builtin_catalogue().only(settings.kinds)
    readiness = ReadinessTracker(watched_scopes(settings, catalogue))
    bus = MemoryBus()
    run = Followed(readiness, bus)
    engine = create_engine(settings, catalogue, bus, readiness, epoch="e", served=lambda: run.graph)
    watches = Watches(settings, catalogue, cluster, engine, timing=timing, random=Random(1))
    task = asyncio.create_task(engine.run(), name="engine")
    await watches.start()
    try:
        yield run
    finally:
        await watches.stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
