"""Who is at the door is taken in by turns; probes go before all others."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import cast

import pytest

from astrolabe.http.net import acceptor
from astrolabe.http.net.accept_queue import peek_request, peer_address
from astrolabe.http.net.acceptor import AT_LEAST, LOOKED_AT, PROBES_IN, RECEIVE_BUFFER, TAKEN_IN, Acceptor
from astrolabe.settings import Limits
from astrolabe.timeslice import TIME_SLICE, Lane, turns
from tests.support.raw import dial
from tests.support.serving import eventually, serve
from tests.support.worlds import crowd, shop

PATIENCE = 20.0
PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MINE = b"GET /api/v1/graph HTTP/1.1\r\nHost: localhost\r\n\r\n"
OTHER = b"GET /api/v1/kinds HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Guest(asyncio.Protocol):
    """Notes what each connection said first, in the order in which they were taken in."""

    def __init__(self, house: House) -> None:
        self._house = house

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._house.turns.append(self._house.turn)
        self._house.transports.append(cast(asyncio.Transport, transport))  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._house.said.append(data)


class House:
    """An acceptor at a port, whose guests say something. turns: of the loop, in which each was taken in."""

    def __init__(self) -> None:
        self.turn = 0
        self._goal, self._reached = sys.maxsize, asyncio.Event()
        self.turns: list[int] = []
        self.said: list[bytes] = []
        self.transports: list[asyncio.Transport] = []
        self._guests: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self.listener.getsockname()

    async def took_in(self, number: int) -> None:
        """Wait until it has taken in so many, and no turn longer."""
        self._goal = number
        self.count()
        await self._reached.wait()

    def count(self) -> None:
        self.turn += 1
        if len(self.turns) >= self._goal:
            self._reached.set()
        asyncio.get_running_loop().call_soon(self.count)

    def come(self, said: bytes, *, source: str = "127.0.0.1") -> socket.socket:
        guest = socket.create_connection(self.address, source_address=(source, 0))
        guest.sendall(said)
        self._guests.append(guest)
        return guest

    async def leave(self) -> None:
        for each in (*self._guests, *self.transports):
            each.close()
        await asyncio.sleep(0.01)  # a transport is closed in the next turns


@contextmanager
def crowding(port: int, number: int, said: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that say something, before a server of this loop has its turn."""
    with ExitStack() as stack:
        peers = []
        for _ in range(number):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            peer.sendall(said)
            peer.setblocking(False)
            peers.append(peer)
        yield peers


@asynccontextmanager
async def housing(limit: int = 1000) -> AsyncIterator[House]:
    house = House()
    door = Acceptor(house.listener, partial(Guest, house), limit=limit, tls=None, timeouts={})  # type: ignore[arg-type]
    door.start()
    try:
        yield house
    finally:
        await door.close(1.0)
        await house.leave()


async def test_a_crowd_is_accepted_in_steps_and_probes_first() -> None:
    async with housing() as house:
        for _ in range(60):  # in one turn of the loop: nobody is taken in meanwhile
            house.come(OTHER)
        house.come(PROBE)
        house.count()
        await eventually(lambda: len(house.said) == 61)
        assert house.said.index(PROBE) <= 2 * TAKEN_IN
        taken = [house.turns.count(turn) for turn in sorted(set(house.turns))]
        assert max(taken) <= 2 * TAKEN_IN
        assert len(taken) <= 61 / TAKEN_IN + 2  # libuv takes in one a turn


async def test_a_slow_probe_still_goes_first() -> None:
    async with housing() as house:
        for _ in range(400):
            house.come(OTHER)
        probe = house.come(b"")
        await house.took_in(100)  # it was looked at before, or is soon
        probe.sendall(PROBE)
        await eventually(lambda: len(house.said) == 401)
        assert house.said.index(PROBE) < 350


async def test_all_waiting_connections_are_inspected_in_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the probe would wait behind the others in the system."""
    monkeypatch.setattr(acceptor, "LOOKING", 1.0)
    async with housing() as house:
        for _ in range(400):
            house.come(OTHER)
        house.come(PROBE)
        await eventually(lambda: PROBE in house.said)
        assert house.said.index(PROBE) <= 2 * TAKEN_IN


async def test_many_probes_are_accepted_in_steps_without_delaying_other_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acceptor, "LOOKING", 1.0)
    monkeypatch.setattr(acceptor, "PROBES", 100)
    async with housing() as house:
        for _ in range(100):
            house.come(PROBE)
        for _ in range(40):
            house.come(b"GET /health HTTP/1.1\r\nHost: the same\r\n\r\n")
        house.come(READY, source="127.0.0.2")
        house.count()
        await eventually(lambda: len(house.said) == 141)
        assert house.said.index(READY) <= 4 * PROBES_IN
        taken = [house.turns.count(turn) for turn in sorted(set(house.turns))]
        assert max(taken) <= 2 * PROBES_IN + TAKEN_IN


async def test_abandoned_connections_are_cleaned_up_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "LOOKING", 1.0)
    looked_at: list[int] = []
    peek_request = acceptor.peek_request

    def look(connection: socket.socket) -> bytes | None:
        looked_at.append(house.turn)
        return peek_request(connection)

    async with housing() as house:
        guests = [house.come(OTHER) for _ in range(300)]
        house.count()
        await house.took_in(1)
        for guest in guests:
            reset(guest)
        monkeypatch.setattr(acceptor, "peek_request", look)
        house.come(MINE)
        await eventually(lambda: MINE in house.said)
        assert max(map(looked_at.count, looked_at)) <= 2 * LOOKED_AT


async def test_a_crowd_from_one_address_delays_no_other() -> None:
    async with housing() as house:
        for _ in range(60):
            house.come(OTHER)
        house.come(MINE, source="127.0.0.2")
        await eventually(lambda: len(house.said) == 61)
        assert house.said.index(MINE) <= 4 * TAKEN_IN


@pytest.mark.parametrize("said", [PROBE, OTHER])
async def test_a_reset_connection_is_not_accepted_even_if_it_sent_data(said: bytes) -> None:
    async with housing() as house:
        for _ in range(20):
            reset(house.come(said))
        house.come(MINE)
        await eventually(lambda: house.said == [MINE])
        assert len(house.turns) == 1


@pytest.mark.parametrize(
    ("hosts", "number"),
    [
        (("10.0.0.1", "10.0.0.2"), 2),
        (("::ffff:10.0.0.1", "::ffff:10.0.0.2"), 2),
        (("fd00:1:2:3::1", "fd00:1:2:3:4:5:6:7"), 1),
        (("fe80::1%eth0", "fe80::2%eth0"), 1),
        (("fd00:1:2:3::1", "fd00:1:2:4::1"), 2),
    ],
)
def test_an_ipv6_host_counts_as_one_address(hosts: tuple[str, ...], number: int) -> None:
    assert len({peer_address(host) for host in hosts}) == number


async def test_in_each_turn_only_some_silent_ones_are_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There may be a thousand, beside all that come."""
    monkeypatch.setattr(acceptor, "LOOKING", 0.0)
    looks: list[int] = []
    async with housing() as house:

        def look(connection: socket.socket) -> bytes | None:
            looks.append(house.turn)
            return peek_request(connection)

        monkeypatch.setattr(acceptor, "peek_request", look)
        turns().ask(keep_busy, Lane.PEER)
        for _ in range(100):
            house.come(b"")
        house.count()
        await eventually(lambda: len(looks) > 1000)
    assert max(Counter(looks).values()) <= 3 * AT_LEAST  # new ones, silent ones, and those that are taken in


async def test_a_closed_connection_is_not_accepted() -> None:
    async with housing() as house:
        for _ in range(20):
            house.come(b"").close()
        house.come(OTHER)
        await eventually(lambda: house.said == [OTHER])
        assert len(house.turns) == 1


async def test_the_number_of_waiting_connections_is_limited() -> None:
    async with housing(limit=30) as house:
        guests = [house.come(OTHER) for _ in range(60)]
        turns().do(lambda: time.sleep(2 * TIME_SLICE), Lane.PEER)  # in this turn nobody is taken in
        await eventually(lambda: len(house.said) == 30 and sum(map(is_cut, guests)) == 30)


def reset(guest: socket.socket) -> None:
    guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    guest.close()


def guest_holds(guest: socket.socket) -> int:
    """Bytes that it has not got rid of: in its own system, not the server's."""
    queued = bytearray(4)
    fcntl.ioctl(guest.fileno(), termios.TIOCOUTQ, queued)
    return int.from_bytes(queued, sys.byteorder)


def is_cut(guest: socket.socket) -> bool:
    guest.setblocking(False)
    try:
        return guest.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def has_something(peer: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return bool(peer.recv(1))
    return False


def keep_busy() -> None:
    """Let every turn of the loop be used up by others."""
    time.sleep(TIME_SLICE)
    turns().ask(keep_busy, Lane.PEER)


class Exhausted:
    """A listening socket of a system that has no files left."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.asked = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        raise OSError(24, "Too many open files")

    def __getattr__(self, name: str) -> object:
        return getattr(self._listener, name)


async def test_running_out_of_file_descriptors_pauses_accepting_and_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "REST", 0.2)
    house = House()
    exhausted = Exhausted(house.listener)
    door = Acceptor(exhausted, partial(Guest, house), limit=10, tls=None, timeouts={})  # type: ignore[arg-type]
    door.start()
    house.come(OTHER)
    await eventually(lambda: exhausted.asked == 1)
    await asyncio.sleep(0)
    assert exhausted.asked == 1
    assert "accepting no connections for 0.2 s: Too many open files" in caplog.text
    monkeypatch.setattr(exhausted, "accept", house.listener.accept, raising=False)
    await eventually(lambda: house.said == [OTHER])
    await door.close(1.0)
    await house.leave()


async def test_receive_buffers_are_small() -> None:
    """Of one that sends more than is read, whatever the system would allow."""
    async with housing() as house:
        guest = house.come(b"")
        await eventually(lambda: len(house.transports) == 1)
        house.transports[0].pause_reading()
        guest.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while sent < 100 * RECEIVE_BUFFER:
                sent += guest.send(b"x" * 4096)
        assert sent - guest_holds(guest) < 3 * RECEIVE_BUFFER


async def test_a_probe_is_answered_while_a_crowd_waits() -> None:
    """Five hundred ask for something large at once; in the order of their coming the probe would be the last."""
    async with serve(crowd(2_000), Limits(max_requests=1000)) as site:
        said = b"GET /api/v1/resources HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with crowding(site.port, 500, said) as crowd_at_the_door:
            async with asyncio.timeout(PATIENCE), dial(site.port) as peer:
                await peer.send(PROBE)
                assert (await peer.read_answer())[0] == 200
            assert sum(map(has_something, crowd_at_the_door)) < 250


async def test_a_half_closed_request_is_answered_after_others() -> None:
    """As `printf ... | nc -N` does."""
    async with serve(shop()) as site:
        keep_busy()
        with crowding(site.port, 50, b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n") as peers:
            for peer in peers:
                peer.shutdown(socket.SHUT_WR)
            for peer in peers:
                async with asyncio.timeout(PATIENCE):
                    answer = await asyncio.get_running_loop().sock_recv(peer, 1000)
                assert answer.startswith(b"HTTP/1.1 404 ")
