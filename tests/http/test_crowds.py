"""However many peers do something at once, and however much one of them does, the loop turns on."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from itertools import pairwise
from time import thread_time

import pytest
from websockets.frames import Opcode

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.graph.views.view import View
from astrolabe.http.query import StreamPosition
from astrolabe.http.server import ENDS
from astrolabe.http.stream.hub import RELEASES_PER_TURN, SENDS_PER_TURN
from astrolabe.http.stream.shared_subscription import DISMISSAL
from astrolabe.settings import Limits
from tests.support.connections import Recorder, settle
from tests.support.raw import UPGRADE, frame
from tests.support.serving import Site, eventually, serve
from tests.support.worlds import EPOCH, a_pod, crowd, only, shop

#: Seconds of work for which nothing may hold the loop: what is promised.
LONGEST = 0.02
PING = frame(Opcode.TEXT, b'{"type":"ping"}')
EVENTS, GRAPH, SOCKET = [
    f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode()
    for path, headers in (("/api/v1/events", ""), ("/api/v1/graph", ""), ("/api/v1/ws", UPGRADE))
]


class Longest:
    """How long the longest turn of the loop was, in seconds of this thread's work."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.turns = 0
        self._began = thread_time()
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        now = thread_time()
        self.seconds, self._began = max(self.seconds, now - self._began), now
        self.turns += 1
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> None:
        self._timer.cancel()


@contextmanager
def watching() -> Iterator[Longest]:
    """Without collections: what all other tests have left takes long, which a server spares itself (`app`)."""
    gc.collect()
    gc.disable()
    longest = Longest()
    try:
        yield longest
    finally:
        longest.stop()
        gc.enable()


@asynccontextmanager
async def connected(site: Site, number: int) -> AsyncIterator[list[socket.socket]]:
    """So many connections that the server has taken in."""
    with ExitStack() as stack:
        peers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", site.port))) for _ in range(number)
        ]
        await eventually(lambda: len(site.server.open) == number)
        for peer in peers:
            peer.setblocking(False)
        yield peers


async def read(peer: socket.socket, what: bytes, times: int = 1) -> None:
    """Until it has come so often."""
    data, loop = b"", asyncio.get_running_loop()
    while times:
        data += await loop.sock_recv(peer, 65_536)
        times -= data.count(what)
        data = data[data.rfind(what) + 1 :][-len(what) :]


async def test_thousands_of_requests_in_one_piece() -> None:
    async with serve(shop()) as site, connected(site, 1) as peers:
        with watching() as longest:
            peers[0].sendall(b"GET /no HTTP/1.1\r\n\r\n" * 3000)
            await read(peers[0], b"HTTP/1.1 404 ", 3000)
        assert longest.seconds < LONGEST


async def test_many_messages_of_many_clients() -> None:
    async with serve(shop(), Limits(max_message_rate=10_000)) as site, connected(site, 40) as peers:
        for peer in peers:
            peer.sendall(SOCKET)
            await read(peer, b'"heartbeat"')
        with watching() as longest:
            for peer in peers:
                peer.sendall(PING * 400)
            await asyncio.gather(*[read(peer, b'"pong"', 400) for peer in peers])
        assert longest.seconds < LONGEST


@pytest.mark.parametrize("asked", [SOCKET, EVENTS, GRAPH])
async def test_many_clients_request_the_whole_graph(asked: bytes) -> None:
    async with serve(crowd(5_000)) as site, connected(site, 400) as peers:
        with watching() as longest:
            for peer in peers:
                peer.sendall(asked)
            await eventually(lambda: all(not each.writable for each in site.server.open))
        assert longest.seconds < LONGEST


async def test_many_requests_take_too_long_at_the_same_time() -> None:
    async with serve(shop(), Limits(request_timeout=1.0)) as site, connected(site, 800) as peers:
        for peer in peers:
            peer.sendall(b"GET /livez HTT")
        await asyncio.sleep(0.1)
        time.sleep(2.0)  # noqa: ASYNC251  # others have the processor: then the time of all is over
        with watching() as longest:
            await asyncio.gather(*[read(peer, b"HTTP/1.1 408 ") for peer in peers])
            await eventually(lambda: not site.server.open)
        assert longest.seconds < LONGEST


async def test_a_crowd_that_leaves_at_once() -> None:
    """As when a proxy is restarted: so many end in a turn of the loop, and not all."""
    async with serve(shop()) as site:
        async with connected(site, 400) as peers:
            for peer in peers:
                peer.sendall(SOCKET)
            await eventually(lambda: site.server.streams == 400)
        left = [400]
        while left[-1]:
            await asyncio.sleep(0)
            left.append(len(site.server.open))
        assert max(before - after for before, after in pairwise(left)) <= 2 * ENDS
        await eventually(lambda: not site.server.streams)


async def test_a_change_for_thousands_is_sent_over_many_turns() -> None:
    """To each in order; who has to wait for its turn is told what came meanwhile along with it."""
    world, recorders = crowd(10), [Recorder() for _ in range(3 * SENDS_PER_TURN)]
    for recorder in recorders:
        world.hub.join(recorder).subscribe("x", EVERYTHING, StreamPosition(EPOCH, 1))
        recorder.take()
    world.send(Changes(nodes_set=[a_pod(1, "Error")]))
    assert sum(len(recorder.messages) for recorder in recorders) == SENDS_PER_TURN
    world.send(Changes(nodes_set=[a_pod(2, "Error")]))
    await eventually(lambda: all(recorder.messages for recorder in recorders))
    await settle()
    told = [
        [(message["from"], message["seq"], len(message["nodes"]["set"])) for message in recorder.take()]
        for recorder in recorders
    ]
    assert told[:SENDS_PER_TURN] == [[(1, 2, 1), (2, 3, 1)]] * SENDS_PER_TURN
    assert told[SENDS_PER_TURN:] == [[(1, 3, 2)]] * 2 * SENDS_PER_TURN


async def test_one_change_reaches_thousands_unmerged() -> None:
    world, recorders = crowd(10), [Recorder() for _ in range(2 * SENDS_PER_TURN)]
    for recorder in recorders:
        world.hub.join(recorder).subscribe("x", EVERYTHING, StreamPosition(EPOCH, 1))
        recorder.take()
    world.send(Changes(nodes_set=[a_pod(1, "Error")]))
    await eventually(lambda: all(recorder.messages for recorder in recorders))
    await settle()
    assert {tuple(message.text for message in recorder.messages) for recorder in recorders} == {
        (recorders[0].messages[0].text,)
    }


async def test_thousands_of_resets_are_sliced() -> None:
    world, recorders = crowd(10), [Recorder() for _ in range(3 * SENDS_PER_TURN)]
    for recorder in recorders:
        world.hub.join(recorder).subscribe("x", EVERYTHING, StreamPosition(EPOCH, 1))
    other = crowd(10, epoch="another").hub.graph
    world.hub.replace(other)
    assert world.hub.counters.resets["epoch-changed"] == SENDS_PER_TURN
    world.send(Changes(nodes_set=[a_pod(1, "Error")]))
    await eventually(lambda: all(f"another:{other.seq}" == each.messages[-1].position for each in recorders))
    for recorder in recorders:
        types = recorder.types()
        assert types[:3] == ["bookmark", "reset", "snapshot"]
        assert types[3:] in ([], ["delta"])
    assert world.hub.counters.resets["epoch-changed"] == len(recorders)


async def test_thousands_of_failed_subscriptions_end_in_slices(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    world, recorders = crowd(10), [Recorder() for _ in range(SENDS_PER_TURN)]
    for recorder in recorders:
        world.hub.join(recorder).subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 1))
    monkeypatch.setattr(View, "update", fail)
    world.send(Changes(nodes_set=[a_pod(1, "Error")]))
    assert sum(recorder.closed is not None for recorder in recorders) == SENDS_PER_TURN // DISMISSAL
    await eventually(lambda: all(recorder.closed == (1011, "internal-error") for recorder in recorders))
    assert {recorder.messages[-1].event for recorder in recorders} == {"bookmark"}
    assert len(caplog.records) == 1


async def test_filters_of_a_leaving_client_are_released_in_steps() -> None:
    hub = crowd(10).hub
    client = hub.join(Recorder())
    for number in range(32):
        client.subscribe(str(number), only(selector=f"app!=v{number}"))
    await eventually(lambda: all(shared.ready for shared in hub._shared.values()))
    client.leave()
    assert len(hub._kept) == RELEASES_PER_TURN
    await eventually(lambda: len(hub._kept) == 32)
