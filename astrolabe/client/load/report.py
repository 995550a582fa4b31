"""The results of a load test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import exp, log

import msgspec


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from a change's arrival at the server to its arrival at a client, by their two clocks.

    count: deltas measured: those of clients that were in sync and not slow.
    """

    count: int
    p50: float
    p90: float
    p99: float
    max: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """clients: that were asked for. connected: that were, at the end.

    seconds: for which was measured, after all had been started. cpu: seconds of this process meanwhile.
    deliveries: messages, also those before that; bytes: of their text.
    deliveries_per_second: while measured. latency: None when no delta told its time.
    resets, disconnects, failures: how many, by reason; a client that failed did not come back.
    resumes: connections after the first that went on where the last one ended.
    gaps: messages that did not fit what came before.
    verified: clients that held the graph. compared: of them with a fresh snapshot at the end.
    inexact: of them those that ever held something else than another one at the same place.
    """

    clients: int
    connected: int
    seconds: float
    cpu: float
    deliveries: int
    deliveries_per_second: float
    bytes: int
    snapshots: int
    deltas: int
    bookmarks: int
    resets: Mapping[str, int]
    reconnects: int
    resumes: int
    disconnects: Mapping[str, int]
    failures: Mapping[str, int]
    latency: Latency | None
    gaps: int
    verified: int
    compared: int
    inexact: int

    @property
    def good(self) -> bool:
        """Whether every client was served to the end and verified to be exact."""
        wrong = self.gaps or self.inexact or self.failures
        return not wrong and self.connected == self.clients and self.compared == self.verified


class Histogram:
    """A histogram of milliseconds, exact to 1 %, in bounded memory."""

    _STEP = log(1.02)

    def __init__(self) -> None:
        self.count = 0
        self._max = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """Add a value. Different clocks may make it negative; it then counts as 0."""
        self.count += 1
        self._max = max(self._max, value)
        self._buckets[round(log(max(value, 0.001)) / self._STEP)] += 1

    def latency(self) -> Latency | None:
        """None if empty."""
        if not self.count:
            return None
        p50, p90, p99 = (self._quantile(part) for part in (0.5, 0.9, 0.99))
        return Latency(count=self.count, p50=p50, p90=p90, p99=p99, max=round(self._max, 3))

    def _quantile(self, part: float) -> float:
        passed = 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed >= part * self.count:
                break
        return round(min(exp(bucket * self._STEP), self._max), 3)
