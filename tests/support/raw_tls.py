"""A peer that does a TLS handshake on a raw TCP connection, step by step on demand."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from tests.support.raw import Peer, dial

#: Bytes of records that are read at once: one.
RECORD = 1 << 14

T = TypeVar("T")


class TlsPeer(Peer):
    """Shakes hands with whoever is there; `reset`, `end` and `vanish` are of the connection below."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(sock)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="127.0.0.1")

    async def shake_hands(self) -> None:
        await self._do(self._tls.do_handshake)

    def hello(self) -> bytes:
        """The first message of a handshake, which is not sent."""
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._out.read()

    async def say_hello(self, size: int | None = None) -> None:
        """Begin a handshake, with so many bytes of the first message or all of them, and say nothing more."""
        await super().send(self.hello()[:size])

    async def send(self, data: bytes) -> None:
        await self._do(lambda: self._tls.write(data))

    async def read(self, size: int = 1 << 20) -> bytes:
        try:
            return await self._do(lambda: self._tls.read(size))
        except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
            return b""

    async def _do(self, what: Callable[[], T]) -> T:
        while True:
            try:
                done = what()
            except ssl.SSLWantReadError:
                await self._flush()
                record = await self._loop.sock_recv(self.socket, RECORD)
                if record:
                    self._in.write(record)
                else:
                    self._in.write_eof()
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        if self._out.pending:
            await super().send(self._out.read())


@asynccontextmanager
async def dial_tls(port: int, context: ssl.SSLContext) -> AsyncIterator[TlsPeer]:
    """As `raw.dial`, with hands shaken."""
    async with dial(port) as plain:
        peer = TlsPeer(plain.socket, context)
        await peer.shake_hands()
        yield peer
