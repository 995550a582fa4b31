import asyncio
import socket

from websockets.frames import Frame, Opcode

from astrolabe.settings import Limits
from tests.support.raw import dial
from tests.support.serving import eventually, serve
from tests.support.worlds import crowd, shop


async def test_a_slow_reader_is_not_a_stalled_one() -> None:
    """It reads for six times as long as it may stall, and has not had all by then."""
    async with serve(crowd(20_000), Limits(stall_timeout=0.4)) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/ws")
        await eventually(lambda: site.server.streams == 1)
        loop = asyncio.get_running_loop()
        began, size = loop.time(), 0
        while loop.time() < began + 2.4:
            size += len(await peer.read())
            await asyncio.sleep(0.02)
        assert site.server.streams == 1
        assert size < 13_000_000
        await eventually(lambda: site.server.streams == 0)


async def test_bytes_sent_with_the_request_are_not_lost() -> None:
    async with serve(shop()) as site, dial(site.port) as peer:
        ping = Frame(Opcode.TEXT, b'{"type":"ping"}').serialize(mask=True)
        request = (
            "GET /api/v1/ws?subscribe=false HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await peer.send(request.encode() + ping)
        await peer.read_past(b'{"type":"pong",')


async def test_unacknowledged_events_are_noticed_by_tcp() -> None:
    async with serve(shop(), Limits(heartbeat=10.0)) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/events", "")
        await peer.read_past(b'"last":true')
        (events,) = site.server._connections._open
        option = events.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
        )
    assert option == 15_000
