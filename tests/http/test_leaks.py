"""What belongs to a connection is freed when it is gone, without a collection: those are rare.

On uvloop, as in production: timers of asyncio keep the context of a request for a while when cancelled.
"""

from __future__ import annotations

import gc
import secrets
from collections import Counter

import pytest
from sanic.http import Http
from sanic.models.server_types import ConnInfo
from sanic.request import Request
from websockets.server import ServerProtocol

from astrolabe.http.client import Client
from astrolabe.http.events import Events
from astrolabe.http.session import Session
from astrolabe.http.subscription import Subscription
from astrolabe.http.transport import Stall, StreamProtocol
from astrolabe.http.websocket import WebSocket
from tests.support.raw import dial
from tests.support.serving import Site, eventually, read_types

#: What a connection consists of.
PARTS = {
    StreamProtocol,
    Stall,
    WebSocket,
    Events,
    Client,
    Session,
    Subscription,
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
async def test_nothing_of_it_stays(site: Site, uncollected: None, visit: object) -> None:
    assert callable(visit)
    await visit(site)
    await eventually(lambda: site.server.streams == 0)
    before = there()
    for _ in range(10):
        await visit(site)
    await eventually(lambda: site.server.streams == 0)
    await eventually(lambda: max((there() - before).values(), default=0) <= FEW)
