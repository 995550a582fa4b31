"""https and wss: the same streams, peers that stall or vanish, and certificates that are replaced."""

import asyncio
import logging
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from astrolabe.graph.state.batch import Changes
from astrolabe.http.access.certificate import Certificate
from astrolabe.http.errors import FileError
from astrolabe.http.net.channel import SEND_BUFFER
from astrolabe.http.net.write_buffer import HIGH_WATER
from astrolabe.settings import Limits
from tests.support.certificates import Pair
from tests.support.raw import UPGRADE
from tests.support.serving import PATIENCE, Site, eventually, read, read_types, serve
from tests.support.worlds import a_pod, crowd, shop


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def dial(
    site: Site, pair: Pair, path: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A peer that has asked for a stream, and reads only what it is told to."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", site.port))
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=pair.trusting(), server_hostname="127.0.0.1", limit=1024
    )
    headers = UPGRADE if path.startswith("/api/v1/ws") else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_pages_api_and_streams_are_served_over_tls(pair: Pair) -> None:
    trust = pair.trusting()
    async with serve(shop(), **pair.settings) as site:
        async with site.get("/api/v1/graph", scheme="https", ssl=trust) as answer:
            assert len((await answer.json())["nodes"]) == 9
        async with site.stream(scheme="wss", ssl=trust) as stream:
            await read_types(stream, "hello", "snapshot")
            site.world.remove("pod-lone")
            (delta,) = await read_types(stream, "delta")
            assert delta["nodes"]["remove"] == ["pod-lone"]
            await stream.send('{"type":"ping"}')
            await read_types(stream, "pong")
        async with site.get("/api/v1/events?kind=Pod", scheme="https", ssl=trust) as events:
            assert b"event: snapshot\n" in await events.content.readuntil(b"event: snapshot\n")
        await eventually(lambda: site.server.streams == 0)


async def test_a_large_snapshot_arrives_whole(pair: Pair) -> None:
    async with serve(crowd(20_000), **pair.settings) as site:
        async with site.stream(scheme="wss", ssl=pair.trusting()) as stream:
            await read_types(stream, "hello")
            nodes = 0
            while True:
                part = await read(stream)
                nodes += len(part["nodes"])
                if part["last"]:
                    break
        assert nodes == 20_000


@pytest.mark.parametrize("path", ["/api/v1/ws", "/api/v1/events"])
async def test_a_client_that_stops_reading_is_cut_off_cheaply(pair: Pair, path: str) -> None:
    limits = Limits(stall_timeout=0.4, heartbeat=60.0)
    async with serve(crowd(20_000), limits, **pair.settings) as site, dial(site, pair, path):
        await eventually(lambda: site.server.streams == 1)
        (channel,) = site.server._connections._open
        option = channel.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        assert option == 2 * SEND_BUFFER
        await eventually(lambda: not channel.writable)
        assert HIGH_WATER < channel.unacknowledged() < 2_000_000
        await eventually(lambda: site.server.streams == 0)
        assert site.hub.counters.stalled == 1


@pytest.mark.parametrize("path", ["/api/v1/ws", "/api/v1/events"])
async def test_a_slow_reader_is_not_cut_off(pair: Pair, path: str) -> None:
    """It reads for five times as long as it may stall."""
    loop = asyncio.get_running_loop()
    limits = Limits(stall_timeout=0.5, heartbeat=60.0)
    async with serve(crowd(20_000), limits, **pair.settings) as site, dial(site, pair, path) as (reader, _):
        await eventually(lambda: site.server.streams == 1)
        began = loop.time()
        while loop.time() < began + 2.5:
            assert await reader.read(16_384)
            await asyncio.sleep(0.02)
        assert site.server.streams == 1


async def test_a_silent_client_is_dropped(pair: Pair) -> None:
    limits = Limits(heartbeat=0.2, grace=0.1)
    async with serve(shop(), limits, **pair.settings) as site, dial(site, pair, "/api/v1/ws") as (reader, _):
        await reader.readuntil(b'"hello"')
        await eventually(lambda: site.server.streams == 1)
        await eventually(lambda: site.server.streams == 0)
        assert site.hub.counters.silent == 1


async def test_a_client_that_falls_behind_is_caught_up(pair: Pair) -> None:
    world = crowd(2000)
    path = "/api/v1/events"
    async with serve(world, **pair.settings) as site, dial(site, pair, path) as (reader, _):
        await eventually(lambda: site.server.streams == 1)
        (channel,) = site.server._connections._open
        await eventually(lambda: not channel.writable)
        for step in range(5):
            world.send(Changes(nodes_set=[a_pod(1, "Error", f"step {step}")]))
        assert channel.unacknowledged() < 1_500_000
        read, last = b"", b'"message":"step 4"'
        async with asyncio.timeout(PATIENCE):
            while last not in read:
                read = read[-100:] + await reader.read(1 << 16)
    assert b'"message":"step 3"' not in read


async def code_of(stream: ClientConnection) -> int:
    """With which it was closed."""
    with pytest.raises(ConnectionClosed) as closed:
        await stream.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_bad_messages_and_going_away_are_reported(pair: Pair) -> None:
    trust = pair.trusting()
    async with serve(shop(), **pair.settings) as site:
        connect = site.stream
        async with connect(scheme="wss", ssl=trust) as bad, connect(scheme="wss", ssl=trust) as good:
            await read_types(bad, "hello", "snapshot")
            await bad.send("nonsense")
            await read_types(bad, "error")
            assert await code_of(bad) == 4500
            await read_types(good, "hello", "snapshot")
            stopping = asyncio.create_task(site.server.stop())
            await read_types(good, "error")
            assert await code_of(good) == 1001
            await stopping


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_versions_that_are_spoken(pair: Pair, version: ssl.TLSVersion) -> None:
    trust = pair.trusting()
    trust.minimum_version = trust.maximum_version = version
    async with (
        serve(shop(), **pair.settings) as site,
        site.get("/livez", scheme="https", ssl=trust) as answer,
    ):
        assert answer.status == 200
    assert Certificate(*pair.settings.values()).context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_bytes_that_are_not_tls_are_dropped_silently(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(request_timeout=0.3)
    async with serve(shop(), limits, **pair.settings) as site:
        caplog.clear()
        for said in (b"GET /livez HTTP/1.1\r\n\r\n", b""):
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(said)
            async with asyncio.timeout(5):
                await reader.read()
            writer.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_new_connections_get_the_new_certificate(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("astrolabe.http.access.certificate.LOOK_EVERY", 0.02)
    served, new = Pair(tmp_path, "served"), Pair(tmp_path, "new")
    old_trust, new_trust = served.trusting(), new.trusting()
    caplog.set_level(logging.INFO, logger="astrolabe.http")
    async with serve(shop(), **served.settings) as site:
        connect = site.stream
        async with connect(scheme="wss", ssl=old_trust) as stream:
            await read_types(stream, "hello", "snapshot")
            key = await asyncio.to_thread(served.key.read_bytes)
            await asyncio.to_thread(served.key.write_bytes, b"half")
            await eventually(lambda: "the previous one stays in use" in caplog.text)
            for _ in range(3):  # looks enough go by meanwhile
                async with site.stream(scheme="wss", ssl=old_trust) as still:
                    await read_types(still, "hello", "snapshot")
            assert caplog.text.count("the previous one stays in use") == 1
            await asyncio.to_thread(served.key.write_bytes, key)
            caplog.clear()
            await asyncio.to_thread(served.replace_by, new)
            await eventually(lambda: "reloaded the certificate" in caplog.text)
            async with site.stream(scheme="wss", ssl=new_trust) as fresh:
                await read_types(fresh, "hello", "snapshot")
            with pytest.raises(ssl.SSLCertVerificationError):
                await site.stream(scheme="wss", ssl=old_trust)
            site.world.remove("pod-lone")
            await read_types(stream, "delta")


def test_unusable_files_are_reported(pair: Pair, tmp_path: Path) -> None:
    other = Pair(tmp_path, "other")
    text = tmp_path / "text"
    text.write_text("no PEM")
    locked = tmp_path / "locked"
    subprocess.run(
        ["openssl", "pkey", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", locked],
        check=True,
        capture_output=True,
    )
    cases = (
        (tmp_path / "none", pair.key, "none: No such file or directory"),
        (pair.certificate, tmp_path / "none", "none: No such file or directory"),
        (pair.certificate, tmp_path, "it is not a regular file"),
        (pair.certificate, other.key, "key values mismatch"),
        (text, pair.key, "they are no PEM files of a pair"),
        (pair.certificate, text, "they are no PEM files of a pair"),
        (pair.certificate, locked, "bad decrypt|bad password|they are no PEM"),
    )
    for certificate, key, why in cases:
        with pytest.raises(FileError, match=why) as failed:
            Certificate(str(certificate), str(key))
        assert str(failed.value).startswith(
            f"the certificate {certificate} with the key {key} cannot be used"
        )
