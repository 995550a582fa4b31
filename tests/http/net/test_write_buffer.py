import asyncio
import socket
import time
from typing import Any

from astrolabe.http.net.write_buffer import BEHIND, HIGH_WATER, PIECE, WriteBuffer
from tests.support.raw import dial
from tests.support.serving import eventually, serve
from tests.support.worlds import crowd


class Sender(asyncio.Protocol):
    """One end of a socket pair, with a write buffer; the test reads the other end."""

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER // 4)
        self.transport, self.drained = transport, 0
        self.write_buffer = WriteBuffer(transport, self.drain)

    def drain(self) -> None:
        self.drained += 1

    def pause_writing(self) -> None:
        self.write_buffer.pause()

    def resume_writing(self) -> None:
        self.write_buffer.resume()


async def pair() -> tuple[Sender, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _, sender = await asyncio.get_running_loop().create_connection(Sender, sock=ours)
    return sender, theirs


async def read(peer: socket.socket, size: int) -> bytes:
    data = bytearray()
    async with asyncio.timeout(10):
        while len(data) < size:
            data += await asyncio.get_running_loop().sock_recv(peer, 1 << 20)
    return bytes(data)


CHUNKS = [
    b"",
    b"head",
    *(bytes([48 + number % 10]) * 3_001 for number in range(2_000)),
    b"x" * 3_000_000,
    b"tail",
]


async def test_chunks_arrive_whole_and_in_order_before_later_messages() -> None:
    sender, peer = await pair()
    with peer:
        sender.write_buffer.send(CHUNKS)
        assert sender.write_buffer.pending
        assert sender.transport.get_write_buffer_size() <= HIGH_WATER + PIECE
        assert sender.write_buffer.write(b"behind")
        ended = asyncio.Event()
        sender.write_buffer.after(ended.set)
        expected = b"".join(CHUNKS) + b"behind"
        assert await read(peer, len(expected)) == expected
        await ended.wait()
        await eventually(lambda: sender.drained > 0)
        assert not sender.write_buffer.pending
        sender.transport.abort()


async def test_the_waiting_messages_are_bounded() -> None:
    sender, peer = await pair()
    with peer:
        sender.write_buffer.write(b"x" * 10_000_000)
        assert sender.write_buffer.write(b"y" * BEHIND)
        assert not sender.write_buffer.write(b"z")
        sender.transport.abort()


async def test_bytes_per_turn_are_bounded() -> None:
    """A peer that reads as fast as it is written to would otherwise hold the loop until it has all."""
    sender, peer = await pair()
    with peer:
        longest, size, data = 0.0, 200_000_000, b"x" * 1_000_000
        sender.write_buffer.send([data] * 200)
        received = 0
        while received < size:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)
            try:
                received += len(peer.recv(1 << 20))
            except BlockingIOError:
                continue
        assert longest < 0.2
        sender.transport.abort()


async def test_answers_that_are_not_read_share_one_body() -> None:
    """None of 30 answers of 4 MB is copied for its reader."""
    async with serve(crowd(10_000)) as site:
        async with site.get("/api/v1/graph") as answer:
            size = len(await answer.read())
        peers = [dial(site.port) for _ in range(30)]
        for each in peers:
            peer = await each.__aenter__()
            await peer.ask("/api/v1/graph", "")
        connections = site.server.open
        await eventually(lambda: sum([each.write_buffer.pending for each in connections]) == 30)
        kept = [each.transport.get_write_buffer_size() for each in connections if each.write_buffer.pending]
        assert size > 2_000_000
        assert max(kept) <= HIGH_WATER + PIECE
        assert (
            len({id(each.write_buffer._chunks[-1]) for each in connections if each.write_buffer.pending}) == 1
        )
        for each in peers:
            await each.__aexit__(None, None, None)
