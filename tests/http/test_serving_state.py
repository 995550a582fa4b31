"""The state of what is served, on every door."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from astrolabe.settings import Limits
from tests.http.net.test_sse import Reader
from tests.support.raw import dial, frames
from tests.support.serving import PATIENCE, Site, eventually, serve
from tests.support.worlds import KINDS, World, crowd, facts

SECRET = {"kind": "ConfigMap", "reason": "forbidden", "why": "403 Forbidden"}


def forbid(world: World) -> None:
    """ConfigMaps cannot be read any more."""
    world.readiness.report("ConfigMap", "", "unavailable", "403 Forbidden", cause="forbidden")


async def receive(socket: Any) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        document: dict[str, Any] = json.loads(await socket.recv())
        return document


async def test_a_websocket_gets_the_state_first_and_at_each_change(site: Site) -> None:
    async with site.stream() as socket:
        hello, state, snapshot = [await receive(socket) for _ in range(3)]
        assert (hello["type"], snapshot["type"]) == ("hello", "snapshot")
        since = state.pop("since")
        assert since.endswith("Z")
        assert state == {
            "type": "state",
            "state": "live",
            "why": "",
            "cluster": {"name": "shop", "context": "kind-shop", "server": "https://10.0.0.1:6443"},
            "progress": {"kinds": 8, "of": 8, "objects": 9},
            "partial": [],
        }
        forbid(site.world)
        site.state.refresh()
        partial = await receive(socket)
        assert (partial["type"], partial["state"], partial["partial"]) == ("state", "partial", [SECRET])
        assert partial["why"] == "not readable: ConfigMap"
        site.world.readiness.report("ConfigMap", "", "synced")
        site.state.refresh()
        assert (await receive(socket))["state"] == "live"


async def test_a_client_without_a_subscription_gets_the_state_too(site: Site) -> None:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        assert [(await receive(socket))["type"] for _ in range(2)] == ["hello", "state"]
        forbid(site.world)
        site.state.refresh()
        assert (await receive(socket))["state"] == "partial"


async def test_state_events_keep_the_last_event_id(site: Site) -> None:
    async with site.get("/api/v1/events?kind=Pod") as answer:
        assert answer.headers["X-Astrolabe-State"] == "live"
        events = Reader(answer)
        await events.read()
        place = events.last_id
        assert place
        forbid(site.world)
        site.state.refresh()
        async with asyncio.timeout(PATIENCE):
            while b'"state":"partial"' not in (line := await answer.content.readline()):
                assert not line.startswith(b"id:")
            await answer.content.readline()
        site.world.set(facts("Pod", "new"))
        assert (await events.read())["from"] == int(place.partition(":")[2])


async def test_a_client_that_did_not_read_gets_the_latest_state() -> None:
    world = crowd(9000)
    world.sync()
    async with serve(world, Limits(stall_timeout=PATIENCE)) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/ws")
        connections = site.server.open
        await eventually(lambda: any(not each.writable for each in connections))
        for number in range(40):
            state = "synced" if number % 2 else "listing"
            world.readiness.report(next(iter(KINDS)), "", state)
            site.state.refresh()
        data = bytearray(await peer.read_past(b"\r\n\r\n"))
        async with asyncio.timeout(PATIENCE):
            while b'"last":true' not in data[-700_000:]:
                data += await peer.read()
            while not data.endswith(b"]}"):
                data += await peer.read()
    told = [json.loads(bytes(frame.data)) for frame in frames(bytes(data))]
    states = [message["state"] for message in told if message["type"] == "state"]
    assert states[-1] == site.state.current.state
    assert 2 <= len(states) < 40


async def test_every_answer_has_the_state_header(site: Site) -> None:
    forbid(site.world)
    site.state.refresh()
    paths = (
        *("/health", "/livez", "/readyz", "/metrics", "/openapi.json", "/", "/nothing"),
        *("/api/v1/graph", "/api/v1/graph?kind=Nothing", "/api/v1/grafana/frames", "/api/health"),
    )
    for path in paths:
        async with site.get(path) as answer:
            assert answer.headers["X-Astrolabe-State"] == "partial", path
            etag = answer.headers.get("ETag", "")
        if etag:
            async with site.get(path, headers={"If-None-Match": etag}) as answer:
                assert (answer.status, answer.headers["X-Astrolabe-State"]) == (304, "partial"), path


async def test_health_and_metrics_look_at_once(site: Site) -> None:
    forbid(site.world)
    document = await site.json("/health")
    assert (document["status"], document["state"], document["partial"]) == ("healthy", "partial", [SECRET])
    async with site.get("/metrics") as answer:
        text = await answer.text()
    assert 'astrolabe_state{state="partial"} 1.0' in text
    assert 'astrolabe_state{state="live"} 0.0' in text
    assert 'astrolabe_gaps{reason="forbidden"} 1.0' in text
