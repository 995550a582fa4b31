"""Stream clients with different habits: most read at once, some are slow, some keep losing their connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from random import Random
from ssl import SSLContext
from typing import Any, Literal
from urllib.parse import urlencode

from astrolabe.client import Backoff, Client, Filter, Update
from astrolabe.client.load.shared_decoder import SharedDecoder

Habit = Literal["steady", "slow", "reconnecting"]

#: Of ten followers, whose filters are dealt out beside: a tenth is slow, a tenth reconnects.
HABITS: tuple[Habit, ...] = ("steady", "slow", "steady", "steady", "steady", "reconnecting", *["steady"] * 4)
#: Mean seconds: a slow one pauses so long after each message, a reconnecting one stays so long.
PAUSE = 1.0
STAY = 5.0
#: Seconds in step after which a connection counts as healthy.
HEALTHY = 0.5


class Follower:
    """One client that follows one filter until it is at the goal.

    events: how often each event of `Update` happened. size: bytes heard.
    """

    def __init__(
        self,
        url: str,
        filter: Filter,
        habit: Habit,
        *,
        random: Random,
        shared: SharedDecoder,
        ssl: SSLContext | None = None,
        token: str | None = None,
    ) -> None:
        """shared: what those of one process hold in common, who else would need a gigabyte. ssl, token: as of
        `Client`."""
        self.filter = filter
        self.habit = habit
        # Those that are cut off on purpose come back at once, however often.
        backoff = Backoff(healthy_after=HEALTHY, random=random)
        self.client = Client(url, filter, backoff=backoff, decode=shared.decode, ssl=ssl, token=token)
        self.events: Counter[str] = Counter()
        self.size = 0
        self._random = random
        self._goal: int | None = None
        self._hurry = asyncio.Event()

    def __str__(self) -> str:
        return f"{self.habit} {self.filter}"

    @property
    def query(self) -> str:
        """The filter as the query of a URL."""
        return urlencode(self.filter, doseq=True)

    def finish(self, seq: int) -> None:
        """End at this seq, without further delay."""
        self._goal = seq
        self._hurry.set()

    async def run(self) -> None:
        """Follow; returns at the goal. Raises AssertionError when the server breaks the contract."""
        task = (
            asyncio.create_task(self._reconnect(), name="reconnecting")
            if self.habit == "reconnecting"
            else None
        )
        try:
            async with self.client:
                async for update in self.client.updates():
                    self._note(update)
                    if self._arrived():
                        return
                    if self.habit == "slow":
                        await self._pause(PAUSE)
        finally:
            if task is not None:
                task.cancel()

    def differs(self, document: Mapping[str, Any]) -> str:
        """What is not as in this answer of `GET /api/v1/graph`; "" when it holds exactly that."""
        graph = self.client.graph
        nodes = {node["uid"]: node for node in document["nodes"]}
        edges = {(edge["type"], edge["from"], edge["to"]): edge for edge in document["edges"]}
        wrong = _differences(graph.nodes, nodes) + _differences(graph.edges, edges)
        return f"{self}: {wrong} nodes and edges differ" if wrong else ""

    def _note(self, update: Update) -> None:
        self.events[update.event] += 1
        self.size += update.size
        assert update.event != "violated", f"{self}: {update.reason}"

    def _arrived(self) -> bool:
        position = self.client.graph.position
        return self._goal is not None and position is not None and position.seq >= self._goal

    async def _pause(self, mean: float) -> None:
        try:
            async with asyncio.timeout(self._random.expovariate(1 / mean)):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def _reconnect(self) -> None:
        while not self._hurry.is_set():
            await self._pause(STAY)
            self.client.drop()


def create_followers(
    url: str, count: int, *, namespaces: Sequence[str], releases: Sequence[str], random: Random
) -> list[Follower]:
    """Followers of mixed filters, every habit with every form of filter."""
    filters, shared = _filters(namespaces, releases, random), SharedDecoder()
    return [
        Follower(url, filter, habit, random=Random(random.random()), shared=shared)
        for filter, habit in islice(zip(filters, cycle(HABITS), strict=False), count)
    ]


def _filters(namespaces: Sequence[str], releases: Sequence[str], random: Random) -> Iterator[Filter]:
    """Endlessly, of each form in turn. Eleven forms, so that habits, of which there are ten, go through them."""
    while True:
        namespace, release = random.choice(namespaces), random.choice(releases)
        yield {}
        yield {"namespace": [namespace]}
        yield {"release": [release]}
        yield {"kind": ["Pod"], "status": ["Error", "Pending"]}
        yield {"namespace": [namespace], "kind": ["Pod", "Deployment", "ReplicaSet"]}
        yield {"selector": f"app.kubernetes.io/instance={release}"}
        yield {"kind": ["Node", "PersistentVolume"]}
        yield {"q": release}
        yield {"status": ["Error"]}
        yield {"namespace": random.sample(namespaces, min(3, len(namespaces)))}
        yield {"kind": ["Service", "Ingress"], "namespace": [namespace]}


def _differences(held: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> int:
    return sum(held.get(key) != wanted.get(key) for key in {*held, *wanted})
