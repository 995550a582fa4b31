"""Replicas in one process without a cluster. The test takes the place of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.replica import Replica
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.bus.redis.writer import LeaderWriter
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node, parse_node
from astrolabe.http.stream.hub import Hub
from astrolabe.settings import Limits, Settings

PATIENCE = 20.0

#: All waits, an eighth of what they are; but for those that a busy machine may need.
SHORT = RedisTiming(
    tick=0.25, lease=1.0, silence=0.75, poll=0.1, retry=0.05, connect=0.5, answer=0.5, grace=0.5, pause=1.0
)


class CannotLead(Exception):
    """This member cannot lead."""


class Member:
    """address: host and port of its Redis, or a URL. hub: what it serves. writer: set while it leads. task: of its replica. seen: every batch and graph that it was given."""

    def __init__(
        self,
        address: str,
        *,
        cluster: str = "default",
        limits: Limits | None = None,
        timing: RedisTiming = SHORT,
        identity: str = "",
        interval: int = 3600,
    ) -> None:
        self.identity = identity
        limits = limits or Limits()
        self.hub = Hub(ServedGraph("before"), limits)
        self.seen: list[tuple[str, int]] = []
        self.writer: LeaderWriter | None = None
        self.cannot_lead = False
        self.rebuilding = False
        self.task: asyncio.Task[NoReturn] | None = None
        self._moved = asyncio.Event()
        settings = Settings(
            redis_addr="localhost:1" if "://" in address else address,
            redis_url=address if "://" in address else "",
            cluster_name=cluster,
            limits=limits,
            snapshot_interval=interval,
        )
        self.replica = Replica(
            settings,
            self,
            lead=self._lead,
            leader_report=lambda: b'{"synced":true}',
            cannot_lead=CannotLead,
            clock=asyncio.get_running_loop().time,
            timing=timing,
        )

    # Implements `GraphTarget`.

    @property
    def graph(self) -> ServedGraph:
        return self.hub.graph

    @graph.setter
    def graph(self, graph: ServedGraph) -> None:
        raise AssertionError("a graph is replaced by `replace`")

    def receive(self, batch: Batch) -> None:
        self.hub.receive(batch)
        self._note()

    def replace(self, graph: ServedGraph) -> None:
        self.hub.replace(graph)
        self._note()

    def _note(self) -> None:
        self.seen.append((self.graph.epoch, self.graph.seq))
        self._moved.set()

    async def _lead(self, writer: LeaderWriter) -> NoReturn:
        if self.cannot_lead:
            raise CannotLead("no cluster here")
        try:
            await self.replica.set_cluster_identity(self.identity)
        except BusError as error:
            raise CannotLead(str(error)) from error
        self.writer = writer
        self._moved.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.writer = None
            self._moved.set()
        raise AssertionError

    @property
    def position(self) -> tuple[str, int]:
        return self.graph.epoch, self.graph.seq

    async def publish(self, changes: Changes, *, time: int = 1) -> None:
        """As its engine does."""
        assert self.writer is not None
        await self.writer.publish(Batch("", 0, changes, time))

    async def leads(self) -> None:
        await self.until(lambda: self.writer is not None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked when something happened, and now and then."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._moved.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._moved.wait()


@asynccontextmanager
async def member(
    address: str,
    *,
    cluster: str = "default",
    limits: Limits | None = None,
    cannot_lead: bool = False,
    graph: ServedGraph | None = None,
    timing: RedisTiming = SHORT,
    identity: str = "",
    known: bool = True,
    interval: int = 3600,
    of: type[Member] = Member,
) -> AsyncIterator[Member]:
    """A replica at work. graph: what it serves before it has seen Redis.

    identity: of its cluster. known: whether that can be told at the start, and not only when it leads.
    interval: between two comparisons; 0: only when one is asked for.
    """
    one = of(address, cluster=cluster, limits=limits, timing=timing, identity=identity, interval=interval)
    one.cannot_lead = cannot_lead
    if graph is not None:
        one.hub.replace(graph)
    try:
        await one.replica.open(identity if known else "")
    except BusError:
        await one.replica.close()
        raise
    one.task = task = asyncio.create_task(one.replica.run(), name="replica")
    try:
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await one.replica.close()


def node(name: str, note: str = "", *, size: int = 0) -> Node:
    """A Pod with this name, which is its uid, too. size: bytes that it has more."""
    return parse_node(
        f'{{"status":"Ready","reason":"Running","message":"{note}{"x" * size}","metadata":{{}},"uid":"{name}",'
        f'"name":"{name}","kind":"Pod","apiVersion":"v1","namespace":"shop"}}'
    )


def edge(source: str, target: str, *field: str) -> Edge:
    return Edge("owns", source, target, field or ("metadata.ownerReferences[0].uid",), 1)


def release(name: str, revision: int | None) -> dict[Release, HelmRevision | None]:
    of = Release("shop", name)
    return {of: HelmRevision(of, revision, "deployed") if revision is not None else None}


def same(one: ServedGraph, other: ServedGraph) -> bool:
    """Whether both hold the same, at the same place."""
    return (
        (one.epoch, one.seq) == (other.epoch, other.seq)
        and one.nodes == other.nodes
        and one.releases == other.releases
        and {edge.key: edge for edge in one.edges()} == {edge.key: edge for edge in other.edges()}
    )
