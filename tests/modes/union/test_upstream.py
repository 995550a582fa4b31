"""A hub that follows the servers of its clusters: exact at every rest, whatever happens to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from astrolabe.app import Application
from astrolabe.client import Client
from astrolabe.client.message import SnapshotMessage
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.cluster_part import ClusterPart
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import parse_node
from astrolabe.modes.union import upstream_member
from astrolabe.modes.union.upstream_copy import UpstreamCopy
from astrolabe.settings import Settings
from astrolabe.sim.cluster import custom
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.serving import eventually
from tests.support.simulated import generated
from tests.support.unions import Upstream

Json = dict[str, Any]
PATIENCE = 30.0


class Hub:
    """A hub, and what it follows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.servers: dict[str, Upstream] = {}
        self.stores: dict[str, ObjectStore] = {}
        self.application: Application

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.application.port}"

    def list(self, **more: Json) -> Path:
        entries = [
            {"name": name, "url": each.url, **more.get(name, {})} for name, each in self.servers.items()
        ]
        path = self._folder / "clusters.json"
        path.write_text(json.dumps({"clusters": entries}))
        return path

    def states(self) -> dict[str, tuple[str, str]]:
        clusters = self.application._source.state.refresh().clusters
        assert clusters is not None
        return {each.name: (each.state, each.why) for each in clusters}

    def shown(self) -> tuple[dict[str, Json], set[tuple[str, ...]]]:
        """What the hub serves: nodes by id, and edges."""
        graph = self.application._source.hub.graph
        edges = {(edge.type, edge.source, edge.target, *edge.field) for edge in graph.edges()}
        return {uid: node.document() for uid, node in graph.nodes.items()}, edges

    def expected(self) -> tuple[dict[str, Json], set[tuple[str, ...]]]:
        """What its servers serve, each with its name."""
        nodes: dict[str, Json] = {}
        edges: set[tuple[str, ...]] = set()
        for name, server in self.servers.items():
            for uid, node in server.graph.nodes.items():
                nodes[f"{name}/{uid}"] = {**node.document(), "uid": f"{name}/{uid}", "cluster": name}
            for edge in server.graph.edges():
                edges.add((edge.type, f"{name}/{edge.source}", f"{name}/{edge.target}", *edge.field))
        return nodes, edges

    def is_exact(self) -> bool:
        return self.shown() == self.expected()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what several processes do, each by its own clock."""
        await eventually(condition)


@asynccontextmanager
async def hub_of(
    folder: Path, stores: dict[str, ObjectStore], *, more: dict[str, Json] | None = None, **upstream: Any
) -> AsyncIterator[Hub]:
    async with AsyncExitStack() as running:
        hub = Hub(folder)
        hub.stores = stores
        for name, store in stores.items():
            simulator = await running.enter_async_context(Simulator(store))
            server = Upstream(running.enter_context(kubeconfig_file(simulator.url)), **upstream)
            await server.begin()
            running.push_async_callback(server.end)
            hub.servers[name] = server
        settings = Settings(
            in_cluster=False, host="127.0.0.1", port=0, clusters=str(hub.list(**(more or {})))
        )
        hub.application = Application(settings)
        await hub.application.start()
        running.push_async_callback(hub.application.stop)
        yield hub


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_member, "REFUSED_PAUSE", 0.1)
    monkeypatch.setattr(upstream_member, "FACTS_EVERY", 0.1)
    monkeypatch.setattr(upstream_member, "LOST_GRACE", 0.1)


def two() -> dict[str, ObjectStore]:
    """Two clusters of which one is a clone of the other: all uids are equal."""
    return {"east": generated(0.002, seed=5), "west": generated(0.002, seed=5)}


def change(store: ObjectStore, number: int) -> None:
    store.create("ConfigMap", {"metadata": {"name": f"made-{number}", "namespace": "default"}})
    pods = list(store.manifests("Pod"))
    store.delete("Pod", pods[number % len(pods)])


async def test_a_hub_serves_the_sum_of_its_servers_and_follows_each(tmp_path: Path) -> None:
    async with hub_of(tmp_path, two()) as hub:
        await hub.until(hub.is_exact)
        assert hub.states() == {"east": ("live", ""), "west": ("live", "")}
        nodes, edges = hub.shown()
        assert len(nodes) > 300
        assert len(edges) > 300
        async with Client(hub.url) as client:
            await client.ready()
            for number in range(20):
                change(hub.stores["east" if number % 3 else "west"], number)
                await asyncio.sleep(0)
            await hub.until(lambda: hub.is_exact() and len(hub.shown()[0]) == len(nodes))
            async with asyncio.timeout(PATIENCE):
                await client.reached(hub.application._source.hub.graph.seq)
            assert client.graph.nodes == hub.shown()[0]


async def test_a_server_that_is_away_keeps_its_nodes_and_comes_back_with_another_epoch(
    tmp_path: Path,
) -> None:
    async with hub_of(tmp_path, two()) as hub, Client(hub.url) as client:
        await hub.until(hub.is_exact)
        await client.ready()
        east, before = hub.servers["east"], hub.shown()
        await east.end()
        await hub.until(lambda: hub.states()["east"][0] == "stale")
        assert hub.states()["east"][1].startswith(f"cannot connect to ws://127.0.0.1:{east.port}")
        assert hub.states()["west"] == ("live", "")
        assert hub.shown() == before
        change(hub.stores["west"], 1)
        change(hub.stores["east"], 2)
        await hub.until(lambda: "made-1" in str(hub.shown()[0]))
        epoch = east.graph.epoch
        await east.begin()
        assert east.graph.epoch != epoch
        await hub.until(hub.is_exact)
        await hub.until(lambda: hub.states()["east"] == ("live", ""))
        async with asyncio.timeout(PATIENCE):
            await client.reached(hub.application._source.hub.graph.seq)
        assert client.graph.nodes == hub.shown()[0]


async def test_a_refused_token_is_reported_and_can_be_replaced(tmp_path: Path) -> None:
    tokens, token = tmp_path / "tokens", tmp_path / "token"
    tokens.write_text("right\n")
    token.write_text("wrong\n")
    more = {"east": {"tokenFile": "token"}}
    upstream = {"auth": "token", "auth_token_file": str(tokens)}
    async with hub_of(tmp_path, {"east": generated(0.002)}, more=more, **upstream) as hub:
        await hub.until(lambda: "401" in hub.states()["east"][1])
        assert hub.states()["east"][0] == "stale"
        token.write_text("right\n")
        await hub.until(hub.is_exact)
        await hub.until(lambda: hub.states()["east"] == ("live", ""))


async def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    more = {"east": {"tokenFile": "nosuch"}, "west": {"caFile": "clusters.json"}}
    async with hub_of(tmp_path, two(), more=more) as hub:
        said = f"tokenFile {tmp_path}/nosuch cannot be used: No such file or directory"
        await hub.until(lambda: hub.states()["east"] == ("stale", said))
        await hub.until(lambda: hub.states()["west"][1].startswith(f"caFile {tmp_path}/clusters.json cannot"))


async def test_kinds_releases_and_events_come_from_the_server(tmp_path: Path) -> None:
    store = generated(0.005, seed=2)
    custom.install(store, 1, now=datetime.now(UTC))
    async with hub_of(tmp_path, {"east": store}) as hub, aiohttp.ClientSession() as http:
        east = hub.servers["east"]

        async def ask(url: str, path: str) -> Any:
            async with http.get(f"{url}{path}") as answer:
                assert answer.status == 200, await answer.text()
                return await answer.json()

        await hub.until(hub.is_exact)
        kinds = {each["kind"] for each in await ask(east.url, "/api/v1/kinds")}
        served = hub.application._source
        await hub.until(lambda: kinds == set(served.catalogue.keys))
        revisions = east.graph.releases
        assert revisions
        await hub.until(lambda: len(served.hub.graph.releases) == len(revisions))
        assert await ask(east.url, "/api/v1/releases") == await ask(hub.url, "/api/v1/releases")
        assert "Certificate.cert-manager.io" in kinds
        (some, *_) = await ask(hub.url, "/api/v1/resources?kind=Certificate.cert-manager.io")
        assert some["uid"].startswith("east/")
        told = [
            (await ask(east.url, f"/api/v1/resources/{uid}"), uid)
            for uid, node in east.graph.nodes.items()
            if node.kind == "Pod" and node.status == "Error"
        ]
        here, uid = next((document, uid) for document, uid in told if document.get("events"))
        there = await ask(hub.url, f"/api/v1/resources/east%2F{uid}")
        assert there["events"] == here["events"]


async def test_a_server_of_several_clusters_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with hub_of(tmp_path, {"east": generated(0.002)}) as hub:
        await hub.until(hub.is_exact)
        outer = Hub(tmp_path / "outer")
        (tmp_path / "outer").mkdir()
        path = tmp_path / "outer" / "clusters.json"
        path.write_text(json.dumps({"clusters": [{"name": "all", "url": hub.url}]}))
        outer.application = Application(
            Settings(in_cluster=False, host="127.0.0.1", port=0, clusters=str(path))
        )
        await outer.application.start()
        try:
            await outer.until(lambda: outer.states()["all"][0] == "stale")
            assert outer.states()["all"][1] == (
                "the server serves several clusters itself; list each of them by an address of its own"
            )
            assert outer.shown() == ({}, set())
        finally:
            await outer.application.stop()


async def test_what_fails_while_it_is_published_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_of(tmp_path, two()) as hub:
        await hub.until(hub.is_exact)
        writer = hub.application._source.writer.member("east")  # type: ignore[union-attr]

        async def fail(batch: Any) -> bool:
            raise RuntimeError("no more")

        with monkeypatch.context() as patched:
            patched.setattr(writer, "publish", fail)
            change(hub.stores["east"], 1)
            await hub.until(lambda: hub.states()["east"][0] == "stale")
            assert "RuntimeError in fail" in hub.states()["east"][1]
        await hub.until(hub.is_exact)
        await hub.until(lambda: hub.states()["east"] == ("live", ""))


def test_a_cluster_that_was_watched_here_is_not_told_anew_by_its_server() -> None:
    """Of which end a field is is known of an API server only; no client hears of it."""
    ends = [f'{{"status":"Ready","uid":"{uid}","name":"x","kind":"Pod","namespace":"a"}}' for uid in "ab"]
    graph = ServedGraph("u")
    edge = Edge("binds", "east/a", "east/b", ("spec.volumeName", "spec.claimRef"), 1)
    nodes = [
        parse_node(text.replace(f'"uid":"{uid}"', f'"uid":"east/{uid}","cluster":"east"'))
        for text, uid in zip(ends, "ab", strict=True)
    ]
    graph.apply(Batch("u", 1, Changes(nodes_set=nodes, edges_set=[edge])))
    told = {"type": "binds", "from": "a", "to": "b", "field": [*edge.field]}
    head = {"type": "snapshot", "id": "default", "epoch": "s", "seq": 7, "part": 1, "last": True}
    snapshot = {**head, "nodes": [json.loads(text) for text in ends], "edges": [told]}
    copy = UpstreamCopy(ClusterPart(lambda: graph, "east"))
    steps = copy.apply(msgspec.convert(snapshot, SnapshotMessage))
    assert [changes for each in steps for changes in each if changes is not None] == []
    assert copy.complete
