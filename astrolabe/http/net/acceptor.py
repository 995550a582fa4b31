"""Accepts TCP connections: as many per turn as there is time for, and probes before all others.

libuv accepts one connection per turn, so a crowd would delay everyone. With TLS, a probe cannot be told from
other requests: only the address counts then, and a connection that does not start a handshake is not
    accepted.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from ssl import SSLContext
from time import perf_counter

from astrolabe.http.net.accept_queue import HANDSHAKE, AcceptQueue, PeerAddress, peek_request, peer_address
from astrolabe.http.net.limits import begins_probe
from astrolabe.http.net.transport import StreamProtocol
from astrolabe.timeslice import Lane, turns

logger = logging.getLogger("astrolabe.http")

#: Seconds per turn of the loop for sorting new connections, at 20 microseconds each. All others, also probes,
#: wait behind them in the system.
LOOKING = 0.003
#: New connections, and silent ones, that are sorted in each turn even if there is no time left.
AT_LEAST = 16
#: Connections that are opened per turn, which takes ten times as long: probes, and all others. With TLS, of
#: each: a handshake follows, which takes a millisecond.
PROBES_IN, TAKEN_IN, TAKEN_IN_BY_TLS = 8, 4, 1
#: Waiting connections that are examined for that: all of them may have left.
LOOKED_AT = 64
#: Probes of one address that may wait; with TLS, any connections. Others wait in the common queue.
PROBES = 512
#: Turns of the loop for which a connection that has sent nothing may still turn out to be a probe, and how
#: many connections may be in that state.
LOOKS, SILENT = 100, 1024
#: TLS handshakes that may run at a time, 100 KB each. Above it the oldest one is cut.
HANDSHAKES = 256
#: Bytes that the system buffers of what a peer sends (socket(7); Linux doubles the number for its own
#: overhead). By default the buffer grows to 6 MB per connection (tcp(7), tcp_rmem), and libuv reads all of
#: it in one go.
RECEIVE_BUFFER = 32 * 1024
#: Seconds without accepting when the system is out of files or memory.
REST = 1.0


class Acceptor:
    """Accepts the connections of one listening socket.

    tls: the context of a new connection; None without TLS.
    make: makes the protocol of a connection. limit: connections that may wait here.
    timeouts: of TLS, as arguments of `connect_accepted_socket`.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], StreamProtocol],
        *,
        limit: int,
        tls: Callable[[], SSLContext] | None,
        timeouts: dict[str, float],
    ) -> None:
        self._listener = listener
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._make, self._tls, self._timeouts = make, tls, timeouts
        #: Connections that have sent nothing yet, with their address and the number of looks that are left.
        self._silent: list[tuple[socket.socket, PeerAddress, int]] = []
        self._probes, self._waiting = AcceptQueue(), AcceptQueue()
        self._scheduled = self._probes_scheduled = False
        #: When the time of this turn for sorting is over; None if it has not begun.
        self._ends: float | None = None
        #: Connections that are being opened, oldest first.
        self._entering: dict[asyncio.Task[None], None] = {}
        self._resting: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def start(self) -> None:
        """Accept connections from now on."""
        self._resting = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    async def close(self, grace: float) -> None:
        """Stop accepting. Waiting connections are cut, and TLS handshakes after `grace` seconds."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for each in (*[silent for silent, _, _ in self._silent], *self._probes, *self._waiting):
            each.close()
        self._silent.clear()
        self._probes.clear()
        self._waiting.clear()
        if self._entering:
            _, late = await asyncio.wait(self._entering, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _accept(self) -> None:
        """Accept and sort new connections."""
        for number in count():
            if number >= AT_LEAST and self._is_late():
                break
            try:
                connection, address = self._listener.accept()
            except ConnectionAbortedError:
                continue
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._rest(error)
                break
            connection.setblocking(False)
            self._sort(connection, peer_address(address[0]), LOOKS)
        self._begin()

    def _sort(self, connection: socket.socket, address: PeerAddress, looks: int) -> None:
        """Queue a connection, or look at it again later if it has sent nothing yet."""
        head = peek_request(connection)
        if head is None and looks and self._is_busy():
            if not self._silent:
                self._loop.call_soon(self._look_again)
            self._silent.append((connection, address, looks - 1))
        elif head == b"" or (head and self._tls and not HANDSHAKE.startswith(head[: len(HANDSHAKE)])):
            connection.close()
        elif head and (self._tls or begins_probe(head)) and self._probes.count(address) < PROBES:
            self._probes.put(connection, address)
        elif len(self._waiting) >= self._limit:
            connection.close()
        else:
            self._waiting.put(connection, address)

    def _is_busy(self) -> bool:
        return len(self._silent) < SILENT and (bool(self._waiting) or turns().over)

    def _look_again(self) -> None:
        silent, self._silent = self._silent, []
        for number, (connection, address, looks) in enumerate(silent):
            if number >= AT_LEAST and self._is_late():
                if not self._silent:
                    self._loop.call_soon(self._look_again)
                self._silent[:0] = silent[number:]  # the others have had their look
                break
            self._sort(connection, address, looks)
        self._begin()

    def _is_late(self) -> bool:
        """Whether the time of this turn for sorting is over."""
        if self._ends is None:
            self._ends = perf_counter() + LOOKING
            self._loop.call_soon(self._renew)
        return perf_counter() > self._ends

    def _renew(self) -> None:
        self._ends = None

    def _begin(self) -> None:
        if self._probes and not self._probes_scheduled:
            self._probes_scheduled = True
            self._accept_probes()
        if self._waiting and not self._scheduled:
            self._scheduled = True
            turns().do(self._accept_waiting, Lane.PEER)

    def _accept_probes(self) -> None:
        """Open some probes now, and some in each of the next turns."""
        self._let_in(self._probes, TAKEN_IN_BY_TLS if self._tls else PROBES_IN)
        self._probes_scheduled = bool(self._probes)
        if self._probes_scheduled:
            self._loop.call_soon(self._accept_probes)

    def _accept_waiting(self) -> None:
        """Open some of the waiting connections."""
        self._let_in(self._waiting, TAKEN_IN_BY_TLS if self._tls else TAKEN_IN)
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            turns().ask(self._accept_waiting, Lane.PEER)

    def _let_in(self, queue: AcceptQueue, most: int) -> None:
        looks = LOOKED_AT
        while most and looks and queue:
            looks -= 1
            connection = queue.pop()
            if peek_request(connection) == b"":  # the peer has left
                connection.close()
            else:
                self._enter(connection)
                most -= 1

    def _enter(self, connection: socket.socket) -> None:
        if self._tls and len(self._entering) >= HANDSHAKES:
            longest = next(iter(self._entering))
            del self._entering[longest]
            longest.cancel()
        task = self._loop.create_task(self._open(connection), name="astrolabe.http.accept")
        self._entering[task] = None
        task.add_done_callback(partial(self._forget, connection))

    def _forget(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._entering.pop(task, None)
        if task.cancelled():  # it may not have begun, so that no transport owns the socket
            connection.close()

    async def _open(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the peer has left or speaks no TLS, and the transport is closed
            tls = self._tls() if self._tls else None
            await self._loop.connect_accepted_socket(self._make, connection, ssl=tls, **self._timeouts)

    def _rest(self, error: OSError) -> None:
        """Pause: the system is out of files or memory, and the loop would spin."""
        logger.error("accepting no connections for %g s: %s", REST, error.strerror or error)
        self._loop.remove_reader(self._listener.fileno())
        self._resting = self._loop.call_later(REST, self.start)
