"""The contract over real sockets: whoever applies what it is told holds exactly the filtered graph."""

import asyncio
from random import Random
from time import thread_time
from urllib.parse import urlencode

import pytest

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules, parse_query
from astrolabe.graph.views.view import View
from astrolabe.http.stream.snapshot import ViewSnapshot
from astrolabe.settings import Limits
from tests.support.churn import QUERIES, change
from tests.support.loop_meter import LoopMeter
from tests.support.raw import dial
from tests.support.replica import Replica
from tests.support.serving import PATIENCE, Site, eventually, read, read_types, serve
from tests.support.worlds import KINDS, World, a_pod, crowd

#: Bookmarks tell a client that nothing more comes.
LIMITS = Limits(heartbeat=0.3)


class Follower:
    """A client that follows one query until it is at the seq where all is over."""

    def __init__(self, site: Site, query: dict[str, list[str]]) -> None:
        self.filter: Filter = parse_query(query, FilterRules.of(KINDS))
        self.replica = Replica()
        self._site = site
        self._query = urlencode(query, doseq=True)
        self.task = asyncio.create_task(self._follow())
        self.last: int | None = None

    async def _follow(self) -> None:
        async with self._site.stream(f"/api/v1/ws?{self._query}") as socket:
            await read_types(socket, "hello")
            while self.last is None or self.replica.seq < self.last:
                self.replica.apply(await read(socket))


@pytest.mark.parametrize("seed", range(3))
async def test_everyone_ends_with_the_filtered_graph(seed: int) -> None:
    random = Random(seed)
    world = World()
    async with serve(world, LIMITS) as site:
        for _ in range(20):
            change(world, random)
        followers = []
        for step in range(300):
            if step % 15 == 0:
                followers.append(Follower(site, QUERIES[len(followers) % len(QUERIES)]))
            change(world, random)
            if random.random() < 0.7:
                await asyncio.sleep(0)
        for follower in followers:
            follower.last = world.hub.graph.seq
        await asyncio.gather(*[follower.task for follower in followers])
    for follower in followers:
        assert follower.replica.matches(world.hub.graph, follower.filter)


async def test_a_returning_client_resumes() -> None:
    random = Random(7)
    world = World()
    replica, resumed = Replica(), 0
    async with serve(world, LIMITS) as site:
        query = ""
        for _ in range(15):
            async with site.stream(f"/api/v1/ws{query}") as socket:
                await read_types(socket, "hello")
                for _ in range(random.randint(1, 4)):
                    change(world, random)
                last = world.hub.graph.seq
                while replica.seq < last:
                    replica.apply(await read(socket))
            assert replica.matches(world.hub.graph, EVERYTHING)
            query = f"?since={replica.epoch}:{replica.seq}"
            for _ in range(random.randint(0, 4)):
                change(world, random)
            resumed += 1
    assert resumed == 15
    assert replica.resets == []


async def test_a_snapshot_does_not_hold_the_loop() -> None:
    """The longest turn of the loop, in CPU time, against encoding all at once in the same run."""
    world = crowd(60_000)
    graph = world.hub.graph
    began = thread_time()
    snapshot = ViewSnapshot()
    for _ in snapshot.collect(View(graph, EVERYTHING), graph, world.hub.history):
        pass
    parts = len(list(snapshot.read("x")))
    at_once = thread_time() - began
    async with serve(world) as site, dial(site.port) as peer:
        meter = LoopMeter()
        await peer.ask("/api/v1/ws")
        tail = b""
        async with asyncio.timeout(PATIENCE):
            while b'"last":true' not in tail:
                chunk = await peer.read()
                assert chunk
                tail = tail[-20:] + chunk
        meter.stop()
    assert parts > 20
    assert meter.longest < at_once / 2


async def test_a_change_reaches_everyone_at_once_with_identical_bytes() -> None:
    world = crowd(50)
    async with serve(world) as site:
        sockets = [await site.stream("/api/v1/ws?kind=Pod") for _ in range(20)]
        for socket in sockets:
            await read_types(socket, "hello", "snapshot")
        world.send(Changes(nodes_set=[a_pod(1, "Error")]))
        texts = {await socket.recv() for socket in sockets}
        assert len(texts) == 1
        await asyncio.gather(*[socket.close() for socket in sockets])
        await eventually(lambda: site.server.streams == 0)
