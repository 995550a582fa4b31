"""What is no WebSocket, or no message, and what a client is told about it."""

import json
import tracemalloc
from random import Random

import pytest
from websockets.frames import Opcode

from astrolabe.settings import Limits
from tests.support.raw import Peer, dial, farewell, frame, frames
from tests.support.serving import Site, eventually, read_types, serve
from tests.support.worlds import EPOCH, World

TEXT, BINARY, CONT, CLOSE, PING, PONG = (
    Opcode.TEXT,
    Opcode.BINARY,
    Opcode.CONT,
    Opcode.CLOSE,
    Opcode.PING,
    Opcode.PONG,
)


#: What is sent, and the error and the close code that come of it.
WRONG: dict[str, tuple[bytes, str, int]] = {
    "unmasked": (b"\x81\x0f" + b'{"type":"ping"}', "bad-frame", 1002),
    "reserved bit 1": (b"\xc1\x80abcd", "bad-frame", 1002),
    "reserved bit 2": (b"\xa1\x80abcd", "bad-frame", 1002),
    "reserved bit 3": (b"\x91\x80abcd", "bad-frame", 1002),
    "reserved opcode": (b"\x83\x80abcd", "bad-frame", 1002),
    "reserved control opcode": (b"\x8b\x80abcd", "bad-frame", 1002),
    "ping in fragments": (b"\x09\x80abcd", "bad-frame", 1002),
    "ping of 126 bytes": (b"\x89\xfe\x00\x7eabcd" + bytes(126), "bad-frame", 1002),
    "continuation of nothing": (b"\x80\x80abcd", "bad-frame", 1002),
    "text within a message": (b"\x01\x81abcd{" + b"\x81\x80abcd", "bad-frame", 1002),
    "close within a message": (b"\x01\x81abcd{" + b"\x88\x80abcd", "bad-frame", 1002),
    "close of one byte": (frame(CLOSE, b"\x03"), "bad-frame", 1002),
    "close code that is never sent": (frame(CLOSE, (1005).to_bytes(2, "big")), "bad-frame", 1002),
    "close code below all": (frame(CLOSE, (999).to_bytes(2, "big")), "bad-frame", 1002),
    "close code beyond all": (frame(CLOSE, (5000).to_bytes(2, "big")), "bad-frame", 1002),
    "close reason not UTF-8": (frame(CLOSE, b"\x03\xe8\xff\xfe"), "bad-frame", 1007),
    "text of 2^40 bytes": (b"\x81\xff" + (2**40).to_bytes(8, "big"), "too-big", 4509),
    "binary of 2^64-1 bytes": (b"\x82\xff" + (2**64 - 1).to_bytes(8, "big"), "too-big", 4509),
    "ping of 2^40 bytes": (b"\x89\xff" + (2**40).to_bytes(8, "big"), "too-big", 4509),
    "text of 64 KiB and 1": (frame(TEXT, b"x" * 65_537), "too-big", 4509),
    "too big in fragments": (
        frame(TEXT, b"x" * 60_000, fin=False) + frame(CONT, b"x" * 6_000),
        "too-big",
        4509,
    ),
    "binary": (frame(BINARY, b'{"type":"ping"}'), "bad-message", 4500),
    "binary in fragments": (frame(BINARY, b"{", fin=False) + frame(CONT, b"}"), "bad-message", 4500),
    "not UTF-8": (frame(TEXT, b'"\xff\xfe"'), "bad-message", 4500),
    "not UTF-8 across fragments": (
        frame(TEXT, b'"\xe2\x82', fin=False) + frame(CONT, b'"'),
        "bad-message",
        4500,
    ),
    "empty": (frame(TEXT), "bad-message", 4500),
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n", "bad-frame", 1002),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "bad-frame", 1002),
    "a megabyte of zeros": (bytes(1 << 20), "bad-frame", 1002),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_invalid_frame_gets_an_error_and_a_close(site: Site, wrong: str) -> None:
    sent, error, code = WRONG[wrong]
    async with dial(site.port) as peer:
        await peer.upgrade()
        await peer.send(sent)
        assert farewell(await peer.read_all()) == ([error], code)
    await eventually(lambda: site.server.streams == 0)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"", None), ((1000).to_bytes(2, "big"), 1000), ((4999).to_bytes(2, "big") + b"bye", 4999)],
)
async def test_a_close_is_answered_with_its_code(site: Site, sent: bytes, code: int | None) -> None:
    async with dial(site.port) as peer:
        await peer.upgrade()
        await peer.send(frame(CLOSE, sent) + frame(TEXT, b'{"type":"ping"}'))
        assert farewell(await peer.read_all()) == ([], code)


async def test_a_message_may_be_fragmented_anywhere_with_pings_between(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.upgrade()
        parts = [
            frame(TEXT, b'{"ty', fin=False),
            frame(PING, b"a"),
            frame(CONT, fin=False),
            frame(CONT, b'pe":"ping"}'),
        ]
        for byte in b"".join(parts):
            await peer.send(bytes([byte]))
        told = b""
        while len(frames(told)) < 2:
            told += await peer.read()
        answers = {(each.opcode, bytes(each.data)) for each in frames(told)}
        assert answers == {(PONG, b"a"), (TEXT, f'{{"type":"pong","epoch":"{EPOCH}","seq":2}}'.encode())}


async def test_endless_fragments_are_refused() -> None:
    """Each is within the limits, and nothing is kept of an empty one."""
    async with serve(World(), Limits(max_message_rate=10**9)) as site, dial(site.port) as peer:
        await peer.upgrade()
        await peer.send(frame(TEXT, b'{"type":', fin=False))
        nothing = frame(CONT, fin=False) * 1000
        await _ping(peer, nothing)
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(20):
                await _ping(peer, nothing)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await peer.send(frame(CONT, b'"ping"}'))
        await peer.read_past(b'{"type":"pong",')
    assert after - before < 100_000


async def _ping(peer: Peer, before: bytes) -> None:
    """Send this, and wait until all of it has been read."""
    await peer.send(before + frame(PING, b"here"))
    await peer.read_past(b"here")


async def test_a_false_length_allocates_nothing(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.upgrade()
        tracemalloc.start()
        try:
            await peer.send(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"abcd" + bytes(1000))
            assert farewell(await peer.read_all()) == (["too-big"], 4509)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("opcode", "data"), [(PING, b""), (PONG, b""), (PING, bytes(125)), (TEXT, b'{"type":"ping"}')]
)
async def test_a_flood_of_frames_ends_early(site: Site, opcode: Opcode, data: bytes) -> None:
    async with dial(site.port) as peer, site.stream("/api/v1/ws?kind=Service") as other:
        await read_types(other, "hello", "snapshot")
        await peer.upgrade()
        await peer.send(frame(opcode, data) * 20_000)
        told = await peer.read_all()
        assert farewell(told) == (["too-fast"], 4029)
        # What is answered is what comes within a second, or before the rate is looked at.
        assert len(frames(told)) < 500
        site.world.remove("service-web")
        await read_types(other, "delta")


async def test_fifty_frames_at_once_are_read(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.upgrade()
        await _ping(peer, frame(PING) * 49)


@pytest.mark.parametrize("seed", range(20))
async def test_random_bytes(site: Site, seed: int) -> None:
    random = Random(seed)
    async with dial(site.port) as peer:
        await peer.upgrade()
        await peer.send(random.randbytes(random.randint(200, 5000)))
        peer.end()
        await peer.read_all()
    await eventually(lambda: site.server.streams == 0)


async def test_frames_sent_with_the_handshake_are_read(site: Site) -> None:
    """More than Sanic lets wait behind a request."""
    ping = frame(TEXT, b'{"type":"ping"' + b" " * 60_000 + b"}")
    async with dial(site.port) as peer:
        request = (
            "GET /api/v1/ws?subscribe=false HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await peer.send(request.encode() + ping * 3)
        told = await peer.read_past(b"\r\n\r\n")
        while len(frames(told)) < 5:
            told += await peer.read()
        assert [json.loads(bytes(each.data))["type"] for each in frames(told)] == [
            "hello",
            "state",
            "pong",
            "pong",
            "pong",
        ]
        await peer.send(ping)
        await peer.read_past(b'{"type":"pong",')
