"""The door of a server that speaks TLS: whoever comes may be a probe, which shows after the handshake only."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AsyncExitStack, suppress

import pytest

from astrolabe.http.net import acceptor
from astrolabe.timeslice import TIME_SLICE, Lane, turns
from tests.support.certificates import Pair
from tests.support.raw import Peer, dial
from tests.support.raw_tls import TlsPeer, dial_tls
from tests.support.serving import Site, serve
from tests.support.worlds import crowd as many
from tests.support.worlds import shop

PATIENCE = 20.0
PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("tls"))


async def probe(site: Site, pair: Pair, source: str = "127.0.0.1") -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", site.port))
        peer = TlsPeer(sock, pair.trusting())
        async with asyncio.timeout(PATIENCE):
            await peer.send(PROBE)
            assert (await peer.read_answer())[0] == 200


async def begin(site: Site, pair: Pair, stack: AsyncExitStack) -> Peer:
    """One who has said the first of a handshake, and reads and says nothing more."""
    plain = await stack.enter_async_context(dial(site.port))
    await TlsPeer(plain.socket, pair.trusting()).say_hello()
    return plain


def come(site: Site, pair: Pair, stack: AsyncExitStack) -> socket.socket:
    """The same, before the server has its turn."""
    guest = stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
    guest.sendall(TlsPeer(guest, pair.trusting()).hello())
    guest.setblocking(False)
    return guest


def is_answered(guest: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return bool(guest.recv(1))
    return False


def begun(site: Site) -> int:
    """Handshakes that are under way."""
    assert site.server._acceptor is not None
    return len(site.server._acceptor._entering)


class Crowd:
    """So many wait for a turn, each of which takes all the time there is, and ask for another one."""

    def __init__(self, number: int) -> None:
        self.turns = 0
        self._number = number
        self.goes_on = True

    def begin(self) -> None:
        for _ in range(self._number):
            turns().ask(self._take, Lane.PEER)

    def _take(self) -> None:
        self.turns += 1
        time.sleep(TIME_SLICE)
        if self.goes_on:
            turns().ask(self._take, Lane.PEER)


async def test_a_handshake_does_not_wait_for_established_connections(pair: Pair) -> None:
    async with serve(shop(), **pair.settings) as site:
        crowd = Crowd(300)
        crowd.begin()
        await probe(site, pair)
        crowd.goes_on = False
        assert crowd.turns < 150


async def test_handshakes_of_one_address_delay_no_other(pair: Pair) -> None:
    async with serve(shop(), **pair.settings) as site, AsyncExitStack() as stack:
        guests = [come(site, pair, stack) for _ in range(200)]  # in one turn of the loop
        await probe(site, pair, source="127.0.0.2")
        assert sum(map(is_answered, guests)) < 100


async def test_stalled_handshakes_are_limited_and_the_oldest_are_dropped(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "HANDSHAKES", 10)
    async with serve(shop(), **pair.settings) as site, AsyncExitStack() as stack:
        guests = [await begin(site, pair, stack) for _ in range(30)]
        async with asyncio.timeout(PATIENCE):
            for guest in guests[:20]:
                await guest.read_all()
        assert begun(site) <= 10
        await probe(site, pair)


async def test_bytes_that_are_not_tls_start_no_handshake(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[socket.socket] = []
    monkeypatch.setattr(acceptor.Acceptor, "_enter", lambda _, connection: entered.append(connection))
    async with serve(shop(), **pair.settings) as site:
        with socket.create_connection(("127.0.0.1", site.port)) as guest:
            guest.sendall(PROBE)  # in one turn of the loop: the server sees both at once
            guest.setblocking(False)
            with suppress(ConnectionResetError):
                async with asyncio.timeout(PATIENCE):
                    assert await asyncio.get_running_loop().sock_recv(guest, 100) == b""
    assert entered == []


@pytest.mark.parametrize("path", ["/api/v1/graph", "/api/v1/resources"])
async def test_a_slow_reader_gets_all_of_the_last_answer(pair: Pair, path: str) -> None:
    """The end of it is not encrypted, or not accepted by the system, when the connection is to be closed."""
    async with serve(many(3000), **pair.settings) as site, dial_tls(site.port, pair.trusting()) as peer:
        await peer.ask(path, "Connection: close\r\n")
        read = b""
        async with asyncio.timeout(PATIENCE):
            while data := await peer.read(16_384):
                read += data
                await asyncio.sleep(0.001)
    head, _, body = read.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}\r\n".encode() in head
