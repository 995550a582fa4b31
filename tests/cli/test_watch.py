"""What `astrolabe watch` tells, of a server that plays a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from astrolabe.cli.watch import WatchCommand
from astrolabe.client import Change, ClientError, NodeChange
from tests.support.stage import HELLO, Stage, bookmark, delta, node, reset, send, snapshot, stage, state


class Ear:
    """What a watch tells."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.said: list[str] = []
        self._news = asyncio.Event()

    def changed(self, changes: Sequence[Change]) -> None:
        self.changes += changes
        self._news.set()

    def say(self, text: str) -> None:
        self.said.append(text)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def watching(url: str, ear: Ear, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
    watch = WatchCommand(url, options.pop("filter", {}), on_change=ear.changed, on_status=ear.say, **options)
    task = asyncio.create_task(watch.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ClientError):
            await task


async def test_changes_after_the_snapshot_are_printed() -> None:
    ear = Ear()
    act = send(HELLO, snapshot(node("a")), delta(1, 2, node("a", "Error"), node("b")))
    async with stage(act) as server, watching(server.url, ear, filter={"kind": ["Pod"], "q": "a"}):
        await ear.until(lambda: len(ear.changes) == 2)
    assert ear.changes == [NodeChange("~", node("a", "Error"), node("a")), NodeChange("+", node("b"))]
    assert ear.said == ["watching 1 nodes and 0 edges"]
    assert server.heard == [{"type": "subscribe", "id": "default", "filter": {"kind": ["Pod"], "q": "a"}}]


async def test_an_empty_result_is_reported() -> None:
    for told, so_far in ((state("live"), ""), (state("syncing"), " so far")):
        ear = Ear()
        act = send(HELLO, told, snapshot())
        async with stage(act) as server, watching(server.url, ear, filter={"namespace": ["shopp"]}):
            await ear.until(lambda said=ear.said: len(said) == 2)
        assert ear.said[1] == f"watching 0 nodes and 0 edges{so_far}; nothing matches the filter"


async def test_the_initial_graph_is_printed_on_demand() -> None:
    ear = Ear()
    async with stage(send(HELLO, snapshot(node("a")))) as server, watching(server.url, ear, initial=True):
        await ear.until(lambda: ear.changes == [NodeChange("+", node("a"))])


async def test_a_lost_connection_is_reported_and_missed_changes_are_printed() -> None:
    ear = Ear()
    going = {"type": "error", "code": "going-away", "message": "the server is going away; come back"}
    acts = (
        send(HELLO, snapshot(node("a")), going, code=1001),
        send(HELLO, delta(1, 5, node("b")), code=1011),
        send(HELLO, reset("epoch-changed"), snapshot(node("a"), epoch="f")),
    )
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: len(ear.changes) == 2)
    assert ear.changes == [NodeChange("+", node("b")), NodeChange("-", node("b"), node("b"))]
    assert ear.said == [
        "watching 1 nodes and 0 edges",
        "the server is going away; come back; reconnecting",
        "reconnected",
        "the server closed the connection with code 1011; reconnecting",
        "reconnected",
    ]


async def test_a_protocol_violation_is_reported() -> None:
    ear = Ear()
    acts = (
        send(HELLO, snapshot(node("a")), delta(7, 8, node("b"))),
        send(HELLO, snapshot(node("a"), node("c"), seq=9)),
    )
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: bool(ear.changes))
    assert ear.changes == [NodeChange("+", node("c"))]
    assert ear.said[1] == ("starting over: a delta of e:8 since 7, while e:1 is held; reconnecting")


async def test_an_unreachable_server_is_reported_once() -> None:
    ear = Ear()
    playing = Stage(send(HELLO, snapshot(node("a"))))
    async with serve(playing.play, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
    async with watching(f"127.0.0.1:{port}", ear, initial=True):
        await ear.until(lambda: bool(ear.said))
        async with serve(playing.play, "127.0.0.1", port):
            await ear.until(lambda: bool(ear.changes))
    assert ear.said[:3] == [
        f"cannot connect to ws://127.0.0.1:{port}: Connection refused; reconnecting",
        "connected",
        "watching 1 nodes and 0 edges",
    ]


async def test_permanent_errors_end_the_watch() -> None:
    refusal = {"type": "error", "id": "default", "code": "bad-filter", "message": "unknown kind 'Pood'"}
    ear = Ear()
    async with stage(send(HELLO, state("live"), refusal)) as server, watching(server.url, ear) as task:
        with pytest.raises(ClientError, match="unknown kind 'Pood'"):
            await asyncio.wait_for(task, 20)
    assert ear.said == [], "nothing is live for a filter that the server refuses"


async def test_changes_of_the_serving_state_are_reported() -> None:
    ear = Ear()
    syncing = [state("syncing", progress={"kinds": 1, "of": 38, "objects": 10 * n}) for n in (1, 2)]
    stale = state("stale", why="the API server cannot be reached", since="2024-02-29T14:03:10Z")
    acts = (
        send(HELLO, *syncing, snapshot(node("a")), state("live"), delta(1, 2, node("b")), stale, code=1001),
        send(HELLO, stale, state("live"), delta(2, 3, node("c"))),
    )
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: len(ear.changes) == 2)
    day = datetime.fromisoformat("2024-02-29T14:03:10Z").astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert ear.said == [
        "syncing: 1 of 38 kinds, 20 objects so far",
        "watching 1 nodes and 0 edges so far",
        "live",
        f"stale since {day}: the API server cannot be reached",
        "the server closed the connection with code 1001; reconnecting",
        "reconnected",
        "live",
    ]


async def test_of_consecutive_reasons_the_last_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a server whose watches come back one by one."""
    monkeypatch.setattr("astrolabe.cli.watch.REASON_EVERY", 0.3)
    since = "2024-02-29T14:03:10Z"
    reasons = ("the API server cannot be reached", "9 kinds have no watch", "Pod has no watch")
    told = [state("stale", why=why, since=since) for why in reasons]

    async def act(connection: ServerConnection) -> None:
        for message in (HELLO, snapshot(node("a")), *told):
            await connection.send(json.dumps(message))
        while True:  # the heartbeats of a server; the watch ends it
            await asyncio.sleep(0.05)
            await connection.send(json.dumps(bookmark(1)))

    ear = Ear()
    async with stage(act) as server, watching(server.url, ear):
        await ear.until(lambda: len(ear.said) == 3)
    assert [said.partition(": ")[2] for said in ear.said] == ["", reasons[0], reasons[2]]
