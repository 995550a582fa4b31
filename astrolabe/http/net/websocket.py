"""A WebSocket connection: frames out, messages in, heartbeats, close codes.

The protocol is the sans-I/O implementation of the websockets library. Frames are written to the transport
directly, so that a message to many clients is framed once, and no connection needs a task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from traceback import clear_frames
from typing import Protocol

from sanic.request import Request
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader, PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from astrolabe.graph.encoding import wire
from astrolabe.http.counters import Counters
from astrolabe.http.errors import Refusal
from astrolabe.http.net.channel import Channel
from astrolabe.http.net.close_codes import (
    BAD_MESSAGE,
    FAILED,
    GOING_AWAY,
    GOODBYE,
    INTERNAL_ERROR,
    PEERS_FAULT,
    SLOW,
    TOO_BIG,
    TOO_FAST,
    UNAUTHORISED,
    WITHDRAWN,
)
from astrolabe.http.net.message import LongFrame, Message
from astrolabe.http.net.refusals import VERSION, check_upgrade
from astrolabe.http.net.write_buffer import HIGH_WATER
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, turns

logger = logging.getLogger("astrolabe.http")


_PING = Frame(Opcode.PING, b"").serialize(mask=False)

#: Bytes that are parsed before the rate is checked: a few hundred of the smallest frames.
_PORTION = 2048


def text_frame(message: Message) -> bytes | LongFrame:
    """The message as one text frame of a server (RFC 6455, 5.2)."""
    size = message.size
    if size < 126:
        head = b"\x81" + size.to_bytes(1, "big")
    elif size < 1 << 16:
        head = b"\x81\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x81\x7f" + size.to_bytes(8, "big")
    return message.between(head, b"")


class Listener(Protocol):
    """What a connection calls."""

    def hear(self, text: str) -> None:
        """Handle a text message."""
        ...

    def beat(self) -> None:
        """A heartbeat has passed."""
        ...


class WebSocket(Channel):
    """Implements `subscription.StreamConnection`. Raises Refusal if the request is no valid handshake.

    subprotocol: the one that it accepts, and does not require.
    """

    subprotocol = wire.PROTOCOL

    def __init__(self, request: Request, limits: Limits, counters: Counters) -> None:
        self._frames, answer = _accept(request, limits.max_message_bytes, self.subprotocol)
        super().__init__(request, counters.websocket, text_frame)
        self._counters = counters
        self.put(answer)
        self._limits = limits
        self._listener: Listener | None = None
        self._opcode, self._data = Opcode.TEXT, bytearray()
        #: Bytes that are not parsed yet; whether `_read_on` is scheduled, and whether reading is paused.
        self._unread = bytearray()
        self._scheduled = self._holds_off = False
        self._timer: asyncio.TimerHandle | None = None
        self._half_beats = 0
        self._pinged: float | None = None
        self._acknowledged = 0
        self._second, self._count = 0, 0

    def listen(self, listener: Listener) -> None:
        """Start reading and heartbeats. If it is closing already, only wait for the peer's close frame."""
        self._listener = listener
        if self.open:
            self._wait(self._limits.heartbeat / 2, self._half_beat)
        self.read()

    def close(self, code: int, error: str, message: str) -> None:
        """Send an `error` and a close frame. A peer that does not read is cut off."""
        if not self.open:
            return
        if not self.writable:
            self.abort()
            return
        self.explain(error, message)
        if code >= PEERS_FAULT:
            self._frames.fail(code, error)  # ignore whatever it still sends
        elif self._frames.state is State.OPEN:
            self._frames.send_close(code, error)
        self._flush()

    def explain(self, error: str, message: str) -> None:
        """Send the reason for closing."""
        self.write(Message("error", wire.error(error, message)))

    def shut_down(self) -> None:
        self.close(GOING_AWAY, "going-away", GOODBYE)

    def end(self) -> None:
        self._stop_waiting()
        while self._unread:
            self._parse_some()
        self._frames.receive_eof()
        super().end()

    def lose(self) -> None:
        self._stop_waiting()
        self._unread.clear()
        self._listener = None
        # Reference cycles, see `transport.StreamProtocol._let_go`.
        self._frames.parser.close()
        self._frames.parser_exc = None
        super().lose()

    def receive(self, data: bytes) -> None:
        self._pinged = None
        self._unread += data
        if not self._scheduled:
            self._scheduled = True
            turns().do(self._read_on, Lane.PEER)
            self._hold_off(self._scheduled)

    def _read_on(self) -> None:
        """Parse as much as there is time for. Until all is parsed, nothing more is read from the peer."""
        while self._unread:
            self._parse_some()
            if turns().over:
                break
        self._scheduled = bool(self._unread)
        if self._scheduled:
            turns().ask(self._read_on, Lane.PEER)
        self._hold_off(self._scheduled)

    def _hold_off(self, holds: bool) -> None:
        if holds is not self._holds_off and not self.transport.is_closing():
            self._holds_off = holds
            (self.transport.pause_reading if holds else self.transport.resume_reading)()

    def _parse_some(self) -> None:
        data = bytes(self._unread[:_PORTION])
        del self._unread[:_PORTION]
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse bytes. The websockets library answers pings and close frames, and fails on invalid ones."""
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if self.open and isinstance(event, Frame):
                self._handle_frame(event)
        failure = self._frames.parser_exc
        if self.open and failure is not None:
            self._explain_failure(failure)
        self._flush()

    def _explain_failure(self, failure: Exception) -> None:
        if isinstance(failure, PayloadTooBig):
            most = self._limits.max_message_bytes
            self.explain("too-big", f"a message has at most {most} bytes (--max-message-bytes)")
        else:
            self.explain("bad-frame", str(failure))

    def _handle_frame(self, frame: Frame) -> None:
        """Handle one frame of the peer."""
        second = int(self.loop.time())
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count > self._limits.max_message_rate:
            rate = f"more than {self._limits.max_message_rate} messages in a second"
            self.close(TOO_FAST, "too-fast", rate)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._collect(frame)

    def _collect(self, frame: Frame) -> None:
        """Keep only the data of a fragmented message: any number of fragments may be empty."""
        if frame.opcode is not Opcode.CONT:
            self._opcode = frame.opcode
        self._data += frame.data
        if frame.fin:
            data, self._data = bytes(self._data), bytearray()
            self._hear(data)

    def _hear(self, data: bytes) -> None:
        """Pass a complete message to the listener."""
        try:
            if self._opcode is not Opcode.TEXT:
                raise ValueError("a message is text, not binary")
            text = data.decode()
        except ValueError as error:
            self.close(BAD_MESSAGE, "bad-message", str(error))
            return
        assert self._listener is not None  # nothing is read before `listen`
        try:
            self._listener.hear(text)
        except Exception:
            logger.exception("a message failed")
            self.close(INTERNAL_ERROR, "internal-error", FAILED)

    def _flush(self) -> None:
        """Send what the protocol wants to send. Once it closes, the peer has `grace` seconds to answer."""
        for data in self._frames.data_to_send():
            if self.transport.is_closing():
                break
            if data:
                self.put(data)
            else:
                self.when_sent(self._end_writing)
        if self.open and self._frames.state is not State.OPEN:
            self.leave()
            self._wait(self._limits.grace, self.abort)

    def _end_writing(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            # Keep reading and drop what comes, so that our last frames arrive.
            with suppress(OSError):  # the peer has left
                self.transport.write_eof()
        else:  # TLS cannot close one side
            self.close_transport()

    def _wait(self, seconds: float, callback: Callable[[], None]) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, callback)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _half_beat(self) -> None:
        """Ping every heartbeat. Close after one and a half heartbeats without an answer."""
        if not self.admitted():
            self.close(UNAUTHORISED, "unauthorised", WITHDRAWN)
            return
        now, heartbeat = self.loop.time(), self._limits.heartbeat
        if self._is_slow():
            self._pinged = None
        if self._pinged is not None and now - self._pinged >= 1.4 * heartbeat:
            self._counters.silent += 1
            self.close(SLOW, "timeout", f"no sign of life for {1.5 * heartbeat:g} seconds")
            self.close_transport()
            return
        self._wait(heartbeat / 2, self._half_beat)
        self._half_beats += 1
        if self._half_beats % 2 == 0 and self.writable:
            assert self._listener is not None
            self._listener.beat()
            self.put(_PING)
            self._pinged = now if self._pinged is None else self._pinged

    def _is_slow(self) -> bool:
        """Whether a ping may be stuck behind much data. StallDetector handles a peer that reads nothing."""
        taken, self._acknowledged = self._acknowledged, self.acknowledged()
        return not self.writable or (self.unacknowledged() > HIGH_WATER and self._acknowledged > taken)


class _Frames(ServerProtocol):
    """The protocol of one connection. (A function argument instead of a subclass would be a cycle.)"""

    accepted = Subprotocol("")

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Accept our subprotocol; it is not required."""
        return self.accepted if self.accepted in subprotocols else None

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Replace 1009: clients would reconnect and send the same message."""
        super().fail(TOO_BIG if code == CloseCode.MESSAGE_TOO_BIG else code, reason)


def _accept(request: Request, max_size: int, subprotocol: str) -> tuple[_Frames, bytes]:
    """The protocol of the connection, and the response to the handshake."""
    check_upgrade(request)
    protocol = _Frames(state=State.OPEN, max_size=max_size)
    protocol.accepted = Subprotocol(subprotocol)
    try:
        headers = Headers(list(request.headers.items()))
    except InvalidHeader as error:  # from bytes that are not UTF-8
        raise Refusal(
            400, "bad-handshake", f"the header {error.name} is not UTF-8", headers=VERSION
        ) from None
    answer = protocol.accept(Handshake(request.path, headers))
    if answer.status_code != 101:
        message = (answer.body or b"").decode().partition("\n")[0]
        # The frames of the traceback and of the parser are reference cycles.
        failure, protocol.handshake_exc = protocol.handshake_exc, None
        clear_frames(failure.__traceback__ if failure is not None else None)
        protocol.parser.close()
        del failure
        raise Refusal(answer.status_code, "bad-handshake", message, headers=VERSION)
    return protocol, answer.serialize()
