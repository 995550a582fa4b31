"""What concerns all of a graph gives others their turn, and a leader that is busy with it keeps the lease."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from time import thread_time
from typing import Any

import pytest

from astrolabe.bus.redis.repair import Repair
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from tests.support.members import SHORT, Member, edge, member, node, same
from tests.support.redis_server import RedisServer

KEY = "{astrolabe:default}:"
MANY = 20_000
#: Of members that mind neither a busy machine nor each other.
CALM = replace(SHORT, lease=60.0, silence=60.0, answer=20.0, poll=60.0)
#: Seconds of the processor, which counts more where caches are shared with others. At once, the loops over
#: this graph take 30-400 ms.
LONGEST = 0.03


@contextmanager
def no_collections() -> Iterator[None]:
    """A process that serves collects its garbage rarely; what others left here is not measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@asynccontextmanager
async def short_turns(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """No turn of the event loop takes long."""
    turns: list[float] = []
    run = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> Any:
        began = thread_time()
        run(handle)
        turns.append(thread_time() - began)

    await asyncio.sleep(0)  # what went before is a turn of its own
    with monkeypatch.context() as patch, no_collections():
        patch.setattr(asyncio.Handle, "_run", measured)
        yield
    assert len(turns) > 20
    assert max(turns) < LONGEST


def large() -> ServedGraph:
    names = [f"pod-{number}" for number in range(MANY)]
    releases = [Release("shop", f"release-{number}") for number in range(5_000)]
    graph = ServedGraph("before")
    graph.load(
        Changes(
            nodes_set=[node(name) for name in names],
            edges_set=[edge(name, names[at * 7 % MANY]) for at, name in enumerate(names)],
            releases={of: HelmRevision(of, 1, "deployed") for of in releases},
        )
    )
    return graph


async def steady(leader: Member) -> None:
    status = leader.replica.status
    await leader.until(lambda: status.joined and not status.detached)


async def test_work_on_a_whole_graph_is_sliced(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = large()
    one = member(redis.address, graph=graph, timing=CALM)
    async with short_turns(monkeypatch):  # the graph is written to an empty Redis
        leader = await one.__aenter__()
        await leader.leads()
        await steady(leader)
    try:
        await leader.publish(Changes(nodes_set=[node(f"pod-{number}", "new") for number in range(2_000)]))
        late = member(redis.address, timing=CALM)
        async with short_turns(monkeypatch):
            follower = await late.__aenter__()
        assert same(follower.graph, leader.graph)
        await late.__aexit__(None, None, None)
        with redis.client() as client:
            client.delete(KEY + "edges", KEY + "releases")
        assert leader.writer is not None
        repair = Repair(leader.replica._store, leader, leader.writer)
        async with short_turns(monkeypatch):
            assert await repair.run() == MANY + 5_000
            assert await repair.run() == 0
    finally:
        await one.__aexit__(None, None, None)


async def test_detached_changes_are_stored_without_holding_the_loop(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing = replace(CALM, answer=0.5)
    async with member(redis.address, graph=large(), timing=timing) as leader:
        await leader.leads()
        await steady(leader)
        redis.pause()
        await leader.publish(Changes(nodes_set=[node("alone")]))
        assert leader.replica.status.detached
        await leader.publish(
            Changes(
                nodes_set=[node(f"pod-{number}", "new") for number in range(MANY)],
                edges_set=[edge(found.source, found.target, "new") for found in leader.graph.edges()],
            )
        )
        async with short_turns(monkeypatch):
            redis.resume()
            await steady(leader)
        async with member(redis.address, timing=timing) as late:
            assert same(late.graph, leader.graph)


async def test_a_leader_with_much_to_write_keeps_the_lease(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        store, first = leader.replica._store, leader.writer
        commit = store.commit

        async def slowly(*args: Any, **options: Any) -> Any:
            await asyncio.sleep(0.1)  # far away
            return await commit(*args, **options)

        monkeypatch.setattr(store, "commit", slowly)
        async with member(redis.address) as other:
            await leader.publish(Changes(nodes_set=[node(f"pod-{number}") for number in range(10_000)]))
            assert leader.writer is first, "another would have taken the lease"
            await other.until(lambda: other.position == leader.position)
            assert same(leader.graph, other.graph)
