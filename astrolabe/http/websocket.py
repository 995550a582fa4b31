"""A WebSocket connection: frames out, messages in, heartbeats, close codes.

The protocol itself is websockets' sans-I/O implementation. The transport is written to directly, so
that a message which goes to many is framed once, and no connection needs a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from sanic.request import Request
from websockets.datastructures import Headers
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from astrolabe.graph import wire
from astrolabe.http.closing import BAD_MESSAGE, FAILED, GOING_AWAY, INTERNAL_ERROR, SLOW, TOO_FAST
from astrolabe.http.errors import Refusal
from astrolabe.http.message import Message
from astrolabe.http.transport import Channel
from astrolabe.settings import Limits

logger = logging.getLogger("astrolabe.http")

_PING = Frame(Opcode.PING, b"").serialize(mask=False)


def text_frame(message: Message) -> bytes:
    """The message as one text frame of a server (RFC 6455, 5.2)."""
    return Frame(Opcode.TEXT, message.text.encode()).serialize(mask=False)


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

    def __init__(self, request: Request, limits: Limits) -> None:
        protocol, answer = _accept(request, limits.max_message_bytes)
        super().__init__(request, stall=limits.stall_timeout)
        self.transport.write(answer)
        self._protocol = protocol
        self._limits = limits
        self._listener: Listener | None = None
        self._fragments: list[Frame] = []
        self._open = True
        self._timer: asyncio.TimerHandle | None = None
        self._half_beats = 0
        self._pinged: float | None = None
        self._second, self._count = 0, 0

    def listen(self, listener: Listener) -> None:
        """Read, and beat, from now on."""
        self._listener = listener
        self._wait(self._limits.heartbeat / 2, self._half_beat)
        if self.early:
            self.receive(self.early)

    def write(self, message: Message) -> None:
        if self._open:
            self.transport.write(message.framed(text_frame))

    def close(self, code: int, error: str, message: str) -> None:
        """Tell why and close; a peer that does not read is cut off."""
        if not self._open:
            return
        if not self.writable:
            self.abort()
            return
        self.write(Message("error", wire.error(error, message)))
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, error)
        self._flush()

    def shut_down(self) -> None:
        self.close(GOING_AWAY, "going-away", "the server is going away; come back")

    def lose(self) -> None:
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        super().lose()

    def receive(self, data: bytes) -> None:
        self._pinged = None
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if self._open and isinstance(event, Frame):
                self._take(event)
        if self._open and protocol.parser_exc is not None:
            error = "too-big" if isinstance(protocol.parser_exc, PayloadTooBig) else "bad-frame"
            self.write(Message("error", wire.error(error, str(protocol.parser_exc))))
        self._flush()

    def end(self) -> None:
        self._open = False
        self._protocol.receive_eof()

    def _take(self, frame: Frame) -> None:
        """One frame of the peer; websockets itself has answered pings and closes."""
        second = int(self.loop.time())
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count > self._limits.max_message_rate:
            rate = f"more than {self._limits.max_message_rate} messages in a second"
            self.close(TOO_FAST, "too-fast", rate)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._fragments.append(frame)
            if frame.fin:
                fragments, self._fragments = self._fragments, []
                self._hear(fragments)

    def _hear(self, fragments: list[Frame]) -> None:
        """Hand over a complete message."""
        try:
            if fragments[0].opcode is not Opcode.TEXT:
                raise ValueError("a message is text, not binary")
            text = b"".join([bytes(frame.data) for frame in fragments]).decode()
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
        for data in self._protocol.data_to_send():
            if self.transport.is_closing():
                break
            if data:
                self.transport.write(data)
            else:  # all is said: what is still sent to us is read and dropped, so that ours arrives
                self.transport.write_eof()
        if self._open and self._protocol.state is not State.OPEN:
            self._open = False
            self._wait(self._limits.grace, self.abort)

    def _wait(self, seconds: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, callback)

    def _half_beat(self) -> None:
        """Ping every heartbeat; whoever has not been heard of one and a half later is gone."""
        now, heartbeat = self.loop.time(), self._limits.heartbeat
        if self._pinged is not None and now - self._pinged >= 1.4 * heartbeat:
            self.close(SLOW, "timeout", f"no sign of life for {heartbeat:g} seconds")
            self.transport.close()
            return
        self._wait(heartbeat / 2, self._half_beat)
        self._half_beats += 1
        if self._half_beats % 2 == 0 and self.writable:
            assert self._listener is not None
            self._listener.beat()
            self.transport.write(_PING)
            self._pinged = now if self._pinged is None else self._pinged


def _accept(request: Request, max_size: int) -> tuple[ServerProtocol, bytes]:
    """The protocol of the connection, and the answer to its handshake."""
    protocol = ServerProtocol(select_subprotocol=_select, state=State.OPEN, max_size=max_size)
    answer = protocol.accept(Handshake(request.path, Headers(list(request.headers.items()))))
    if answer.status_code != 101:
        message = (answer.body or b"").decode().partition("\n")[0]
        headers = {"Upgrade": "websocket"} if answer.status_code == 426 else {}
        raise Refusal(answer.status_code, "bad-handshake", message, headers=headers)
    return protocol, answer.serialize()


def _select(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Accepted, not required."""
    return Subprotocol(wire.PROTOCOL) if wire.PROTOCOL in offered else None
