"""Takes in TCP connections: as many in a turn as there is time for, and probes before all others.

libuv takes in one in a turn, so that a crowd at the door keeps everyone waiting. With TLS nobody can tell who
is a probe: only one's address counts there, and who does not begin a handshake is not taken in.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext
from time import perf_counter

from astrolabe.http.net.accept_queue import HANDSHAKE, Origin, Queue, origin, said
from astrolabe.http.net.limits import begins_probe
from astrolabe.http.net.transport import StreamProtocol
from astrolabe.timeslice import Lane, turns

logger = logging.getLogger("astrolabe.http")

#: Seconds for which those at the door are looked at in one turn of the loop, 20 microseconds each: all others
#: wait behind them in the system, also a probe.
LOOKING = 0.003
#: How many of those who wait are taken in in a turn, which takes ten times as long: of probes, and of all
#: others; with TLS, of each, as a handshake follows, a millisecond each.
PROBES_IN, TAKEN_IN, TAKEN_IN_BY_TLS = 8, 4, 1
#: How many of those who wait are looked at for that, as all may have left.
LOOKED_AT = 64
#: Probes of one address that may wait, which with TLS all may be; what else it sends waits with the others.
PROBES = 512
#: Turns of the loop in which one who has said nothing yet may still be a probe, while others wait;
#: and how many may take their time like that.
LOOKS, SILENT = 100, 1024
#: TLS handshakes that may be under way, 100 KB each. Above it the one goes that has taken longest.
HANDSHAKES = 256
#: Bytes that the system keeps of what a peer sends before it is read (socket(7); Linux counts its own
#: overhead in and doubles the number for it). By itself it goes up to 6 MB a connection (tcp(7), tcp_rmem),
#: and libuv reads all there is in one go.
RECEIVE_BUFFER = 32 * 1024
#: Seconds for which nobody is taken in when the system has no more to give.
REST = 1.0


class Acceptor:
    """Of one listening socket.

    make: the protocol of a connection. limit: connections that may wait here. tls: how they speak, if so.
    timeouts: of TLS, as `connect_accepted_socket` takes them.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], StreamProtocol],
        *,
        limit: int,
        tls: SSLContext | None,
        timeouts: dict[str, float],
    ) -> None:
        self._listener = listener
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._make, self._tls, self._timeouts = make, tls, timeouts
        #: Those that had said nothing when they were looked at, from where, with the looks that are left.
        self._silent: list[tuple[socket.socket, Origin, int]] = []
        self._probes, self._waiting = Queue(), Queue()
        self._asked = self._asked_first = False
        #: In the order in which they began.
        self._entering: dict[asyncio.Task[None], None] = {}
        self._resting: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def start(self) -> None:
        """Take in whoever comes."""
        self._resting = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    async def close(self, grace: float) -> None:
        """Take in nobody more; who waits is cut off, also who takes longer than `grace` to speak TLS."""
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
        """Look at those who are at the door."""
        ends = perf_counter() + LOOKING
        while perf_counter() < ends:
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
            self._sort(connection, origin(address[0]), LOOKS)
        self._begin()

    def _sort(self, connection: socket.socket, address: Origin, looks: int) -> None:
        """Who has not said yet what it wants is looked at again, so often."""
        head = said(connection)
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
        for each, address, looks in silent:
            self._sort(each, address, looks)
        self._begin()

    def _begin(self) -> None:
        if self._probes and not self._asked_first:
            self._asked_first = True
            self._take_in_probes()
        if self._waiting and not self._asked:
            self._asked = True
            turns().do(self._take_in, Lane.PEER)

    def _take_in_probes(self) -> None:
        """Some at once, and some in each of the next turns."""
        self._let_in(self._probes, TAKEN_IN_BY_TLS if self._tls else PROBES_IN)
        self._asked_first = bool(self._probes)
        if self._asked_first:
            self._loop.call_soon(self._take_in_probes)

    def _take_in(self) -> None:
        """Some of those who wait."""
        self._let_in(self._waiting, TAKEN_IN_BY_TLS if self._tls else TAKEN_IN)
        self._asked = bool(self._waiting)
        if self._asked:
            turns().ask(self._take_in, Lane.PEER)

    def _let_in(self, queue: Queue, most: int) -> None:
        looks = LOOKED_AT
        while most and looks and queue:
            looks -= 1
            connection = queue.take()
            if said(connection) == b"":  # it has left meanwhile
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
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._entering.pop(task, None)

    async def _open(self, connection: socket.socket) -> None:
        with suppress(OSError):  # it is gone already, or speaks no TLS; the transport has closed it
            await self._loop.connect_accepted_socket(self._make, connection, ssl=self._tls, **self._timeouts)

    def _rest(self, error: OSError) -> None:
        """It has run out of files, or of memory: the door would stay open, and the loop would spin."""
        logger.error("no connection is taken in for %g s: %s", REST, error.strerror or error)
        self._loop.remove_reader(self._listener.fileno())
        self._resting = self._loop.call_later(REST, self.start)
