"""12, 13 and the limits of Redis mode: what the leader pays, how fast a replica is there, how long Redis is held."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import ujson

from astrolabe.bus.memory import MemoryBus
from astrolabe.bus.redis.codec import edge_id, edge_value
from astrolabe.bus.redis.repair import Repair
from astrolabe.engine.engine import Engine, Publisher
from astrolabe.engine.inbox import ObjectChanges, Scope
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.garbage import GC_THRESHOLDS
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.http.query import QueryParams
from astrolabe.http.rest import documents
from astrolabe.http.stream.hub import Hub
from tests.benchmarks.clusters import Cluster
from tests.benchmarks.report import SLACK, report, size
from tests.support.kinds import KINDS, KINDS_BY_NAME
from tests.support.members import Member, member
from tests.support.recording import Recording
from tests.support.redis_server import RedisServer, redis_server

#: Changes that come within one window of 50 ms at 500 a second.
A_WINDOW = 25
POD = KINDS_BY_NAME["Pod"]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path, "--slowlog-max-len", "10000") as server:
        yield server


@contextmanager
def as_in_the_application() -> Iterator[None]:
    """Collections as rare as `app.serve` makes them."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def pod_lines() -> list[bytes]:
    """Recorded events of pods, as a watch gets them."""
    return [line for line in Recording().lines(POD) if b'"type":"MODIFIED"' in line[:32]]


class Served:
    """Passes batches on, and tells when one is served: to ask for it again and again would cost CPU."""

    def __init__(self, publisher: Publisher) -> None:
        self.done = asyncio.Event()
        self._publisher = publisher

    async def publish(self, batch: Batch) -> bool:
        intact = await self._publisher.publish(batch)
        self.done.set()
        return intact


async def cpu_of_changes(publisher: Publisher, *, together: int, rounds: int) -> float:
    """CPU seconds of this process for one change of a pod, from its line to its batch being served."""

    class Object(msgspec.Struct):
        object: msgspec.Raw

    lines = pod_lines()
    served = Served(publisher)
    engine = Engine(
        Model([kind.rules for kind in KINDS]), served, ReadinessTracker([Scope("Pod")]), epoch="e", window=0.0
    )
    task = asyncio.create_task(engine.run())
    count = 0

    async def some() -> None:
        nonlocal count
        facts = []
        for _ in range(together):
            raw = msgspec.json.decode(lines[count % len(lines)], type=Object).object
            made = POD.facts(POD.decoder.decode(raw))
            assert made is not None
            # Each is news: the same pod never says the same twice.
            metadata = {**made.metadata, "restartCount": count}
            facts.append(msgspec.structs.replace(made, uid=f"{made.uid}-{count % 40}", metadata=metadata))
            count += 1
        served.done.clear()
        await engine.put(ObjectChanges("Pod", list(facts)))
        await served.done.wait()

    for _ in range(20):
        await some()
    started = time.process_time()
    for _ in range(rounds):
        await some()
    used = time.process_time() - started
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return used / (rounds * together)


async def in_memory(*, together: int, rounds: int) -> float:
    return await cpu_of_changes(MemoryBus(Hub(ServedGraph("e"))), together=together, rounds=rounds)


@pytest.mark.bench
async def test_the_cpu_of_the_leader(redis: RedisServer) -> None:
    rounds = size(400, 60)
    with as_in_the_application():
        async with member(redis.address) as leader:
            await leader.leads()
            assert leader.writer is not None
            for number, together, budget in ((12, A_WINDOW, 2.0), (0, 1, 0.0)):
                mine = await in_memory(together=together, rounds=rounds)
                theirs = await cpu_of_changes(leader.writer, together=together, rounds=rounds)
                ratio = theirs / mine
                report(
                    number,
                    f"CPU of a leader for one of {together} changes in a batch / memory bus",
                    f"{ratio:.2f}× ({theirs * 1e6:.0f} µs, {mine * 1e6:.0f} µs)",
                    f"≤ {budget:.0f}×" if budget else "-",
                    met=not budget or ratio <= budget,
                )
                assert not budget or ratio <= budget * SLACK


@asynccontextmanager
async def stored(redis: RedisServer, nodes: int) -> AsyncIterator[tuple[Member, Cluster]]:
    """A leader that has written a cluster of this size, and the cluster."""
    cluster = Cluster(nodes)
    async with member(redis.address, graph=cluster.hub.graph) as leader:
        await leader.leads()
        yield leader, cluster


def decode_all(graph: ServedGraph) -> float:
    """CPU seconds to decode what is stored of a graph, and do nothing with it."""
    texts = [node.text for node in graph.nodes.values()]
    edges = [(edge_id(edge.key), edge_value(edge)) for edge in graph.edges()]
    started = time.process_time()
    for text in texts:
        ujson.loads(text)
    for id, value in edges:
        ujson.loads(id)
        ujson.loads(value)
    return time.process_time() - started


def answer(hub: Hub) -> int:
    """Make the body of `GET /api/v1/graph`; its length."""
    return sum(len(piece) for piece in documents.graph(hub, QueryParams(filter=EVERYTHING), None))


async def start_anew(address: str) -> tuple[float, float, Member]:
    """Of a new replica: CPU seconds until it has made its first complete answer, and seconds until it has joined."""
    began, started = time.perf_counter(), time.process_time()
    one = Member(address)
    await one.replica.open()
    joined = time.perf_counter() - began
    answer(one.hub)
    return time.process_time() - started, joined, one


#: What was measured, beyond the budget of 2.
START_TODAY = 3.0


@pytest.mark.bench
@pytest.mark.timeout(300)
async def test_the_start_with_a_stored_graph(redis: RedisServer) -> None:
    async with stored(redis, size(100_000, 10_000)) as (leader, _):
        with as_in_the_application():
            starts = []
            for _ in range(3):
                cpu, joined, one = await start_anew(redis.address)
                assert one.graph.nodes.keys() == leader.graph.nodes.keys()
                starts.append((cpu, joined))
                await one.replica.close()
                del one
            baseline = min(decode_all(leader.graph) for _ in range(3))
        cpu, joined = min(starts)
        ratio = cpu / baseline
        nodes, edges = len(leader.graph.nodes), leader.graph.edge_count
        report(
            13,
            f"CPU of a start with {nodes} nodes, {edges} edges stored → first answer / decoding them",
            f"{ratio:.2f}× ({cpu:.2f} s, {baseline:.2f} s; joined after {joined:.2f} s)",
            "≤ 2×",
            met=ratio <= 2,
        )
        assert ratio <= START_TODAY * SLACK


@pytest.mark.bench
async def test_the_lag_of_a_follower(redis: RedisServer) -> None:
    windows = size(400, 40)
    async with stored(redis, size(20_000, 2_000)) as (leader, cluster), member(redis.address) as follower:
        await follower.until(lambda: follower.position == leader.position)
        published: dict[int, float] = {}
        lags: list[float] = []
        loop = asyncio.get_running_loop()
        note, receive = follower.seen.append, follower.hub.receive

        def received(batch: Batch) -> None:
            receive(batch)
            lags.append(loop.time() - published[batch.seq])

        follower.hub.receive = received  # type: ignore[method-assign]
        assert note is not None
        pods, due = cluster.pods, loop.time()
        for window in range(windows):
            changes = Changes(
                nodes_set=[
                    _changed(leader, pods[(window * 25 + i) % len(pods)].uid, window) for i in range(A_WINDOW)
                ]
            )
            published[leader.position[1] + 1] = loop.time()
            await leader.publish(changes)
            due += 0.05
            await asyncio.sleep(max(0.0, due - loop.time()))
        await follower.until(lambda: follower.position == leader.position)
        lags.sort()
        p99 = lags[int(len(lags) * 0.99) - 1]
        report(
            0,
            "lag of a follower at 500 changes a second, from the engine's publish to its graph, p99",
            f"{p99 * 1e3:.1f} ms (p50 {lags[len(lags) // 2] * 1e3:.1f} ms)",
            "≤ 50 ms",
            met=p99 <= 0.05,
        )
        assert len(lags) == windows
        assert p99 <= 1.0


def _changed(leader: Member, uid: str, number: int) -> Any:
    node = leader.graph.nodes[uid]
    text = node.text.replace('{"status"', f'{{"window":{number},"status"', 1)
    return msgspec.structs.replace(node, text=text)


@pytest.mark.bench
@pytest.mark.timeout(300)
async def test_time_redis_is_blocked(redis: RedisServer) -> None:
    """Everything that we ever ask of it, at full size: writing the graph, large batches, joining, repairing."""
    with redis.client() as client:
        client.config_set("slowlog-log-slower-than", 1_000)
        async with stored(redis, size(100_000, 5_000)) as (leader, _):
            nodes = list(leader.graph.nodes.values())
            await leader.publish(Changes(nodes_set=[_changed(leader, node.uid, 1) for node in nodes]))
            _, _, one = await start_anew(redis.address)
            await one.replica.close()
            assert leader.writer is not None
            store = leader.replica._store
            assert await Repair(store, leader, leader.writer).run() == 0
        slow = client.slowlog_get(10_000)
        worst = max(slow, key=lambda entry: entry["duration"], default=None)
    longest = worst["duration"] / 1e3 if worst is not None else 1.0
    what = worst["command"].split()[0].decode() if worst is not None else "none"
    report(
        0,
        f"the longest that Redis is held by one command, {len(nodes)} nodes",
        f"{longest:.1f} ms ({what})",
        "≤ 20 ms",
        met=longest <= 20,
    )
    assert longest <= 200, "on a machine that does something else as well"
