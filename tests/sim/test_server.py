from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import pytest

from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.sim.client import Client
from tests.support.kinds import KINDS


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_writes_are_refused_and_counted(simulator: Simulator, client: Client, method: str) -> None:
    async with client.session.request(method, "/api/v1/namespaces/shop/pods/a", json={}) as response:
        answer = msgspec.json.decode(await response.read())
    assert (response.status, answer["reason"]) == (405, "MethodNotAllowed")
    assert simulator.request_log.writes == 1
    assert simulator.request_log.requests[-1].write


async def test_keeps_a_log_of_requests(simulator: Simulator, client: Client) -> None:
    await client.get("/api/v1/namespaces/shop/pods", "application/json", limit="2")
    await client.refusal("/apis/apps/v1/nonsense")
    async with client.watch("/apis/apps/v1/deployments"):
        await simulator.request_log.until(lambda request_log: request_log.open_watches["Deployment"] == 1)
        (watch,) = simulator.request_log.of("Deployment", "watch")
    first = simulator.request_log.requests[0]
    assert (first.method, first.path, first.query) == ("GET", "/api/v1/namespaces/shop/pods", {"limit": "2"})
    assert (first.kind, first.verb, first.namespace) == ("Pod", "list", "shop")
    assert first.accept == "application/json"
    assert "aiohttp" in first.user_agent
    assert watch.query == {"watch": "1"}
    assert simulator.request_log.statuses == {200: 2, 404: 1}
    assert (simulator.request_log.total, simulator.request_log.writes) == (3, 0)


async def test_serves_the_kinds_it_is_given_and_no_other() -> None:
    pods = [kind for kind in KINDS if kind.name == "Pod"]
    async with Simulator(ObjectStore(pods)) as simulator, aiohttp.ClientSession(simulator.url) as session:
        client = Client(session)
        assert (await client.get("/api/v1/pods"))["items"] == []
        assert (await client.refusal("/api/v1/secrets"))[0] == 404
        async with session.get("/apis/apps/v1/deployments") as response:
            assert (response.status, await response.text()) == (404, "404 page not found\n")
        assert (await client.get("/apis"))["groups"] == []


async def test_discovery(client: Client) -> None:
    assert (await client.get("/api"))["versions"] == ["v1"]
    groups = {group["name"] for group in (await client.get("/apis"))["groups"]}
    assert groups == {"events.k8s.io", *[kind.group for kind in KINDS if kind.group]}
    for kind in KINDS:
        page = await client.get(kind.path.rpartition("/")[0])
        assert page["groupVersion"] == kind.api_version
        found = next(resource for resource in page["resources"] if resource["name"] == kind.plural)
        assert (found["kind"], found["namespaced"]) == (kind.name, kind.namespaced)
    async with client.session.get("/livez") as response:
        assert await response.text() == "ok"


async def test_the_server_returns_on_the_same_port(simulator: Simulator, client: Client) -> None:
    async with client.watch("/api/v1/pods") as watching:
        await simulator.go_offline()
        with pytest.raises(aiohttp.ClientPayloadError):
            await watching.rest()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get("/api/v1/pods")
    await simulator.go_online()
    assert (await client.get("/api/v1/pods"))["items"] == []


async def test_the_server_stops_at_once_with_open_connections() -> None:
    before = asyncio.all_tasks()
    simulator = Simulator()
    await simulator.start()
    async with (
        aiohttp.ClientSession(simulator.url) as session,
        Client(session).watch("/api/v1/pods") as watching,
    ):
        async with asyncio.timeout(5):
            await simulator.stop()
        with pytest.raises(aiohttp.ClientPayloadError):
            await watching.rest()
    assert asyncio.all_tasks() == before


async def test_a_large_list_is_sent_whole(simulator: Simulator, client: Client) -> None:
    for number in range(300):
        metadata = {"name": f"c-{number:03}", "namespace": "shop"}
        simulator.store.create("ConfigMap", {"metadata": metadata, "data": {"k": "x" * 4000}})
    answer = await client.get("/api/v1/configmaps", resourceVersion="0")
    assert [item["metadata"]["name"] for item in answer["items"]] == [
        f"c-{number:03}" for number in range(300)
    ]
