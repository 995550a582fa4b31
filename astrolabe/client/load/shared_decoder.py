"""Decoders that many clients in one process share."""

from __future__ import annotations

from typing import Any

from astrolabe.client.load.verification import hash_of
from astrolabe.client.message import (
    DeltaMessage,
    EdgeDelta,
    NodeDelta,
    ServerMessage,
    SnapshotMessage,
    decode,
)

#: Nodes and edges to remember: at least this many of the latest, at most twice as many.
REMEMBERED = 50_000
#: Messages to remember, and their largest size in bytes: clients in sync receive the same messages at about
#: the same time.
MESSAGES = 256
LONGEST_MESSAGE = 64 * 1024

#: By hash: the one object that is used for all equal ones.
_Known = dict[int, dict[str, Any]]
#: By id of such an object, which lives as long as the entry: itself and its hash.
_Hashes = dict[int, tuple[dict[str, Any], int]]


class SharedDecoder:
    """Decodes and hashes equal nodes and edges once, and makes all clients share one object.

    Otherwise each client would hold its own copy of the graph, about 4 KB per node.
    """

    def __init__(self) -> None:
        self._messages: dict[bytes, ServerMessage | None] = {}
        self._young: tuple[_Known, _Hashes] = ({}, {})
        self._old: tuple[_Known, _Hashes] = ({}, {})

    def decode(self, data: bytes) -> ServerMessage | None:
        """As `message.decode`."""
        if data in self._messages:
            return self._messages[data]
        message = decode(data)
        match message:
            case DeltaMessage():
                self._share(message.nodes.set)
                self._share(message.edges.set)
            case SnapshotMessage():
                self._share(message.nodes)
                self._share(message.edges)
        if len(data) <= LONGEST_MESSAGE:
            self._messages[data] = message
            if len(self._messages) > MESSAGES:
                del self._messages[next(iter(self._messages))]
        return message

    def hash(self, document: dict[str, Any]) -> int:
        """As `digest.hash_of`."""
        for _, hashes in (self._young, self._old):
            found = hashes.get(id(document))
            if found is not None:
                return found[1]
        return hash_of(document)

    def _share(self, documents: list[dict[str, Any]]) -> None:
        (young, hashes), (old, _) = self._young, self._old
        for index, document in enumerate(documents):
            hash = hash_of(document)
            known = young.get(hash) or old.get(hash, document)
            if known == document:
                documents[index] = young[hash] = known
                hashes[id(known)] = (known, hash)
        if len(young) >= REMEMBERED:
            self._young, self._old = ({}, {}), self._young


_NO_NODES, _NO_EDGES = NodeDelta([], []), EdgeDelta([], [])


def decode_outline(data: bytes) -> ServerMessage | None:
    """As `message.decode`, but without nodes and edges: enough to follow positions."""
    message = decode(data)
    match message:
        case DeltaMessage(epoch, seq, _, _, since, time):
            return DeltaMessage(epoch, seq, _NO_NODES, _NO_EDGES, since, time)
        case SnapshotMessage(epoch, seq, part, last, _, _):
            return SnapshotMessage(epoch, seq, part, last, [], [])
    return message
