"""Follows clusters in a process of its own, as one union or each by itself, without a web server.

`python -m tests.benchmarks.sources` answers commands: see `Sources`, and `processes`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import uvloop

from astrolabe.engine.serving_state import ClusterInfo
from astrolabe.garbage import GC_THRESHOLDS, collect_periodically
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kube.client import Cluster
from astrolabe.modes.standalone import StandaloneMode, standalone
from astrolabe.modes.supervisor import Supervisor
from astrolabe.modes.union.union_mode import UnionMode, union
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig
from tests.benchmarks.processes import answer
from tests.benchmarks.sync import LONGEST, warm_up


class Sources:
    """What this process follows."""

    def __init__(self, folder: Path, supervisor: Supervisor) -> None:
        self._folder = folder
        self._supervisor = supervisor
        self._sources: Sequence[StandaloneMode | UnionMode] = ()
        self._complete = asyncio.Event()

    async def ready(self) -> None:
        """Wait until everything is followed."""
        await self._complete.wait()

    async def follow(self, *, urls: list[str], together: bool) -> dict[str, float]:
        """Follow all of them until each graph is complete. together: as one.

        cpu, seconds: until then. rss: growth in bytes.
        """
        await warm_up(urls[0])
        gc.collect()
        process = psutil.Process()
        rss, started, began = process.memory_info().rss, time.process_time(), time.monotonic()
        async with asyncio.timeout(LONGEST):
            self._sources = [await self._union(urls)] if together else await self._each(urls)
            for source in self._sources:
                self._supervisor.spawn(source.state.run(), name="state")
                await source.ready()
        cpu, seconds = time.process_time() - started, time.monotonic() - began
        self._complete.set()
        gc.collect()
        graphs = [source.hub.graph for source in self._sources]
        return {
            "cpu": cpu,
            "seconds": seconds,
            "nodes": sum([len(graph.nodes) for graph in graphs]),
            "edges": sum([graph.edge_count for graph in graphs]),
            "rss": process.memory_info().rss - rss,
        }

    async def _union(self, urls: list[str]) -> UnionMode:
        entries = [
            {"name": f"c{number}", "kubeconfig": self._kubeconfig(url)} for number, url in enumerate(urls)
        ]
        path = self._folder / "clusters.json"
        path.write_text(json.dumps({"clusters": entries}))
        settings = Settings(in_cluster=False, label_selector="", clusters=str(path))
        return await union(settings, builtin_catalogue(), supervisor=self._supervisor)

    async def _each(self, urls: list[str]) -> list[StandaloneMode]:
        return await asyncio.gather(*map(self._single, urls))

    async def _single(self, url: str) -> StandaloneMode:
        settings = Settings(in_cluster=False, label_selector="", kubeconfig=self._kubeconfig(url))
        cluster = await Cluster.connect(settings)
        self._supervisor.on_close(cluster.close)
        return await standalone(
            settings, builtin_catalogue(), cluster, info=ClusterInfo(), supervisor=self._supervisor
        )

    def _kubeconfig(self, url: str) -> str:
        path = self._folder / f"{url.rpartition(':')[2]}.kubeconfig"
        path.write_text(kubeconfig(url))
        return str(path)

    async def cpu(self) -> float:
        """Seconds that this process has used so far."""
        return time.process_time()

    async def batches(self) -> int:
        """How many were published."""
        return sum([source.hub.graph.seq for source in self._sources])


async def main() -> None:
    gc.set_threshold(*GC_THRESHOLDS)
    supervisor = Supervisor()
    with TemporaryDirectory(prefix="astrolabe-") as folder:
        sources = Sources(Path(folder), supervisor)
        commands: dict[str, Any] = {
            "follow": sources.follow,
            "cpu": sources.cpu,
            "batches": sources.batches,
        }
        async with asyncio.TaskGroup() as group:
            collecting = group.create_task(collect_periodically(sources.ready), name="garbage collector")
            await answer(commands)
            collecting.cancel()
        await supervisor.close()


if __name__ == "__main__":
    uvloop.run(main())
