"""The client against a server that plays a script, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

from astrolabe.client import (
    Client,
    ClusterName,
    NodeChange,
    PartialKind,
    ServerState,
    SyncProgress,
)
from tests.client.support import client_of, playing, some, until
from tests.support.serving import PATIENCE
from tests.support.stage import (
    HELLO,
    Stage,
    bookmark,
    cut,
    delta,
    node,
    reset,
    send,
    snapshot,
    stage,
    state,
)


async def test_updates_have_changes_and_position() -> None:
    acts = (
        send(
            HELLO,
            snapshot(node("a"), last=False),
            snapshot(node("b"), part=2),
            {**delta(1, 2, node("b", "Error")), "time": 1767225600123},
            bookmark(5),
            {"type": "weather"},
            {"type": "pong"},
            code=1001,
        ),
    )
    async with playing(*acts) as (client, server):
        updates = await until(client, "disconnected")
    assert server.paths == ["/api/v1/ws?subscribe=false"]
    assert server.heard == [{"type": "subscribe", "id": "default", "filter": {}}]
    assert [(update.event, update.position) for update in updates] == [
        ("connected", None),
        ("part", None),
        ("snapshot", ("e", 1)),
        ("delta", ("e", 2)),
        ("bookmark", ("e", 5)),
        ("disconnected", ("e", 5)),
    ]
    assert updates[2].changes == [NodeChange("+", node("a")), NodeChange("+", node("b"))]
    assert updates[3].changes == [NodeChange("~", node("b", "Error"), node("b"))]
    assert updates[3].time == 1767225600123
    assert updates[4].size == len(json.dumps(bookmark(5)))
    assert updates[5].reason == "the server closed the connection with code 1001"


async def test_changes_arrive_one_by_one_and_stopping_loses_nothing() -> None:
    async with playing(send(HELLO, snapshot(node("a"), node("b")), delta(1, 2, node("c")))) as (client, _):
        async for change in client.changes():
            assert change == NodeChange("+", node("a"))
            break
        assert await some(client, 2) == [NodeChange("+", node("b")), NodeChange("+", node("c"))]


async def test_waiting_until_ready_and_until_a_seq() -> None:
    acts = (send(HELLO, snapshot(node("a"), seq=3), delta(3, 6, node("b")), delta(6, 7, node("c"))),)
    async with playing(*acts) as (client, _):
        await client.ready()
        assert client.graph.position == ("e", 3)
        await client.reached(5)
        assert client.graph.position == ("e", 6)
        await client.reached(2)
        assert client.graph.position == ("e", 6)
        assert await some(client, 1) == [NodeChange("+", node("c"))]


async def test_an_iterator_continues_after_a_timeout() -> None:
    go = asyncio.Event()

    async def act(connection: ServerConnection) -> None:
        await connection.send(json.dumps(HELLO))
        await connection.send(json.dumps(snapshot()))
        await go.wait()
        await send(delta(1, 2, node("a")))(connection)

    async with playing(act) as (client, server):
        changes = client.changes()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 0.2)
        go.set()
        assert await anext(changes) == NodeChange("+", node("a"))
        assert len(server.heard) == 1


async def test_one_task_reads_at_a_time() -> None:
    async with playing(send(HELLO)) as (client, _):
        waiting = asyncio.create_task(client.ready())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="this client is being read by another task"):
            await client.reached(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_closed_client_reads_nothing() -> None:
    async with playing(send(HELLO, snapshot(node("a")))) as (client, _):
        await client.ready()
    assert set(client.graph.nodes) == {"a"}
    with pytest.raises(RuntimeError, match="this client is closed"):
        await client.reached(2)


async def test_leaving_closes_the_connection_even_on_exceptions() -> None:
    ended: asyncio.Queue[int | None] = asyncio.Queue()

    async def act(connection: ServerConnection) -> None:
        await send(HELLO, snapshot(node("a")))(connection)
        ended.put_nowait(connection.close_code)

    async def follow(url: str, error: Exception | None, held: asyncio.Event) -> None:
        async with client_of(url) as client:
            await client.ready()
            held.set()
            if error is not None:
                raise error
            await some(client, 99)

    async with stage(act, act) as server, asyncio.timeout(PATIENCE):
        with pytest.raises(KeyError):
            await follow(server.url, KeyError("x"), asyncio.Event())
        assert await ended.get() == 1000
        held = asyncio.Event()
        task = asyncio.create_task(follow(server.url, None, held))
        await held.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ended.get() == 1000


async def test_leaving_during_a_connect_leaks_no_connection() -> None:
    asked, gate, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait(_: ServerConnection, __: Request) -> None:
        asked.set()
        await gate.wait()

    async def act(connection: ServerConnection) -> None:
        await connection.wait_closed()
        ended.set()

    async with serve(act, "127.0.0.1", 0, process_request=wait) as server, asyncio.timeout(PATIENCE):
        async with client_of(f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}") as client:
            reading = asyncio.create_task(client.ready())
            await asked.wait()
        gate.set()
        with pytest.raises(RuntimeError, match="this client is closed"):
            await reading
        await ended.wait()


async def test_leaving_does_not_wait_for_a_silent_server() -> None:
    left = asyncio.Event()

    async def act(connection: ServerConnection) -> None:
        await connection.send(json.dumps(HELLO))
        await connection.send(json.dumps(snapshot()))
        connection.transport.pause_reading()
        await left.wait()
        connection.transport.abort()

    async with stage(act) as server:
        async with client_of(server.url) as client:
            await client.ready()
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 3.0
        left.set()


@pytest.mark.parametrize("ending", [1001, 1011, 4008, 4029, None])
async def test_a_lost_connection_resumes_at_the_same_position(ending: int | None) -> None:
    first = cut if ending is None else send(HELLO, snapshot(node("a")), code=ending)
    async with playing(first, send(HELLO, delta(1, 5, node("b")))) as (client, server):
        assert await some(client, 2) == [NodeChange("+", node("a")), NodeChange("+", node("b"))]
    assert "since" not in server.heard[0]
    assert server.heard[1]["since"] == {"epoch": "e", "seq": 1}


async def test_a_bookmark_answers_a_resumption_when_nothing_has_changed() -> None:
    acts = (send(HELLO, snapshot(node("a")), code=1001), send(HELLO, bookmark(1), delta(1, 2, node("b"))))
    async with playing(*acts) as (client, _):
        await some(client, 1)
        updates = await until(client, "delta")
    assert [update.event for update in updates] == ["disconnected", "connected", "bookmark", "delta"]


async def test_drop_closes_the_connection_and_the_client_resumes() -> None:
    async with playing(send(HELLO, snapshot(node("a"))), send(HELLO, bookmark(1))) as (client, server):
        await client.ready()
        client.drop()
        updates = await until(client, "bookmark")
    assert updates[0].event == "disconnected"
    assert server.heard[1]["since"] == {"epoch": "e", "seq": 1}


async def test_after_a_reset_only_differences_are_reported() -> None:
    acts = (
        send(HELLO, snapshot(node("a"), node("b")), code=1011),
        send(HELLO, reset("epoch-changed"), snapshot(node("a"), epoch="f", seq=1)),
    )
    async with playing(*acts) as (client, _):
        await client.ready()
        updates = await until(client, "snapshot")
    assert [(update.event, update.reason) for update in updates[2:]] == [
        ("reset", "epoch-changed"),
        ("snapshot", ""),
    ]
    assert updates[-1].changes == [NodeChange("-", node("b"), node("b"))]


async def test_after_an_incomplete_snapshot_the_client_resumes_from_its_old_state() -> None:
    acts = (
        send(HELLO, snapshot(node("a")), code=1001),
        send(HELLO, reset("too-old"), snapshot(node("x"), seq=8, last=False), code=1001),
        send(HELLO, delta(1, 9, node("b"))),
    )
    async with playing(*acts) as (client, server):
        assert await some(client, 2) == [NodeChange("+", node("a")), NodeChange("+", node("b"))]
        assert set(client.graph.nodes) == {"a", "b"}
    assert server.heard[2]["since"] == {"epoch": "e", "seq": 1}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (delta(7, 8, node("b")), "a delta of e:8 since 7, while e:1 is held"),
        ("nonsense", "a message is not JSON"),
        ({"type": "delta"}, "a message is malformed: Object missing required field `epoch`"),
    ],
)
async def test_after_a_protocol_violation_the_client_starts_over(wrong: Any, why: str) -> None:
    acts = (
        send(HELLO, snapshot(node("a")), wrong, delta(1, 2, node("never"))),
        send(HELLO, snapshot(node("a"), node("c"), seq=9)),
    )
    async with playing(*acts) as (client, server):
        await client.ready()
        (violated,) = await until(client, "violated")
        assert violated.reason == why
        assert set(client.graph.nodes) == {"a"}
        assert await some(client, 1) == [NodeChange("+", node("c"))]
    assert "since" not in server.heard[1]


async def test_no_position_until_the_snapshot_is_complete() -> None:
    acts = (
        send(HELLO, snapshot(node("a")), delta(7, 8)),
        send(HELLO, snapshot(node("a"), last=False), code=1001),
        send(HELLO, snapshot(node("c"), seq=9)),
    )
    async with playing(*acts) as (client, server):
        await client.reached(9)
    assert [("since" in heard) for heard in server.heard] == [False, False, False]


async def test_a_silent_server_is_abandoned() -> None:
    hello = {**HELLO, "heartbeat": 0.1}
    acts = (send(hello, snapshot(node("a"))), send(HELLO, delta(1, 2, node("b"))))
    async with playing(*acts) as (client, _):
        await client.ready()
        updates = await until(client, "delta")
    assert [update.event for update in updates] == ["disconnected", "connected", "delta"]
    assert updates[0].reason == "no data for 0.25 s"


async def test_pings_and_long_messages_keep_a_server_alive() -> None:
    async def act(connection: ServerConnection) -> None:
        await connection.send(json.dumps({**HELLO, "heartbeat": 0.2}))
        for _ in range(8):
            await asyncio.sleep(0.1)
            await connection.ping()

        async def parts() -> AsyncIterator[str]:
            for letter in json.dumps(snapshot(node("a")))[:-8]:
                yield letter
            for letter in json.dumps(snapshot(node("a")))[-8:]:
                await asyncio.sleep(0.1)
                yield letter

        await connection.send(parts())
        await connection.wait_closed()

    async with playing(act) as (client, server):
        await client.ready()
        assert len(server.heard) == 1


async def test_a_paused_client_keeps_its_connection() -> None:
    """While nobody reads, nothing is heard: that is no silence of the server."""

    async def act(connection: ServerConnection) -> None:
        await connection.send(json.dumps({**HELLO, "heartbeat": 0.1}))
        await connection.send(json.dumps(snapshot()))
        await asyncio.sleep(0.5)
        await send(delta(1, 2, node("a")))(connection)

    async with playing(act) as (client, server):
        await client.ready()
        await asyncio.sleep(0.4)
        assert await some(client, 1) == [NodeChange("+", node("a"))]
        assert len(server.heard) == 1


async def test_a_client_that_does_not_read_is_sent_no_more_than_the_buffers_hold() -> None:
    sent = 0

    async def act(connection: ServerConnection) -> None:
        nonlocal sent
        await connection.send(json.dumps(HELLO))
        await connection.send(json.dumps(snapshot()))
        for seq in range(1, 400):
            await connection.send(
                json.dumps(delta(seq, seq + 1, {**node("a"), "message": f"{seq}" * 100_000}))
            )
            sent += 1

    async with playing(act) as (client, _):
        await client.ready()
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 200
        await client.reached(400)


async def test_the_client_waits_for_a_server_that_is_not_up_yet() -> None:
    act = Stage(send(HELLO, snapshot(node("a"))))
    async with serve(act.play, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
    async with client_of(f"127.0.0.1:{port}") as client, asyncio.timeout(PATIENCE):
        update = await anext(client.updates())
        assert (update.event, update.position) == ("disconnected", None)
        assert update.reason == f"cannot connect to ws://127.0.0.1:{port}: Connection refused"
        async with serve(act.play, "127.0.0.1", port):
            await client.ready()


def test_an_invalid_url() -> None:
    with pytest.raises(ValueError, match="not host:port, ws://host:port or http://host:port"):
        Client("ftp://x")


async def test_changes_of_the_serving_state_are_reported() -> None:
    forbidden = {"kind": "Secret", "reason": "forbidden", "why": "403 Forbidden", "colour": "red"}
    acts = (
        send(
            HELLO,
            state("syncing", progress={"kinds": 1, "of": 38, "objects": 7}),
            snapshot(node("a")),
            state("partial", why="1 kind cannot be read", partial=[forbidden], mood="good"),
            state("partial", why="1 kind cannot be read", partial=[forbidden]),
            code=1001,
        ),
        send(HELLO, bookmark(1)),
    )
    async with playing(*acts) as (client, _):
        assert client.state is None
        assert [update.event for update in await until(client, "state")] == ["connected", "state"]
        assert client.state is not None
        assert (client.state.state, client.state.progress) == ("syncing", SyncProgress(1, 38, 7))
        assert [update.event for update in await until(client, "state")] == ["snapshot", "state"]
        assert client.state == ServerState(
            state="partial",
            since="2026-11-30T04:05:00Z",
            why="1 kind cannot be read",
            cluster=ClusterName("prod", "kind-prod", "https://10.0.0.1:443"),
            progress=SyncProgress(38, 38, 37158),
            partial=(PartialKind("Secret", "forbidden", "403 Forbidden"),),
        )
        assert [update.event for update in await until(client, "disconnected")] == ["disconnected"]
        assert client.state is None
        assert [update.event for update in await until(client, "bookmark")] == ["connected", "bookmark"]
        assert client.state is None
