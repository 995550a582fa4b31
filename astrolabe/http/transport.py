"""The one place that knows how Sanic keeps a TCP connection, and how a stream takes it over.

Sanic's own WebSocket implementation needs several tasks a connection, never notices a peer that stops
reading, and hangs in `close` on it. So a stream takes the transport: it writes ready-made frames
without a task, hears of pause and resume, and can abort. Sanic accepts, parses and routes the request.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sanic.request import Request
from sanic.server import HttpProtocol


class StreamProtocol(HttpProtocol):
    """Sanic's protocol of one TCP connection, until a channel takes it over."""

    __slots__ = ("channel",)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.channel: Channel | None = None

    @property
    def writable(self) -> bool:
        """Whether the transport takes more."""
        return self._can_write.is_set()

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What handles the requests of this connection; None once it ended."""
        return self._task

    def data_received(self, data: bytes) -> None:
        if self.channel is None:
            super().data_received(data)
        else:
            self.channel.receive(data)

    def eof_received(self) -> None:
        """The transport closes itself afterwards."""
        if self.channel is not None:
            self.channel.end()

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[no-untyped-call]
        if self.channel is not None:
            self.channel.pause()

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[no-untyped-call]
        if self.channel is not None:
            self.channel.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.channel is not None:
            self.channel.lose()
        super().connection_lost(exc)  # type: ignore[no-untyped-call]

    def check_timeouts(self) -> None:
        """Sanic's timeouts are for requests; a channel has its own."""
        if self.channel is None:
            super().check_timeouts()  # type: ignore[no-untyped-call]


class Channel:
    """A connection that has left HTTP. Subclasses say what is read and how it is closed.

    stall: seconds that the transport may take nothing before the connection is aborted.
    writable: whether the transport takes more; it does not while more than 64 KiB wait in it.
    lost: done when the connection is gone. drained: called when it is writable again.
    early: bytes that came right behind the request.
    """

    def __init__(self, request: Request, *, stall: float) -> None:
        protocol = request.transport.get_protocol()
        assert isinstance(protocol, StreamProtocol)
        assert protocol.transport is not None
        self.transport: asyncio.Transport = protocol.transport
        self.loop = asyncio.get_running_loop()
        self.writable = protocol.writable
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.drained: Callable[[], Any] = _nothing
        self.early = bytes(protocol.recv_buffer)
        self._stall = stall
        self._watch: asyncio.TimerHandle | None = None
        protocol.channel = self
        if not self.writable:
            self.pause()

    def receive(self, data: bytes) -> None:
        """Bytes came in."""

    def end(self) -> None:
        """The peer will send no more."""

    def shut_down(self) -> None:
        """The server is going away."""
        self.abort()

    def abort(self) -> None:
        """Cut the connection, whatever waits to be sent."""
        self.transport.abort()

    def pause(self) -> None:
        """The transport is full."""
        self.writable = False
        if self._watch is None:
            self._watch_on(_unread(self.transport), self.loop.time())

    def resume(self) -> None:
        """The transport takes more again, or is gone."""
        self._unwatch()
        if not self.lost.done():
            self.writable = True
            self.drained()

    def lose(self) -> None:
        """The connection is gone."""
        self.writable = False
        self._unwatch()
        if not self.lost.done():
            self.lost.set_result(None)

    def _watch_on(self, waiting: int, since: float) -> None:
        self._watch = self.loop.call_later(self._stall / 4, self._judge, waiting, since)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _judge(self, before: int, since: float) -> None:
        """Slow is not stalled: it goes on as long as the peer takes something."""
        waiting, now = _unread(self.transport), self.loop.time()
        if waiting < before:
            self._watch_on(waiting, now)
        elif now - since >= self._stall:
            self.abort()
        else:
            self._watch_on(waiting, since)


def _unread(transport: asyncio.Transport) -> int:
    """Bytes that the peer has not acknowledged: in the transport, and in the system (tcp(7), SIOCOUTQ).

    The system takes nothing more before a good part of what it has is gone, which a slow peer may need
    minutes for: the transport alone would look stalled.
    """
    queued = bytearray(4)
    with suppress(OSError, ValueError):  # it was closed meanwhile
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queued)
    return transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)


def _nothing() -> None:
    return None
