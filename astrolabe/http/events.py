"""The stream as server-sent events (WHATWG HTML, 9.2): `curl -N` shows it, `EventSource` resumes it."""

from __future__ import annotations

import asyncio
import socket

from sanic.request import Request

from astrolabe.http.client import Client
from astrolabe.http.message import Message
from astrolabe.http.transport import Channel
from astrolabe.settings import Limits

#: Ends a chunked body (RFC 9112, 7.1).
_LAST_CHUNK = b"0\r\n\r\n"


def event_chunk(message: Message) -> bytes:
    """The message as one event in one chunk. An event without a position clears the client's last id,
    so that it never resumes from the middle of a snapshot."""
    event = f"event: {message.event}\nid: {message.position}\ndata: {message.text}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


class Events(Channel):
    """Implements `subscription.Connection` on a response whose head has been sent."""

    def __init__(self, request: Request, limits: Limits) -> None:
        super().__init__(request, stall=limits.stall_timeout)
        self._heartbeat = limits.heartbeat
        self._client: Client | None = None
        self._timer: asyncio.TimerHandle | None = None
        _limit_silence(self.transport, 1.5 * limits.heartbeat)

    def serve(self, client: Client) -> None:
        """Send bookmarks from now on."""
        self._client = client
        self._timer = self.loop.call_later(self._heartbeat, self._beat)

    def write(self, message: Message) -> None:
        if not self.transport.is_closing():
            self.transport.write(message.framed(event_chunk))

    def close(self, code: int, error: str, message: str) -> None:
        """Server-sent events have no close codes: the client comes back by itself."""
        if self.writable and not self.transport.is_closing():
            self.transport.write(_LAST_CHUNK)
            self.transport.close()
        else:
            self.abort()

    def shut_down(self) -> None:
        self.close(0, "", "")

    def lose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().lose()

    def _beat(self) -> None:
        assert self._client is not None
        self._client.beat()
        self._timer = self.loop.call_later(self._heartbeat, self._beat)


def _limit_silence(transport: asyncio.Transport, seconds: float) -> None:
    """There is no pong in server-sent events: let TCP tell when nobody acknowledges what is sent."""
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
