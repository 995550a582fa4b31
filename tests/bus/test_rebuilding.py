"""A graph that cannot take a batch, or a model that breaks: no process ends, and all hold the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar, NoReturn

import pytest

from astrolabe.bus.redis.writer import LeaderWriter
from astrolabe.engine.engine import Engine
from astrolabe.engine.inbox import Deleted, InboxMessage, ObjectChanges, Replace, Scope
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.views.filter import EVERYTHING
from tests.engine.test_faults import break_linker, pod
from tests.graph.histories import KINDS, RULES
from tests.graph.test_model import check_equal
from tests.support.connections import Recorder
from tests.support.members import Member, edge, member, node, same
from tests.support.oracle import Expected
from tests.support.redis_server import RedisServer, answers
from tests.support.replica import Replica

CHAIN = Changes(
    nodes_set=[node("a"), node("b"), node("c")], edges_set=[edge("a", "b"), edge("b", "c")], releases={}
)
#: To take this into a graph whose `b` does not know who owns it is to fail halfway.
CUT = Changes(nodes_set=[node("a", "new"), node("d")], edges_removed=[edge("a", "b").key])


@asynccontextmanager
async def pair(redis: RedisServer) -> AsyncIterator[tuple[Member, Member]]:
    """A leader and a follower that hold CHAIN."""
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(CHAIN)
        async with member(redis.address) as follower:
            await together(leader, follower)
            yield leader, follower


async def together(*members: Member) -> None:
    """Wait until all hold the same."""
    first = members[0]
    await first.until(lambda: all(same(first.graph, other.graph) for other in members))


class Reader:
    """One who follows everything that a member serves. held: what it was told."""

    def __init__(self, of: Member) -> None:
        self.held = Replica()
        self._of = of
        self._recorder = Recorder()
        of.hub.join(self._recorder).subscribe("x", EVERYTHING)

    async def is_right(self) -> None:
        """Wait until it holds what is served."""
        await self._of.until(self._is_right)

    def _is_right(self) -> bool:
        for message in self._recorder.take():
            self.held.apply(message)
        graph = self._of.graph
        at_the_end = self.held.whole and (self.held.epoch, self.held.seq) == self._of.position
        return at_the_end and self.held.matches(graph, EVERYTHING)


def tear(graph: ServedGraph) -> None:
    """`b` does not know any more who owns it."""
    del graph._incoming["b"]


def holds_what_is_left(graph: ServedGraph) -> bool:
    keys = [key.key for key in graph.edges()]
    return sorted(graph.nodes) == ["a", "b", "c", "d"] and keys == [edge("b", "c").key]


async def test_a_leader_rebuilds_a_graph_that_rejects_a_batch(redis: RedisServer) -> None:
    async with pair(redis) as (leader, follower):
        readers = [Reader(leader), Reader(follower)]
        for each in readers:
            await each.is_right()
        tear(leader.graph)
        await leader.publish(CUT)
        assert holds_what_is_left(leader.graph)
        await together(leader, follower)
        await leader.publish(Changes(nodes_set=[node("e")]))
        for each in readers:
            await each.is_right()
        assert [len(each.held.resets) for each in readers] == [1, 0], "to others nothing has happened"
        assert leader.writer is not None, "it leads on"
        async with member(redis.address) as late:
            await together(leader, follower, late)


async def test_a_detached_leader_rebuilds_its_graph_and_stores_it_later(
    redis: RedisServer,
) -> None:
    async with pair(redis) as (leader, follower):
        reader = Reader(leader)
        await reader.is_right()
        redis.kill()
        tear(leader.graph)
        await leader.publish(CUT)
        assert leader.replica.status.detached
        assert holds_what_is_left(leader.graph)
        await reader.is_right()
        assert len(reader.held.resets) == 1
        redis.start()
        await answers(redis)
        await together(leader, follower)
        assert holds_what_is_left(follower.graph)
        async with member(redis.address) as late:
            await together(leader, late)


@pytest.mark.parametrize("missed", [False, True], ids=["published", "logged"])
async def test_a_follower_whose_graph_rejects_a_batch_reads_everything_again(
    redis: RedisServer, missed: bool
) -> None:
    """Whether the batch was published to it, or found in the log."""
    async with pair(redis) as (leader, follower):
        reader = Reader(follower)
        await reader.is_right()
        tear(follower.graph)
        if missed:
            with redis.client() as client:
                client.client_kill_filter(_type="pubsub")
        await leader.publish(CUT)
        await together(leader, follower)
        assert holds_what_is_left(follower.graph)
        await leader.publish(Changes(nodes_set=[node("e")]))
        await together(leader, follower)
        await reader.is_right()
        assert len(reader.held.resets) == 1
        assert follower.task is not None
        assert not follower.task.done()


class Watching(Member):
    """With the engine of a leader, which lists the cluster when it begins.

    cluster: its objects, by uid; shared by all. skipped: what its engine leaves out.
    """

    cluster: ClassVar[dict[str, Facts]] = {}
    engine: Engine | None = None
    skipped: Iterable[str] = ()

    async def _lead(self, writer: LeaderWriter) -> NoReturn:
        readiness = ReadinessTracker([Scope(kind) for kind in KINDS])
        self.engine = engine = Engine(
            Model(RULES),
            writer,
            readiness,
            epoch="",
            window=0.0,
            served=lambda: self.graph,
            restored=bool(self.graph.nodes),
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.run(), name="engine")
                for kind in KINDS:
                    listed = [facts for facts in self.cluster.values() if facts.kind == kind]
                    await engine.put(Replace(kind, "", listed))
                await readiness.wait()
                self.skipped = readiness.skipped["Pod"].keys()
                self.writer = writer
                self._moved.set()
                await asyncio.Event().wait()
        finally:
            self.engine = self.writer = None
        raise AssertionError

    async def take(self, message: InboxMessage) -> None:
        assert self.engine is not None
        await self.engine.put(message)


async def test_objects_left_out_by_a_leader_are_left_out_everywhere(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watching, "cluster", {})
    cluster = Watching.cluster
    good = {each.uid: each for each in (pod("a"), pod("b", "a"), pod("c", "b", "bad"))}
    cluster.update(good | {"bad": pod("bad", "a")})

    def expected() -> Expected:
        known = [facts for uid, facts in cluster.items() if uid != "bad"]
        return Expected(known, RULES, synced={kind: {""} for kind in KINDS})

    async with AsyncExitStack() as others:
        async with member(redis.address, of=Watching) as leader:
            await leader.leads()
            other = await others.enter_async_context(member(redis.address, of=Watching))
            assert isinstance(leader, Watching)
            assert isinstance(other, Watching)
            assert "bad" in leader.graph.nodes
            await together(leader, other)
            break_linker(monkeypatch)
            cluster["bad"], cluster["d"] = pod("bad", "b"), pod("d", "bad", "c")
            await leader.take(ObjectChanges("Pod", [cluster["bad"], cluster["d"]]))
            await leader.until(lambda: "d" in leader.graph.nodes)
            check_equal(leader.graph, expected())
            await together(leader, other)
        await other.leads()
        assert list(other.skipped) == ["bad"]
        check_equal(other.graph, expected())
        assert other.position == leader.position, "there was nothing to publish"
        late = await others.enter_async_context(member(redis.address))
        del cluster["a"]
        await other.take(ObjectChanges("Pod", [Deleted("a")]))
        await other.until(lambda: "a" not in other.graph.nodes)
        check_equal(other.graph, expected())
        await together(other, late)
