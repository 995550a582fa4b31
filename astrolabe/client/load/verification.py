"""Whether clients with equal filters hold equal graphs at equal positions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import msgspec

from astrolabe.client.client import Update
from astrolabe.client.graph import Change, NodeChange
from astrolabe.client.progress import Position

_CANONICAL = msgspec.json.Encoder(order="sorted")
_MODULUS = 2**64


def hash_of(document: dict[str, Any]) -> int:
    """64 bits of a node or an edge, whatever the order of its keys."""
    return int.from_bytes(blake2b(_CANONICAL.encode(document), digest_size=8).digest(), "big")


class GraphDigest:
    """The sum of the hashes of all nodes and edges, so that their order does not matter.

    value: from 0 to 2**64 - 1; 0 for an empty graph.
    """

    def __init__(self, hash: Callable[[dict[str, Any]], int] = hash_of) -> None:
        """hash: as `hash_of`, in place of it."""
        self.value = 0
        self._hash = hash

    def add(self, changes: Iterable[Change]) -> None:
        """Follow these changes."""
        value, hash = self.value, self._hash
        for change in changes:
            if change.before is not None:
                value -= hash(change.before)
            if change.sign != "-":
                value += hash(change.node if isinstance(change, NodeChange) else change.edge)
        self.value = value % _MODULUS


#: Positions that are remembered.
REMEMBERED = 20_000


class TrackedGraph:
    """The digest of one client's graph, and the range of positions for which it holds.

    first, last: a delta or a snapshot gives the graph at one seq, and each following bookmark says that
        nothing changed up to another.
    """

    def __init__(self, filter: int, digest: GraphDigest) -> None:
        """filter: its number. digest: of an empty graph."""
        self.filter = filter
        self.epoch = ""
        self.first = self.last = -1
        self._digest = digest

    @property
    def digest(self) -> int:
        return self._digest.value

    def follow(self, update: Update) -> bool:
        """Follow an update. Returns whether it carries a position."""
        self._digest.add(update.changes)
        if update.position is None or update.event not in ("snapshot", "delta", "bookmark"):
            return False
        self.epoch, self.last = update.position
        if update.event != "bookmark":
            self.first = self.last
        return True

    def comparable(self, other: TrackedGraph) -> bool:
        """Whether both know the graph at some common position."""
        same = self.filter == other.filter and self.epoch == other.epoch != ""
        return same and self.first <= other.last and other.first <= self.last


class DigestTable:
    """Digests by filter and position."""

    def __init__(self) -> None:
        self._digests: dict[tuple[int, Position], int] = {}

    def agrees(self, tracked: TrackedGraph) -> bool:
        """Whether the digest equals that of every other client at the same position."""
        key = (tracked.filter, Position(tracked.epoch, tracked.last))
        digest = self._digests.setdefault(key, tracked.digest)
        if len(self._digests) > REMEMBERED:
            del self._digests[next(iter(self._digests))]
        return digest == tracked.digest
