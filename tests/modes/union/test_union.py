"""Three simulated API servers as one graph: one is cut, comes back, leaves, while clients follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from astrolabe.client import Client
from astrolabe.engine import serving_state
from astrolabe.engine.inbox import ObjectChanges
from astrolabe.kube import watches
from astrolabe.modes.union import cluster_files, kubernetes_member
from astrolabe.sim.store import ObjectStore
from tests.support.serving import eventually
from tests.support.simulated import generated
from tests.support.timing import SHORT
from tests.support.unions import UnionSite, union_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the patience that real networks and disks need."""
    monkeypatch.setattr(watches, "WatchTiming", lambda: SHORT)
    monkeypatch.setattr(serving_state, "LOST_GRACE", 0.5)
    monkeypatch.setattr(kubernetes_member, "LOST_GRACE", 0.5)
    monkeypatch.setattr(kubernetes_member, "WatchTiming", lambda: SHORT)
    monkeypatch.setattr(cluster_files, "LOOK_EVERY", 0.1)


def three(scale: float = 0.003) -> dict[str, ObjectStore]:
    """Clones: they have the same objects with the same uids."""
    return {name: generated(scale, seed=1) for name in ("dev", "prod-eu", "prod-us")}


@asynccontextmanager
async def following(site: UnionSite, *filters: dict[str, str]) -> AsyncIterator[list[Client]]:
    """Clients that read all the time, of the graph and of parts of it."""
    clients = [Client(site.url, filter) for filter in ({}, *filters)]

    async def read(client: Client) -> None:
        async for _ in client.updates():
            pass

    tasks = [asyncio.create_task(read(client)) for client in clients]
    try:
        yield clients
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.close()


async def check_exact(site: UnionSite, client: Client, query: str = "") -> None:
    """The client has what the server has, once it has got it."""
    graph = await site.json(f"/api/v1/graph{query}")
    nodes = {node["uid"]: node for node in graph["nodes"]}
    edges = {(edge["type"], edge["from"], edge["to"]) for edge in graph["edges"]}
    with suppress(TimeoutError):
        await eventually(lambda: client.graph.nodes == nodes and set(client.graph.edges) == edges)
    assert client.graph.nodes == nodes
    assert set(client.graph.edges) == edges


def a_pod(name: str, uid: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "uid": uid}
    return {"metadata": meta, "spec": {"containers": []}, "status": {"phase": "Pending"}}


async def test_clusters_are_cut_restored_removed_and_added_while_clients_follow(tmp_path: Path) -> None:
    stores = three()
    async with (
        union_of(tmp_path, stores, listed=("dev", "prod-eu")) as site,
        following(site, {"kind": "Pod"}) as (whole, pods),
    ):
        size = site.count("dev")
        assert site.states() == {"dev": "live", "prod-eu": "live"}
        assert (site.count("dev"), site.count("prod-eu"), site.count("prod-us")) == (size, size, 0)
        await check_exact(site, whole)

        # One is cut: its nodes stay, its state says so, and the other goes on.
        await site.clusters["prod-eu"].go_offline()
        await site.until(lambda: site.states() == {"dev": "live", "prod-eu": "stale"})
        await site.until(lambda: "cannot be reached" in site.source.state.current.why)
        state = await site.json("/health")
        assert state["state"] == "stale"
        assert state["why"].startswith(f"prod-eu is stale since {state['since'][11:16]} UTC: the API server")
        assert state["why"].endswith("; 1 of 2 clusters is live")
        stores["dev"].create("Pod", a_pod("new", "n"))
        stores["prod-eu"].create("Pod", a_pod("unseen", "m"))
        await site.until(lambda: "dev/n" in site.source.hub.graph.nodes)
        assert (site.count("dev"), site.count("prod-eu")) == (size + 1, size)
        await check_exact(site, whole)
        await check_exact(site, pods, "?kind=Pod")

        # One is added while another is away.
        site.list("dev", "prod-eu", "prod-us")
        await site.until(lambda: site.states().get("prod-us") == "live")
        assert (site.count("prod-eu"), site.count("prod-us")) == (size, size)
        await check_exact(site, whole)

        # It comes back with what happened meanwhile.
        await site.clusters["prod-eu"].go_online()
        await site.until(lambda: "prod-eu/m" in site.source.hub.graph.nodes)
        await site.until(lambda: set(site.states().values()) == {"live"})
        assert site.count("prod-eu") == size + 1
        await check_exact(site, whole)

        # One is removed: nothing of it remains, and the others stay as they are.
        site.list("prod-eu", "prod-us")
        await site.until(lambda: set(site.states()) == {"prod-eu", "prod-us"})
        assert (site.count("dev"), site.count("prod-eu"), site.count("prod-us")) == (0, size + 1, size)
        graph = site.source.hub.graph
        assert {edge.source.partition("/")[0] for edge in graph.edges()} == {"prod-eu", "prod-us"}
        assert {release.cluster for release in graph.releases} <= {"prod-eu", "prod-us"}
        await check_exact(site, whole)
        await check_exact(site, pods, "?kind=Pod")


async def test_clones_with_equal_uids_never_mix(tmp_path: Path) -> None:
    stores = {"one": ObjectStore(), "two": ObjectStore()}
    for store in stores.values():
        store.create("Namespace", {"metadata": {"name": "shop", "uid": "ns"}})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": True}
    pod = a_pod("web-1", "p")
    pod["metadata"]["ownerReferences"] = [owner]
    pod["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "settings"}}]
    for store in stores.values():
        store.create("Pod", pod)
    replica_set = {"metadata": {"name": "web", "namespace": "shop", "uid": "rs"}, "spec": {}, "status": {}}
    stores["one"].create("ReplicaSet", replica_set)
    stores["two"].create("ConfigMap", {"metadata": {"name": "settings", "namespace": "shop", "uid": "cm"}})
    async with union_of(tmp_path, stores) as site:
        graph = site.source.hub.graph
        assert {node.uid for node in graph.nodes.values()} == {
            *("one/ns", "one/p", "one/rs"),
            *("two/ns", "two/p", "two/cm"),
        }
        assert {(edge.source, edge.target) for edge in graph.edges()} >= {
            ("one/rs", "one/p"),
            ("two/p", "two/cm"),
        }
        assert all(edge.source[:4] == edge.target[:4] for edge in graph.edges())
        # The owner of the second Pod is missing, although the first cluster has an object of this uid.
        missing = {
            uid: {each["kind"] for each in graph.nodes[uid].document()["unresolved"]}
            for uid in ("one/p", "two/p")
        }
        assert missing == {
            "one/p": {"ConfigMap", "ServiceAccount"},
            "two/p": {"ReplicaSet", "ServiceAccount"},
        }


async def test_a_cluster_that_cannot_be_reached_at_the_start_holds_up_nobody(tmp_path: Path) -> None:
    async with union_of(tmp_path, three(), offline=("prod-eu",)) as site:
        assert site.states() == {"dev": "live", "prod-eu": "stale", "prod-us": "live"}
        assert site.source.readiness.ready
        why = next(each.why for each in site.source.state.current.clusters or () if each.name == "prod-eu")
        assert why.startswith("The API server http://127.0.0.1:")
        assert "Connection refused" in why
        assert "--kubeconfig" not in why
        assert site.count("prod-eu") == 0
        await site.clusters["prod-eu"].go_online()
        await site.until(lambda: site.states()["prod-eu"] == "live")
        assert site.count("prod-eu") == site.count("dev")


async def test_a_cluster_with_another_address_keeps_its_nodes_until_it_is_compared(tmp_path: Path) -> None:
    stores = {"a": generated(0.002, seed=1), "b": generated(0.002, seed=1)}
    async with union_of(tmp_path, stores, listed=("a",)) as site:
        size, counts = site.count("a"), list[int]()
        stores["b"].create("Pod", a_pod("moved", "m"))
        site.clusters["a"], site.clusters["b"] = site.clusters["b"], site.clusters["a"]
        site.list("a")

        def moved() -> bool:
            counts.append(site.count("a"))
            return "a/m" in site.source.hub.graph.nodes

        await site.until(moved)
        assert min(counts) == size
        assert site.count("a") == size + 1


async def test_a_list_that_is_refused_changes_nothing(tmp_path: Path, caplog: Any) -> None:
    stores = three(0.002)
    async with union_of(tmp_path, stores, listed=("dev", "prod-eu")) as site:
        site.file.write_text("clusters:\n- name: dev\n")
        await site.until(lambda: "its clusters stay as they were" in caplog.text)
        assert f"{site.file}:2: cluster 'dev' has no address; give it one of" in caplog.text
        assert site.states() == {"dev": "live", "prod-eu": "live"}
        site.list("dev")
        await site.until(lambda: site.states() == {"dev": "live"})
        assert site.count("prod-eu") == 0


async def test_a_fault_in_the_engine_of_one_cluster_concerns_only_this_one(tmp_path: Path) -> None:
    """It is watched again, and what is served of it stays until that is compared."""
    store = generated(0.002, seed=1)
    async with union_of(tmp_path, {"dev": store, "prod": store}) as site:
        size, counts = site.count("dev"), list[int]()
        clusters = site.source.clusters()
        assert clusters is not None
        broken = clusters["dev"]
        assert isinstance(broken, kubernetes_member.KubernetesMember)
        assert broken._watched is not None
        before = broken._watched.engine
        await before.put(ObjectChanges("Pod", [object()]))  # type: ignore[list-item]

        def is_watched_again() -> bool:
            counts.append(site.count("dev"))
            watched = broken._watched
            return watched is not None and watched.engine is not before and site.states()["dev"] == "live"

        await site.until(is_watched_again)
        assert set(counts) == {size}
        assert site.states() == {"dev": "live", "prod": "live"}
        store.create("Pod", a_pod("later", "later"))
        await site.until(lambda: {"dev/later", "prod/later"} <= site.source.hub.graph.nodes.keys())
