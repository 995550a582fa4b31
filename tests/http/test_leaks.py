"""What belongs to a connection is freed when it is gone, without a collection: those are rare.

On uvloop, as in production: timers of asyncio keep the context of a request for a while when cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from sanic.http import Http
from sanic.models.server_types import ConnInfo
from sanic.request import Request
from websockets.server import ServerProtocol

from astrolabe.graph.state.batch import Changes
from astrolabe.http.net.sse import EventStream
from astrolabe.http.net.stall import StallDetector
from astrolabe.http.net.transport import StreamProtocol
from astrolabe.http.net.websocket import WebSocket
from astrolabe.http.stream.client import StreamClient
from astrolabe.http.stream.session import Session
from astrolabe.http.stream.subscription import ClientSubscription
from tests.soak import insight
from tests.support.raw import UPGRADE, dial
from tests.support.serving import Site, eventually, read_types, serve
from tests.support.worlds import a_pod, crowd

#: What a connection consists of.
PARTS = {
    StreamProtocol,
    StallDetector,
    WebSocket,
    EventStream,
    StreamClient,
    Session,
    ClientSubscription,
    ServerProtocol,
    Http,
    Request,
    ConnInfo,
}
#: One connection may be about to go.
FEW = 2


def there() -> Counter[type]:
    """How many there are of each part."""
    kinds = {kind for part in PARTS for kind in (part, *part.__subclasses__())}
    return Counter(type(each) for each in gc.get_objects() if type(each) in kinds)


async def cut(site: Site) -> None:
    socket = await site.stream("/api/v1/ws?kind=Pod")
    await read_types(socket, "hello", "snapshot")
    socket.transport.abort()


async def close(site: Site) -> None:
    async with site.stream("/api/v1/ws?kind=Pod") as socket:
        await read_types(socket, "hello", "snapshot")
        await socket.send('{"type":"ping"}')
        await read_types(socket, "pong")


async def misbehave(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/ws?subscribe=false")
        await peer.read_past(b"\r\n\r\n")
        await peer.send(b"garbage" * 20)
        await peer.read_all()


async def listen(site: Site) -> None:
    async with site.get("/api/v1/events") as answer:
        await answer.content.readline()


async def ask(site: Site) -> None:
    async with site.get("/api/v1/graph", headers={"Connection": "close"}) as answer:
        assert answer.status == 200
        await answer.read()


async def ask_something_new(site: Site) -> None:
    """The answer is kept, and nothing of who asked first."""
    for path in ("/api/v1/graph", "/api/v1/grafana/nodegraph"):
        query = f"?q={secrets.token_hex(4)}"
        async with site.get(path + query, headers={"Connection": "close"}) as answer:
            assert answer.status == 200
            await answer.read()


async def be_refused(site: Site) -> None:
    async with site.get("/api/v1/graph?kind=Poodle", headers={"Connection": "close"}) as answer:
        assert answer.status == 400


async def go_halfway(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.send(b"GET /api/v1/graph HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize(
    "visit", [cut, close, misbehave, listen, ask, ask_something_new, be_refused, go_halfway]
)
async def test_nothing_remains_of_a_closed_connection(site: Site, uncollected: None, visit: object) -> None:
    assert callable(visit)
    await visit(site)
    await eventually(lambda: site.server.streams == 0)
    before = there()
    for _ in range(10):
        await visit(site)
    await eventually(lambda: site.server.streams == 0)
    await eventually(lambda: max((there() - before).values(), default=0) <= FEW)


#: Visitors of one sort that are there at the same time.
CROWD = 40
#: What they ask for; of a past that was, where it says so.
SORTS = {
    "all by WebSocket": ("/api/v1/ws", UPGRADE),
    "a part by WebSocket": ("/api/v1/ws?q=web", UPGRADE),
    "a WebSocket without subscription": ("/api/v1/ws?subscribe=false", UPGRADE),
    "a WebSocket that came back": ("/api/v1/ws?since=SINCE", UPGRADE),
    "events": ("/api/v1/events", ""),
    "events that came back": ("/api/v1/events?since=SINCE&q=web", ""),
    "rows of changes": ("/api/v1/ws/flat/changes/kind=Pod", UPGRADE),
    "counts": ("/api/v1/ws/flat/stats/kind=Pod", UPGRADE),
    "the graph": ("/api/v1/graph", ""),
    "a part of the graph": ("/api/v1/graph?q=web", ""),
    "resources": ("/api/v1/resources", ""),
    "a picture": ("/api/v1/grafana/nodegraph?q=web", ""),
    "counters": ("/metrics", ""),
    "nonsense": ("/api/v1/graph?kind=Poodle", ""),
    "another WebSocket": ("/api/v1/ws", UPGRADE.replace("Version: 13", "Version: 1")),
    "a handshake without key": ("/api/v1/ws", UPGRADE.replace("Key:", "Kex:")),
    "a handshake with a bad key": ("/api/v1/ws", UPGRADE.replace("Key: ", "Key: =")),
    "another host": ("/api/v1/graph", "Host: example.com\r\n"),
    "a page of another origin": ("/api/v1/ws", UPGRADE + "Origin: http://example.com\r\n"),
    "a bad request line": ("/ HTTP/1.1 x", ""),
}


async def visit(site: Site, path: str, headers: str, number: int) -> None:
    """Some read a little and some nothing; the graph changes meanwhile; they leave in three ways, at once."""
    world = site.world
    epoch, since = world.hub.graph.epoch, world.hub.graph.seq
    world.send(Changes(nodes_set=[a_pod(each, "Error", f"{since}") for each in range(300)]))
    path = path.replace("SINCE", f"{epoch}:{since}")
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(dial(site.port)) for _ in range(number)]
        for peer in peers:
            await peer.ask(path, headers)
        for peer in peers[::2]:
            await peer.read(2000)
        for status in ("Pending", "Ready"):
            world.send(Changes(nodes_set=[a_pod(1, status, f"{since}")]))
            await asyncio.sleep(0.01)
        for peer in peers[::3]:
            peer.reset()
        for peer in peers[1::3]:
            peer.end()
    await eventually(lambda: not site.server.open)


@pytest.mark.parametrize("sort", SORTS)
async def test_nothing_remains_of_a_crowd(sort: str, uncollected: None) -> None:
    """Of whatever type it is."""
    async with serve(crowd(1000)) as site:
        for _ in range(2):  # what is kept for others is there then
            await visit(site, *SORTS[sort], 4)
        before = insight.count()
        await visit(site, *SORTS[sort], CROWD)
        for _ in range(50):  # a few turns may pass until the last is gone
            left = {name: more for name, more in (insight.count() - before).items() if more > FEW}
            if not left:
                break
            await asyncio.sleep(0.1)
        assert not left
