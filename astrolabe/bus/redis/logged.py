"""How much of the log is kept: what is worth keeping, and no more than Redis can hand out quickly."""

from __future__ import annotations

from collections import deque

#: Changed nodes and edges that the log remembers.
LOG_LIMIT = 20_000


class Logged:
    """The sizes of the batches that are in the log, as far as this process has seen them."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        self._limit = limit
        self._sizes: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, seq: int, size: int) -> None:
        """A batch of this many changes was logged."""
        self._sizes.append((seq, size))
        self._total += size

    def trim(self) -> int | None:
        """The seq of the first batch that is to stay; None when all are."""
        if self._total <= self._limit:
            return None
        while self._total > self._limit and len(self._sizes) > 1:
            _, size = self._sizes.popleft()
            self._total -= size
        return self._sizes[0][0]

    def clear(self) -> None:
        """The log was forgotten."""
        self._sizes.clear()
        self._total = 0
