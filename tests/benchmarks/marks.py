"""A label that says when an object was written, found again in the frames that tell of it.

`bench/at: <nanoseconds>.<number>`: CLOCK_MONOTONIC, which the processes of a machine share, and a number
that no other write has. A node may be told again with an old mark, when its neighbour changed: only
the first sight of each number counts.
"""

from __future__ import annotations

import re
import time
from typing import Any

from astrolabe.sim.store import Item, ObjectStore

LABEL = "bench/at"
_MARK = re.compile(rb'"bench/at":"(\d+)\.(\d+)"')


class MarkingStore(ObjectStore):
    """A store that marks every object as it is written. marked: how many writes were."""

    marked = 0

    def create(self, kind: str, manifest: dict[str, Any]) -> Item:
        return super().create(kind, self._mark(manifest))

    def update(self, kind: str, manifest: dict[str, Any]) -> Item:
        return super().update(kind, self._mark(manifest))

    def _mark(self, manifest: dict[str, Any]) -> dict[str, Any]:
        meta = manifest["metadata"]
        mark = f"{time.monotonic_ns()}.{self.marked}"
        self.marked += 1
        return {**manifest, "metadata": {**meta, "labels": {**meta.get("labels", {}), LABEL: mark}}}


class Sights:
    """The marks that one client has seen."""

    def __init__(self) -> None:
        self._seen = bytearray()

    def __contains__(self, number: int) -> bool:
        return number < len(self._seen) and self._seen[number] == 1

    def ages(self, text: bytes, now: int) -> list[int]:
        """Nanoseconds since the writes that this text tells of for the first time. now: nanoseconds."""
        found = []
        for at, number in _MARK.findall(text):
            if self._note(int(number)):
                found.append(now - int(at))
        return found

    def _note(self, number: int) -> bool:
        """Whether it is new; the next time it is not."""
        seen = self._seen
        if number >= len(seen):
            seen.extend(bytes(number + 1024 - len(seen)))
        new = not seen[number]
        seen[number] = 1
        return new
