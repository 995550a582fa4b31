"""Decoders for many clients in one process."""

from __future__ import annotations

from typing import Any

from astrolabe.client.load.digest import hash_of
from astrolabe.client.message import Delta, EdgeDelta, Message, NodeDelta, Snapshot, decode

#: Nodes and edges that are remembered, at least this many of the latest and at most twice as many.
REMEMBERED = 50_000


class SharedDecoder:
    """Equal nodes and edges are one object, whoever is told of them: else each client holds a copy of
    the graph, some 4 KB a node."""

    def __init__(self) -> None:
        self._young: dict[int, dict[str, Any]] = {}
        self._old: dict[int, dict[str, Any]] = {}

    def decode(self, data: bytes) -> Message | None:
        """As `message.decode`."""
        message = decode(data)
        match message:
            case Delta():
                self._share(message.nodes.set)
                self._share(message.edges.set)
            case Snapshot():
                self._share(message.nodes)
                self._share(message.edges)
        return message

    def _share(self, documents: list[dict[str, Any]]) -> None:
        young = self._young
        for index, document in enumerate(documents):
            hash = hash_of(document)
            known = young.get(hash) or self._old.get(hash, document)
            if known == document:
                documents[index] = young[hash] = known
        if len(young) >= REMEMBERED:
            self._young, self._old = {}, young


_NO_NODES, _NO_EDGES = NodeDelta([], []), EdgeDelta([], [])


def decode_outline(data: bytes) -> Message | None:
    """As `message.decode`, but without nodes and edges: who applies it knows where it is, not what is."""
    message = decode(data)
    match message:
        case Delta(epoch, seq, _, _, since, time):
            return Delta(epoch, seq, _NO_NODES, _NO_EDGES, since, time)
        case Snapshot(epoch, seq, part, last, _, _):
            return Snapshot(epoch, seq, part, last, [], [])
    return message
