"""Whether clients with equal filters hold equal graphs at equal places in history."""

from __future__ import annotations

from astrolabe.client.client import Update
from astrolabe.client.graph import Position
from astrolabe.client.load.digest import GraphDigest

#: Places in history that are remembered.
REMEMBERED = 20_000


class TrackedGraph:
    """What one client holds, and for which stretch of history that is right.

    first, last: a delta or a snapshot says what is there at one seq, and each bookmark behind it that
        nothing has changed up to another.
    """

    def __init__(self, filter: int, digest: GraphDigest) -> None:
        """filter: its number. digest: of what it holds, nothing so far."""
        self.filter = filter
        self.epoch = ""
        self.first = self.last = -1
        self._digest = digest

    @property
    def digest(self) -> int:
        return self._digest.value

    def follow(self, update: Update) -> bool:
        """Whether it is told where it is by this."""
        self._digest.add(update.changes)
        if update.position is None or update.event not in ("snapshot", "delta", "bookmark"):
            return False
        self.epoch, self.last = update.position
        if update.event != "bookmark":
            self.first = self.last
        return True

    def comparable(self, other: TrackedGraph) -> bool:
        """Whether there is a place in history of which both know what is there."""
        same = self.filter == other.filter and self.epoch == other.epoch != ""
        return same and self.first <= other.last and other.first <= self.last


class DigestTable:
    """The digests that have been found, by filter and position."""

    def __init__(self) -> None:
        self._digests: dict[tuple[int, Position], int] = {}

    def agrees(self, tracked: TrackedGraph) -> bool:
        """Whether it holds what everyone else did who has been where it is now."""
        key = (tracked.filter, Position(tracked.epoch, tracked.last))
        digest = self._digests.setdefault(key, tracked.digest)
        if len(self._digests) > REMEMBERED:
            del self._digests[next(iter(self._digests))]
        return digest == tracked.digest
