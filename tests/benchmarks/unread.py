"""A cluster that changes all the time, served to clients that may not read.

`python -m tests.benchmarks.unread NODES` answers commands: see `Unread`, and `processes`.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from itertools import count

import msgspec
import uvloop

from astrolabe.garbage import GC_THRESHOLDS
from astrolabe.graph.state.status import ERROR, READY, Status
from tests.benchmarks.clusters import Cluster
from tests.benchmarks.processes import allow_many_files, answer
from tests.support.serving import serve


class Unread:
    """cluster: what is served at the port."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster = cluster
        self._port = port

    async def port(self) -> int:
        return self._port

    async def change(self, *, rate: float) -> None:
        """One pod after the other, so many a second, from now on."""
        self._task = asyncio.create_task(self._change(1 / rate), name="changes")

    async def changed(self, *, batches: int, pods: int) -> tuple[str, int]:
        """Change so many pods in each of so many batches; returns where history was before."""
        graph = self._cluster.hub.graph
        seq = graph.seq
        for number in range(batches):
            some = [
                self._cluster.pods[(number * pods + each) % len(self._cluster.pods)] for each in range(pods)
            ]
            status = Status(ERROR, "Changed", str(number))
            self._cluster.set(*[msgspec.structs.replace(pod, status=status) for pod in some])
        return graph.epoch, seq

    async def _change(self, pause: float) -> None:
        for number in count():
            pod = self._cluster.pods[number % len(self._cluster.pods)]
            self._cluster.change(pod, (ERROR, READY)[number // len(self._cluster.pods) % 2])
            await asyncio.sleep(pause)


async def main(nodes: int) -> None:
    allow_many_files()
    gc.set_threshold(*GC_THRESHOLDS)
    cluster = Cluster(nodes)
    async with serve(cluster) as site:
        unread = Unread(cluster, site.port)
        gc.collect()
        gc.freeze()
        await answer({"port": unread.port, "change": unread.change, "changed": unread.changed})


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
