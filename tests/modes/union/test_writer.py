"""What the writers of several clusters publish is one history, whose parts are the clusters' own graphs."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.bus.memory import MemoryBus
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.model.qualifying import qualify_facts
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge, packed
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release, qualified
from astrolabe.graph.state.node import parse_node
from astrolabe.http.stream.hub import Hub
from astrolabe.modes.union.writer import MemberWriter, UnionWriter
from tests.graph.histories import RULES, histories, roots

CLUSTERS = ("dev", "prod-eu", "prod-us")


class Target:
    """Implements `engine.Publisher`: applies each batch, and keeps it."""

    def __init__(self) -> None:
        self.graph = ServedGraph("u")
        self.batches: list[Batch] = []

    async def publish(self, batch: Batch) -> bool:
        self.graph.apply(batch)
        self.batches.append(batch)
        return True


class Single:
    """A server of one cluster without a name, and the same cluster in a union."""

    def __init__(self, cluster: str, writer: MemberWriter, roots: Selector | None) -> None:
        self.cluster = cluster
        self.alone, self.member = Model(RULES, roots=roots), Model(RULES, roots=roots, cluster=cluster)
        self.graph = ServedGraph("s")
        self.writer = writer

    async def step(self, step: Any) -> None:
        if step is None:
            await self.commit()
        elif isinstance(step, Facts):
            self.alone.upsert(step)
            self.member.upsert(qualify_facts(step, self.cluster))
        elif isinstance(step, str):
            self.alone.remove(step)
            self.member.remove(qualified(self.cluster, step))
        else:
            for model in (self.alone, self.member):
                model.set_outdated(step[0], step[1], not step[2])
                model.set_synced(*step)

    async def commit(self) -> None:
        self.graph.apply(Batch("s", self.graph.seq + 1, self.alone.commit()))
        await self.writer.publish(Batch("", 0, self.member.commit()))


def qualified_graph(graph: ServedGraph, cluster: str) -> tuple[Any, Any, Any]:
    """What a union should have of this graph."""
    own, marked = '"uid":"%s",', f'"uid":"{cluster}/%s","cluster":"{cluster}",'
    nodes = {
        qualified(cluster, uid): node.text.replace(own % uid, marked % uid)
        for uid, node in graph.nodes.items()
    }
    edges = {
        (edge.type, qualified(cluster, edge.source), qualified(cluster, edge.target)): edge.field
        for edge in graph.edges()
    }
    releases = {(r.namespace, r.name, cluster): e.revision for r, e in graph.releases.items()}
    return nodes, edges, releases


def contents(graph: ServedGraph, cluster: str) -> tuple[Any, Any, Any]:
    """What it has of this cluster."""
    return (
        {uid: node.text for uid, node in graph.nodes.items() if node.cluster == cluster},
        {edge.key: edge.field for edge in graph.edges() if edge.source.startswith(f"{cluster}/")},
        {
            (r.namespace, r.name, r.cluster): e.revision
            for r, e in graph.releases.items()
            if r.cluster == cluster
        },
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(histories, min_size=3, max_size=3), roots, st.randoms(use_true_random=False), st.booleans())
def test_a_union_is_the_sum_of_its_clusters_in_any_order_of_arrival(
    some: list[list[Any]], roots: Selector | None, random: Any, is_same: bool
) -> None:
    """The histories have the same uids, namespaces and names; with is_same they are even the same."""

    async def run() -> None:
        target = Target()
        union = UnionWriter(target, lambda: target.graph, epoch="u")
        singles = [Single(cluster, union.member(cluster), roots) for cluster in CLUSTERS]
        waiting = [list(some[0] if is_same else history) for history in some]
        while any(waiting):
            number = random.choice([n for n, history in enumerate(waiting) if history])
            await singles[number].step(waiting[number].pop(0))
        for single in singles:
            await single.commit()
            assert contents(target.graph, single.cluster) == qualified_graph(single.graph, single.cluster)
        assert len(target.graph.nodes) == sum([len(single.graph.nodes) for single in singles])
        assert target.graph.edge_count == sum([single.graph.edge_count for single in singles])
        assert [batch.seq for batch in target.batches] == list(range(1, len(target.batches) + 1))
        for uid, node in target.graph.nodes.items():
            assert parse_node(node.text) == node
            part = union.member(node.cluster).part
            assert part.node(uid) is node
            assert [*part.outgoing(uid)] == [*target.graph.outgoing(uid)]

        await union.remove("dev")
        assert contents(target.graph, "dev") == ({}, {}, {})
        for single in singles[1:]:
            assert contents(target.graph, single.cluster) == qualified_graph(single.graph, single.cluster)

    asyncio.run(run())


def node(uid: str, cluster: str) -> Any:
    text = f'{{"status":"Ready","uid":"{uid}","cluster":"{cluster}","name":"x","kind":"Pod","namespace":"a"}}'
    return parse_node(text)


def an_edge(type: str, source: str, target: str) -> Edge:
    return Edge(type, source, target, ("f",))


async def test_the_part_of_a_cluster_has_no_edges_to_others_and_a_removal_takes_them_along() -> None:
    target = Target()
    union = UnionWriter(target, lambda: target.graph, epoch="u")
    dev, prod = union.member("dev"), union.member("prod")
    await dev.publish(Batch("", 0, Changes(nodes_set=[node("dev/a", "dev"), node("dev/b", "dev")])))
    await prod.publish(Batch("", 0, Changes(nodes_set=[node("prod/a", "prod")])))
    within, across = an_edge("owns", "dev/a", "dev/b"), an_edge("mounts", "prod/a", "dev/b")
    await union.commit(Changes(edges_set=[within, across]), 0, by="prod")
    assert [*dev.part.incoming("dev/b")] == [within]
    assert [*prod.part.outgoing("prod/a")] == []
    assert dev.part.node("prod/a") is None
    assert [each.uid for each in dev.part.each_node() if each is not None] == ["dev/a", "dev/b"]

    await union.remove("dev")
    assert list(target.graph.nodes) == ["prod/a"]
    assert target.graph.edge_count == 0
    assert target.batches[-1].changes.edges_removed == [within.key, across.key]


async def test_a_name_that_begins_with_another_one_is_another_cluster() -> None:
    target = Target()
    union = UnionWriter(target, lambda: target.graph, epoch="u")
    await union.member("prod").publish(Batch("", 0, Changes(nodes_set=[node("prod/a", "prod")])))
    await union.member("prod-eu").publish(Batch("", 0, Changes(nodes_set=[node("prod-eu/a", "prod-eu")])))
    await union.remove("prod")
    assert list(target.graph.nodes) == ["prod-eu/a"]


async def test_after_a_rebuild_of_the_served_graph_every_writer_compares_its_part() -> None:
    """A batch that cannot be applied lets the graph be rebuilt, and other clusters may have lost something."""
    hub = Hub(ServedGraph("u"))
    union = UnionWriter(MemoryBus(hub), lambda: hub.graph, epoch="u")
    dev, prod, quiet = union.member("dev"), union.member("prod"), union.member("quiet")
    told: list[str] = []
    dev.rebuilt = lambda: not told.append("dev")  # type: ignore[func-returns-value]
    prod.rebuilt = lambda: not told.append("prod")  # type: ignore[func-returns-value]
    quiet.rebuilt = lambda: False
    release = Release("a", "x", "dev")
    assert await dev.publish(Batch("", 0, Changes(releases={release: HelmRevision(release, 1, "deployed")})))
    # Against its invariants, an edge is in one index only.
    hub.graph._outgoing["dev/a"] = packed([an_edge("owns", "dev/a", "dev/b")])
    assert not await dev.publish(Batch("", 0, Changes(edges_removed=[("owns", "dev/a", "dev/b")])))
    assert told == ["prod"]
    assert not await quiet.publish(Batch("", 0, Changes(nodes_set=[node("quiet/a", "quiet")])))
    assert await quiet.publish(Batch("", 0, Changes(nodes_removed=["quiet/a"])))
    assert await prod.publish(Batch("", 0, Changes()))
    assert hub.graph.releases.keys() == {release}


async def test_a_writer_that_is_stopped_during_a_rebuild_leaves_no_gap() -> None:
    """The cluster was removed from the list, or its watches ended: the others go on."""
    hub = Hub(ServedGraph("u"))
    union = UnionWriter(MemoryBus(hub), lambda: hub.graph, epoch="u")
    dev, prod = union.member("dev"), union.member("prod")
    many = [node(f"dev/{number}", "dev") for number in range(5_000)]
    assert await dev.publish(Batch("", 0, Changes(nodes_set=many)))
    hub.graph._outgoing["dev/a"] = packed([an_edge("owns", "dev/a", "dev/b")])
    removal = Changes(edges_removed=[("owns", "dev/a", "dev/b")])
    stopped = asyncio.create_task(dev.publish(Batch("", 0, removal)), name="stopped")
    await asyncio.sleep(0)
    assert hub.rebuilding
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)
    assert stopped.cancelled()
    assert await prod.publish(Batch("", 0, Changes(nodes_set=[node("prod/a", "prod")])))
    assert "prod/a" in hub.graph.nodes
    assert hub.graph.seq == 2
