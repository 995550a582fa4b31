"""Writes bytes that many connections share to a transport, piece by piece, as it drains.

A transport copies what it cannot send at once. So it never gets more than one piece that it may have to keep:
that is all a connection costs whose peer does not read, whatever it asked for.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence

from astrolabe.http.net.message import LongFrame
from astrolabe.timeslice import Lane, turns

#: The most bytes that a transport gets if it may have to keep them.
PIECE = 32 * 1024
#: A transport is full when more bytes than this wait in it.
HIGH_WATER = 16 * 1024
#: Bytes and chunks that one connection may send per turn (writev(2) takes up to 1,024 chunks).
TURN_BYTES = 1024 * 1024
TURN_CHUNKS = 128
#: Bytes that may wait behind the data being sent: enough for control frames and a close frame.
BEHIND = 16 * 1024


class WriteBuffer:
    """The data that waits to be written to one transport. The protocol calls `pause` and `resume`.

    pending: whether there is data that the transport has not got yet.
    direct: whether data may be written to the socket itself. Not with TLS.
    drained: called when everything was handed over after a wait, and the transport accepts more.
    """

    def __init__(self, transport: asyncio.Transport, drained: Callable[[], None]) -> None:
        self.pending = False
        self._transport = transport
        self._drained = drained
        self._full = False
        #: Whether `_go_on` is scheduled.
        self._scheduled = False
        self._chunks: Sequence[bytes] = ()
        self._index = self._offset = 0
        self._behind: deque[bytes] = deque()
        self._behind_size = 0
        self._after: Callable[[], None] | None = None
        #: The frame that the chunks belong to, kept alive so that it counts.
        self._long: LongFrame | None = None
        # With TLS the transport has to encrypt.
        self.direct = transport.get_extra_info("sslcontext") is None
        self._socket = transport.get_extra_info("socket")

    def write(self, data: bytes | LongFrame) -> bool:
        """Send these bytes after all others. False if too much is waiting already."""
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
        """Send these chunks without copying them. Nothing may be pending, and they must not change."""
        assert not self.pending
        self._chunks, self._index, self._offset = chunks, 0, 0
        self.pending = True
        self._flush()

    def after(self, callback: Callable[[], None]) -> None:
        """Call this once nothing is pending, or now if nothing is."""
        if self.pending:
            self._after = callback
        else:
            callback()

    def pause(self) -> None:
        """The transport is full."""
        self._full = True

    def resume(self) -> None:
        """The transport accepts data again."""
        self._full = False
        if self.pending and not self._scheduled:
            self._scheduled = True
            turns().do(self._go_on, Lane.PEER)
        elif not self.pending:
            self._drained()

    def end(self) -> None:
        """The transport is gone."""
        self.clear()
        self._drained = _nothing  # it held the connection

    def clear(self) -> None:
        """Drop what is pending: nothing more can be sent."""
        self.pending = False
        self._chunks, self._after, self._long = (), None, None
        self._behind.clear()

    def _go_on(self) -> None:
        self._scheduled = False
        if self.pending and not self._full:
            self._flush()
        if not self.pending and not self._full:
            self._drained()

    def _flush(self) -> None:
        """Hand over what the transport accepts now, within the limits of a turn."""
        left = TURN_BYTES
        while self.pending and not self._full and left > 0:
            if self._transport.is_closing():
                self.clear()
            else:
                left -= self._hand_over()
        if self.pending and not self._full and not self._scheduled:
            self._scheduled = True
            turns().ask(self._go_on, Lane.PEER)

    def _hand_over(self) -> int:
        """Hand over at least one piece, so that the transport is full if it cannot send it."""
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
        """Write chunks to the socket.

        Returns the bytes that the system accepted; 0 if the transport must wait.
        """
        first = memoryview(self._chunks[self._index])[self._offset : self._offset + TURN_BYTES]
        rest = () if len(first) == TURN_BYTES else self._chunks[self._index + 1 : self._index + TURN_CHUNKS]
        try:
            sent = os.writev(self._socket.fileno(), (first, *rest))
        except OSError:  # the transport will get the same error
            return 0
        self._advance(sent)
        return sent

    def _advance(self, sent: int) -> None:
        """Note how many bytes were handed over."""
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
