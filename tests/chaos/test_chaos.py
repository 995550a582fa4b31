"""Three replicas under churn while things break: in the end all hold the cluster's graph, and at no time did
anyone hold two graphs under one position.

`make chaos` runs many seeds: ASTROLABE_CHAOS_SEEDS="1-50", ASTROLABE_CHAOS_FAULTS=8.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.chaos.clients import Notes, Roamer
from tests.chaos.faults import ChaosFaults
from tests.chaos.observer import Observer
from tests.support.cluster import followed
from tests.support.fleet import Fleet, fleet
from tests.support.redis_server import redis_server

#: About 400 resources.
SCALE = 0.002
RATE = 40.0
#: Seconds that everyone has to agree when nothing breaks any more: a lock that has to expire, a list.
CALM = 45.0


def seeds() -> list[list[int]]:
    """Each list is one run of one fleet."""
    text = os.environ.get("ASTROLABE_CHAOS_SEEDS", "")
    if not text:
        return [[1, 2, 3]]
    first, _, last = text.partition("-")
    return [[seed] for seed in range(int(first), int(last or first) + 1)]


FAULTS = int(os.environ.get("ASTROLABE_CHAOS_FAULTS", "2"))


class Striking(Protocol):
    """See `ChaosFaults`."""

    told: list[str]

    async def strike(self) -> None: ...


@pytest.mark.timeout(600)
@pytest.mark.parametrize("run", seeds(), ids=lambda run: "-".join(map(str, run)))
async def test_chaos_ends_in_the_graph_of_the_cluster(run: list[int], tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, SCALE, seed=run[0])
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, redis, 3) as replicas:
                    churn = Churn(store, run[0])
                    for seed in run:
                        await survive(replicas, simulator, churn, seed)


async def survive(replicas: Fleet, simulator: Simulator, churn: Churn, seed: int) -> None:
    faults = ChaosFaults(replicas, simulator, churn, Random(seed))
    await endure(replicas, simulator, churn, faults, seed, observers=[Observer(replicas.redis)])


async def endure(
    replicas: Fleet,
    simulator: Simulator,
    churn: Churn,
    faults: Striking,
    seed: int,
    *,
    observers: Sequence[Observer] = (),
    count: int = FAULTS,
) -> None:
    """So many faults under churn, and what everyone holds afterwards. observers: of a Redis that stays."""
    await replicas.agreed(CALM)
    notes = Notes()
    roamers = [Roamer(replicas.replicas, notes, seed=seed * 10 + i, stay=4.0) for i in range(4)]
    try:
        async with working([*roamers, *observers]), churning(churn):
            for _ in range(count):
                await faults.strike()
        expected = await cluster_graph(simulator)
        health = await replicas.agreed(CALM, lambda graph: as_sets(graph) == expected)
        for number, replica in enumerate(replicas.replicas):
            assert as_sets(await replica.graph(replicas.session)) == expected, f"replica {number}"
        place = (health["epoch"], health["seq"])
        for number, roamer in enumerate(roamers):
            await roamer.settle(replicas.replicas[number % 3], place, seconds=20)
            assert roamer.held.nodes == expected[0]
            assert {key: edge["field"] for key, edge in roamer.held.edges.items()} == expected[1]
    except BaseException:
        tails = ["".join(replica.lines[-30:]) for replica in replicas.replicas]
        print(f"seed {seed}: {faults.told}", *tails, sep="\n---\n")
        raise
    resumed, reset = sum(r.resumed for r in roamers), sum(r.reset for r in roamers)
    batches = sum([len(observer.batches) for observer in observers])
    told = ", ".join(faults.told)
    print(f"seed {seed}: {told}; {batches} batches, resumed {resumed} times, reset {reset}")


@asynccontextmanager
async def working(observers: Sequence[Roamer | Observer]) -> AsyncIterator[None]:
    """All at work; what does not fit fails the test at the end."""
    tasks = [asyncio.create_task(each.run(), name="observer") for each in observers]
    try:
        yield
        for task in tasks:
            assert not task.done() or task.exception() is None, task.exception()
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


@asynccontextmanager
async def churning(churn: Churn, rate: float = RATE) -> AsyncIterator[None]:
    task = asyncio.create_task(churn.run(rate), name="churn")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def cluster_graph(simulator: Simulator) -> tuple[dict[str, Any], dict[Any, Any]]:
    """What the cluster is: a sync of its own, which knows of no Redis."""
    async with followed(simulator.url) as run:
        await run.readiness.wait()
        return (
            {node.uid: node.document() for node in run.graph.nodes.values()},
            {edge.key: list(edge.field) for edge in run.graph.edges()},
        )


def as_sets(graph: dict[str, Any]) -> tuple[dict[str, Any], dict[Any, Any]]:
    return (
        {node["uid"]: node for node in graph["nodes"]},
        {(edge["type"], edge["from"], edge["to"]): edge["field"] for edge in graph["edges"]},
    )
