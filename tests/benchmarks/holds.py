"""A server that tells for how long its loop was held, and by what; and all that its process itself can be told.

`python -m tests.benchmarks.holds NODES SLICE` answers commands: see `Holds`, and `processes`. A slice of time has
so many seconds.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import msgspec
import uvloop

from astrolabe import timeslice
from astrolabe.engine.engine import Engine
from astrolabe.engine.inbox import InboxMessage, KindRemoved, Replace, Scope, WatchStatus
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.garbage import GC_THRESHOLDS
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import ERROR, READY, Status
from tests.benchmarks.clusters import Cluster
from tests.benchmarks.processes import allow_many_files, answer
from tests.support.kinds import KINDS
from tests.support.loop_meter import LoopWatch
from tests.support.serving import Site, eventually, serve

#: The kind of which an engine is told last.
LAST = "Namespace"


class Publisher:
    """Implements `engine.Publisher`: what the engine publishes is served."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def publish(self, batch: Batch) -> bool:
        self._cluster.send(batch.changes)
        return True


class Holds:
    """site: where the cluster is served."""

    def __init__(self, cluster: Cluster, site: Site) -> None:
        self._cluster = cluster
        self._site = site
        self._watch = LoopWatch()
        self._changes = 0
        self._forbids = False

    async def place(self) -> dict[str, Any]:
        """The port, and what filters can name: the largest release, a namespace, the node with most edges."""
        graph = self._cluster.hub.graph
        releases: dict[str, int] = {}
        for node in graph.nodes.values():
            releases[node.release] = releases.get(node.release, 0) + bool(node.release)
        hub = max(graph.nodes, key=lambda uid: len(list(graph.incoming(uid))))
        return {
            "port": self._site.port,
            "release": max(releases, key=lambda name: releases[name]),
            "namespace": self._cluster.pods[0].namespace,
            "hub": hub,
            "nodes": len(graph.nodes),
            "seq": graph.seq,
            "epoch": graph.epoch,
        }

    async def begin(self) -> None:
        """Change one pod, so that nothing of before is served, and measure from the next turn on."""
        self._changes += 1
        self._cluster.change(self._cluster.pods[0], (ERROR, READY)[self._changes % 2])
        hub = self._cluster.hub
        for feed in list(hub._kept):
            hub._drop(feed)
        await asyncio.sleep(0.01)
        self._watch.restart()

    async def end(self) -> dict[str, Any]:
        """The longest turn, in milliseconds, and what was at work in it."""
        await asyncio.sleep(0)
        turns = self._watch
        stack = sorted(turns.stack.items(), key=lambda each: -each[1])
        return {"longest": turns.longest * 1e3, "stack": stack[:4]}

    async def change(self, *, pods: int) -> int:
        """So many pods, each in a batch of its own; returns the seq before."""
        seq = self._cluster.hub.graph.seq
        for pod in self._cluster.pods[:pods]:
            self._changes += 1
            self._cluster.set(
                msgspec.structs.replace(pod, status=Status(ERROR, "Changed", str(self._changes)))
            )
            await asyncio.sleep(0)
        return seq

    async def tell_state(self) -> None:
        """Another state of what is served."""
        readiness = self._cluster.readiness
        # One that differs in its words alone is told a second later, and this may be asked twice within one.
        self._forbids = not self._forbids
        if self._forbids:
            readiness.report("Pod", "", "unavailable", "403", cause="forbidden")
        else:
            readiness.report("Pod", "", "synced")
        self._site.state.refresh()

    async def replace(self) -> None:
        """Serve another graph of the same content."""
        graph = self._cluster.hub.graph
        other = ServedGraph(f"e{self._changes}", 1)
        for number, node in enumerate(graph.nodes.values()):
            other.load(Changes(nodes_set=[node]))
            if number % 100 == 0:
                await asyncio.sleep(0)
        for number, edge in enumerate(graph.edges()):
            other.load(Changes(edges_set=[edge]))
            if number % 100 == 0:
                await asyncio.sleep(0)
        self._watch.restart()
        self._cluster.hub.replace(other)
        del graph
        await asyncio.sleep(0.05)

    async def tell(self, *, what: str) -> None:
        """What a watch of pods may tell an engine."""
        await self._work(self._message(what), restored=False)

    async def take_over(self) -> None:
        """A new writer finds what is served to be what it knows."""
        await self._work(WatchStatus("Pod", "", "synced"), restored=True)

    def _message(self, what: str) -> InboxMessage:
        match what:
            case "gone":
                return KindRemoved("Pod", "")
            case "forbidden":
                return WatchStatus("Pod", "", "unavailable", "forbidden", "forbidden")
            case "listed":
                return Replace("Pod", "", list(self._cluster.pods))
            case "synced":
                return WatchStatus("Pod", "", "synced", "")
        raise AssertionError(what)

    async def _work(self, message: InboxMessage, *, restored: bool) -> None:
        cluster = self._cluster
        readiness = ReadinessTracker([Scope(kind.name) for kind in KINDS])
        for kind in KINDS:
            if kind.name != LAST:
                readiness.report(kind.name, "", "synced")
        engine = Engine(
            cluster.model,
            Publisher(cluster),
            readiness,
            epoch=cluster.hub.graph.epoch,
            window=0.01,
            restored=(lambda: cluster.hub.graph) if restored else None,
        )
        task = asyncio.create_task(engine.run(), name="engine")
        self._watch.restart()
        await engine.put(message)
        await engine.put(WatchStatus(LAST, "", "synced"))
        await eventually(lambda: readiness.states[Scope(LAST)].state == "synced")
        await eventually(lambda: not engine._uncommitted and engine._takeover is None)
        task.cancel()


async def main(nodes: int, seconds: float) -> None:
    allow_many_files()
    timeslice.TIME_SLICE = seconds
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(0.001)
    cluster = Cluster(nodes)
    async with serve(cluster) as site:
        gc.collect()
        gc.freeze()
        holds = Holds(cluster, site)
        await answer(
            {
                name: getattr(holds, name)
                for name in ("place", "begin", "end", "change", "tell_state", "replace", "tell", "take_over")
            }
        )


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
