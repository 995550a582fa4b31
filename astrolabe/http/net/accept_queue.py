"""Connections that wait to be accepted. Addresses take turns, so that a crowd from one delays no other."""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator

#: The first bytes of a request, enough to recognise a probe.
HEAD = 32
#: The start of a TLS handshake: a record of type `handshake`, major version 3 (RFC 8446, 5.1).
HANDSHAKE = b"\x16\x03"

#: `tcpi_state` in `struct tcp_info` (linux/tcp.h), and its value after a reset (tcp_states.h).
_STATE = struct.Struct("=B")
_CLOSED = 7
#: The prefix of an IPv4 address in IPv6 notation (RFC 4291, 2.5.5.2).
_MAPPED = bytes(10) + b"\xff\xff"

#: See `peer_address`.
PeerAddress = str | bytes


class AcceptQueue:
    """Waiting connections, by the address they come from."""

    def __init__(self) -> None:
        self._by_address: dict[PeerAddress, deque[socket.socket]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[socket.socket]:
        for waiting in self._by_address.values():
            yield from waiting

    def count(self, address: PeerAddress) -> int:
        """The number of connections from this address."""
        return len(self._by_address.get(address, ()))

    def put(self, connection: socket.socket, address: PeerAddress) -> None:
        """Add a connection behind all others from its address."""
        self._by_address.setdefault(address, deque()).append(connection)
        self._size += 1

    def pop(self) -> socket.socket:
        """Remove the first connection of the address whose turn it is."""
        address = next(iter(self._by_address))
        waiting = self._by_address.pop(address)
        connection = waiting.popleft()
        if waiting:
            self._by_address[address] = waiting
        self._size -= 1
        return connection

    def clear(self) -> None:
        """Remove all connections without closing them."""
        self._by_address.clear()
        self._size = 0


def peer_address(host: str) -> PeerAddress:
    """What counts as one address: for IPv6 a /64 network, as one host may own all of it (RFC 4291, 2.5.1)."""
    if ":" not in host:
        return host
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return packed if packed.startswith(_MAPPED) else packed[:8]


def peek_request(connection: socket.socket) -> bytes | None:
    """The first bytes of the request. None if none have come yet, empty if none ever will.

    After a reset the system still has what the peer sent before, but nobody waits for the answer.
    """
    try:
        head = connection.recv(HEAD, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    except OSError:
        return b""
    return b"" if is_cut(connection) else head


def is_cut(connection: socket.socket) -> bool:
    """Whether the peer has reset the connection (Linux: tcp(7), TCP_INFO). Half-closed ones are not reset."""
    if not hasattr(socket, "TCP_INFO"):
        return False
    try:
        (state,) = _STATE.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _STATE.size))
    except OSError:  # no TCP
        return False
    return bool(state == _CLOSED)
