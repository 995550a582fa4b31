"""Peers that take nothing, say nothing, or are not there any more; and one that is only slow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.graph.views.view import View
from astrolabe.http.net.channel import Channel
from astrolabe.http.net.write_buffer import HIGH_WATER, PIECE
from astrolabe.settings import Limits
from tests.support.raw import Peer, dial
from tests.support.replica import Replica
from tests.support.serving import PATIENCE, Site, eventually, serve
from tests.support.worlds import World, a_pod, crowd, shop

SOCKET, EVENTS = "/api/v1/ws", "/api/v1/events"
LONG = 60.0


@asynccontextmanager
async def stream(site: Site, path: str) -> AsyncIterator[tuple[Peer, Channel]]:
    """A peer that has asked for a stream, and the server's end of it."""
    async with dial(site.port) as peer:
        await peer.ask(path)
        await eventually(lambda: site.server.streams == 1)
        (channel,) = site.server._connections._open
        yield peer, channel


async def until_gone(site: Site) -> float:
    """Seconds until the only stream is gone."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await eventually(lambda: site.server.streams == 0)
    return loop.time() - began


async def fill(world: World, channel: Channel) -> None:
    """Deltas until something waits in the transport, which is far from full then."""
    step = 0
    while not channel.transport.get_write_buffer_size():
        world.send(Changes(nodes_set=[a_pod(step % 10, "Error", f"step {step}")]))
        step += 1
        await asyncio.sleep(0)
    assert channel.writable


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_vanished_peer_is_dropped_within_two_and_a_half_heartbeats(path: str) -> None:
    """Nothing that is sent is acknowledged. Of events TCP has to tell, which looks at its own times."""
    heartbeat = 0.4
    async with (
        serve(shop(), Limits(heartbeat=heartbeat, stall_timeout=LONG, grace=0.1)) as site,
        stream(site, path) as (peer, _),
    ):
        await peer.read_past(b'"last":true')
        peer.vanish()
        assert heartbeat <= await until_gone(site) < 2.5 * heartbeat + 1.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_peer_that_vanishes_with_a_full_transport_counts_as_stalled(path: str) -> None:
    async with (
        serve(crowd(5000), Limits(heartbeat=LONG, stall_timeout=0.4)) as site,
        stream(site, path) as (peer, channel),
    ):
        await eventually(lambda: not channel.writable)
        peer.vanish()
        assert 0.3 <= await until_gone(site) < 2.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_peer_that_stops_reading_gets_the_stall_timeout(path: str) -> None:
    """It is there and its window is closed: heartbeats say nothing about it, and TCP's own limit neither."""
    async with (
        serve(crowd(5000), Limits(heartbeat=0.2, stall_timeout=1.6)) as site,
        stream(site, path) as (_, channel),
    ):
        await eventually(lambda: not channel.writable)
        assert 1.2 <= await until_gone(site) < 4.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_peer_that_stops_reading_before_the_transport_is_full(path: str) -> None:
    """It acknowledges nothing more, and no pong comes: the same as one that is not there."""
    heartbeat = 0.4
    world = crowd(10)
    async with (
        serve(world, Limits(heartbeat=heartbeat, stall_timeout=LONG, grace=0.1)) as site,
        stream(site, path) as (_, channel),
    ):
        await fill(world, channel)
        assert heartbeat <= await until_gone(site) < 2.5 * heartbeat + 1.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
@pytest.mark.parametrize("full", [False, True])
async def test_a_half_closed_peer_that_does_not_read_is_cut_off(path: str, full: bool) -> None:
    """The transport then closes by itself, once all is sent: which may be never."""
    world = crowd(5000 if full else 10)
    async with (
        serve(world, Limits(heartbeat=LONG, stall_timeout=0.4)) as site,
        stream(site, path) as (peer, channel),
    ):
        if full:
            await eventually(lambda: not channel.writable)
        else:
            await fill(world, channel)
        peer.end()
        assert 0.3 <= await until_gone(site) < 2.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_half_closed_peer_gets_pending_data(path: str) -> None:
    world = crowd(10)
    async with serve(world) as site, stream(site, path) as (peer, channel):
        await fill(world, channel)
        told = channel.unacknowledged()
        peer.end()
        await eventually(lambda: not channel.open)
        assert len(await peer.read_all()) >= told


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_reset_connection_ends_at_once(path: str) -> None:
    async with serve(crowd(5000)) as site, stream(site, path) as (peer, channel):
        await eventually(lambda: not channel.writable)
        peer.reset()
        assert await until_gone(site) < 1.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_a_failed_peer_that_does_not_answer_the_close_is_cut_off(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(View, "__init__", fail)
    async with serve(shop(), Limits(grace=0.2)) as site, dial(site.port) as peer:
        await peer.ask(path)
        await peer.read_past(b"\r\n\r\n")
        assert await until_gone(site) < 2.0


@pytest.mark.parametrize("path", [SOCKET, EVENTS])
async def test_memory_of_a_peer_that_does_not_read(path: str) -> None:
    """One piece and what makes the transport full; and what the system was told to take."""
    async with serve(crowd(20_000)) as site, stream(site, path) as (peer, channel):
        await eventually(lambda: not channel.writable)
        assert HIGH_WATER < channel.transport.get_write_buffer_size() <= HIGH_WATER + PIECE
        assert channel.unacknowledged() - channel.transport.get_write_buffer_size() < 256 * 1024
        before = channel.unacknowledged()
        for step in range(200):
            site.world.send(Changes(nodes_set=[a_pod(step, "Error")]))
        await asyncio.sleep(0)
        assert channel.unacknowledged() <= before
        peer.reset()


async def test_an_unread_answer_is_dropped() -> None:
    """As long as some of it is read it is: longer than a request may take, or a peer may stall."""
    limits = Limits(request_timeout=0.2, stall_timeout=0.4)
    loop = asyncio.get_running_loop()
    async with serve(crowd(20_000), limits) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/graph", "")
        began, size = loop.time(), 0
        while loop.time() - began < 1.2:
            chunk = await peer.read()
            assert chunk
            size += len(chunk)
            await asyncio.sleep(0.02)
        assert size < 8_000_000
        (connection,) = site.server.open
        assert 0 < connection.transport.get_write_buffer_size() <= HIGH_WATER + PIECE
        await eventually(lambda: not site.server.open)
        assert loop.time() - began < 4.0


async def test_a_slow_reader_whose_pong_is_queued_behind_megabytes_is_not_dead() -> None:
    """It reads all the time, answers every ping that it comes to, and has the whole graph in the end."""
    heartbeat = 0.4
    world = crowd(1200)
    replica, pings = Replica(), 0
    client = Protocol(CLIENT, state=State.OPEN, max_size=None)
    async with serve(world, Limits(heartbeat=heartbeat)) as site, dial(site.port) as peer:
        await peer.ask(SOCKET)
        client.receive_data(await peer.read_past(b"\r\n\r\n"))
        async with asyncio.timeout(PATIENCE):
            while not (replica.whole and pings):
                for event in client.events_received():
                    assert isinstance(event, Frame)
                    assert event.opcode is not Opcode.CLOSE
                    pings += event.opcode is Opcode.PING
                    if event.opcode is Opcode.TEXT and b'"hello"' not in bytes(event.data)[:20]:
                        replica.apply(json.loads(bytes(event.data)))
                await peer.send(b"".join(client.data_to_send()))
                client.receive_data(await peer.read(16_384))
                await asyncio.sleep(0.008)
        assert site.server.streams == 1
        peer.reset()
    assert replica.matches(world.hub.graph, EVERYTHING)


async def test_a_slow_reader_is_not_dead_while_the_socket_buffer_is_full() -> None:
    """The transport is as good as empty, and yet a ping is far behind."""
    heartbeat = 0.4
    world = crowd(10)
    loop = asyncio.get_running_loop()
    async with (
        serve(world, Limits(heartbeat=heartbeat)) as site,
        stream(site, SOCKET) as (peer, channel),
    ):
        await fill(world, channel)
        began = loop.time()
        while loop.time() - began < 5 * heartbeat:
            await peer.read(1024)
            await asyncio.sleep(0.05)
        assert channel.open
        assert channel.unacknowledged() > HIGH_WATER
        peer.reset()
