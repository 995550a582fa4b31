"""The client of the stream against a server that plays a script, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from astrolabe.cli.replica import Change, NodeChange
from astrolabe.cli.watch import Watch, WatchError, endpoint

Act = Callable[[ServerConnection], Awaitable[None]]


class Stage:
    """A server that plays one act a connection, in order. heard: the messages of the client."""

    def __init__(self, *acts: Act) -> None:
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.url = ""
        self._acts = deque(acts)

    async def play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.heard.append(json.loads(await connection.recv()))
        await self._acts.popleft()(connection)


@asynccontextmanager
async def stage(*acts: Act) -> AsyncIterator[Stage]:
    playing = Stage(*acts)
    async with serve(playing.play, "127.0.0.1", 0) as server:
        playing.url = f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield playing


def send(*messages: dict[str, Any] | str, code: int | None = None) -> Act:
    """Send these; then close with that code, or wait until the client goes."""

    async def act(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message if isinstance(message, str) else json.dumps(message))
        if code is not None:
            await connection.close(code)
        await connection.wait_closed()

    return act


def node(name: str, status: str = "Ready") -> dict[str, Any]:
    return {"uid": name, "kind": "Pod", "name": name, "namespace": "shop", "status": status}


def snapshot(*nodes: dict[str, Any], epoch: str = "e", seq: int = 1) -> dict[str, Any]:
    kept = {"type": "snapshot", "id": "default", "epoch": epoch, "seq": seq, "part": 1, "last": True}
    return {**kept, "nodes": list(nodes), "edges": []}


def delta(since: int, seq: int, *nodes: dict[str, Any]) -> dict[str, Any]:
    kept = {"type": "delta", "id": "default", "epoch": "e", "from": since, "seq": seq}
    return {**kept, "nodes": {"set": list(nodes), "remove": []}, "edges": {"set": [], "remove": []}}


HELLO = {"type": "hello", "protocol": "astrolabe.v1", "epoch": "e", "seq": 1, "heartbeat": 15}


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
    watch = Watch(endpoint(url), options.pop("filter", {}), changed=ear.changed, said=ear.say, **options)
    task = asyncio.create_task(watch.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, WatchError):
            await task


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:8080", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("localhost", "ws://localhost/api/v1/ws?subscribe=false"),
        ("ws://localhost:8080", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("http://localhost:8080/", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("https://example.com/astrolabe", "wss://example.com/astrolabe/api/v1/ws?subscribe=false"),
        ("wss://example.com/api/v1/ws?namespace=x", "wss://example.com/api/v1/ws?subscribe=false"),
        ("[::1]:8080", "ws://[::1]:8080/api/v1/ws?subscribe=false"),
    ],
)
def test_addresses_of_the_stream(text: str, url: str) -> None:
    assert endpoint(text) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "ws://", "http://:80", "localhost:0", "localhost:http", "[::1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="not host:port, ws://host:port or http://host:port"):
        endpoint(text)


async def test_changes_after_the_snapshot_are_told_as_they_come() -> None:
    ear = Ear()
    act = send(HELLO, snapshot(node("a")), delta(1, 2, node("a", "Error"), node("b")))
    async with stage(act) as server, watching(server.url, ear, filter={"kind": ["Pod"], "q": "a"}):
        await ear.until(lambda: len(ear.changes) == 2)
    assert ear.changes == [NodeChange("~", node("a", "Error")), NodeChange("+", node("b"))]
    assert ear.said == ["watching 1 nodes and 0 edges"]
    assert server.heard == [{"type": "subscribe", "id": "default", "filter": {"kind": ["Pod"], "q": "a"}}]
    assert server.paths == ["/api/v1/ws?subscribe=false"]


async def test_what_is_there_at_the_beginning_is_told_on_demand() -> None:
    ear = Ear()
    async with stage(send(HELLO, snapshot(node("a")))) as server, watching(server.url, ear, initial=True):
        await ear.until(lambda: ear.changes == [NodeChange("+", node("a"))])


async def test_it_resumes_where_it_was_when_the_connection_is_lost() -> None:
    ear = Ear()
    acts = (
        send(HELLO, snapshot(node("a")), code=1001),
        send(HELLO, delta(1, 5, node("b"))),
    )
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: bool(ear.changes))
    assert ear.changes == [NodeChange("+", node("b"))]
    assert "since" not in server.heard[0]
    assert server.heard[1]["since"] == {"epoch": "e", "seq": 1}


async def test_after_a_reset_only_the_difference_is_told() -> None:
    ear = Ear()
    acts = (
        send(HELLO, snapshot(node("a"), node("b")), code=1011),
        send(HELLO, {"type": "reset", "id": "default"}, snapshot(node("a"), epoch="f", seq=1)),
    )
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: bool(ear.changes))
    assert ear.changes == [NodeChange("-", node("b"))]


async def test_a_server_that_breaks_the_contract_is_asked_anew() -> None:
    ear = Ear()
    acts = (
        send(HELLO, snapshot(node("a")), delta(7, 8, node("b"))),
        send(HELLO, snapshot(node("a"), node("c"), seq=9)),
    )
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: bool(ear.changes))
    assert ear.changes == [NodeChange("+", node("c"))]
    assert "since" not in server.heard[1]


async def test_the_error_of_a_server_that_goes_away_is_no_reason_to_stop() -> None:
    ear = Ear()
    going = {"type": "error", "code": "going-away", "message": "come back"}
    acts = (send(HELLO, snapshot(node("a")), going, code=1001), send(HELLO, delta(1, 2, node("b"))))
    async with stage(*acts) as server, watching(server.url, ear):
        await ear.until(lambda: bool(ear.changes))


async def test_a_filter_that_the_server_refuses_ends_it() -> None:
    refusal = {"type": "error", "id": "default", "code": "bad-filter", "message": "unknown kind 'Pood'"}
    async with stage(send(HELLO, refusal)) as server, watching(server.url, Ear()) as task:
        with pytest.raises(WatchError, match="unknown kind 'Pood'") as caught:
            await asyncio.wait_for(task, 20)
    assert caught.value.usage is True


async def test_a_close_code_from_4500_on_ends_it() -> None:
    async with stage(send(HELLO, code=4503)) as server, watching(server.url, Ear()) as task:
        with pytest.raises(WatchError, match="does not want us: received 4503"):
            await asyncio.wait_for(task, 20)


async def test_what_is_no_astrolabe_ends_it() -> None:
    async with stage(send("<html>")) as server, watching(server.url, Ear()) as task:
        with pytest.raises(WatchError, match="is no Astrolabe: it sends no JSON"):
            await asyncio.wait_for(task, 20)


async def test_a_server_without_the_stream_ends_it() -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(404, "Not Found\n")

    async with serve(send(), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with watching(f"127.0.0.1:{port}", Ear()) as task:
            with pytest.raises(WatchError, match=r"is no Astrolabe: .*: HTTP 404"):
                await asyncio.wait_for(task, 20)


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    ear = Ear()
    playing = Stage(send(HELLO, snapshot(node("a"))))
    async with serve(playing.play, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
    async with watching(f"127.0.0.1:{port}", ear, initial=True):
        await ear.until(lambda: bool(ear.said))
        assert ear.said[0].startswith(f"cannot connect to ws://127.0.0.1:{port}/")
        async with serve(playing.play, "127.0.0.1", port):
            await ear.until(lambda: bool(ear.changes))
