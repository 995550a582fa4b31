"""Sentinels that replace the primary, and a Redis Cluster whose slot moves, all of them real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.routing import SlotClient
from astrolabe.bus.redis.store import RedisStore
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.graph.state.batch import Changes
from astrolabe.settings import Settings
from tests.support.members import SHORT, Member, edge, member, node, release, same
from tests.support.redis_server import RedisServer
from tests.support.redis_sites import Nodes, Watched, nodes, watched

KEY = "{astrolabe:default}:position"
#: Of one that leaves the lease to the leader for as long as a failover takes.
PATIENT = replace(SHORT, poll=60.0)


#: For a test that is done without, and with.
both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def tls() -> bool:
    return False


@pytest.fixture
def sentinels(tmp_path: Path, tls: bool) -> Iterator[Watched]:
    with watched(tmp_path, tls=tls) as site:
        yield site


@pytest.fixture
def cluster(tmp_path: Path, tls: bool) -> Iterator[Nodes]:
    with nodes(tmp_path, KEY, tls=tls) as site:
        yield site


#: Of a leader that keeps the lease on a busy machine: nobody here could list the cluster anew.
STEADY = replace(SHORT, lease=6.0, connect=3.0, answer=3.0)


@asynccontextmanager
async def pair(url: str) -> AsyncIterator[tuple[Member, Member]]:
    """A leader with a graph, and a follower that is in step."""
    async with member(url, timing=STEADY) as leader:
        await leader.leads()
        many = [node(f"pod-{number}") for number in range(50)]
        await leader.publish(
            Changes(nodes_set=many, edges_set=[edge("pod-1", "pod-2")], releases=release("web", 1))
        )
        async with member(url, timing=PATIENT) as follower:
            await together(leader, follower)
            yield leader, follower


async def together(leader: Member, follower: Member) -> None:
    """Wait until both are steady, at one place; there they hold the same."""
    statuses = (leader.replica.status, follower.replica.status)
    await leader.until(
        lambda: (
            leader.position == follower.position
            and not any(status.detached or status.stale for status in statuses)
        )
    )
    assert same(leader.graph, follower.graph)


@both
async def test_a_failover_resumes_at_the_same_position(sentinels: Watched) -> None:
    async with pair(sentinels.url) as (one, other):
        epoch = one.position[0]
        await one.publish(Changes(nodes_set=[node("before")]))
        sentinels.copied()
        sentinels.primary.kill()
        await one.publish(Changes(nodes_set=[node("meanwhile")]))
        assert one.replica.status.detached
        await asyncio.to_thread(sentinels.promoted)
        await together(one, other)
        assert (one.position[0], {"before", "meanwhile"} <= other.graph.nodes.keys()) == (epoch, True)


async def test_a_failover_that_loses_writes_converges(sentinels: Watched) -> None:
    async with pair(sentinels.url) as (one, other):
        epoch, held = one.position[0], len(one.graph.nodes)
        sentinels.copied()
        sentinels.cut_replica()
        await one.publish(Changes(nodes_set=[node("lost"), node("pod-1", "lost")], nodes_removed=["pod-9"]))
        await other.until(lambda: "lost" in other.graph.nodes)
        sentinels.primary.kill()
        await asyncio.to_thread(sentinels.promoted)
        await one.until(lambda: one.position[0] != epoch)
        await together(one, other)
        assert len(other.graph.nodes) == held
        assert other.graph.nodes["pod-1"] == node("pod-1", "lost")
        async with member(sentinels.url) as late:
            await together(one, late)


async def test_a_demoted_primary_is_abandoned(sentinels: Watched) -> None:
    """It answers as before those who are connected: without asking, they would stay, and a second leader come."""
    async with pair(sentinels.url) as (one, other):
        sentinels.copied()
        await asyncio.to_thread(sentinels.cut_off)
        await asyncio.to_thread(sentinels.promoted)
        await one.publish(Changes(nodes_set=[node("after")]))
        with sentinels.replica.client() as client:
            await one.until(lambda: bool(client.hexists("{astrolabe:default}:nodes", "after")))
        await together(one, other)
        async with member(sentinels.url) as late:
            await together(one, late)
            assert late.writer is None
        assert one.writer is not None


async def test_a_replica_is_never_read_even_if_a_sentinel_names_it(sentinels: Watched) -> None:
    with sentinels.primary.client() as client:
        client.replicaof(*sentinels.replica.address.split(":"))  # no Sentinel knows it yet
    told = await refused(sentinels.url)
    assert f"{sentinels.primary.address} is a replica; the new primary is not known yet" in told


async def refused(url: str) -> str:
    store = RedisStore(Settings(redis_url=url), RedisTiming(connect=0.3), id="x")
    with pytest.raises(BusError) as error:
        await store.verify()
    await store.close()
    return str(error.value)


async def test_addresses_without_a_primary(sentinels: Watched, cluster: Nodes) -> None:
    told = await refused(sentinels.url.replace("mymaster", "other"))
    assert "no Sentinel knows a primary named 'other'" in told
    told = await refused(f"redis+sentinel://{sentinels.primary.address}/mymaster")
    assert f"{sentinels.primary.address}: unknown command 'SENTINEL'" in told
    told = await refused(f"redis://127.0.0.1:{sentinels.sentinel}/0")
    assert told.startswith(
        f"a Sentinel answers at 127.0.0.1:{sentinels.sentinel}; set REDIS_URL to redis+sentinel://"
    )
    told = await refused(f"redis+cluster://{sentinels.primary.address}")
    assert "cluster support disabled" in told


async def test_a_cluster_node_given_as_a_single_redis(cluster: Nodes) -> None:
    other = next(server for server in cluster.servers if server is not cluster.owner)
    async with member(other.address) as stranger:
        await stranger.until(lambda: not stranger.replica.status.reachable)
        assert stranger.replica.status.stale_why == (
            "Redis is unavailable: this is a node of a Redis Cluster; "
            "set REDIS_URL to redis+cluster://host:port"
        )


@both
async def test_a_slot_that_moves_is_followed(cluster: Nodes) -> None:
    source = cluster.owner
    target = next(server for server in cluster.servers if server is not source)
    async with pair(cluster.url) as (leader, follower):
        epoch = leader.position[0]
        cluster.migrate(source, target)
        await leader.publish(Changes(nodes_set=[node("migrating")]))
        cluster.move_keys(source, target)
        # A script waits for the slot only when one of its keys is nowhere.
        async with member(cluster.url, cannot_lead=True, timing=PATIENT) as reader:
            assert reader.graph.nodes.keys() >= {"pod-0", "pod-49"}
            await leader.publish(Changes(nodes_set=[node("moved")]))
            cluster.settle(target)
            await together(leader, follower)
            await together(leader, reader)
            assert redirections(reader) > 5
        assert redirections(leader) > 0
        assert leader.position[0] == epoch
        await leader.publish(Changes(nodes_set=[node("after")]))
        await together(leader, follower)
        assert {"migrating", "moved", "after"} <= follower.graph.nodes.keys()
        assert stored(target) == len(follower.graph.nodes)


async def test_a_hash_that_migrates_during_a_read_is_read_again(cluster: Nodes) -> None:
    source = cluster.owner
    target = next(server for server in cluster.servers if server is not source)
    names = {f"pod-{number}".encode() for number in range(20_000)}
    with source.client() as client:
        client.hset("{astrolabe:default}:nodes", mapping=dict.fromkeys(names, b"x"))
    store = RedisStore(Settings(redis_url=cluster.url), RedisTiming(answer=5.0), id="x")
    found: set[bytes] = set()
    pieces = 0

    def take(piece: Mapping[bytes, bytes]) -> None:
        nonlocal pieces
        found.update(piece)
        pieces += 1
        if pieces == 2:
            cluster.migrate(source, target)
            cluster.move_keys(source, target)

    await store.scan(store.keys.nodes, take)
    await store.close()
    assert found == names


def redirections(of: Member) -> int:
    client = of.replica._store._client
    assert isinstance(client, SlotClient)
    return client.redirections


def stored(server: RedisServer) -> int:
    with server.client() as client:
        count: int = client.hlen("{astrolabe:default}:nodes")
        return count


@both
async def test_a_replica_that_takes_over_in_a_cluster(cluster: Nodes, tmp_path: Path) -> None:
    owner = cluster.owner
    with cluster.replica(tmp_path / "replica", owner) as replica:
        async with pair(cluster.url) as (leader, follower):
            epoch = leader.position[0]
            with owner.client() as client:
                client.set(KEY.replace("position", "written"), "after all else")
                assert client.wait(1, 10_000) == 1
            owner.kill()
            await leader.publish(Changes(nodes_set=[node("meanwhile")]))
            await together(leader, follower)
            assert (leader.position[0], stored(replica)) == (epoch, len(follower.graph.nodes))
            owner.start()  # and finds that it is the replica now
            await leader.publish(Changes(nodes_set=[node("after")]))
            await together(leader, follower)
            assert {"meanwhile", "after"} <= follower.graph.nodes.keys()


async def test_an_unreachable_cluster_node(cluster: Nodes) -> None:
    async with pair(cluster.url) as (leader, follower):
        owner = cluster.owner
        owner.kill()
        await leader.publish(Changes(nodes_set=[node("alone")]))
        assert leader.replica.status.detached
        owner.start()
        await together(leader, follower)
        assert "alone" in follower.graph.nodes
