"""A graph is of one cluster: another one under the same name neither writes it nor serves it."""

from __future__ import annotations

import pytest

from astrolabe.bus.redis.errors import BusError
from astrolabe.graph.state.batch import Changes
from tests.support.members import member, node
from tests.support.redis_server import RedisServer

REFUSED = (
    r"the graph under the name 'default' in Redis is of another cluster \(its kube-system has uid ours, ours "
    r"theirs\); give each cluster its own --cluster-name"
)


async def test_another_cluster_is_refused_at_the_start(redis: RedisServer) -> None:
    async with member(redis.address, identity="ours") as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
        with pytest.raises(BusError, match=REFUSED):
            async with member(redis.address, identity="theirs"):
                raise AssertionError
        assert leader.writer is not None
    with pytest.raises(BusError, match=REFUSED):
        async with member(redis.address, identity="theirs"):
            raise AssertionError
    async with member(redis.address, identity="theirs", cluster="another") as neighbour:
        await neighbour.leads()
        assert list(neighbour.graph.nodes) == []


async def test_two_clusters_that_begin_with_an_empty_redis_never_mix(redis: RedisServer) -> None:
    async with (
        member(redis.address, identity="ours") as ours,
        member(redis.address, identity="theirs") as theirs,
    ):
        await ours.until(lambda: ours.writer is not None or theirs.writer is not None)
        first, second = (ours, theirs) if ours.writer is not None else (theirs, ours)
        await first.publish(Changes(nodes_set=[node("a")]))
        await second.until(lambda: second.replica.status.blocker == "another")
        assert second.replica.status.stale
        assert "is of another cluster" in second.replica.status.stale_why
        await first.publish(Changes(nodes_set=[node("b")]))
        assert (list(second.graph.nodes), first.writer is not None) == ([], True)


async def test_a_replica_of_another_cluster_neither_leads_nor_follows(redis: RedisServer) -> None:
    async with member(redis.address, identity="ours") as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
    async with member(redis.address, identity="theirs", known=False) as other:
        await other.until(lambda: other.replica.status.blocker == "another")
        await other.until(lambda: other.replica.status.role == "follower")
        assert other.replica.status.stale
        async with member(redis.address, identity="ours") as leader:
            await leader.leads()
            await leader.publish(Changes(nodes_set=[node("b")]))
            assert other.graph.nodes.keys() == {"a"}


async def test_a_graph_without_identity_is_adopted(redis: RedisServer) -> None:
    """Of an older version, or of a leader that may not list Namespaces."""
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
    async with member(redis.address, identity="ours") as heir:
        await heir.leads()
        with redis.client() as client:
            await heir.until(lambda: client.hget("{astrolabe:default}:position", "cluster") == b"ours")
    async with member(redis.address) as blind:
        await blind.leads()
        assert blind.graph.nodes.keys() == {"a"}
