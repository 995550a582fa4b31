"""A peer on a bare TCP connection, which reads, answers and closes only when it is told to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.frames import Frame
from websockets.protocol import CLIENT, Protocol, State

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Peer:
    """Reads as little as the system lets it: what it does not `read` piles up at the server."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()

    async def ask(self, path: str, headers: str = UPGRADE) -> None:
        """Send a GET."""
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
        await self.send(request.encode())

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def read(self) -> bytes:
        """Some bytes; none when the server has closed, also by a reset."""
        try:
            return await self._loop.sock_recv(self._socket, 1 << 20)
        except ConnectionResetError:
            return b""

    async def read_all(self) -> bytes:
        """Everything until the server closes."""
        chunks = []
        while chunk := await self.read():
            chunks.append(chunk)
        return b"".join(chunks)

    async def read_past(self, end: bytes) -> bytes:
        """Until this was read; returns what came behind it."""
        data = b""
        while end not in data:
            chunk = await self.read()
            assert chunk, "closed too early"
            data += chunk
        return data.partition(end)[2]


@asynccontextmanager
async def dial(port: int) -> AsyncIterator[Peer]:
    """A connection with as small a receive buffer as can be had."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        yield Peer(sock)


def frames(data: bytes) -> list[Frame]:
    """The frames that a server has sent."""
    protocol = Protocol(CLIENT, state=State.OPEN, max_size=None)
    protocol.receive_data(data)
    return [event for event in protocol.events_received() if isinstance(event, Frame)]
