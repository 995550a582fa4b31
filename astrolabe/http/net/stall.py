"""Notices peers that stop reading."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections import deque
from contextlib import suppress

from astrolabe.http.counters import Counters

#: `tcpi_bytes_acked` in `struct tcp_info` (linux/tcp.h), at offset 120.
_ACKNOWLEDGED = struct.Struct("=Q")

#: Checks within the time that a connection may stall.
QUARTERS = 4


class StallDetector:
    """Cuts a connection whose peer reads too slowly, while told to `watch`.

    seconds: the time over which it is measured. rate: bytes per second that the peer has to read in it.
    """

    def __init__(self, transport: asyncio.Transport, seconds: float, rate: float, counters: Counters) -> None:
        self._transport = transport
        self._socket = transport.get_extra_info("socket")
        self._seconds = seconds
        self._rate = rate
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._relaxed = False
        #: Times of checks, and what the peer had acknowledged by then.
        self._seen: deque[tuple[float, int]] = deque()

    def watch(self) -> None:
        """Start watching, unless it does already."""
        self._relaxed = False
        if self._timer is None:
            self._seen = deque([(self._loop.time(), self.acknowledged())], maxlen=QUARTERS + 1)
            self._go_on()

    def relax(self) -> None:
        """Stop watching at the next check: the transport accepts data again. A closing one is still watched.

        Data in many parts relaxes it after each of them for a moment.
        """
        self._relaxed = not self._transport.is_closing()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def unacknowledged(self) -> int:
        """Bytes that the peer has not acknowledged: in the transport and in the system (tcp(7), SIOCOUTQ).

        The system accepts nothing more until much of its buffer is free. With a slow peer the transport alone
        would look stalled.
        """
        queued = bytearray(4)
        with suppress(OSError, ValueError):  # it was closed
            fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, queued)
        return self._transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def acknowledged(self) -> int:
        """A number that grows whenever the peer reads something: the bytes that it has acknowledged (Linux:
        tcp(7), TCP_INFO), or else how little waits. Data that TLS has encrypted cannot be seen.
        """
        with suppress(OSError, ValueError, struct.error):
            (taken,) = _ACKNOWLEDGED.unpack_from(
                self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 120
            )
            return int(taken)
        return -self.unacknowledged()

    def _go_on(self) -> None:
        self._timer = self._loop.call_later(self._seconds / QUARTERS, self._check)

    def _check(self) -> None:
        """Cut the connection if it is slower than the rate."""
        if self._relaxed:
            self.stop()
            return
        self._seen.append((self._loop.time(), self.acknowledged()))
        (since, before), (now, taken) = self._seen[0], self._seen[-1]
        if len(self._seen) > QUARTERS and taken - before <= self._rate * (now - since):
            self._counters.stalled += 1
            self._transport.abort()
        else:
            self._go_on()
