"""What holds for every bus: who listens gets every batch once, in order, and then holds the same graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest

from astrolabe.bus.memory import MemoryBus
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from tests.support.changes import some_changes
from tests.support.members import edge, member, node, release, same
from tests.support.redis_server import RedisServer
from tests.support.serving import eventually

Publish = Callable[[Changes], Awaitable[None]]


class Line:
    """A writer and two who listen. graphs: what they hold; the first is the writer's own. seqs: of the batches
    that each was given."""

    def __init__(
        self, publish: Publish, graphs: Callable[[], list[ServedGraph]], seqs: Callable[[], list[list[int]]]
    ) -> None:
        self.publish = publish
        self.graphs = graphs
        self.seqs = seqs

    async def settled(self) -> ServedGraph:
        """Wait until all are where the writer is, and see that they hold the same."""
        await eventually(lambda: len({(graph.epoch, graph.seq) for graph in self.graphs()}) == 1)
        first, *others = self.graphs()
        assert all(same(first, other) for other in others)
        return first


@asynccontextmanager
async def memory_line() -> AsyncIterator[Line]:
    bus = MemoryBus()
    graphs = [ServedGraph("e"), ServedGraph("e")]
    seqs: list[list[int]] = [[], []]

    def listener(index: int) -> Callable[[Batch], None]:
        def listen(batch: Batch) -> None:
            graphs[index].apply(batch)
            seqs[index].append(batch.seq)

        return listen

    for index in range(2):
        bus.subscribe(listener(index))
    seq = 0

    async def publish(changes: Changes) -> None:
        nonlocal seq
        seq += 1
        await bus.publish(Batch("e", seq, changes))

    yield Line(publish, lambda: graphs, lambda: seqs)


@asynccontextmanager
async def redis_line(address: str) -> AsyncIterator[Line]:
    async with member(address) as leader:
        await leader.leads()
        async with member(address) as follower:
            await follower.until(lambda: follower.position == leader.position)
            for each in (leader, follower):
                each.seen.clear()
            members = (leader, follower)
            yield Line(
                leader.publish,
                lambda: [each.graph for each in members],
                lambda: [[seq for _, seq in each.seen] for each in members],
            )


@pytest.fixture(params=["memory", "redis"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "memory":
        async with memory_line() as made:
            yield made
        return
    redis: RedisServer = request.getfixturevalue("redis")
    async with redis_line(redis.address) as made:
        yield made


async def test_every_batch_comes_once_and_in_order(line: Line) -> None:
    for number in range(50):
        await line.publish(Changes(nodes_set=[node(f"pod-{number}")]))
    await line.settled()
    for seqs in line.seqs():
        assert len(seqs) == 50
        assert all(after == before + 1 for before, after in pairwise(seqs))


async def test_the_writer_serves_a_batch_when_it_was_published(line: Line) -> None:
    await line.publish(Changes(nodes_set=[node("a")]))
    assert line.graphs()[0].nodes.keys() == {"a"}


async def test_every_field_of_a_batch_arrives(line: Line) -> None:
    await line.publish(
        Changes(
            nodes_set=[node("a"), node("b", "snö \U0001f40d"), node("c")],
            edges_set=[edge("a", "b", 'spec.x["y"]', "spec.z"), edge("a", "c")],
            releases={**release("web", 3), **release("db", 1)},
        )
    )
    await line.publish(
        Changes(
            nodes_set=[node("b", "changed")],
            edges_removed=[edge("a", "c").key],
            nodes_removed=["c"],
            releases=release("db", None),
        )
    )
    graph = await line.settled()
    assert graph.nodes == {"a": node("a"), "b": node("b", "changed")}
    assert list(graph.edges()) == [edge("a", "b", 'spec.x["y"]', "spec.z")]
    assert [each.forward for each in graph.edges()] == [1]
    assert graph.releases == release("web", 3)


async def test_a_batch_of_any_size_arrives(line: Line) -> None:
    nodes = [node(f"pod-{number}", size=500) for number in range(5_000)]
    edges = [edge(f"pod-{number}", f"pod-{number + 1}") for number in range(4_999)]
    await line.publish(Changes(nodes_set=nodes, edges_set=edges))
    graph = await line.settled()
    assert (len(graph.nodes), graph.edge_count) == (5_000, 4_999)
    await line.publish(
        Changes(edges_removed=[each.key for each in edges], nodes_removed=[each.uid for each in nodes[1:]])
    )
    graph = await line.settled()
    assert (list(graph.nodes), graph.edge_count) == (["pod-0"], 0)


async def test_all_replicas_hold_what_was_published(line: Line) -> None:
    random = Random(7)
    for _ in range(120):
        graph = line.graphs()[0]
        await line.publish(some_changes(random, graph))
    await line.settled()
