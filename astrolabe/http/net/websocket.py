"""A WebSocket connection: frames out, messages in, heartbeats, close codes.

The protocol itself is websockets' sans-I/O implementation. The transport is written to directly, so
that a message which goes to many is framed once, and no connection needs a task of its own.
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
from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from astrolabe.graph.encoding import wire
from astrolabe.http.counters import Figures
from astrolabe.http.errors import Refusal
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
from astrolabe.http.net.message import Framing, LongFrame, Message
from astrolabe.http.net.outflow import HIGH_WATER
from astrolabe.http.net.refusals import VERSION, check_upgrade
from astrolabe.http.net.transport import Channel
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, turns

logger = logging.getLogger("astrolabe.http")


_PING = Frame(Opcode.PING, b"").serialize(mask=False)

#: Bytes that are parsed before the rate is looked at: a few hundred of the smallest frames.
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
    """What is told of a connection."""

    def hear(self, text: str) -> None:
        """A text message came in."""
        ...

    def beat(self) -> None:
        """A heartbeat has passed."""
        ...


class WebSocket(Channel):
    """Implements `subscription.Connection`. Raises Refusal when the request is no handshake."""

    def __init__(self, request: Request, limits: Limits, figures: Figures) -> None:
        self._frames, answer = _accept(request, limits.max_message_bytes)
        super().__init__(request)
        self._figures, self._sent = figures, figures.websocket
        self._sent.connections += 1
        self._framing: Framing = text_frame
        self.put(answer)
        self._limits = limits
        self._listener: Listener | None = None
        self._opcode, self._data = Opcode.TEXT, bytearray()
        #: What has come and was not parsed yet; whether its turn comes, and whether the peer has to wait.
        self._unread = bytearray()
        self._asked = self._holds_off = False
        self._timer: asyncio.TimerHandle | None = None
        self._half_beats = 0
        self._pinged: float | None = None
        self._taken = 0
        self._second, self._count = 0, 0

    def listen(self, listener: Listener) -> None:
        """Read, and beat, from now on; when it is closing already, only wait for the peer to do its part."""
        self._listener = listener
        if self.open:
            self._wait(self._limits.heartbeat / 2, self._half_beat)
        self.read()

    def write(self, message: Message) -> None:
        if self.open:
            frame = message.framed(self._framing)
            self._sent.messages += 1
            self._sent.bytes += len(frame)
            self.put(frame)

    def close(self, code: int, error: str, message: str) -> None:
        """Tell why and close; a peer that does not read is cut off."""
        if not self.open:
            return
        if not self.writable:
            self.abort()
            return
        self.explain(error, message)
        if code >= PEERS_FAULT:
            self._frames.fail(code, error)  # nothing that it still sends is looked at
        elif self._frames.state is State.OPEN:
            self._frames.send_close(code, error)
        self._flush()

    def explain(self, error: str, message: str) -> None:
        """Say why it is going to be closed."""
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
        # Its frame and its traceback hold what holds them (see `transport.StreamProtocol`).
        self._frames.parser.close()
        self._frames.parser_exc = None
        super().lose()

    def receive(self, data: bytes) -> None:
        self._pinged = None
        self._unread += data
        if not self._asked:
            self._asked = True
            turns().do(self._read_on, Lane.PEER)
            self._hold_off(self._asked)

    def _read_on(self) -> None:
        """As much as there is time for; until all is read no more is taken from the peer."""
        while self._unread:
            self._parse_some()
            if turns().over:
                break
        self._asked = bool(self._unread)
        if self._asked:
            turns().ask(self._read_on, Lane.PEER)
        self._hold_off(self._asked)

    def _hold_off(self, holds: bool) -> None:
        if holds is not self._holds_off and not self.transport.is_closing():
            self._holds_off = holds
            (self.transport.pause_reading if holds else self.transport.resume_reading)()

    def _parse_some(self) -> None:
        data = bytes(self._unread[:_PORTION])
        del self._unread[:_PORTION]
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """websockets answers pings and closes, and gives up at what is no WebSocket."""
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if self.open and isinstance(event, Frame):
                self._take(event)
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

    def _take(self, frame: Frame) -> None:
        """One frame of the peer."""
        second = int(self.loop.time())
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count > self._limits.max_message_rate:
            rate = f"more than {self._limits.max_message_rate} messages in a second"
            self.close(TOO_FAST, "too-fast", rate)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._collect(frame)

    def _collect(self, frame: Frame) -> None:
        """Of a message in fragments only the data is kept: any number of them may be empty."""
        if frame.opcode is not Opcode.CONT:
            self._opcode = frame.opcode
        self._data += frame.data
        if frame.fin:
            data, self._data = bytes(self._data), bytearray()
            self._hear(data)

    def _hear(self, data: bytes) -> None:
        """Hand over a complete message."""
        try:
            if self._opcode is not Opcode.TEXT:
                raise ValueError("a message is text, not binary")
            text = data.decode()
        except ValueError as error:
            self.close(BAD_MESSAGE, "bad-message", str(error))
            return
        assert self._listener is not None  # nothing is received before `listen`
        try:
            self._listener.hear(text)
        except Exception:
            logger.exception("a message failed")
            self.close(INTERNAL_ERROR, "internal-error", FAILED)

    def _flush(self) -> None:
        """Send what the protocol has to say; once it closes, the peer has `grace` to do its part."""
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
            # All is said: what is still sent to us is read and dropped, so that ours arrives.
            with suppress(OSError):  # the peer is gone already
                self.transport.write_eof()
        else:  # TLS knows no half of a connection
            self.close_transport()

    def _wait(self, seconds: float, callback: Callable[[], None]) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, callback)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _half_beat(self) -> None:
        """Ping every heartbeat; whoever has not been heard of one and a half later is gone."""
        if not self.admitted():
            self.close(UNAUTHORISED, "unauthorised", WITHDRAWN)
            return
        now, heartbeat = self.loop.time(), self._limits.heartbeat
        if self._is_slow():
            self._pinged = None
        if self._pinged is not None and now - self._pinged >= 1.4 * heartbeat:
            self._figures.silent += 1
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
        """Whether a ping has not reached it because so much goes before; a stall is judged elsewhere."""
        taken, self._taken = self._taken, self.taken()
        return not self.writable or (self.waiting() > HIGH_WATER and self._taken > taken)


class _Frames(ServerProtocol):
    """The protocol of one connection. (A function that is given to it instead would hold it for ever.)"""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Accepted, not required."""
        return Subprotocol(wire.PROTOCOL) if wire.PROTOCOL in subprotocols else None

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """After 1009, which is websockets' own, clients come back and say the same."""
        super().fail(TOO_BIG if code == CloseCode.MESSAGE_TOO_BIG else code, reason)


def _accept(request: Request, max_size: int) -> tuple[_Frames, bytes]:
    """The protocol of the connection, and the answer to its handshake."""
    check_upgrade(request)
    protocol = _Frames(state=State.OPEN, max_size=max_size)
    answer = protocol.accept(Handshake(request.path, Headers(list(request.headers.items()))))
    if answer.status_code != 101:
        message = (answer.body or b"").decode().partition("\n")[0]
        # What was raised has frames that know it, and the connection; that of the parser knows itself.
        failure, protocol.handshake_exc = protocol.handshake_exc, None
        clear_frames(failure.__traceback__ if failure is not None else None)
        protocol.parser.close()
        del failure
        raise Refusal(answer.status_code, "bad-handshake", message, headers=VERSION)
    return protocol, answer.serialize()
