"""Takes in TCP connections: as many in a turn of the loop as there is time for, and probes before all others.

libuv takes in one in a turn, so that a crowd at the door keeps everyone waiting.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLContext

from astrolabe.http.admission import begins_probe
from astrolabe.http.transport import StreamProtocol
from astrolabe.timeslice import Lane, turns

logger = logging.getLogger("astrolabe.http")

#: Connections that are looked at in one turn of the loop, some microseconds each, and how many of them are
#: taken in, which takes ten times as long: with TLS a handshake follows.
AT_ONCE, TAKEN_IN, TAKEN_IN_BY_TLS = 64, 4, 1
#: Turns of the loop in which one who has said nothing yet may still be a probe, while others wait;
#: and how many may take their time like that.
LOOKS, SILENT = 100, 1024
#: Bytes of a request that tell whether it is a probe.
HEAD = 32
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
        #: Those that had said nothing when they were looked at, with the looks that are left.
        self._silent: list[tuple[socket.socket, int]] = []
        self._waiting: deque[socket.socket] = deque()
        self._asked = False
        self._entering: set[asyncio.Task[None]] = set()
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
        for each in (*[silent for silent, _ in self._silent], *self._waiting):
            each.close()
        self._silent.clear()
        self._waiting.clear()
        if self._entering:
            _, late = await asyncio.wait(self._entering, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _accept(self) -> None:
        """Look at those who are at the door."""
        for _ in range(AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:
                self._rest(error)
                break
            connection.setblocking(False)
            self._sort(connection, LOOKS)
        self._begin()

    def _sort(self, connection: socket.socket, looks: int) -> None:
        """Who has not said yet what it wants is looked at again, so often."""
        said = self._peek(connection)
        if said is not None and begins_probe(said):
            self._enter(connection)
        elif said == b"":
            connection.close()
        elif said is None and looks and self._tls is None and self._is_busy():
            if not self._silent:
                self._loop.call_soon(self._look_again)
            self._silent.append((connection, looks - 1))
        else:
            self._wait(connection)

    def _is_busy(self) -> bool:
        return len(self._silent) < SILENT and (bool(self._waiting) or turns().over)

    def _peek(self, connection: socket.socket) -> bytes | None:
        """How its request begins; None if it does not yet, and nothing if it never will."""
        try:
            return connection.recv(HEAD, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _look_again(self) -> None:
        silent, self._silent = self._silent, []
        for each, looks in silent:
            self._sort(each, looks)
        self._begin()

    def _wait(self, connection: socket.socket) -> None:
        if len(self._waiting) >= self._limit:
            connection.close()
        else:
            self._waiting.append(connection)

    def _begin(self) -> None:
        if self._waiting and not self._asked:
            self._asked = True
            turns().do(self._take_in, Lane.PEER)

    def _take_in(self) -> None:
        """Some of those who wait."""
        left = TAKEN_IN_BY_TLS if self._tls else TAKEN_IN
        while left and self._waiting:
            connection = self._waiting.popleft()
            if self._peek(connection) == b"":  # it has left meanwhile
                connection.close()
            else:
                self._enter(connection)
                left -= 1
        self._asked = bool(self._waiting)
        if self._asked:
            turns().ask(self._take_in, Lane.PEER)

    def _enter(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._open(connection), name="astrolabe.http.accept")
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    async def _open(self, connection: socket.socket) -> None:
        with suppress(OSError):  # it is gone already, or speaks no TLS; the transport has closed it
            await self._loop.connect_accepted_socket(self._make, connection, ssl=self._tls, **self._timeouts)

    def _rest(self, error: OSError) -> None:
        """It has run out of files, or of memory: the door would stay open, and the loop would spin."""
        logger.error("no connection is taken in for %g s: %s", REST, error.strerror or error)
        self._loop.remove_reader(self._listener.fileno())
        self._resting = self._loop.call_later(REST, self.start)
