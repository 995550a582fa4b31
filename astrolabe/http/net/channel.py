"""A connection that a stream has taken over from HTTP."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from sanic.exceptions import RequestCancelled
from sanic.http import Stage
from sanic.request import Request

from astrolabe.http.counters import TransportCounters
from astrolabe.http.net.message import Framing, LongFrame, Message
from astrolabe.http.net.transport import StreamProtocol

#: Bytes of a stream that the system buffers until the peer acknowledges them (socket(7); Linux doubles the
#: number for its own overhead). By default the buffer grows to 4 MB per connection.
SEND_BUFFER = 256 * 1024


class Channel(ABC):
    """A connection that has left HTTP. Subclasses define what is read and how it is closed. Raises
    RequestCancelled if the peer has left.

    sent: what is counted of its sort. framing: how a message is written on it.
    writable: whether the transport accepts more. It does not while more than HIGH_WATER bytes wait in it, or
        before it has got the whole last message.
    open: whether anything more may be written. False once the connection is closing.
    lost: done when the connection is closed. drained: called when it is writable again.
    admitted: whether the client's token is still valid; asked every heartbeat.
    """

    def __init__(self, request: Request, sent: TransportCounters, framing: Framing) -> None:
        if request.transport.is_closing():  # it has no protocol any more
            raise RequestCancelled
        protocol = request.transport.get_protocol()
        assert isinstance(protocol, StreamProtocol)
        assert protocol.transport is not None
        self.transport: asyncio.Transport = protocol.transport
        self.loop = asyncio.get_running_loop()
        self.writable = protocol.writable
        self.open = True
        self.lost: asyncio.Future[None] = self.loop.create_future()
        self.drained: Callable[[], Any] = _nothing
        self.admitted: Callable[[], bool] = lambda: True
        self._protocol = protocol
        self._sent = sent
        self._framing = framing
        sent.connections += 1
        protocol.channel = self
        protocol.app.ctx.answers.leave(protocol)
        # Sanic believes that the response is under way, and adds nothing.
        protocol.http.stage = Stage.RESPONSE
        self.set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def set_option(self, level: int, option: int, value: int) -> None:
        """Set a socket option."""
        self.transport.get_extra_info("socket").setsockopt(level, option, value)

    def acknowledged(self) -> int:
        """A number that grows whenever the peer reads something."""
        return self._protocol.stall.acknowledged()

    def unacknowledged(self) -> int:
        """Bytes that the peer has not acknowledged."""
        return self._protocol.stall.unacknowledged()

    def write(self, message: Message) -> None:
        """Send a message, unless the connection is closing."""
        if self.open:
            frame = message.framed(self._framing)
            self._sent.messages += 1
            self._sent.bytes += len(frame)
            self.put(frame)

    def put(self, data: bytes | LongFrame) -> None:
        """Send data after all that was put before. The connection is cut if too much waits."""
        if not self._protocol.write_buffer.write(data):
            self.abort()
        elif self.writable and self._protocol.write_buffer.pending:
            self.pause()

    def when_sent(self, callback: Callable[[], None]) -> None:
        """Call this once the transport has got everything."""
        self._protocol.write_buffer.after(callback)

    def read(self) -> None:
        """Start reading, with what came right after the request, which may have made Sanic pause."""
        early = bytes(self._protocol.recv_buffer)
        self._protocol.recv_buffer.clear()
        self.transport.resume_reading()
        if early:
            self.receive(early)
        if self._protocol.ended:
            self.end()
            self.when_sent(self.close_transport)

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Handle bytes from the peer."""

    def end(self) -> None:
        """The peer has ended its side."""
        self.leave()

    def shut_down(self) -> None:
        """The server is going away."""
        self.abort()

    @abstractmethod
    def close(self, code: int, error: str, message: str) -> None:
        """Say why, and close."""

    def finish(self) -> None:
        """Close once the transport's buffer is sent. A peer that does not read is cut off."""
        self.leave()
        self.close_transport()
        self._protocol.stall.watch()

    def close_transport(self) -> None:
        """Close once only: asyncio's TLS transport cannot be aborted after the second time."""
        if not self.transport.is_closing():
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection, whatever is waiting."""
        self.leave()
        self.transport.abort()

    def pause(self) -> None:
        """The transport is full."""
        self.writable = False

    def resume(self) -> None:
        """The transport accepts data again."""
        if self.open:
            self.writable = True
            self.drained()

    def lose(self) -> None:
        """The connection is closed."""
        self.leave()
        self.drained = _nothing
        if not self.lost.done():
            self.lost.set_result(None)

    def leave(self) -> None:
        """Write nothing more."""
        self.open = self.writable = False


def _nothing() -> None:
    return None
