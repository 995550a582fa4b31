"""One client of a load test, and the counters of all clients."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from random import Random

from astrolabe.client.client import Client, Update
from astrolabe.client.errors import ClientError
from astrolabe.client.load.report import Histogram
from astrolabe.client.load.verification import DigestTable, TrackedGraph


class LoadCounters:
    """events: how many of each. inexact: the numbers of clients that disagreed with others.

    measuring: whether what comes is live, so that its latency counts.
    news: set when a client is connected, is compared or fails.
    """

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.deliveries = 0
        self.bytes = 0
        self.resets: Counter[str] = Counter()
        self.disconnects: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.reconnects = 0
        self.resumes = 0
        self.latency = Histogram()
        self.measuring = False
        self.news = asyncio.Event()
        self.verified: set[int] = set()
        self.compared: set[int] = set()
        self.inexact: set[int] = set()


class LoadClient:
    """pause: seconds between two messages on average; 0: it reads at once.

    holder: what it holds, when that is to be compared; else None.
    reference: who has asked for a fresh snapshot with the same filter; None before the end of the load.
    """

    def __init__(
        self,
        number: int,
        client: Client,
        counters: LoadCounters,
        digests: DigestTable,
        *,
        tracked: TrackedGraph | None,
        pause: float,
    ) -> None:
        self.number = number
        self.client = client
        self.tracked = tracked
        self.pause = pause
        self.connected = self.failed = False
        self.reference: TrackedGraph | None = None
        self._slow = pause > 0
        self._counters = counters
        self._digests = digests
        self._random = Random(number)
        self._connections = 0
        #: Whether the next delta merges missed changes, and whether the connection is resuming.
        self._behind = True
        self._resuming = False
        if tracked is not None:
            counters.verified.add(number)

    async def run(self) -> None:
        """Read until cancelled, or until the client fails for good."""
        try:
            async with self.client as client:
                async for update in client.updates():
                    self._take(update)
                    if self.pause:
                        await asyncio.sleep(self._random.uniform(0, 2 * self.pause))
        except ClientError as error:
            self._counters.failures[str(error)] += 1
            self._counters.news.set()
            self.failed, self.connected = True, False

    def compare(self) -> None:
        """Compare with the reference, if both know a common position."""
        if self.tracked is None or self.reference is None or not self.tracked.comparable(self.reference):
            return
        self._counters.compared.add(self.number)
        self._counters.news.set()
        if self.tracked.digest != self.reference.digest:
            self._counters.inexact.add(self.number)

    def _take(self, update: Update) -> None:
        counters = self._counters
        counters.events[update.event] += 1
        if update.size:
            counters.deliveries += 1
            counters.bytes += update.size
        match update.event:
            case "connected":
                self._connect(resuming=update.position is not None)
            case "disconnected":
                self.connected = False
                counters.disconnects[update.reason] += 1
            case "violated":
                self.connected = False
            case "reset":
                counters.resets[update.reason] += 1
                self._resuming = False
            case "delta":
                self._measure(update)
        if update.event in ("delta", "bookmark") and self._resuming:
            self._resuming = False
            counters.resumes += 1
        if self.tracked is not None and self.tracked.follow(update):
            if not self._digests.agrees(self.tracked):
                counters.inexact.add(self.number)
            self.compare()

    def _connect(self, *, resuming: bool) -> None:
        self.connected = self._behind = True
        self._counters.news.set()
        self._resuming = resuming
        self._counters.reconnects += self._connections > 0
        self._connections += 1

    def _measure(self, update: Update) -> None:
        live, self._behind = not (self._behind or self._slow), False
        if live and update.time is not None and self._counters.measuring:
            self._counters.latency.add(time.time() * 1000 - update.time)
