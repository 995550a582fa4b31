"""The client against the real server: whatever is changed and cut, it holds the filtered graph."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from astrolabe.client import Backoff, Change, Client, ClientError, EdgeChange, NodeChange
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING, FilterRules, parse_query
from astrolabe.settings import Limits
from tests.support.churn import QUERIES, change
from tests.support.replica import matches
from tests.support.serving import PATIENCE, Site, eventually, serve
from tests.support.worlds import KINDS, World, a_pod, crowd, facts, shop

#: Bookmarks tell a client that nothing more comes.
LIMITS = Limits(heartbeat=0.3)


class Sum:
    """What changes add up to."""

    def __init__(self) -> None:
        self.nodes: dict[str, object] = {}
        self.edges: dict[tuple[str, str, str], object] = {}

    def add(self, change: Change) -> None:
        match change:
            case NodeChange(sign, node, before):
                assert (self.nodes.get(node["uid"]), sign == "+") == (before, before is None)
                self.nodes[node["uid"]] = node
                if sign == "-":
                    del self.nodes[node["uid"]]
            case EdgeChange(sign, edge, source, target, before):
                key = (edge["type"], edge["from"], edge["to"])
                assert (source["uid"], target["uid"]) == key[1:]
                assert (self.edges.get(key), sign == "+") == (before, before is None)
                self.edges[key] = edge
                if sign == "-":
                    del self.edges[key]


class Follower:
    """Reads until it is at `last`, dropping its connection and pausing at random."""

    def __init__(self, site: Site, query: dict[str, list[str]], random: Random) -> None:
        self.filter = parse_query(query, FilterRules.of(KINDS))
        asked = {name: ",".join(values).split(",") for name, values in query.items()}
        texts = {name: ",".join(query[name]) for name in ("selector", "q") if name in query}
        self.client = Client(
            f"127.0.0.1:{site.port}", {**asked, **texts}, backoff=Backoff(base=0.01, longest=0.02)
        )
        self.sum = Sum()
        self.drops = 0
        self.last: int | None = None
        self._random = random
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async with self.client as client, asyncio.timeout(4 * PATIENCE):
            async for update in client.updates():
                assert update.event != "violated", update.reason
                for each in update.changes:
                    self.sum.add(each)
                if self.last is not None and update.position and update.position.seq >= self.last:
                    break
                if self.last is None and self._random.random() < 0.1:
                    self.drops += 1
                    client.drop()
                if self._random.random() < 0.1:
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize("seed", range(3))
async def test_clients_converge_despite_cut_connections(seed: int) -> None:
    random = Random(seed)
    world = World()
    async with serve(world, LIMITS) as site:
        for _ in range(20):
            change(world, random)
        followers = [Follower(site, query, Random(seed * 100 + n)) for n, query in enumerate(QUERIES)]
        for _ in range(250):
            change(world, random)
            await asyncio.sleep(0 if random.random() < 0.7 else 0.005)
        for follower in followers:
            follower.last = world.hub.graph.seq
        await asyncio.gather(*[follower.task for follower in followers])
        await eventually(lambda: site.server.streams == 0)
    assert sum(follower.drops for follower in followers) > 20
    for follower in followers:
        graph = follower.client.graph
        assert matches(graph, world.hub.graph, follower.filter)
        assert (follower.sum.nodes, follower.sum.edges) == (graph.nodes, graph.edges)


async def test_a_server_that_restarts_at_the_same_address() -> None:
    async with serve(shop()) as site:
        port = site.port
        async with Client(f"127.0.0.1:{port}", {"kind": "Pod"}) as client, asyncio.timeout(PATIENCE):
            await client.ready()
            site.world.hub.replace(crowd(10, epoch="another").hub.graph)
            events = []
            async for update in client.updates():
                events.append((update.event, update.reason))
                if update.event == "snapshot":
                    break
            assert events == [("reset", "epoch-changed"), ("snapshot", "")]
            assert matches(
                client.graph, site.world.hub.graph, parse_query({"kind": ["Pod"]}, FilterRules.of(KINDS))
            )


async def test_a_reader_that_pauses_is_caught_up_with_by_merged_deltas() -> None:
    world = crowd(3000)
    async with serve(world, LIMITS) as site, Client(f"127.0.0.1:{site.port}") as client:
        await client.ready()
        for step in range(3000):
            world.send(Changes(nodes_set=[a_pod(step % 50, "Error", f"{step}" * 2000)]))
            if step % 50 == 0:
                await asyncio.sleep(0)
        heard = 0
        async with asyncio.timeout(PATIENCE):
            async for _ in client.updates():
                heard += 1
                if client.graph.position and client.graph.position.seq == world.hub.graph.seq:
                    break
        assert heard < 2500
        assert matches(client.graph, world.hub.graph, EVERYTHING)


async def test_the_edges_of_a_node_follow_the_server() -> None:
    async with serve(shop()) as site, Client(f"127.0.0.1:{site.port}") as client:
        await client.ready()
        graph, view = client.graph, site.hub.graph
        for uid in graph.nodes:
            keys = {(edge["type"], edge["from"], edge["to"]) for edge in graph.out(uid)}
            assert keys == {edge.key for edge in view.outgoing(uid)}
            keys = {(edge["type"], edge["from"], edge["to"]) for edge in graph.into(uid)}
            assert keys == {edge.key for edge in view.incoming(uid)}
        site.world.set(facts("Pod", "new"))
        await client.reached(view.seq)
        assert graph.nodes["pod-new"]["name"] == "new"


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ({"kind": ["Pood"]}, "unknown kind 'Pood'; it is one of "),
        ({"selector": "a=b=c"}, "selector 'a=b=c' does not parse: "),
        ({"colour": "red"}, "unknown parameter 'colour'; a filter has "),
    ],
)
async def test_an_invalid_filter(filter: dict[str, list[str]], message: str) -> None:
    async with serve(shop()) as site, Client(f"127.0.0.1:{site.port}", filter) as client:
        with pytest.raises(ClientError) as caught:
            await client.ready()
    assert caught.value.code == "bad-filter"
    assert str(caught.value).startswith(message)
