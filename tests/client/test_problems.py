"""A client that follows problems: of a script, of a real server, and through a change of the leader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrolabe.client import Backoff, Client, ClientError, ProblemList
from astrolabe.client.follower import Access
from astrolabe.client.problem_set import ProblemChange
from astrolabe.client.problems import ProblemFollower
from astrolabe.graph.state.status import ERROR, PENDING, Status
from astrolabe.http.stream import problem_watch
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from tests.cli.asking import store_of
from tests.cli.test_problems import trouble
from tests.support.fleet import Proxy, fleet
from tests.support.redis_server import redis_server
from tests.support.serving import PATIENCE, Site, eventually, serve
from tests.support.stage import HELLO, send, stage
from tests.support.worlds import World, facts

CRASH = Status(ERROR, "CrashLoopBackOff", "container app keeps ending", "2026-01-01T00:05:00Z")


def told(id: str, status: str = "Error", **more: Any) -> dict[str, Any]:
    cause = {"kind": "Pod", "namespace": "shop", "name": id}
    return {"id": id, "status": status, "reason": "CrashLoopBackOff", "cause": cause, **more}


def snapshot(seq: int, *problems: dict[str, Any], epoch: str = "p") -> dict[str, Any]:
    place = {"epoch": epoch, "seq": seq, "part": 1, "last": True}
    return {"type": "problems", "id": "default", **place, "problems": list(problems)}


def delta(since: int, seq: int, *changed: dict[str, Any], removed: tuple[str, ...] = ()) -> dict[str, Any]:
    place = {"epoch": "p", "from": since, "seq": seq}
    changes = {"set": list(changed), "remove": list(removed)}
    return {"type": "problems-delta", "id": "default", **place, "problems": changes}


def follower_of(url: str, query: dict[str, Any] | None = None) -> ProblemFollower:
    return ProblemFollower(Access(url=url), query or {}, backoff=Backoff(base=0.01, longest=0.05))


class Sum:
    """What changes add up to, which is what the follower holds."""

    def __init__(self, follower: ProblemFollower) -> None:
        self.follower = follower
        self.ids: set[str] = set()
        self.ended: set[str] = set()
        self.events: list[str] = []

    async def until(self, *ids: str) -> None:
        """Read until these are the problems that have not ended."""
        async with asyncio.timeout(PATIENCE):
            while self.follower.problems.position is None or self.ids - self.ended != set(ids):
                await self.read()

    async def read(self) -> None:
        event = await self.follower.next()
        assert event.event != "violated", event.reason
        self.events.append(event.event)
        for change in event.changes:
            self.take(change)
        if self.follower.problems.complete:
            assert self.ids == set(self.follower.problems.held)

    def take(self, change: ProblemChange) -> None:
        id = change.problem.id
        assert (id in self.ids) is (change.sign != "+")
        assert (change.before is None) is (change.sign == "+")
        self.ids.add(id)
        self.ended.discard(id)
        if change.sign == "-":
            self.ids.remove(id)
        elif change.problem.ended:
            self.ended.add(id)


async def test_a_lost_connection_resumes_even_at_another_server() -> None:
    acts = (
        send(HELLO, snapshot(2, told("a"), told("b")), code=1001),
        send(HELLO, delta(2, 5, told("a", "Pending"), removed=("b",)), code=1001),
        send(
            HELLO,
            {"type": "reset", "id": "default", "reason": "epoch-changed"},
            snapshot(2, told("a", "Pending"), told("c"), epoch="q"),
        ),
    )
    async with stage(*acts) as server:
        follower = follower_of(server.url, {"namespace": ["shop"]})
        held = Sum(follower)
        await held.until("a", "c")
        await follower.close()
    asked = {"type": "subscribe", "id": "default", "what": "problems", "filter": {"namespace": ["shop"]}}
    assert server.heard == [
        asked,
        {**asked, "since": {"epoch": "p", "seq": 2}},
        {**asked, "since": {"epoch": "p", "seq": 5}},
    ]
    assert follower.problems.position == ("q", 2)
    assert [each for each in held.events if each != "connected"] == [
        *("snapshot", "disconnected", "delta", "disconnected", "reset", "snapshot"),
    ]


async def test_after_a_protocol_violation_everything_is_requested_again() -> None:
    acts = send(HELLO, snapshot(2, told("a")), delta(7, 8, told("b"))), send(HELLO, snapshot(9, told("b")))
    async with stage(*acts) as server:
        follower = follower_of(server.url)
        events = []
        async with asyncio.timeout(PATIENCE):
            while follower.problems.position != ("p", 9):
                events.append(await follower.next())
        await follower.close()
    assert "since" not in server.heard[1]
    reasons = [each.reason for each in events if each.event == "violated"]
    assert reasons == ["a problems-delta of p:8 since 7, while p:2 is held"]
    assert [(each.sign, each.problem.id) for each in events[-1].changes] == [("+", "b"), ("-", "a")]


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(problem_watch, "LOOK_EVERY", 0.02)
    world = World()
    world.sync()
    world.set(facts("Pod", "a"), facts("Pod", "b", status=CRASH), facts("Pod", "z", namespace="other"))
    async with serve(world) as site:
        yield site


async def test_following_yields_the_problems_at_each_change(site: Site) -> None:
    async with Client(f"127.0.0.1:{site.port}", {"namespace": ["shop"]}) as client:
        seen = []
        async with aclosing(aiter(client.problems(detail=True))) as lists, asyncio.timeout(PATIENCE):
            async for found in lists:
                standing = [each for each in found if not each.ended]
                seen.append([each.cause.name for each in standing])
                if seen == [["b"]]:
                    site.world.set(facts("Pod", "z", namespace="other", status=CRASH))
                    site.world.set(facts("Pod", "a", status=CRASH))
                elif len(standing) == 2:
                    site.world.remove("pod-b")
                elif seen[-1] == ["a"]:
                    break
        assert seen[0] == ["b"]
        assert found.state == site.state.current.state
        assert [each.cause.name for each in found if each.ended] == ["b"], "what ended is told for a minute"
        asked = await client.problems(detail=True)
        assert [each.cause.name for each in asked] == ["a"], "a list that nobody follows remembers nothing"
    await eventually(lambda: site.server.streams == 0)


async def test_order_and_limit_equal_those_of_a_request(site: Site) -> None:
    for number, (status, since) in enumerate((("Error", 7), ("Error", 3), ("Pending", 1), ("Error", 9))):
        told = Status(
            PENDING if status == "Pending" else ERROR, f"Reason{number}", "", f"2026-01-0{since}T00:00:00Z"
        )
        site.world.set(facts("Pod", f"p{number}", status=told))
    async with Client(f"127.0.0.1:{site.port}") as client:
        for sort in ("severity", "reach", "affected", "age", "newest"):
            asked = await client.problems(sort=sort, limit=4)
            followed = await anext(aiter(client.problems(sort=sort, limit=4)))
            assert _reasons(followed) == _reasons(asked)
            assert len(followed) == 4


def _reasons(found: ProblemList) -> list[str]:
    return [each.reason for each in found]


async def test_an_invalid_filter_is_an_error(site: Site) -> None:
    async with Client(f"127.0.0.1:{site.port}") as client:
        with pytest.raises(ClientError, match="unknown kind 'pood'") as error:
            await anext(aiter(client.problems("kind:pood")))
        assert error.value.code == "bad-filter"


async def test_a_change_of_the_leader_is_survived_exactly(tmp_path: Path) -> None:
    """One client is connected to the leader, which dies, and comes back to the other replica; another client is
    connected to that one all the time, and notices nothing."""
    store = store_of(trouble)
    with redis_server(tmp_path) as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, redis, 2) as replicas:
                    await replicas.agreed(30)
                    leader = await replicas.leader()
                    assert leader is not None
                    first, second = replicas.replicas[leader], replicas.replicas[1 - leader]
                    proxy = Proxy(first.port)
                    await proxy.start()
                    moving = Sum(follower_of(f"127.0.0.1:{proxy.port}"))
                    staying = Sum(follower_of(f"127.0.0.1:{second.port}"))
                    ids = await _ids(replicas.session, second.url)
                    assert len(ids) == 2
                    await asyncio.gather(moving.until(*ids), staying.until(*ids))
                    before = len(staying.events)
                    await first.kill()
                    proxy.lead_to(second.port)
                    store.create("Secret", {"metadata": {"name": "creds", "namespace": "shop", "uid": "new"}})
                    left = await _others(replicas.session, second.url, ids)
                    await asyncio.gather(moving.until(*left), staying.until(*left))
                    await moving.follower.close()
                    await staying.follower.close()
                    await proxy.stop()
    assert "reset" in moving.events, "positions are of one replica"
    assert not {"reset", "disconnected", "snapshot"} & {*staying.events[before:]}


async def _ids(session: aiohttp.ClientSession, url: str) -> list[str]:
    async with session.get(f"{url}/api/v1/problems") as answer:
        return [each["id"] for each in await answer.json() if "ended" not in each]


async def _others(session: aiohttp.ClientSession, url: str, before: list[str]) -> list[str]:
    """The problems when they are not what they were, once the new leader knows."""
    async with asyncio.timeout(30):
        while sorted(ids := await _ids(session, url)) == sorted(before):  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.1)
    return ids
