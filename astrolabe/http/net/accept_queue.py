"""Those who wait at the door: addresses take turns, so that a crowd from one keeps no other waiting."""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator

#: Bytes of a request that tell whether it is a probe.
HEAD = 32
#: How a TLS handshake begins: a record of the type `handshake`, of major version 3 (RFC 8446, 5.1).
HANDSHAKE = b"\x16\x03"

#: `tcpi_state` of `struct tcp_info` (linux/tcp.h), and the one of a connection that was reset (tcp_states.h).
_STATE = struct.Struct("=B")
_CLOSED = 7
#: How an IPv4 address begins that is written as one of IPv6 (RFC 4291, 2.5.5.2).
_MAPPED = bytes(10) + b"\xff\xff"

#: See `origin`.
Origin = str | bytes


class Queue:
    """Connections with the addresses from which they come."""

    def __init__(self) -> None:
        self._by_address: dict[Origin, deque[socket.socket]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[socket.socket]:
        for waiting in self._by_address.values():
            yield from waiting

    def count(self, address: Origin) -> int:
        """How many of this address there are."""
        return len(self._by_address.get(address, ()))

    def put(self, connection: socket.socket, address: Origin) -> None:
        """Behind all others of its address."""
        self._by_address.setdefault(address, deque()).append(connection)
        self._size += 1

    def take(self) -> socket.socket:
        """The first one of the address whose turn it is."""
        address = next(iter(self._by_address))
        waiting = self._by_address.pop(address)
        connection = waiting.popleft()
        if waiting:
            self._by_address[address] = waiting
        self._size -= 1
        return connection

    def clear(self) -> None:
        """Let all go; they are not closed."""
        self._by_address.clear()
        self._size = 0


def origin(host: str) -> Origin:
    """What counts as one address: of IPv6 a whole network, as a host may have all of it (RFC 4291, 2.5.1)."""
    if ":" not in host:
        return host
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return packed if packed.startswith(_MAPPED) else packed[:8]


def said(connection: socket.socket) -> bytes | None:
    """How it begins; None if it does not yet, and nothing if it never will.

    The system still has what a peer said before it cut the connection, but nobody waits for the answer.
    """
    try:
        head = connection.recv(HEAD, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""
    return b"" if is_cut(connection) else head


def is_cut(connection: socket.socket) -> bool:
    """Whether the peer has reset it (tcp(7), TCP_INFO of Linux); one that has ended its side only is not."""
    if not hasattr(socket, "TCP_INFO"):
        return False
    try:
        (state,) = _STATE.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _STATE.size))
    except OSError:  # no TCP
        return False
    return bool(state == _CLOSED)
