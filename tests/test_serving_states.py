"""Every state of what is served, and the ways into it and out of it, as clients are told them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.engine import serving_state
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.faults import DeepObject, HttpStatus
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.fleet import Fleet, fleet
from tests.support.redis_server import redis_server
from tests.test_app import settings_for

#: Seconds for a state to come. A watch that was cut tries again after up to half a minute.
PATIENCE = 45.0


class Doors:
    """One application over a simulator, and those who are told of its state."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self._simulator = simulator
        self._folder = folder
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Doors:
        async with AsyncExitStack() as running:
            await running.enter_async_context(self._simulator)
            application = Application(settings_for(self._simulator, self._folder))
            await application.start()
            running.push_async_callback(application.stop)
            self._session = await running.enter_async_context(
                aiohttp.ClientSession(f"http://127.0.0.1:{application.port}")
            )
            self._socket = await running.enter_async_context(self._session.ws_connect("/api/v1/ws?kind=Node"))
            self._events = await running.enter_async_context(self._session.get("/api/v1/events?kind=Node"))
            self._running = running.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def reach(self, state: str) -> dict[str, Any]:
        """Wait until both streams tell this state; the document of /health, which says the same."""
        async with asyncio.timeout(PATIENCE):
            told: dict[str, Any] = {}
            while (told.get("type"), told.get("state")) != ("state", state):
                told = await self._socket.receive_json()
            while f'"type":"state","state":"{state}"'.encode() not in await self._events.content.readline():
                pass
            while shown(document := await self._health(state)) != shown(told) and state == "syncing":
                told = await self._socket.receive_json()  # progress, which goes on meanwhile
        assert shown(document) == shown(told)
        return document

    async def _health(self, state: str) -> dict[str, Any]:
        async with self._session.get("/health") as answer:
            assert answer.headers["X-Astrolabe-State"] == state
            document: dict[str, Any] = await answer.json()
            return document


def shown(document: dict[str, Any]) -> list[Any]:
    """What `/health` and the message `state` both say."""
    return [document[key] for key in ("state", "since", "why", "cluster", "partial")]


@pytest.fixture
def simulator() -> Simulator:
    store = ObjectStore()
    load(store, 0.0005, seed=1)
    return Simulator(store)


async def test_the_api_server_disappears_and_returns(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_state, "LOST_GRACE", 0.3)
    async with Doors(simulator, tmp_path) as doors:
        live = await doors.reach("live")
        assert (live["why"], live["partial"]) == ("", [])
        assert live["cluster"] == {
            "name": "simulated",
            "context": "simulated",
            "server": simulator.url,
        }
        await simulator.go_offline()
        stale = await doors.reach("stale")
        assert stale["why"].startswith("the API server cannot be reached: ")
        assert stale["nodes"] == live["nodes"]
        await simulator.go_online()
        assert (await doors.reach("live"))["why"] == ""


async def test_a_kind_that_cannot_be_listed_yet(simulator: Simulator, tmp_path: Path) -> None:
    fault = HttpStatus(kind="Deployment", times=None, code=500)
    simulator.faults.add(fault)
    async with Doors(simulator, tmp_path) as doors:
        syncing = await doors.reach("syncing")
        assert syncing["progress"]["kinds"] < syncing["progress"]["of"]
        simulator.faults.remove(fault)
        live = await doors.reach("live")
        assert live["progress"]["kinds"] == live["progress"]["of"]
        assert live["progress"]["objects"] == live["nodes"]


async def test_a_forbidden_kind(simulator: Simulator, tmp_path: Path) -> None:
    simulator.authorizer.restrict("Secret")
    async with Doors(simulator, tmp_path) as doors:
        partial = await doors.reach("partial")
    (gap,) = partial["partial"]
    assert (gap["kind"], gap["reason"]) == ("Secret", "forbidden")
    assert gap["why"].startswith("403 Forbidden: secrets is forbidden")
    assert partial["why"] == "not readable: Secret"


async def test_an_object_that_cannot_be_read(simulator: Simulator, tmp_path: Path) -> None:
    simulator.faults.add(DeepObject(kind="Pod", verb="watch"))
    async with Doors(simulator, tmp_path) as doors:
        partial = await doors.reach("partial")
    (gap,) = partial["partial"]
    assert (gap["kind"], gap["reason"], gap["objects"]) == ("Pod", "skipped", 1)
    assert partial["kinds"]["Pod"]["skipped"] == 1


async def test_followers_without_a_leader_say_so(tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.0005, seed=1)
    with redis_server(tmp_path) as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, redis, 2) as replicas:
                    await replicas.agreed(30)
                    await _lose_redis(replicas)


async def _lose_redis(replicas: Fleet) -> None:
    leader = await replicas.leader()
    assert leader is not None
    first, second = replicas.replicas[leader], replicas.replicas[1 - leader]
    live = await _reach(replicas, 1 - leader, "live")
    assert live["cluster"]["name"] == "simulated"
    replicas.redis.kill()
    stale = await _reach(replicas, 1 - leader, "stale")
    assert stale["why"].startswith("Redis is unavailable: ")
    assert (await first.health(replicas.session))["state"] == "live"
    replicas.redis.start()
    await _reach(replicas, 1 - leader, "live")
    assert second.running


async def _reach(replicas: Fleet, number: int, state: str) -> dict[str, Any]:
    """Wait until this replica says it is in that state; what else it says."""
    replica = replicas.replicas[number]
    async with asyncio.timeout(PATIENCE), replicas.session.ws_connect(f"{replica.url}/api/v1/ws") as socket:
        told: dict[str, Any] = {}
        while (told.get("type"), told.get("state")) != ("state", state):
            told = await socket.receive_json()
        return told
