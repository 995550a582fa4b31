"""Whether clients with equal filters hold equal graphs at equal positions."""

from __future__ import annotations

from astrolabe.client.client import Update
from astrolabe.client.graph import Position
from astrolabe.client.load.digest import GraphDigest

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
