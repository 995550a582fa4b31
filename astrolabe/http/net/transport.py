"""How a stream takes over a TCP connection from Sanic. Nothing else depends on Sanic's internals.

Sanic's own WebSockets need several tasks per connection, do not notice a peer that stops reading, and can
hang in `close`. So a stream takes the transport itself: it writes ready-made frames without a task, is told
of pause and resume, and can abort. Sanic accepts, parses and routes the request.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from sanic.exceptions import RequestCancelled, RequestTimeout
from sanic.http import Stage
from sanic.request import Request
from sanic.server import HttpProtocol

from astrolabe.http.net.limits import begins_probe
from astrolabe.http.net.stall import StallDetector
from astrolabe.http.net.strict_http import StrictHttp
from astrolabe.http.net.write_buffer import HIGH_WATER, PIECE, WriteBuffer
from astrolabe.timeslice import Lane, turns

if TYPE_CHECKING:
    from astrolabe.http.net.channel import Channel

#: Unsent bytes of any response that the system buffers (tcp(7), TCP_NOTSENT_LOWAT), besides those in flight.
UNSENT = 64 * 1024


class StreamProtocol(HttpProtocol):
    """Sanic's protocol of one TCP connection, until a channel takes the connection over.

    Sanic's configuration also holds STALL_TIMEOUT and MIN_RATE, see `StallDetector`. The application's
    context holds `counters`, the limits `answers` and `sockets`, and `ends`, which spreads the closing of
    many connections over several turns of the loop.
    """

    HTTP_CLASS = StrictHttp

    __slots__ = (
        "_admitted",
        "_begun",
        "_emptied",
        "_last",
        "_lost",
        "_sent_much",
        "_waits",
        "channel",
        "ended",
        "stall",
        "write_buffer",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.channel: Channel | None = None
        self._begun = self._lost = self._waits = self._admitted = False
        #: Whether a body was sent that the system may not accept at once.
        self._sent_much = False
        #: Whether the peer has ended its side before its request had a turn.
        self.ended = False
        self._last: Any = None  # sanic.http.Http
        #: Done when the transport has got the whole body that is being sent.
        self._emptied: asyncio.Future[None] | None = None

    @property
    def writable(self) -> bool:
        """Whether the transport accepts data, and nothing waits to be written."""
        return self._can_write.is_set() and not self.write_buffer.pending

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that handles the requests of this connection; None after it ended."""
        return self._task

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        config, context = self.app.config, self.app.ctx
        self.stall = StallDetector(transport, config.STALL_TIMEOUT, config.MIN_RATE, context.counters)
        super().connection_made(transport)  # type: ignore[no-untyped-call]
        transport.set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER // 4)
        self.write_buffer = WriteBuffer(transport, self._drain)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            with suppress(OSError):  # the peer has left, or it is no TCP socket
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT
                )
        context.sockets.enter(self)

    async def send(self, data: bytes) -> None:
        """Send the head of a response, or a whole one."""
        if len(data) <= PIECE:
            await super().send(data)  # type: ignore[no-untyped-call]
        else:
            await self.send_shared((data,))

    async def send_shared(self, chunks: Sequence[bytes]) -> None:
        """Send bytes that other connections share. Returns when the transport has got all of them."""
        await self._can_write.wait()
        if self.is_leaving:
            raise RequestCancelled
        self._sent_much = True
        self.write_buffer.send(chunks)
        while self.write_buffer.pending:
            self._emptied = self.loop.create_future()
            await self._emptied
        self._time = monotonic()

    @property
    def request_handler(self) -> Callable[[Request], Awaitable[None]]:
        """What Sanic's parser passes a request to. (An attribute would be a reference cycle, see
        `_let_go`.)"""
        return self._answer

    @request_handler.setter
    def request_handler(self, _: object) -> None:
        """Ignore what Sanic sets."""

    async def receive_more(self) -> None:
        """Read more of a request, then wait for a turn: many may send at once."""
        if self.ended:
            self.close()  # which cancels this
        await super().receive_more()  # type: ignore[no-untyped-call]
        await self._admit(self.recv_buffer)
        self._admitted = True

    async def _admit(self, head: bytes | bytearray) -> None:
        """Wait for the turn of the request that starts so."""
        self._waits = True
        try:
            await turns().admit(Lane.PROBE if begins_probe(head) else Lane.PEER)
        finally:
            self._waits = False

    async def _answer(self, request: Request) -> None:
        """Answer a request within the limits, until the transport has got the response or a channel takes
        over.

        Many requests may have come in one piece. The first had its turn; each of the others waits for one.
        """
        self.app.ctx.sockets.begin(self)
        if not self._admitted:
            await self._admit(request.head)
        self._admitted = False
        if self.is_leaving:
            raise RequestCancelled
        try:
            with self.app.ctx.answers.admitted(self, request.path):
                await self.app.handle_request(request)
        finally:
            self.app.ctx.sockets.rest(self)

    async def connection_task(self) -> None:
        try:
            await super().connection_task()  # type: ignore[no-untyped-call]
        finally:
            if self._lost:
                self._let_go()

    def data_received(self, data: bytes) -> None:
        if self.channel is not None:
            self.channel.receive(data)
            return
        since, under_way = self._time, self._under_way
        super().data_received(data)
        self._begun = True
        if under_way:  # Sanic restarts its timeout at every byte, so that a request could take for ever
            self._time = since

    def eof_received(self) -> bool | None:
        """Keep the transport open by returning True; otherwise it closes when its buffer is sent."""
        self.stall.watch()
        if self.channel is not None:
            self.channel.end()
        elif self.write_buffer.pending and self.write_buffer.direct:
            self.write_buffer.after(self.close)
            return True
        elif self._waits and self.write_buffer.direct:  # its request is still answered
            self.ended = True
            return True
        return None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[no-untyped-call]
        self.write_buffer.pause()
        self.stall.watch()
        if self.channel is not None:
            self.channel.pause()

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[no-untyped-call]
        self.write_buffer.resume()

    def _drain(self) -> None:
        """Go on: nothing is pending, and the transport accepts data."""
        self.stall.relax()
        if self.channel is not None:
            self.channel.resume()
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.app.ctx.sockets.leave(self)
        self.stall.stop()
        self.write_buffer.end()
        if self.channel is not None:
            self.channel.leave()
        self.app.ctx.ends.do(partial(self._end, exc))

    def _end(self, exc: Exception | None) -> None:
        """Close what belongs to the connection. Many may end at once, as when a proxy restarts."""
        if self.channel is not None:
            self.channel.lose()
        self._lost = True
        super().connection_lost(exc)  # type: ignore[no-untyped-call]
        if self._task is None:
            self._let_go()

    def check_timeouts(self) -> None:
        """Apply Sanic's timeouts to requests. A channel has its own."""
        if self.channel is not None:
            return
        # The keep-alive timeout is for a next request, not for the first one or the rest of one.
        resting = self._begun and not self._under_way
        self.keep_alive_timeout = self.app.config.KEEP_ALIVE_TIMEOUT if resting else self.request_timeout
        if self.transport is not None and (
            self.write_buffer.pending or self.transport.get_write_buffer_size()
        ):
            self._time = monotonic()  # a response may be read slowly
        if self.http is not None:
            self.http.upgrade_websocket = False  # with it, Sanic would wait for a body for ever
        if self._is_overdue:  # as may be many that came at the same time
            self.app.ctx.ends.do(self._time_out)
        else:
            super().check_timeouts()  # type: ignore[no-untyped-call]

    @property
    def _is_overdue(self) -> bool:
        if self.http is None:
            return False
        stage: Stage = self.http.stage
        limits = {Stage.IDLE: self.keep_alive_timeout, Stage.REQUEST: self.request_timeout}
        limit = self.request_timeout if self._awaits_body else limits.get(stage, self.response_timeout)
        return bool(monotonic() - self._time > limit)

    def _time_out(self) -> None:
        """Apply a timeout that has passed."""
        if self._awaits_body:
            self._give_up()
        else:
            super().check_timeouts()  # type: ignore[no-untyped-call]

    @property
    def is_leaving(self) -> bool:
        """Whether the connection is closed or closing: nobody waits for an answer."""
        return self.transport is None or bool(self.transport.is_closing())

    def close(self, timeout: float | None = None) -> None:
        """Close once all is sent. A peer that does not read is cut off.

        Sanic's version cuts a TLS connection when the transport has encrypted everything. Of a long body the
        system may not have accepted all of it by then. timeout: ignored.
        """
        if self._callback_check_timeouts:
            self._callback_check_timeouts.cancel()
        if self.is_leaving:
            return
        assert self.transport is not None
        self.transport.close()
        waits, direct = self.transport.get_write_buffer_size() > 0, self.write_buffer.direct
        if waits or (self._sent_much and not direct):
            self.stall.watch()
        elif not direct:
            self.loop.call_soon(self.abort)  # TLS would decrypt what the peer goes on to send

    def abort(self) -> None:
        """Cut the connection. Sanic's version fails if half a request has come."""
        if self.transport is not None:
            self.transport.abort()

    def _setup_connection(self, *args: Any, **options: Any) -> None:
        super()._setup_connection(*args, **options)  # type: ignore[no-untyped-call]
        self._last = self.http

    @property
    def _awaits_body(self) -> bool:
        """Whether the head of a request has come and its body has not. To Sanic it is being answered."""
        return self.http is not None and self.http.stage is Stage.HANDLER and bool(self.http.request_body)

    def _give_up(self) -> None:
        """Answer that the request took too long, and close."""
        self.http.exception = RequestTimeout("Request Timeout")
        self.http.request_body = None  # or Sanic would read the rest of it before it closes
        if self._task is not None:
            self._task.cancel()

    def _let_go(self) -> None:
        """Break the reference cycles of a closed connection, so that its memory is freed at once: collections
        that would find them are rare (see `app`)."""
        if self._last is not None:
            self._last.request = self._last.response = self._last.response_func = None
        self._last = self.channel = self.transport = None

    @property
    def _under_way(self) -> bool:
        """Whether a request or its body has come in part."""
        http = self.http
        if http is None or http.stage is Stage.IDLE:
            return bool(getattr(http, "request_body", None))
        return True
