"""How a connection begins: in time, through proxies, and refused when it cannot be meant."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress

import pytest

from astrolabe.settings import Limits
from tests.support.raw import UPGRADE, dial
from tests.support.serving import PATIENCE, Site, eventually, serve
from tests.support.worlds import World, crowd, shop

CHUNKED = b"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
QUICK = Limits(request_timeout=0.3)


async def test_a_silent_connection_is_cut_off() -> None:
    loop = asyncio.get_running_loop()
    async with serve(World(), QUICK) as site, dial(site.port) as peer:
        began = loop.time()
        assert await peer.read_all() == b""
        assert 0.3 <= loop.time() - began < 2.0


async def test_half_a_request_is_cut_off() -> None:
    async with serve(World(), QUICK) as site, dial(site.port) as peer:
        await peer.send(b"GET /api/v1/ws HTTP/1.1\r\nHost:")
        status, headers, body = await peer.read_answer()
    assert (status, headers["connection"]) == (408, "close")
    assert body == b'{"error":"timeout","message":"Request Timeout"}'


async def test_a_request_that_trickles_in_is_cut_off() -> None:
    loop = asyncio.get_running_loop()
    async with serve(World(), QUICK) as site, dial(site.port) as peer:
        began = loop.time()
        reading = asyncio.create_task(peer.read_answer())
        for byte in b"GET /api/v1/ws HTTP/1.1\r\nX: " + b"x" * 1000:
            if reading.done():
                break
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.02)
        assert (await reading)[0] == 408
        assert 0.3 <= loop.time() - began < 2.0


@pytest.mark.parametrize(
    ("path", "upgrade"), [("/health", ""), ("/api/v1/ws", UPGRADE), ("/api/v1/events", "")]
)
@pytest.mark.parametrize(
    ("header", "piece"), [("Content-Length: 1000", b"x"), ("Transfer-Encoding: chunked", b"1\r\nx\r\n")]
)
async def test_a_body_that_trickles_in_is_cut_off(path: str, upgrade: str, header: str, piece: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with serve(World(), QUICK) as site, dial(site.port) as peer, asyncio.timeout(PATIENCE):
        began = loop.time()
        await peer.ask(path, f"{upgrade}{header}\r\n")
        reading = asyncio.create_task(peer.read_answer())
        while not reading.done():
            with suppress(ConnectionError):
                await peer.send(piece)
            await asyncio.sleep(0.02)
        status, headers, _ = await reading
        assert (status, headers["connection"]) == (408, "close")
        assert 0.3 <= loop.time() - began < 2.0


async def test_the_body_of_a_refused_request_is_not_read() -> None:
    async with serve(World(), QUICK) as site, dial(site.port) as peer:
        await peer.send(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        reading = asyncio.create_task(peer.read_answer())
        while not reading.done():
            await peer.send(b"x")
            await asyncio.sleep(0.02)
        assert (await reading)[0] == 405


async def test_an_idle_keep_alive_connection_stays_open() -> None:
    async with serve(World(), QUICK) as site, dial(site.port) as peer:
        for _ in range(2):
            await peer.ask("/livez", "")
            await peer.read_past(b'{"status":"alive"}')
            await asyncio.sleep(0.8)


async def test_an_open_stream_has_no_request_timeout() -> None:
    async with serve(World(), QUICK) as site, dial(site.port) as peer, dial(site.port) as events:
        await peer.upgrade()
        await events.ask("/api/v1/events", "")
        await events.read_past(b'"last":true')
        await asyncio.sleep(0.8)
        assert site.server.streams == 2


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 413, "too-big"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(2000)) + b"\r\n", 413, "too-big"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 413, "too-big"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "bad-request"),
        (b"GET /api/v1/ws\r\n\r\n", 400, "bad-request"),
        (b"GET /api/v1/ws HTTP/3.0\r\n\r\n", 400, "bad-request"),
        (b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "bad-request"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad-request"),
        (b"GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "bad-request"),
        (b"GET /health HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n", 413, "too-big"),
        (CHUNKED + b"5000\r\n%b\r\n" % (b"x" * 0x5000) * 4 + b"0\r\n\r\n", 413, "too-big"),
        (CHUNKED + b"FFFFFFFFFF\r\n", 413, "too-big"),
        (CHUNKED + b"zz\r\n", 400, "bad-request"),
    ],
)
async def test_invalid_requests_are_refused(site: Site, sent: bytes, status: int, error: str) -> None:
    async with dial(site.port) as peer:
        await peer.send(sent)
        told, headers, body = await peer.read_answer()
    assert (told, headers["content-type"], headers["connection"]) == (status, "application/json", "close")
    assert body.startswith(b'{"error":"%b",' % error.encode())


async def test_a_handshake_with_a_binary_header_is_refused(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    request = f"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}".encode() + b"X: \xff\r\n\r\n"
    async with dial(site.port) as peer:
        await peer.send(request)
        status, headers, body = await peer.read_answer()
    assert (status, headers["sec-websocket-version"]) == (400, "13")
    assert body == b'{"error":"bad-handshake","message":"the header x is not UTF-8"}'
    assert "Traceback" not in caplog.text


async def test_an_unexpected_body_is_harmless(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.send(CHUNKED.replace(b"/health", b"/livez") + b"5\r\nhello\r\n0\r\n\r\n")
        await peer.read_past(b'{"status":"alive"}')
        await peer.ask("/livez", "Connection: close\r\n")
        status, _, body = await peer.read_answer()
    assert (status, body) == (200, b'{"status":"alive"}')


async def test_endless_headers_are_refused(site: Site) -> None:
    async with dial(site.port) as peer:
        reading = asyncio.create_task(peer.read_all())
        sending = asyncio.create_task(peer.send(b"x" * 50_000_000))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await sending
        await reading
    assert (await site.json("/livez")) == {"status": "alive"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (UPGRADE, 101),
        (UPGRADE.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade"), 101),
        (UPGRADE.replace("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"), 101),
        (UPGRADE.lower().replace("dghlihnhbxbszsbub25jzq==", "dGhlIHNhbXBsZSBub25jZQ=="), 101),
        (UPGRADE.upper().replace("DGHLIHNHBXBSZSBUB25JZQ==", "dGhlIHNhbXBsZSBub25jZQ=="), 101),
        (UPGRADE + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", 101),
        (UPGRADE + "Origin: http://x\r\n", 101),
        (UPGRADE + "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nForwarded: for=10.0.0.1\r\n", 101),
        (UPGRADE.replace("Upgrade: websocket\r\n", ""), 426),
        (UPGRADE.replace("Upgrade: websocket", "Upgrade: h2c"), 426),
        (UPGRADE.replace("Connection: Upgrade", "Connection: close"), 426),
        (UPGRADE.replace("Version: 13", "Version: 8"), 400),
        (UPGRADE.replace("Sec-WebSocket-Version: 13\r\n", ""), 400),
        (UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400),
        (UPGRADE.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400),
    ],
)
async def test_the_handshake(site: Site, headers: str, status: int) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/ws?subscribe=false", headers)
        head = b""
        while b"\r\n\r\n" not in head:
            head += await peer.read()
        line, *lines = head.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
        assert line.startswith(f"http/1.1 {status} ")
        if status == 101:
            assert {line for line in lines if not line.startswith("date: ")} == {
                "connection: upgrade",
                "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
                "upgrade: websocket",
            }
        else:
            assert "sec-websocket-version: 13" in lines


async def test_without_a_host(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.send(f"GET /api/v1/ws?subscribe=false HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        await peer.read_past(b'"heartbeat"')


async def test_a_websocket_needs_http_1_1(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/ws", version="1.0")
        status, _, body = await peer.read_answer()
    assert status == 426
    assert b'"error":"upgrade-required"' in body
    assert b"proxy_http_version 1.1;" in body


async def test_an_upgrade_where_there_is_no_websocket_is_ignored(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/livez", UPGRADE)
        await peer.read_past(b'{"status":"alive"}')


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /livez HT",
        b"GET /api/v1/ws HTTP/1.1\r\nUpgrade: websocket\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf",
        b"POST /livez HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf",
        b"GET /api/v1/graph?min_seq=99 HTTP/1.1\r\n\r\n",
        f"GET /api/v1/ws HTTP/1.1\r\n{UPGRADE}\r\n".encode(),
        b"GET /api/v1/events HTTP/1.1\r\n\r\n",
    ],
)
async def test_a_client_that_leaves_halfway_is_not_logged(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it resets the connection, closes it, or is cut off by the server's end."""
    for leave in ("reset", "close", "stay"):
        async with serve(shop(), Limits(grace=0.1)) as site, dial(site.port) as peer:
            await peer.send(sent)
            await site.json("/livez")
            if leave == "reset":
                peer.reset()
            elif leave == "stay":
                await site.server.stop()
                async with asyncio.timeout(PATIENCE):
                    await peer.read_all()
            else:
                peer.end()
                await peer.read_all()
            await eventually(lambda: site.server.streams == 0)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("leave", ["reset", "close"])
@pytest.mark.parametrize(
    "sent",
    [
        b"GET /livez HT",
        b"GET \\ HTTP/1.1\r\nHost: x",
        b"GET /api/v1/graph HTTP/1.1\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf",
        f"GET /api/v1/ws HTTP/1.1\r\n{UPGRADE}\r\n".encode(),
        b"GET /api/v1/events HTTP/1.1\r\n\r\n",
    ],
)
async def test_clients_that_leave_halfway_are_not_logged(
    sent: bytes, leave: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They leave while their requests wait for a turn of the loop, or while they are answered."""
    async with serve(crowd(2000), Limits(grace=0.1)) as site, AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(dial(site.port)) for _ in range(100)]
        await eventually(lambda: len(site.server.open) == len(peers))
        for number, peer in enumerate(peers):
            peer.socket.send(sent)
            if number % 20 == 0:
                await asyncio.sleep(0)
        for peer in peers:
            if leave == "reset":
                peer.reset()
            else:
                peer.end()
                peer.socket.close()
        await eventually(lambda: not site.server.open)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
