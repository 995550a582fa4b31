"""How much of the log to keep: as much as a replica keeps of history, because the log restores it."""

from __future__ import annotations

from collections import deque

from astrolabe.bus.redis.changes import size
from astrolabe.graph.state.batch import Batch
from astrolabe.settings import Limits

#: Bytes of a change besides its node's text, roughly: ids, undo record, and the entry itself.
_CHANGE_BYTES = 300


class LogRetention:
    """The sizes of the batches in the log, as far as this process has seen them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = (limits.history_changes, limits.history_bytes)
        self._batches: deque[tuple[int, int, int]] = deque()
        self._totals = (0, 0)

    def add(self, batch: Batch) -> None:
        """Note that a batch was logged."""
        changes = size(batch.changes)
        texts = sum([len(node.text) for node in batch.changes.nodes_set])
        self._batches.append((batch.seq, changes, texts + changes * _CHANGE_BYTES))
        self._count(self._batches[-1], 1)

    def trim(self) -> int | None:
        """The seq of the first batch to keep; None to keep all."""
        if not self._is_too_much():
            return None
        while self._is_too_much() and len(self._batches) > 1:
            self._count(self._batches.popleft(), -1)
        return self._batches[0][0]

    def clear(self) -> None:
        """Note that the log was deleted."""
        self._batches.clear()
        self._totals = (0, 0)

    def _is_too_much(self) -> bool:
        return self._totals[0] > self._limits[0] or self._totals[1] > self._limits[1]

    def _count(self, batch: tuple[int, int, int], sign: int) -> None:
        self._totals = (self._totals[0] + sign * batch[1], self._totals[1] + sign * batch[2])
