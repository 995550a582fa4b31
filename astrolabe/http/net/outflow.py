"""What is handed to a transport piece by piece, as it drains, out of bytes that many connections share.

A transport keeps, or copies, what it cannot send at once. So it is never given more than one piece that it
may have to keep: an unread connection costs that, whatever it asked for.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence

from astrolabe.http.net.message import LongFrame
from astrolabe.timeslice import Lane, turns

#: Bytes at most that a transport is given when it may have to keep them.
PIECE = 32 * 1024
#: Bytes that may wait in a transport before it is full.
HIGH_WATER = 16 * 1024
#: Bytes that one connection is given at a time, and chunks (writev(2) takes up to 1,024).
TURN_BYTES = 1024 * 1024
TURN_CHUNKS = 128
#: Bytes that may queue up behind what is being sent: control frames and a farewell need no more.
BEHIND = 16 * 1024


class Outflow:
    """Of one transport, which it is told of (`pause`, `resume`).

    pending: whether there is something that the transport has not been given yet.
    direct: whether the socket takes what is sent as it is: not with TLS.
    drained: called when all was handed over and the transport takes more; not when that was so at once.
    """

    def __init__(self, transport: asyncio.Transport, drained: Callable[[], None]) -> None:
        self.pending = False
        self._transport = transport
        self._drained = drained
        self._full = False
        #: Whether its turn to go on comes.
        self._asked = False
        self._chunks: Sequence[bytes] = ()
        self._index = self._offset = 0
        self._behind: deque[bytes] = deque()
        self._behind_size = 0
        self._after: Callable[[], None] | None = None
        #: Of which the chunks are, so that it counts as held.
        self._long: LongFrame | None = None
        # TLS encrypts what it sends: only without it can the socket be written to directly.
        self.direct = transport.get_extra_info("sslcontext") is None
        self._socket = transport.get_extra_info("socket")

    def write(self, data: bytes | LongFrame) -> bool:
        """Send these bytes behind all others; False when too much waits already."""
        if self.pending:
            self._behind_size += len(data)
            if self._behind_size > BEHIND:
                return False
            self._behind.append(bytes(data))
        elif isinstance(data, LongFrame):
            self._long = data
            self.send(data.chunks)
        elif len(data) <= PIECE:
            self._transport.write(data)
        else:
            self.send((data,))
        return True

    def send(self, chunks: Sequence[bytes]) -> None:
        """Send these, which are not copied; nothing may be pending, and none may change until all is sent."""
        assert not self.pending
        self._chunks, self._index, self._offset = chunks, 0, 0
        self.pending = True
        self._flush()

    def after(self, callback: Callable[[], None]) -> None:
        """Call it once nothing is pending, at once if that is so."""
        if self.pending:
            self._after = callback
        else:
            callback()

    def pause(self) -> None:
        """The transport is full."""
        self._full = True

    def resume(self) -> None:
        """The transport takes more again."""
        self._full = False
        if self.pending and not self._asked:
            self._asked = True
            turns().do(self._go_on, Lane.PEER)
        elif not self.pending:
            self._drained()

    def end(self) -> None:
        """The transport is gone."""
        self.clear()
        self._drained = _nothing  # which held the connection

    def clear(self) -> None:
        """Nothing more can be sent."""
        self.pending = False
        self._chunks, self._after, self._long = (), None, None
        self._behind.clear()

    def _go_on(self) -> None:
        self._asked = False
        if self.pending and not self._full:
            self._flush()
        if not self.pending and not self._full:
            self._drained()

    def _flush(self) -> None:
        """Hand over what the transport takes now; there may be many who are sent something large."""
        left = TURN_BYTES
        while self.pending and not self._full and left > 0:
            if self._transport.is_closing():
                self.clear()
            else:
                left -= self._hand_over()
        if self.pending and not self._full and not self._asked:
            self._asked = True
            turns().ask(self._go_on, Lane.PEER)

    def _hand_over(self) -> int:
        """Some bytes; at least one piece, so that the transport is full when it does not send it."""
        sent = 0
        if self.direct and not self._transport.get_write_buffer_size():
            sent = self._write_directly()
        if self.pending and not sent:
            piece = memoryview(self._chunks[self._index])[self._offset : self._offset + PIECE]
            sent = len(piece)
            self._transport.write(piece)
            self._advance(sent)
        return sent

    def _write_directly(self) -> int:
        """Bytes that the system took from the chunks as they are; 0 when the transport has to wait for it."""
        first = memoryview(self._chunks[self._index])[self._offset : self._offset + TURN_BYTES]
        rest = () if len(first) == TURN_BYTES else self._chunks[self._index + 1 : self._index + TURN_CHUNKS]
        try:
            sent = os.writev(self._socket.fileno(), (first, *rest))
        except OSError:  # the transport finds out itself what it is
            return 0
        self._advance(sent)
        return sent

    def _advance(self, sent: int) -> None:
        """So many bytes have been handed over."""
        self._offset += sent
        while self._index < len(self._chunks):
            size = len(self._chunks[self._index])
            if self._offset < size:
                return
            self._offset -= size
            self._index += 1
        self._long = None
        if self._behind:
            self._chunks, self._index = tuple(self._behind), 0
            self._behind.clear()
            self._behind_size = 0
            return
        self._chunks, self.pending = (), False
        callback, self._after = self._after, None
        if callback is not None:
            callback()


def _nothing() -> None:
    return None
