"""The stream as server-sent events (WHATWG HTML, 9.2): `curl -N` shows it, `EventSource` resumes it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Protocol

from sanic.headers import format_http1_response
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding import wire
from astrolabe.http.counters import Counters
from astrolabe.http.net.channel import Channel
from astrolabe.http.net.close_codes import GOING_AWAY, GOODBYE, UNAUTHORISED, WITHDRAWN
from astrolabe.http.net.message import LongFrame, Message
from astrolabe.settings import Limits


class Pulse(Protocol):
    """The function to call at every heartbeat."""

    def beat(self) -> None:
        """A heartbeat has passed."""
        ...


_TYPE = "text/event-stream; charset=utf-8"

#: Ends a chunked body (RFC 9112, 7.1).
_LAST_CHUNK = b"0\r\n\r\n"


def event_text(message: Message) -> bytes | LongFrame:
    """The message as one server-sent event."""
    return message.between(_head(message), _END)


def event_chunk(message: Message) -> bytes | LongFrame:
    """The message as one event in one HTTP chunk."""
    head = _head(message)
    size = len(head) + message.size + len(_END)
    return message.between(b"%x\r\n%b" % (size, head), _END + b"\r\n")


def _head(message: Message) -> bytes:
    """An empty id clears the client's last id, so that it never resumes within a snapshot."""
    id = "" if message.position is None else f"id: {message.position}\n"
    return f"event: {message.event}\n{id}data: ".encode()


_END = b"\n\n"


class EventStream(Channel):
    """Implements `subscription.StreamConnection`. The stream is the body of a response.

    The connection ends with the stream. HTTP/1.0, which some proxies speak, has no chunks.
    """

    def __init__(
        self, request: Request, limits: Limits, counters: Counters, headers: Mapping[str, str]
    ) -> None:
        self._chunked = request.version != "1.0"
        super().__init__(request, counters.events, event_chunk if self._chunked else event_text)
        self._heartbeat = limits.heartbeat
        self._client: Pulse | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.put(self._head(headers))
        self._limit_silence()

    def serve(self, client: Pulse) -> None:
        """Send bookmarks from now on."""
        self._client = client
        self._timer = self.loop.call_later(self._heartbeat, self._beat)
        self.read()

    def close(self, code: int, error: str, message: str) -> None:
        """Send an `error` and end the stream. There are no close codes, so the client reconnects."""
        if not self.writable:
            self.abort()
            return
        self.write(Message("error", wire.error(error, message), None))
        self.end_body()

    def end_body(self) -> None:
        """End the stream: everything is said."""
        if self._chunked:
            self.put(_LAST_CHUNK)
        self.finish()

    def receive(self, data: bytes) -> None:
        """Ignore it: a client of events has nothing to say."""

    def shut_down(self) -> None:
        self.close(GOING_AWAY, "going-away", GOODBYE)

    def pause(self) -> None:
        """The transport is full:

        StallDetector watches now. TCP would take a closed window for a dead peer.
        """
        super().pause()
        self._limit_silence(on=False)

    def resume(self) -> None:
        super().resume()
        self._limit_silence()

    def lose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._client = None
        super().lose()

    def _head(self, headers: Mapping[str, str]) -> bytes:
        coding = {"transfer-encoding": "chunked"} if self._chunked else {}
        answer = HTTPResponse(headers={**headers, **coding, "connection": "close"}, content_type=_TYPE)
        return format_http1_response(200, answer.processed_headers)

    def _beat(self) -> None:
        assert self._client is not None
        if not self.admitted():
            self.close(UNAUTHORISED, "unauthorised", WITHDRAWN)
            return
        self._client.beat()
        self._timer = self.loop.call_later(self._heartbeat, self._beat)

    def _limit_silence(self, *, on: bool = True) -> None:
        """There are no pongs here, so TCP has to notice a peer that acknowledges nothing."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            seconds = 1.5 * self._heartbeat if on else 0.0
            self.set_option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
