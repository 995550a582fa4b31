"""The one place that knows how Sanic keeps a TCP connection, and how a stream takes it over.

Sanic's own WebSocket implementation needs several tasks a connection, never notices a peer that stops
reading, and hangs in `close` on it. So a stream takes the transport: it writes ready-made frames
without a task, hears of pause and resume, and can abort. Sanic accepts, parses and routes the request.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from sanic.exceptions import RequestCancelled, RequestTimeout
from sanic.http import Stage
from sanic.request import Request
from sanic.server import HttpProtocol

from astrolabe.http.counters import Figures
from astrolabe.http.net.limits import begins_probe
from astrolabe.http.net.message import LongFrame
from astrolabe.http.net.outflow import HIGH_WATER, PIECE, Outflow
from astrolabe.http.net.strict_http import StrictHttp
from astrolabe.timeslice import Lane, turns

#: Bytes that the system takes of a stream before the peer has acknowledged them (socket(7); Linux counts
#: its own overhead in and doubles the number for it). By itself it goes up to 4 MB a connection.
SEND_BUFFER = 256 * 1024
#: Bytes that the system takes of any answer before it has sent them (tcp(7), TCP_NOTSENT_LOWAT): what it may
#: send at once, which depends on the peer and the way to it, comes on top.
UNSENT = 64 * 1024

#: `tcpi_bytes_acked` of `struct tcp_info` (linux/tcp.h), at 120.
_ACKNOWLEDGED = struct.Struct("=Q")


#: How often one that is watched is looked at within the time that it may stall.
QUARTERS = 4


class Stall:
    """Cuts a connection off whose peer takes too little, once told to watch it.

    seconds: for which it may take nothing. rate: bytes a second that it has to take on average over them.
    """

    def __init__(self, transport: asyncio.Transport, seconds: float, rate: float, figures: Figures) -> None:
        self._transport = transport
        self._socket = transport.get_extra_info("socket")
        self._seconds = seconds
        self._rate = rate
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._relaxed = False
        #: When it was looked at, and what had been taken by then.
        self._seen: deque[tuple[float, int]] = deque()

    def watch(self) -> None:
        """Begin, unless it has begun."""
        self._relaxed = False
        if self._timer is None:
            self._seen = deque([(self._loop.time(), self.taken())], maxlen=QUARTERS + 1)
            self._go_on()

    def relax(self) -> None:
        """The transport takes more again. One that is closing still has to come to an end.

        It is looked at once more: what comes in many parts is relaxed after each of them for a moment.
        """
        self._relaxed = not self._transport.is_closing()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def waiting(self) -> int:
        """Bytes that the peer has not acknowledged: in the transport, and in the system (tcp(7), SIOCOUTQ).

        The system takes nothing more before a good part of what it has is gone, which a slow peer may
        need long for: the transport alone would look stalled.
        """
        queued = bytearray(4)
        with suppress(OSError, ValueError):  # it was closed meanwhile
            fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, queued)
        return self._transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def taken(self) -> int:
        """A number that grows whenever the peer takes something: what it has acknowledged, in bytes (tcp(7),
        TCP_INFO of Linux), or else how little waits. What TLS has encrypted waits where it cannot be seen.
        """
        with suppress(OSError, ValueError, struct.error):
            (taken,) = _ACKNOWLEDGED.unpack_from(
                self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 120
            )
            return int(taken)
        return -self.waiting()

    def _go_on(self) -> None:
        self._timer = self._loop.call_later(self._seconds / QUARTERS, self._judge)

    def _judge(self) -> None:
        """Slow is not stalled, as long as it is faster than the floor."""
        if self._relaxed:
            self.stop()
            return
        self._seen.append((self._loop.time(), self.taken()))
        (since, before), (now, taken) = self._seen[0], self._seen[-1]
        if len(self._seen) > QUARTERS and taken - before <= self._rate * (now - since):
            self._figures.stalled += 1
            self._transport.abort()
        else:
            self._go_on()


class StreamProtocol(HttpProtocol):
    """Sanic's protocol of one TCP connection, until a channel takes it over.

    Beside its own, Sanic's configuration has STALL_TIMEOUT and MIN_RATE: see `Stall`. Its context has the
    `figures`; `answers` and `sockets`, which say how many there may be; and `ends`, some of which come in a
    turn of the loop.
    """

    HTTP_CLASS = StrictHttp

    __slots__ = (
        "_admitted",
        "_begun",
        "_emptied",
        "_last",
        "_lost",
        "_waits",
        "channel",
        "ended",
        "outflow",
        "stall",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.channel: Channel | None = None
        self._begun = self._lost = self._waits = self._admitted = False
        #: Whether the peer will send no more, which it said before its request had its turn.
        self.ended = False
        self._last: Any = None  # sanic.http.Http
        #: Done when all of the body that is being sent was handed to the transport.
        self._emptied: asyncio.Future[None] | None = None

    @property
    def writable(self) -> bool:
        """Whether the transport takes more, and nothing waits to be handed to it."""
        return self._can_write.is_set() and not self.outflow.pending

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What handles the requests of this connection; None once it ended."""
        return self._task

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        config, context = self.app.config, self.app.ctx
        self.stall = Stall(transport, config.STALL_TIMEOUT, config.MIN_RATE, context.figures)
        super().connection_made(transport)  # type: ignore[no-untyped-call]
        transport.set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER // 4)
        self.outflow = Outflow(transport, self._drain)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            with suppress(OSError):  # it is gone already, or no TCP
                transport.get_extra_info("socket").setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT
                )
        context.sockets.enter(self)

    async def send(self, data: bytes) -> None:
        """The head of an answer, or an answer."""
        if len(data) <= PIECE:
            await super().send(data)  # type: ignore[no-untyped-call]
        else:
            await self.send_shared((data,))

    async def send_shared(self, chunks: Sequence[bytes]) -> None:
        """Send bytes that others send, too; returns when the transport was given all of them."""
        await self._can_write.wait()
        assert self.transport is not None
        if self.transport.is_closing():
            raise RequestCancelled
        self.outflow.send(chunks)
        while self.outflow.pending:
            self._emptied = self.loop.create_future()
            await self._emptied
        self._time = monotonic()

    @property
    def request_handler(self) -> Callable[[Request], Awaitable[None]]:
        """What Sanic's reader hands a request to. (An attribute would be a circle: see `_let_go`.)"""
        return self._answer

    @request_handler.setter
    def request_handler(self, _: object) -> None:
        """Sanic sets its own."""

    async def receive_more(self) -> None:
        """A crowd that sends at once is read by turns."""
        if self.ended:
            self.close()  # which cancels this
        await super().receive_more()  # type: ignore[no-untyped-call]
        await self._admit(self.recv_buffer)
        self._admitted = True

    async def _admit(self, head: bytes | bytearray) -> None:
        """Wait until it is the turn of the request that begins so."""
        self._waits = True
        try:
            await turns().admit(Lane.PROBE if begins_probe(head) else Lane.PEER)
        finally:
            self._waits = False

    async def _answer(self, request: Request) -> None:
        """Within the limits, until the transport was given all of the answer or a channel takes over.

        Any number of requests may have come in one piece: the first had its turn, each of the others has to
        wait for one.
        """
        self.app.ctx.sockets.begin(self)
        if not self._admitted:
            await self._admit(request.head)
        self._admitted = False
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
        if under_way:  # to Sanic every byte is a sign of life: a request would have for ever to arrive
            self._time = since

    def eof_received(self) -> bool | None:
        """The transport closes itself afterwards, once what waits in it is sent, unless this returns True."""
        self.stall.watch()
        if self.channel is not None:
            self.channel.end()
        elif self.outflow.pending and self.outflow.direct:
            self.outflow.after(self.close)
            return True
        elif self._waits and self.outflow.direct:  # what it asked for before is answered
            self.ended = True
            return True
        return None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[no-untyped-call]
        self.outflow.pause()
        self.stall.watch()
        if self.channel is not None:
            self.channel.pause()

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[no-untyped-call]
        self.outflow.resume()

    def _drain(self) -> None:
        """Nothing is pending, and the transport takes more."""
        self.stall.relax()
        if self.channel is not None:
            self.channel.resume()
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.app.ctx.sockets.leave(self)
        self.stall.stop()
        self.outflow.end()
        if self.channel is not None:
            self.channel.leave()
        self.app.ctx.ends.do(partial(self._end, exc))

    def _end(self, exc: Exception | None) -> None:
        """What ends with it: a crowd may be gone at once, as when a proxy is restarted."""
        if self.channel is not None:
            self.channel.lose()
        self._lost = True
        super().connection_lost(exc)  # type: ignore[no-untyped-call]
        if self._task is None:
            self._let_go()

    def check_timeouts(self) -> None:
        """Sanic's timeouts are for requests; a channel has its own."""
        if self.channel is not None:
            return
        # A next request may be waited for, but not the first one, nor what is left of the last.
        resting = self._begun and not self._under_way
        self.keep_alive_timeout = self.app.config.KEEP_ALIVE_TIMEOUT if resting else self.request_timeout
        if self.transport is not None and (self.outflow.pending or self.transport.get_write_buffer_size()):
            self._time = monotonic()  # an answer may be read slowly
        if self._awaits_body and monotonic() - self._time > self.request_timeout:
            self._give_up()
            return
        if self.http is not None:
            self.http.upgrade_websocket = False  # with which Sanic would wait for ever for a body
        super().check_timeouts()  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        """Sanic also forgets the transport, and fails on that when half a request has come."""
        if self.transport is not None:
            self.transport.abort()

    def _setup_connection(self, *args: Any, **options: Any) -> None:
        super()._setup_connection(*args, **options)  # type: ignore[no-untyped-call]
        self._last = self.http

    @property
    def _awaits_body(self) -> bool:
        """Whether the head of a request has come and its body has not: to Sanic it is being answered."""
        return self.http is not None and self.http.stage is Stage.HANDLER and bool(self.http.request_body)

    def _give_up(self) -> None:
        """Answer that the request took too long to arrive, and close."""
        self.http.exception = RequestTimeout("Request Timeout")
        self.http.request_body = None  # or Sanic would read what is left of it before it closes
        if self._task is not None:
            self._task.cancel()

    def _let_go(self) -> None:
        """Break the circles of what belongs to a connection that is gone, so that it is freed at once: the
        collection that would find them is rare (see `app`)."""
        if self._last is not None:
            self._last.request = self._last.response = self._last.response_func = None
        self._last = self.channel = None

    @property
    def _under_way(self) -> bool:
        """Whether the beginning of a request has come, or what is left of its body is still to come."""
        http = self.http
        if http is None or http.stage is Stage.IDLE:
            return bool(getattr(http, "request_body", None))
        return True


class Channel:
    """A connection that has left HTTP. Subclasses say what is read and how it is closed.

    writable: whether the transport takes more; it does not while more than HIGH_WATER wait in it, or before
        it was given all of the last message.
    open: whether there is anything more to be written; False once it is closing.
    lost: done when the connection is gone. drained: called when it is writable again.
    admitted: asked every heartbeat whether the client still is.
    """

    def __init__(self, request: Request) -> None:
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
        protocol.channel = self
        protocol.app.ctx.answers.leave(protocol)
        # To Sanic the answer is under way: it adds nothing to it.
        protocol.http.stage = Stage.RESPONSE
        self.set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def set_option(self, level: int, option: int, value: int) -> None:
        """Set an option of the socket."""
        self.transport.get_extra_info("socket").setsockopt(level, option, value)

    def taken(self) -> int:
        """A number that grows whenever the peer takes something."""
        return self._protocol.stall.taken()

    def waiting(self) -> int:
        """Bytes that the peer has not acknowledged."""
        return self._protocol.stall.waiting()

    def put(self, data: bytes | LongFrame) -> None:
        """Send behind what was put before. Who has more and more said without reading it is cut off."""
        if not self._protocol.outflow.write(data):
            self.abort()
        elif self.writable and self._protocol.outflow.pending:
            self.pause()

    def when_sent(self, callback: Callable[[], None]) -> None:
        """Call it once the transport was given all that was put."""
        self._protocol.outflow.after(callback)

    def read(self) -> None:
        """Begin with what came right behind the request, which may have made Sanic pause."""
        early = bytes(self._protocol.recv_buffer)
        self._protocol.recv_buffer.clear()
        self.transport.resume_reading()
        if early:
            self.receive(early)
        if self._protocol.ended:
            self.end()
            self.when_sent(self.close_transport)

    def receive(self, data: bytes) -> None:
        """Bytes came in."""

    def end(self) -> None:
        """The peer will send no more."""
        self.leave()

    def shut_down(self) -> None:
        """The server is going away."""
        self.abort()

    def finish(self) -> None:
        """Close once what waits in the transport is sent; a peer that does not take it is cut off."""
        self.leave()
        self.close_transport()
        self._protocol.stall.watch()

    def close_transport(self) -> None:
        """Only once: asyncio's TLS transport cannot even be aborted after the second time."""
        if not self.transport.is_closing():
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection, whatever waits to be sent."""
        self.leave()
        self.transport.abort()

    def pause(self) -> None:
        """The transport is full."""
        self.writable = False

    def resume(self) -> None:
        """The transport takes more again."""
        if self.open:
            self.writable = True
            self.drained()

    def lose(self) -> None:
        """The connection is gone."""
        self.leave()
        self.drained = _nothing
        if not self.lost.done():
            self.lost.set_result(None)

    def leave(self) -> None:
        """Nothing more is written."""
        self.open = self.writable = False


def _nothing() -> None:
    return None
