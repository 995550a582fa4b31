"""Every front door of a union tells clusters apart, and one of a single cluster says nothing new."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from astrolabe.client import Client
from astrolabe.sim.store import ObjectStore
from tests.support.simulated import generated, simulated
from tests.support.unions import UnionSite, union_of


def a_shop(*, secret: bool, replicas: int = 1) -> ObjectStore:
    """A shop with a release `web`, whose Pod mounts a Secret that may be missing."""
    store = ObjectStore()
    store.create("Namespace", {"metadata": {"name": "shop", "uid": "ns"}})
    store.create("ServiceAccount", {"metadata": {"name": "default", "namespace": "shop", "uid": "sa"}})
    labels = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web"}
    meta = {"namespace": "shop", "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}
    for number in range(replicas):
        pod = {
            "metadata": {**meta, "name": f"web-{number}", "uid": f"p{number}"},
            "spec": {"containers": [], "volumes": [{"name": "s", "secret": {"secretName": "key"}}]},
            "status": {"phase": "Pending", "startTime": "2026-01-01T00:00:00Z"},
        }
        store.create("Pod", pod)
    if secret:
        store.create("Secret", {"metadata": {"name": "key", "namespace": "shop", "uid": "key"}})
    return store


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[UnionSite]:
    stores = {"dev": a_shop(secret=True), "prod": a_shop(secret=False, replicas=2)}
    async with union_of(folder, stores) as site:
        yield site


async def uids(site: UnionSite, path: str) -> set[str]:
    return {each["uid"] for each in (await site.json(path))["nodes"]}


async def test_the_cluster_is_a_filter_a_search_field_and_a_key_of_every_row(tmp_path: Path) -> None:
    async with two(tmp_path) as site:
        assert await uids(site, "/api/v1/graph?kind=Pod&cluster=dev") == {"dev/p0"}
        assert await uids(site, "/api/v1/graph?kind=Pod&cluster=dev,prod") == {"dev/p0", "prod/p0", "prod/p1"}
        assert await uids(site, "/api/v1/graph?namespace=shop&kind=Pod&cluster=prod") == {
            "prod/p0",
            "prod/p1",
        }
        assert await uids(site, "/api/v1/graph?release=web&kind=Pod&cluster=prod") == {"prod/p0", "prod/p1"}
        assert await uids(site, "/api/v1/graph?q=kind:po+cluster:d*") == {"dev/p0"}
        assert await uids(site, "/api/v1/graph?q=kind:po+-cluster:dev") == {"prod/p0", "prod/p1"}
        assert await uids(site, "/api/v1/graph?q=cluster:nowhere") == set()
        status, document = await site.refused("/api/v1/graph?cluster=test")
        assert (status, document["message"]) == (400, "unknown cluster 'test'; it is one of dev, prod")
        for path in ("/api/v1/resources?kind=Pod", "/api/v1/unresolved"):
            assert {each["uid"].split("/")[0] for each in await site.json(path)} == {
                each["cluster"] for each in await site.json(path)
            }
        hits = (await site.json("/api/v1/find?q=web-0"))["hits"]
        assert {(each["uid"], each["cluster"]) for each in hits} == {("dev/p0", "dev"), ("prod/p0", "prod")}
        proposals = (await site.json("/api/v1/complete?q=cluster:"))["proposals"]
        assert [each["text"] for each in proposals] == ["dev", "prod"]
        missing = await site.json("/api/v1/unresolved")
        assert [(each["uid"], each["reference"]["name"]) for each in missing] == [
            ("prod/p0", "key"),
            ("prod/p1", "key"),
        ]


async def test_an_id_with_a_slash_is_encoded_in_a_path(tmp_path: Path) -> None:
    async with two(tmp_path) as site:
        path = f"/api/v1/resources/{quote('prod/p1', safe='')}"
        assert (await site.json(path))["node"]["cluster"] == "prod"
        assert (await site.json(f"{path}/why"))["node"]["uid"] == "prod/p1"
        assert (await site.json(f"{path}/impact"))["target"]["uid"] == "prod/p1"
        assert (await site.json("/api/v1/path?from=dev/p0&to=dev/key"))["length"] > 0
        assert (await site.json("/api/v1/path?from=prod/p0&to=dev/key"))["length"] == 0


async def test_releases_of_one_name_in_two_clusters_are_two(tmp_path: Path) -> None:
    async with two(tmp_path) as site:
        listed = await site.json("/api/v1/releases?detail=true")
        assert [(each["name"], each["cluster"], each["nodes"]) for each in listed] == [
            ("web", "dev", 1),
            ("web", "prod", 2),
        ]
        assert await site.json("/api/v1/releases") == ["web"]
        assert [each["cluster"] for each in await site.json("/api/v1/releases?detail=true&cluster=prod")] == [
            "prod"
        ]
        assert (await site.json("/api/v1/releases/shop/web?cluster=prod"))["nodes"] == 2
        status, document = await site.refused("/api/v1/releases/shop/web")
        assert (status, document["message"]) == (
            400,
            "several clusters have release 'shop/web'; say cluster=…, one of dev, prod",
        )
        assert (await site.refused("/api/v1/releases/shop/none"))[0] == 404


async def test_clusters_their_states_counts_and_readiness(tmp_path: Path) -> None:
    async with two(tmp_path) as site:
        dev, prod = await site.json("/api/v1/clusters")
        assert (dev["name"], dev["state"], sum(dev["counts"].values())) == ("dev", "live", 4)
        assert (prod["name"], sum(prod["counts"].values()), prod["counts"]["Pending"]) == ("prod", 4, 2)
        assert prod["server"] == site.clusters["prod"].url
        assert await site.json("/readyz?cluster=dev") == {"status": "ready"}
        status, document = await site.refused("/readyz?cluster=test")
        assert (status, document["message"]) == (404, "unknown cluster 'test'; it is one of dev, prod")
        metrics = await site.text("/metrics")
        assert 'astrolabe_cluster_state{cluster="prod",state="live"} 1.0' in metrics
        assert 'astrolabe_cluster_nodes{cluster="prod",status="Pending"} 2.0' in metrics
        assert 'astrolabe_cluster_watches_disconnected{cluster="dev"} 0.0' in metrics


async def test_a_stream_of_one_cluster_hears_nothing_of_the_others(tmp_path: Path) -> None:
    async with two(tmp_path) as site, Client(site.url, {"cluster": "prod"}) as client:
        await client.ready()
        assert {node["cluster"] for node in client.graph.nodes.values()} == {"prod"}
        state = client.state
        assert state is not None
        site.clusters["dev"].store.create(
            "Secret", {"metadata": {"name": "x", "namespace": "shop", "uid": "x"}}
        )
        site.clusters["prod"].store.create(
            "Secret", {"metadata": {"name": "y", "namespace": "shop", "uid": "x"}}
        )
        await site.until(lambda: site.count("dev") == site.count("prod") == 5)
        async with asyncio.timeout(10):
            async for _ in client.updates():
                if "prod/x" in client.graph.nodes:
                    break
        assert "dev/x" not in client.graph.nodes


def plain(document: Any, cluster: str) -> Any:
    """A document of a union as a server of this cluster alone would write it."""
    if isinstance(document, dict):
        kept = {key: each for key, each in document.items() if key not in ("cluster", "id", "also")}
        return {key: plain(each, cluster) for key, each in kept.items()}
    if isinstance(document, list):
        return [plain(each, cluster) for each in document]
    return document.removeprefix(f"{cluster}/") if isinstance(document, str) else document


def in_order(problems: list[Any]) -> list[Any]:
    return sorted(problems, key=lambda each: json.dumps(each, sort_keys=True))


async def test_problems_of_clones_are_those_of_each_alone(tmp_path: Path) -> None:
    """They have the same uids, namespaces and names, and the same troubles."""
    store = generated(0.01, seed=3)
    stores = {"dev": store, "prod": store}
    async with (
        simulated(store) as alone,
        aiohttp.ClientSession() as http,
        union_of(tmp_path, stores) as site,
    ):
        async with http.get(f"http://{alone}/api/v1/problems?detail=true&limit=1000") as answer:
            expected = in_order(plain(await answer.json(), ""))
        found = await site.json("/api/v1/problems?detail=true&limit=1000")
        assert len(expected) > 5
        for cluster in stores:
            mine = [each for each in found if each["cluster"] == cluster]
            assert in_order(plain(mine, cluster)) == expected
            few = await site.json(f"/api/v1/problems?detail=true&limit=1000&cluster={cluster}")
            assert in_order(plain(few, cluster)) == expected
        assert len(found) == 2 * len(expected)
        assert len({each["id"] for each in found}) == len(found)


async def test_a_server_of_one_cluster_has_one_without_a_name() -> None:
    async with (
        simulated(a_shop(secret=True), cluster_name="prod") as address,
        aiohttp.ClientSession() as http,
    ):

        async def get(path: str) -> tuple[int, Any]:
            async with http.get(f"http://{address}{path}") as answer:
                return answer.status, await answer.json()

        status, (only,) = await get("/api/v1/clusters")
        assert (status, only["name"], only["state"], sum(only["counts"].values())) == (200, "prod", "live", 4)
        # Its own name means everything, so that a dashboard works for a server of one and of many.
        _, graph = await get("/api/v1/graph?kind=Pod&cluster=prod")
        assert [node["uid"] for node in graph["nodes"]] == ["p0"]
        assert "cluster" not in graph["nodes"][0]
        status, refusal = await get("/api/v1/graph?cluster=test")
        assert (status, refusal["message"]) == (400, "unknown cluster 'test'; it is one of prod")
        status, refusal = await get("/readyz?cluster=test")
        assert status == 404
        _, health = await get("/health")
        assert "clusters" not in health
