"""The whole application while custom kinds come, change and go: what is served is exact, and so are clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect

from astrolabe.app import Application
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.kinds.kind import is_custom
from astrolabe.modes import rule_files
from astrolabe.settings import Settings
from astrolabe.sim.definitions import crd
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import WATCHED
from tests.support.redis_server import RedisServer, redis_server
from tests.support.replica import Replica
from tests.support.truth import differences, expect, summarize

Json = dict[str, Any]

CERTIFICATE = "Certificate.cert-manager.io"
GATEWAY = "Gateway.gateway.networking.k8s.io"


class Running:
    """One application, and what it serves."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.url = f"http://127.0.0.1:{application.port}"

    @property
    def source(self) -> Any:
        return self.application._source

    async def get(self, path: str, status: int = 200) -> Any:
        async with aiohttp.ClientSession(self.url) as session, session.get(path) as response:
            assert response.status == status
            return await response.json()

    def stream(self) -> connect:
        return connect(f"ws://127.0.0.1:{self.application.port}/api/v1/ws", max_size=None)

    def names(self, kind: str) -> list[str]:
        return sorted(node.name for node in self.source.hub.graph.nodes.values() if node.kind == kind)

    async def until_exact(self, store: ObjectStore) -> None:
        """Wait until exactly what is in the store is served."""
        try:
            await until(lambda: not self.wrong(store))
        except TimeoutError:
            raise AssertionError("\n".join(self.wrong(store))) from None

    def wrong(self, store: ObjectStore) -> list[str]:
        """What differs from what has to be served of this store."""
        kinds = tuple(self.source.catalogue)
        manifests = [(kind, store.manifests(kind.key)) for kind in kinds if kind.key in store.collections]
        return differences(summarize(self.source.hub.graph), expect(manifests, kinds=kinds))


@asynccontextmanager
async def running(simulator: Simulator, **settings: Any) -> AsyncIterator[Running]:
    with kubeconfig_file(simulator.url) as kubeconfig:
        place = {"in_cluster": False, "kubeconfig": kubeconfig, "host": "127.0.0.1", "port": 0}
        application = Application(Settings(**{**place, "label_selector": "", **settings}))
        await application.start()
        try:
            async with asyncio.timeout(30):
                await application.ready()
            yield Running(application)
        finally:
            await application.stop()


async def until(condition: Callable[[], Any], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the server is asked, not this loop
            await asyncio.sleep(0.02)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        simulator.store.define(crd("Certificate", "cert-manager.io", short_names=("cert",)))
        simulator.store.define(crd("Gateway", "gateway.networking.k8s.io", versions=("v1", "v1beta1")))
        make(simulator.store, CERTIFICATE, "web")
        make(simulator.store, "Pod", "web")
        yield simulator


def make(store: ObjectStore, kind: str, name: str, *, owner: Json | None = None, **metadata: Any) -> None:
    namespaced = store.collection(kind).kind.namespaced
    meta: Json = {"name": name, **({"namespace": "shop"} if namespaced else {}), **metadata}
    if owner is not None:
        meta["ownerReferences"] = [owner]
    known = store.get(kind, meta.get("namespace", ""), name)
    if known is None:
        store.create(kind, {"metadata": meta, "spec": {"replicas": 1}})
    else:
        kept = {key: known["metadata"][key] for key in ("uid", "creationTimestamp")}
        store.update(kind, {"metadata": kept | meta, "spec": {"replicas": 1}})


async def follow(socket: ClientConnection, replica: Replica) -> None:
    """Apply all that comes until it is cancelled."""
    async for text in socket:
        message = json.loads(text)
        if message["type"] not in ("hello", "state"):
            replica.apply(message)


async def test_kinds_come_and_go_while_a_client_follows(simulator: Simulator) -> None:
    store, replica = simulator.store, Replica()
    async with running(simulator) as site, site.stream() as socket:
        following = asyncio.create_task(follow(socket, replica))
        await until(lambda: site.source.state.refresh().state == "live")
        store.define(crd("Widget", "example.com"))
        make(store, "Widget.example.com", "w", labels={"app.kubernetes.io/managed-by": "Helm"})
        await until(lambda: site.names("Widget.example.com") == ["w"])
        assert (await site.get("/health"))["state"] == "live"
        widget = next(iter(store.manifests("Widget.example.com")))["metadata"]
        make(store, "Pod", "owned", owner={"uid": widget["uid"], "kind": "Widget", "name": "w"})
        await until(lambda: any(edge.source == widget["uid"] for edge in site.source.hub.graph.edges()))

        store.undefine("widgets.example.com")
        store.define(crd("Widget", "example.com", scope="Cluster"))
        make(store, "Widget.example.com", "everywhere")
        await until(lambda: site.names("Widget.example.com") == ["everywhere"])
        store.define(crd("Widget", "example.com", scope="Cluster", versions=("v1", "v2")))
        await until(lambda: site.source.catalogue["Widget.example.com"].version == "v2")
        # Its objects are those that were, or just being listed anew.
        await until(lambda: site.names("Widget.example.com") == ["everywhere"])
        (node,) = [
            node for node in await site.get("/api/v1/resources?kind=widgets") if node["name"] == "everywhere"
        ]
        assert node["kind"] == "Widget"
        store.undefine("widgets.example.com")
        await until(lambda: "Widget.example.com" not in site.source.catalogue)
        await site.until_exact(store)
        await until(lambda: replica.seq == site.source.hub.graph.seq)
        assert replica.matches(site.source.hub.graph, EVERYTHING)
        assert not replica.resets
        following.cancel()


async def test_a_forbidden_kind_is_named_and_affects_nothing_else(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.authorizer.restrict(GATEWAY)
    async with running(simulator) as site:
        await until(lambda: site.source.state.refresh().state == "live")
        health = await site.get("/health")
        assert health["kinds"][GATEWAY] == health["kinds"][GATEWAY] | {
            "state": "unavailable",
            "cause": "forbidden",
            "objects": 0,
        }
        assert (
            "403 Forbidden: gateways.gateway.networking.k8s.io is forbidden"
            in health["kinds"][GATEWAY]["why"]
        )
        assert health["partial"] == []
        await site.get("/readyz")
        assert site.names(CERTIFICATE) == ["web"]
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_a_requested_forbidden_kind_is_a_gap(simulator: Simulator) -> None:
    simulator.authorizer.restrict(GATEWAY)
    async with running(simulator, custom_resources=("auto", "*.gateway.networking.k8s.io")) as site:
        await until(lambda: site.source.state.refresh().state == "partial")
        (gap,) = (await site.get("/health"))["partial"]
        assert (gap["kind"], gap["reason"]) == (GATEWAY, "forbidden")
        await site.get("/readyz")


async def test_kinds_with_too_many_objects_are_read_as_metadata_only(simulator: Simulator) -> None:
    for number in range(5):
        make(simulator.store, CERTIFICATE, f"c{number}", labels={"app": "a"})
    async with running(simulator, max_custom_objects=5) as site:
        await until(lambda: len(site.names(CERTIFICATE)) == 6)
        nodes = await site.get("/api/v1/resources?kind=cert")
        assert {node["reason"] for node in nodes} == {"MetadataOnly"}
        await until(lambda: site.source.state.refresh().state == "live")
        assert any(
            "PartialObjectMetadata" in request.accept for request in simulator.request_log.of(CERTIFICATE)
        )


async def test_a_follower_knows_the_kinds_and_a_new_leader_drops_removed_ones(
    simulator: Simulator, tmp_path: Path
) -> None:
    store = simulator.store
    with redis_server(tmp_path) as redis:
        async with AsyncExitStack() as first:
            leader = await first.enter_async_context(running(simulator, **shared(redis)))
            await until(lambda: leader.names(CERTIFICATE) == ["web"])
            async with AsyncExitStack() as second:
                follower = await second.enter_async_context(running(simulator, **shared(redis)))
                assert [node["name"] for node in await follower.get("/api/v1/resources?kind=cert")] == ["web"]
                store.define(crd("Widget", "example.com"))
                make(store, "Widget.example.com", "w")
                await until(lambda: follower.names("Widget.example.com") == ["w"])
                await until(lambda: "Widget.example.com" in follower.source.catalogue)
                assert follower.source.role() == "follower"
                assert "Widget.example.com" in [kind["kind"] for kind in await follower.get("/api/v1/kinds")]
                store.undefine("widgets.example.com")
                await until(lambda: "Widget.example.com" not in follower.source.catalogue)
        # Nobody watches now.
        store.undefine("certificates.cert-manager.io")
        make(store, GATEWAY, "edge")
        async with running(simulator, **shared(redis)) as later:
            assert later.names(CERTIFICATE) == ["web"], "the stored graph is served"
            await until(lambda: later.names(GATEWAY) == ["edge"])
            await later.until_exact(store)
            assert CERTIFICATE not in later.source.catalogue


def shared(redis: RedisServer) -> Json:
    return {"enable_persistence": True, "redis_addr": redis.address}


class Chaos:
    """Random definitions and objects."""

    def __init__(self, store: ObjectStore, random: Random) -> None:
        self.store = store
        self.random = random
        self.names = [f"Thing{number}" for number in range(4)]

    def step(self) -> None:
        name = self.random.choice(self.names)
        key, plural = f"{name}.example.com", f"{name.lower()}s.example.com"
        known = key in self.store.collections
        match self.random.randrange(8):
            case 0 if known:
                self.store.undefine(plural)
            case 1 if known:  # another scope
                scope = "Cluster" if self.store.collection(key).kind.namespaced else "Namespaced"
                self.store.undefine(plural)
                self.store.define(crd(name, "example.com", scope=scope))
            case 2 if known:  # another version
                scope = "Namespaced" if self.store.collection(key).kind.namespaced else "Cluster"
                versions = self.random.choice((("v1",), ("v1", "v2"), ("v1beta1", "v1"), ("v3", "v1")))
                self.store.define(crd(name, "example.com", scope=scope, versions=versions))
            case 0 | 1 | 2:
                self.store.define(
                    crd(name, "example.com", scope=self.random.choice(("Namespaced", "Cluster")))
                )
            case 3 if known and self.store.collection(key).items:
                self.store.delete(key, self.random.choice(list(self.store.manifests(key))))
            case _:
                kind = self.random.choice((key if known else "Pod", "Pod", "ConfigMap"))
                make(self.store, kind, self.random.choice("abc"), owner=self.owner())

    def owner(self) -> Json | None:
        custom = [key for key in self.store.collections if key.endswith(".example.com")]
        owners = [(key, each) for key in (*custom, "Pod") for each in self.store.manifests(key)]
        if not owners or self.random.random() < 0.3:
            return None
        key, owner = self.random.choice(owners)
        kind = self.store.collection(key).kind
        name = owner["metadata"]["name"]
        return {
            "uid": owner["metadata"]["uid"],
            "kind": kind.name,
            "name": name,
            "apiVersion": kind.api_version,
        }


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_graph_equals_a_rebuild_whenever_the_cluster_is_quiet(
    simulator: Simulator, seed: int
) -> None:
    chaos, replica = Chaos(simulator.store, Random(seed)), Replica()
    async with running(simulator) as site, site.stream() as socket:
        following = asyncio.create_task(follow(socket, replica))
        for _ in range(4):
            for _ in range(25):
                chaos.step()
                await asyncio.sleep(chaos.random.choice((0, 0.002, 0.02)))
            served = {kind.key for kind in simulator.store.kinds if is_custom(kind.key)}
            wanted = served | {kind.key for kind in WATCHED}
            await until(lambda: set(site.source.catalogue.keys) == wanted)  # noqa: B023
            await site.until_exact(simulator.store)
            await until(lambda: replica.seq == site.source.hub.graph.seq)
            assert replica.matches(site.source.hub.graph, EVERYTHING)
            assert not following.done()
        assert not replica.resets
        following.cancel()


RULE = """\
kind: Widget.example.com
status:
  error: [{field: status.broken, is: "true", as: Broken}]
  ready: [{field: status.up, is: "true", as: Up}]
metadata: {size: spec.size}
"""


async def test_rules_are_read_again_when_a_file_changes_and_a_bad_one_is_refused(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rule_files, "LOOK_EVERY", 0.05)
    store, folder = simulator.store, tmp_path / "rules"
    folder.mkdir()
    store.define(crd("Widget", "example.com"))
    body = {"metadata": {"name": "w", "namespace": "shop"}, "spec": {"size": 3}, "status": {"up": "true"}}
    store.create("Widget.example.com", body)

    async with running(simulator, rules=str(folder)) as site:

        def shown() -> tuple[str, Any]:
            for node in site.source.hub.graph.nodes.values():
                if node.kind == "Widget.example.com":
                    return node.document()["reason"], node.document()["metadata"].get("size")
            return "", None

        await until(lambda: shown() == ("StatusUnknown", None) or shown()[0] == "Unknown")
        before = shown()
        (folder / "widget.yaml").write_text(RULE)
        await until(lambda: shown() == ("Up", 3))
        (folder / "widget.yaml").write_text(RULE + "nonsense: 1\n")
        await until(lambda: "nonsense" in caplog.text)
        (said,) = [record.getMessage() for record in caplog.records if "nonsense" in record.getMessage()]
        assert f"{folder}/widget.yaml:6" in said
        assert shown() == ("Up", 3)
        (folder / "widget.yaml").write_text(RULE.replace("Up", "Running"))
        await until(lambda: shown() == ("Running", 3))
        (folder / "widget.yaml").unlink()
        await until(lambda: shown() == before)
        await site.until_exact(store)


async def test_many_definitions_at_once_are_followed_at_once(simulator: Simulator) -> None:
    """An operator brings a hundred; those who follow are sent all, and other changes are not held up."""
    store, replica = simulator.store, Replica()
    async with running(simulator) as site, site.stream() as socket:
        following = asyncio.create_task(follow(socket, replica))
        await until(lambda: site.source.state.refresh().state == "live")
        for number in range(100):
            store.define(crd(f"Part{number}", "example.com"))
            for name in "abcde":
                make(store, f"Part{number}.example.com", name)
        began = asyncio.get_running_loop().time()
        make(store, "Pod", "meanwhile")
        await until(lambda: "meanwhile" in site.names("Pod"))
        assert asyncio.get_running_loop().time() - began < 2.0
        await until(lambda: len(site.source.hub.graph.nodes) >= 500 + 102, seconds=30.0)
        await site.until_exact(store)
        await until(lambda: replica.seq == site.source.hub.graph.seq)
        assert replica.matches(site.source.hub.graph, EVERYTHING)
        assert (await site.get("/health"))["state"] == "live"
        following.cancel()


async def test_in_some_namespaces_only(simulator: Simulator) -> None:
    """Each kind is watched in each of them; what belongs to the cluster is seen if the account may."""
    store = simulator.store
    store.create(CERTIFICATE, {"metadata": {"name": "other", "namespace": "elsewhere"}})
    store.define(crd("Widget", "example.com", scope="Cluster"))
    make(store, "Widget.example.com", "w")
    simulator.authorizer.restrict(CERTIFICATE, ["shop"])
    async with running(simulator, namespaces=("shop",)) as site:
        await until(lambda: site.names(CERTIFICATE) == ["web"])
        await until(lambda: site.names("Widget.example.com") == ["w"])
        store.undefine("widgets.example.com")
        store.define(crd("Widget", "example.com"))
        make(store, "Widget.example.com", "inside")
        await until(lambda: site.names("Widget.example.com") == ["inside"])
        store.undefine("widgets.example.com")
        store.define(crd("Widget", "example.com", scope="Cluster"))
        make(store, "Widget.example.com", "everywhere")
        await until(lambda: site.names("Widget.example.com") == ["everywhere"])


async def test_in_strict_mode_the_api_server_filters_later_kinds_too(simulator: Simulator) -> None:
    """What it does not select is not seen, and so never missing."""
    store, key = simulator.store, "Widget.example.com"
    async with running(simulator, label_selector="team=a", selector_mode="strict") as site:
        store.define(crd("Widget", "example.com"))
        make(store, key, "in", labels={"team": "a"})
        make(store, key, "out")
        await until(lambda: site.names(key) == ["in"])
        assert {request.query.get("labelSelector") for request in simulator.request_log.of(key)} == {"team=a"}
        make(store, key, "out", labels={"team": "a"})
        await until(lambda: site.names(key) == ["in", "out"])
        make(store, key, "in", labels={"team": "b"})
        await until(lambda: site.names(key) == ["out"])
        owner = {"uid": "unseen", "kind": "Widget", "name": "in", "apiVersion": "example.com/v1"}
        make(store, "Pod", "owned", labels={"team": "a"}, owner=owner)
        await until(lambda: site.names("Pod") == ["owned"])
        assert await site.get("/api/v1/unresolved") == []
        store.undefine("widgets.example.com")
        store.define(crd("Widget", "example.com", scope="Cluster"))
        make(store, key, "wide", labels={"team": "a"})
        make(store, key, "hidden")
        await until(lambda: site.names(key) == ["wide"])
        assert (await site.get("/health"))["state"] == "live"


async def test_kinds_without_a_watch_are_named(simulator: Simulator) -> None:
    async with running(simulator, namespaces=("shop", "other"), max_custom_watches=3) as site:
        await until(lambda: site.names(CERTIFICATE) == ["web"])
        health = await site.get("/health")
        why = "it is not watched: custom kinds may have 3 watches (--max-custom-watches)"
        assert (health["state"], health["why"]) == ("partial", f"not watched: {GATEWAY}")
        assert health["partial"] == [{"kind": GATEWAY, "reason": "skipped", "why": why}]
        await site.get("/readyz")


async def listen(site: Running, replica: Replica) -> None:
    """Apply all server-sent events until it is cancelled."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(site.url, timeout=timeout) as session,
        session.get("/api/v1/events") as answer,
    ):
        async for line in answer.content:
            if line.startswith(b"data:"):
                message = json.loads(line[5:])
                if message["type"] not in ("hello", "state"):
                    replica.apply(message)


SECRETIVE = "Secretive.hidden.io"


async def test_clients_of_a_follower_stay_exact_while_kinds_and_leaders_change(
    simulator: Simulator, tmp_path: Path
) -> None:
    """One follows by WebSocket and one by server-sent events, while a kind is forbidden, and through a takeover."""
    store = simulator.store
    store.define(crd("Secretive", "hidden.io"))
    make(store, SECRETIVE, "hidden")
    simulator.authorizer.restrict(SECRETIVE)
    chaos = Chaos(store, Random(7))
    with redis_server(tmp_path) as redis:
        async with AsyncExitStack() as first:
            leader = await first.enter_async_context(running(simulator, **shared(redis)))
            async with running(simulator, **shared(redis)) as site, site.stream() as socket:
                replicas = (Replica(), Replica())
                following = [
                    asyncio.create_task(follow(socket, replicas[0])),
                    asyncio.create_task(listen(site, replicas[1])),
                ]
                assert (leader.source.role(), site.source.role()) == ("leader", "follower")
                for _ in range(2):
                    await churned(chaos, site, replicas)
                await first.aclose()
                await until(lambda: site.source.role() == "leader", seconds=30.0)
                for _ in range(2):
                    await churned(chaos, site, replicas)
                assert not any(task.done() for task in following)
                assert site.names(SECRETIVE) == []
                for task in following:
                    task.cancel()
                await asyncio.gather(*following, return_exceptions=True)


async def churned(chaos: Chaos, site: Running, replicas: tuple[Replica, ...]) -> None:
    """Some definitions and objects come, change and go; at rest all is exact."""
    for _ in range(25):
        chaos.step()
        await asyncio.sleep(chaos.random.choice((0, 0.002, 0.02)))
    served = {kind.key for kind in chaos.store.kinds if is_custom(kind.key)}
    await until(
        lambda: set(site.source.catalogue.keys) == served | {kind.key for kind in WATCHED}, seconds=30.0
    )

    def wrong() -> list[str]:
        return [line for line in site.wrong(chaos.store) if "Secretive" not in line]

    try:
        await until(lambda: not wrong(), seconds=30.0)
    except TimeoutError:
        raise AssertionError("\n".join(wrong())) from None
    for replica in replicas:
        await until(lambda: replica.seq == site.source.hub.graph.seq)  # noqa: B023
        assert replica.matches(site.source.hub.graph, EVERYTHING)
