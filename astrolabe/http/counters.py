"""Counters of the hub and the stream: plain numbers, which `/metrics` reads."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

#: Upper bounds of the buckets: changed nodes and edges of a batch; seconds to apply and send a batch; seconds
#: from receiving a change to having written it to all who follow it.
SIZES = (1, 2, 5, 10, 50, 100, 500, 1000, 5000)
DURATIONS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Distribution:
    """A histogram. counts: per bucket, not cumulative; the last one is above all bounds. sum: of all
    values."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class ReviewCounters:
    """The reviews of one sort that the API server was asked for. failed: those without an answer.

    duration: seconds until the answer.
    """

    __slots__ = ("asked", "duration", "failed")

    def __init__(self) -> None:
        self.asked = 0
        self.failed = 0
        self.duration = Distribution(LATENCIES)


class TransportCounters:
    """What was sent over one transport, and how many connections were opened on it."""

    __slots__ = ("bytes", "connections", "messages")

    def __init__(self) -> None:
        self.connections = 0
        self.messages = 0
        self.bytes = 0


class Counters:
    """Counters of one hub and its clients, since the start.

    websocket, events: what was sent, by transport.
    feed_subscriptions: subscriptions to problems and summaries, now.
    resets: by reason. behind: how often a client missed a change because its transport was full.
    stalled: connections that were cut because the peer read nothing; silent: because it sent nothing.
    batch_size, batch_duration, latency: see the bounds of their buckets. Times are in seconds.
    """

    def __init__(self) -> None:
        self.websocket = TransportCounters()
        self.events = TransportCounters()
        self.feed_subscriptions = 0
        self.resets: Counter[str] = Counter()
        self.behind = 0
        self.stalled = 0
        self.silent = 0
        self.batch_size = Distribution(SIZES)
        self.batch_duration = Distribution(DURATIONS)
        self.latency = Distribution(LATENCIES)
