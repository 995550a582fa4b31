"""A peer on a raw TCP connection that reads, answers and closes only on demand."""

from __future__ import annotations

import asyncio
import ctypes
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

#: The option of Linux that attaches a filter to a socket (socket(7)), which Python does not name.
_SO_ATTACH_FILTER = 26


class Peer:
    """Reads as little as the system lets it: what it does not `read` piles up at the server."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._loop = asyncio.get_running_loop()

    async def ask(self, path: str, headers: str = UPGRADE, *, version: str = "1.1") -> None:
        """Send a GET."""
        request = f"GET {path} HTTP/{version}\r\nHost: localhost\r\n{headers}\r\n"
        await self.send(request.encode())

    async def upgrade(self, path: str = "/api/v1/ws?subscribe=false") -> None:
        """Ask for a WebSocket, and read the hello, which is all that comes when it does not subscribe."""
        await self.ask(path)
        await self.read_past(b'"heartbeat"')

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def read(self, size: int = 1 << 20) -> bytes:
        """Some bytes; none when the server has closed, also by a reset."""
        try:
            return await self._loop.sock_recv(self.socket, size)
        except (ConnectionResetError, BrokenPipeError):
            return b""

    async def read_all(self) -> bytes:
        """Everything until the server closes."""
        chunks = []
        while chunk := await self.read():
            chunks.append(chunk)
        return b"".join(chunks)

    async def read_past(self, end: bytes) -> bytes:
        """Until this was read; returns what came behind it. Raises EOFError when it does not come."""
        data = b""
        while end not in data:
            chunk = await self.read()
            if not chunk:
                raise EOFError("closed too early")
            data += chunk
        return data.partition(end)[2]

    async def read_answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with names in lower case, and body of an answer that ends the connection."""
        head, _, body = (await self.read_all()).partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        return int(line.split()[1]), headers, body

    def end(self) -> None:
        """Say that nothing more will be sent; the server may have gone before."""
        with suppress(OSError):  # not connected
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Cut the connection: what is under way is lost, in both directions."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def vanish(self) -> None:
        """Drop whatever comes in before TCP sees it, as if the cable were cut: nothing is acknowledged."""
        drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF_RET 0
        program = struct.pack("HL", 1, ctypes.addressof(drop))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


@asynccontextmanager
async def dial(port: int, *, buffer: int = 4096) -> AsyncIterator[Peer]:
    """A connection with a receive buffer of about so many bytes, by default as small as can be had."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        yield Peer(sock)


def frames(data: bytes) -> list[Frame]:
    """The frames that a server has sent."""
    protocol = Protocol(CLIENT, state=State.OPEN, max_size=None)
    protocol.receive_data(data)
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    return Frame(opcode, data, fin).serialize(mask=True)


def farewell(data: bytes) -> tuple[list[str], int | None]:
    """The codes of the errors that a server told, and that of the close, which must be the end of it."""
    *told, last = frames(data)
    assert last.opcode is Opcode.CLOSE
    messages: list[dict[str, Any]] = [
        json.loads(bytes(each.data)) for each in told if each.opcode is Opcode.TEXT
    ]
    code = int.from_bytes(bytes(last.data)[:2], "big") if last.data else None
    return [each["code"] for each in messages if each["type"] == "error"], code
