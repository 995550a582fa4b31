"""Loads against the real server, and against servers that do not keep their word."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from astrolabe.client import ClientError
from astrolabe.client.load import Plan, run
from astrolabe.settings import Limits
from tests.support.churn import change
from tests.support.serving import Site
from tests.support.serving import serve as serve_world
from tests.support.stage import HELLO, delta, node, snapshot
from tests.support.worlds import World

#: What a client of this number is sent after it has subscribed, every 20 ms.
Script = Callable[[int], list[dict[str, Any]]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[str]:
    """A server whose clients are numbered in the order in which they come; the probe is the first."""
    numbers = count()

    async def handle(connection: ServerConnection) -> None:
        await connection.recv()
        with suppress(ConnectionClosed):
            for message in (HELLO, *script(next(numbers))):
                await connection.send(json.dumps(message))
                await asyncio.sleep(0.02)
            await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@asynccontextmanager
async def churning(site: Site, *, every: float) -> AsyncIterator[None]:
    """The world changes meanwhile."""
    random = Random(1)

    async def churn() -> None:
        while True:
            change(site.world, random)
            await asyncio.sleep(every)

    task = asyncio.create_task(churn())
    try:
        yield
    finally:
        task.cancel()


async def test_an_exact_server_is_found_exact_whatever_its_clients_do() -> None:
    before = asyncio.all_tasks()
    async with serve_world(World(), Limits(heartbeat=0.3)) as site, churning(site, every=0.01):
        plan = Plan(
            url=f"127.0.0.1:{site.port}",
            filters=[{}, {"namespace": ["a"]}, {"kind": "Pod", "status": ["Error"]}],
            clients=30,
            ramp=200,
            duration=1.5,
            slow=0.2,
            pause=0.1,
            reconnect=0.3,
            period=0.5,
            verify=0.5,
        )
        said: list[str] = []
        report = await run(plan, on_status=said.append)
    assert report.good
    assert (report.clients, report.verified, report.compared, report.inexact) == (30, 15, 15, 0)
    assert report.gaps == 0
    assert report.failures == {}
    assert report.deltas > 300
    assert report.deliveries > report.deltas + report.snapshots
    assert report.bytes > 100 * report.deltas
    assert report.deliveries_per_second > 100
    assert 5 < report.reconnects <= sum(report.disconnects.values())
    assert report.resumes > 0
    assert report.snapshots >= 30 + sum(report.resets.values())
    assert 1.5 <= report.seconds < 5
    assert said == ["30 clients started; measuring for 1.5 s", "comparing with fresh snapshots"]
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}


async def test_bookmarks_make_idle_clients_comparable() -> None:
    async with serve_world(World(), Limits(heartbeat=0.2)) as site, churning(site, every=0.02):
        quiet = {"namespace": ["nowhere"]}
        plan = Plan(url=f"127.0.0.1:{site.port}", filters=[quiet], clients=5, ramp=100, duration=0.3)
        report = await run(plan)
    assert (report.deltas, report.compared, report.good) == (0, 5, True)
    assert report.bookmarks > 0


async def test_a_server_that_tells_two_clients_different_things_is_inexact() -> None:
    def script(number: int) -> list[dict[str, Any]]:
        told = node("a", "Error" if number == 3 else "Ready")
        return [snapshot(node("a")), delta(1, 2, node("b")), delta(2, 3, told)]

    async with scripted(script) as url:
        report = await run(Plan(url=url, clients=5, ramp=100, duration=0.5, settling=0.5))
    assert (report.inexact, report.gaps, report.good) == (1, 0, False)


async def test_a_server_whose_snapshot_contradicts_its_deltas_is_inexact() -> None:
    def script(number: int) -> list[dict[str, Any]]:
        if number <= 4:
            return [snapshot(node("a")), delta(1, 2, node("b"))]
        return [snapshot(node("a"), seq=2)]

    async with scripted(script) as url:
        report = await run(Plan(url=url, clients=4, ramp=100, duration=0.5))
    assert (report.inexact, report.compared, report.good) == (4, 4, False)


async def test_a_skipped_change_is_a_gap_even_for_clients_without_the_graph() -> None:
    def script(number: int) -> list[dict[str, Any]]:
        return [snapshot(node("a")), *([delta(2, 3, node("b"))] if number == 2 else [])]

    async with scripted(script) as url:
        report = await run(Plan(url=url, clients=3, ramp=100, duration=0.5, verify=0))
    assert (report.gaps, report.verified, report.inexact, report.good) == (1, 0, 0, False)


async def test_latency_is_measured_if_the_message_has_a_time() -> None:
    def script(number: int) -> list[dict[str, Any]]:
        told = [
            {**delta(seq, seq + 1, node("a", f"{seq}")), "time": time.time() * 1000} for seq in range(1, 20)
        ]
        return [snapshot(node("a")), *told]

    async with scripted(script) as url:
        report = await run(Plan(url=url, clients=2, ramp=100, duration=0.6, settling=0.1))
    assert report.latency is not None
    assert 10 < report.latency.count <= 36
    assert 0 < report.latency.p50 <= report.latency.p90 <= report.latency.p99 <= report.latency.max < 2000


async def test_a_refused_client_has_failed() -> None:
    def script(number: int) -> list[dict[str, Any]]:
        error = {"type": "error", "id": "default", "code": "internal", "message": "not you"}
        return [snapshot(node("a"))] if number != 2 else [error]

    async with scripted(script) as url:
        report = await run(Plan(url=url, clients=3, ramp=100, duration=0.3, settling=0.5))
    assert report.failures == {"not you": 1}
    assert (report.good, report.connected) == (False, 2)


async def test_a_refused_filter_is_found_before_the_load() -> None:
    async with serve_world(World()) as site:
        with pytest.raises(ClientError, match="unknown kind 'Pood'"):
            await run(Plan(url=f"127.0.0.1:{site.port}", filters=[{}, {"kind": "Pood"}]))


async def test_an_unreachable_server_is_found_before_the_load() -> None:
    async with serve_world(World()) as site:
        port = site.port
    with pytest.raises(ClientError) as caught:
        await run(Plan(url=f"127.0.0.1:{port}", finding=0.3))
    assert str(caught.value) == (
        f"no snapshot within 0.3 s: cannot connect to ws://127.0.0.1:{port}: Connection refused"
    )
    assert caught.value.code == "unreachable"
