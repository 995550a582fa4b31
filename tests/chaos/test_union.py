"""Three clusters as one graph, under churn, while things break: at each rest the union is the sum of what fresh
servers of one cluster each would serve, and each client holds what the union serves.

One of the clusters is watched by a server of its own, which the union follows. `make chaos` runs many seeds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from astrolabe.engine import serving_state
from astrolabe.kube import watches
from astrolabe.modes.union import cluster_files, kubernetes_member, upstream_member
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.store import ObjectStore
from tests.chaos.clients import Notes, Roamer
from tests.chaos.test_chaos import FAULTS, churning, seeds, working
from tests.chaos.union_faults import UnionFaults
from tests.support.cluster import Followed, followed
from tests.support.fleet import Proxy
from tests.support.timing import SHORT
from tests.support.unions import UnionSite, Upstream, union_of

#: About 200 resources a cluster.
SCALE = 0.001
RATE = 30.0
NAMES = ("far", "one", "two")
#: Seconds that a fault lasts, at most.
LONGEST = 3.0 if FAULTS > 2 else 0.5

Sums = tuple[dict[str, Any], dict[Any, Any]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the patience that real networks and disks need."""
    monkeypatch.setattr(watches, "WatchTiming", lambda: SHORT)
    monkeypatch.setattr(kubernetes_member, "WatchTiming", lambda: SHORT)
    for module in (serving_state, kubernetes_member, upstream_member):
        monkeypatch.setattr(module, "LOST_GRACE", 0.3)
    monkeypatch.setattr(cluster_files, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(upstream_member, "REFUSED_PAUSE", 0.1)
    monkeypatch.setattr(upstream_member, "FACTS_EVERY", 0.1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("run", seeds(), ids=lambda run: "-".join(map(str, run)))
async def test_a_union_ends_as_the_sum_of_its_clusters(run: list[int], tmp_path: Path) -> None:
    stores = {name: ObjectStore() for name in NAMES}
    for store in stores.values():  # clones: all uids are equal
        load(store, SCALE, seed=run[0])
    churns = {name: Churn(store, run[0] * 10 + i) for i, (name, store) in enumerate(stores.items())}
    async with union_of(tmp_path, stores) as site, with_upstreams(site, "far") as upstreams:
        for seed in run:
            faults = UnionFaults(site, churns, upstreams, Random(seed), longest=LONGEST)
            await endure(site, churns, faults, seed)


@asynccontextmanager
async def with_upstreams(site: UnionSite, *names: str) -> AsyncIterator[dict[str, tuple[Upstream, Proxy]]]:
    """Servers of their own for these clusters, which the union follows from now on."""
    found: dict[str, tuple[Upstream, Proxy]] = {}
    async with AsyncExitStack() as running:
        for name in names:
            upstream = Upstream(running.enter_context(kubeconfig_file(site.clusters[name].url)))
            await upstream.begin()
            running.push_async_callback(upstream.end)
            proxy = Proxy(upstream.port)
            await proxy.start()
            running.push_async_callback(proxy.stop)
            found[name] = upstream, proxy
            site.upstreams[name] = f"http://127.0.0.1:{proxy.port}"
        site.list(*site.clusters)
        yield found


async def endure(site: UnionSite, churns: dict[str, Churn], faults: UnionFaults, seed: int) -> None:
    """So many faults under churn, and what everyone holds afterwards."""
    notes = Notes()
    roamers = [Roamer([site.application], notes, seed=seed * 10 + i, stay=2.0) for i in range(3)]
    try:
        async with working(roamers), AsyncExitStack() as busy:
            for churn in churns.values():
                await busy.enter_async_context(churning(churn, RATE))
            for _ in range(FAULTS):
                await faults.strike()
        async with AsyncExitStack() as alone:
            singles = {
                name: await alone.enter_async_context(followed(simulator.url))
                for name, simulator in site.clusters.items()
            }
            await rest(site, singles)
            await settled(site, roamers)
            for roamer in roamers:
                held = {key: edge["field"] for key, edge in roamer.held.edges.items()}
                assert (roamer.held.nodes, within(held)) == served(site)
    except BaseException:
        print(f"seed {seed}: {faults.told}; {site.source.state.refresh().why}")
        raise
    resumed, reset = sum(r.resumed for r in roamers), sum(r.reset for r in roamers)
    print(f"seed {seed}: {', '.join(faults.told)}; resumed {resumed} times, reset {reset}")


def sum_of(singles: Mapping[str, Followed]) -> Sums:
    """What fresh servers of each cluster alone serve, with its name."""
    nodes: dict[str, Any] = {}
    edges: dict[Any, Any] = {}
    for name, single in singles.items():
        for uid, node in single.graph.nodes.items():
            nodes[f"{name}/{uid}"] = {**node.document(), "uid": f"{name}/{uid}", "cluster": name}
        for edge in single.graph.edges():
            edges[edge.type, f"{name}/{edge.source}", f"{name}/{edge.target}"] = list(edge.field)
    return nodes, edges


async def rest(site: UnionSite, singles: Mapping[str, Followed]) -> None:
    """Wait until the union serves their sum, and says that all is well. What only comes to them after their
    lists is waited for: Events."""
    for single in singles.values():
        await single.readiness.wait()

    def is_exact() -> bool:
        return set(site.states().values()) == {"live"} and served(site) == sum_of(singles)

    with suppress(TimeoutError):
        await site.until(is_exact)
    assert site.states() == dict.fromkeys(NAMES, "live")
    for mine, theirs in zip(served(site), sum_of(singles), strict=True):
        different = [key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key)]
        assert not different, [(key, mine.get(key), theirs.get(key)) for key in different[:3]]


def served(site: UnionSite) -> Sums:
    graph = site.source.hub.graph
    edges = within({edge.key: list(edge.field) for edge in graph.edges()})
    return {uid: node.document() for uid, node in graph.nodes.items()}, edges


def within(edges: dict[Any, Any]) -> dict[Any, Any]:
    """But for those from one cluster to another, of which the clusters alone know nothing."""
    return {
        key: field for key, field in edges.items() if key[1].partition("/")[0] == key[2].partition("/")[0]
    }


async def settled(site: UnionSite, roamers: Sequence[Roamer]) -> None:
    """Each client has all that is served."""
    graph = site.source.hub.graph
    for roamer in roamers:
        await roamer.settle(site.application, (graph.epoch, graph.seq), seconds=20)
