"""How fresh a replica says that it is, and that a Redis which refuses things is no excuse for saying otherwise."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis import Redis

from astrolabe.bus.redis.reachability import THROTTLE_SECONDS, Reachability, ThrottledLogger
from astrolabe.bus.redis.status import ReplicationStatus
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.graph.state.batch import Changes
from tests.support.members import Member, member, node, same
from tests.support.redis_server import RedisServer
from tests.support.timing import ManualClock

KEY = "{astrolabe:default}:"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


def test_a_stored_graph_is_stale_until_a_leader_is_heard(clock: ManualClock) -> None:
    status = ReplicationStatus(clock, RedisTiming(tick=2.0))
    clock.now = 101.0
    status.note_in_sync()
    assert (status.stale, status.stale_since) == (True, 100.0)
    assert status.stale_why == "no leader writes to Redis"
    status.note_heartbeat()
    assert status.stale, "it lives, and may be ahead"
    assert status.stale_why == "this process cannot keep up with the leader"
    status.note_in_sync()
    assert (status.stale, status.stale_since, status.stale_why) == (False, None, "")


def test_three_missed_ticks_make_the_graph_stale(clock: ManualClock) -> None:
    status = ReplicationStatus(clock, RedisTiming(tick=2.0))
    status.note_heartbeat()
    status.note_in_sync()
    clock.now = 106.0
    assert not status.stale
    clock.now = 106.1
    status.note_in_sync()  # what is stored is what is served; nobody says that it is the cluster's
    assert (status.stale, status.stale_since) == (True, 100.0)
    status.cannot_lead = "no cluster"
    assert status.stale_why == "no leader writes to Redis; this process cannot lead: no cluster"
    status.reachability.mark_lost("it does not answer")
    assert status.stale_why == "Redis is unavailable: it does not answer"
    status.role, status.detached = "leader", True
    assert not status.stale, "its own clients are up to date"


def test_a_flapping_redis_is_logged_occasionally(clock: ManualClock) -> None:
    reachability = Reachability(clock)
    lines = []
    for _ in range(100):
        clock.now += THROTTLE_SECONDS / 50
        if reachability.mark_lost("it does not answer"):
            lines.append(f"away{reachability.suppressed_note()}")
        clock.now += 0.01
        if reachability.mark_reachable():
            lines.append("back")
    again = "away (49 more times since the last such line)"
    assert lines == ["away", "back", again, "back"]


def test_a_lasting_outage_of_redis_is_logged(clock: ManualClock) -> None:
    reachability = Reachability(clock)
    assert (
        reachability.mark_lost("down"),
        reachability.mark_lost("down"),
        reachability.mark_lost("refused"),
    ) == (True, False, True)
    assert reachability.mark_reachable()
    clock.now += THROTTLE_SECONDS / 2
    assert not reachability.mark_lost("down")
    clock.now += THROTTLE_SECONDS
    assert reachability.mark_lost("down")
    assert reachability.suppressed_note() == " (1 more times since the last such line)"


def test_errors_caused_by_others_are_logged_occasionally(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    damped = ThrottledLogger(logging.getLogger("astrolabe.bus"), clock)
    for number in range(121):
        damped.error(f"number {number} is no good")
        clock.now += THROTTLE_SECONDS / 60
    told = [record.getMessage() for record in caplog.records]
    again = "(59 more times since the last such line)"
    assert told == ["number 0 is no good", f"number 60 is no good {again}", f"number 120 is no good {again}"]


@asynccontextmanager
async def pair(redis: RedisServer) -> AsyncIterator[tuple[Member, Member]]:
    """A leader, and a follower that has heard of it."""
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("first")]))
        async with member(redis.address) as follower:
            await follower.until(lambda: not follower.replica.status.stale)
            yield leader, follower


def fill(client: Redis) -> None:
    client.config_set("maxmemory", 1)


def empty(client: Redis) -> None:
    client.config_set("maxmemory", 0)


def demote(client: Redis) -> None:
    client.replicaof("127.0.0.1", 1)


def promote(client: Redis) -> None:
    client.replicaof("NO", "ONE")


@pytest.mark.parametrize(
    ("begin", "end", "word"), [(fill, empty, "maxmemory"), (demote, promote, "read only replica")]
)
async def test_a_read_only_redis(
    begin: Callable[[Redis], None], end: Callable[[Redis], None], word: str, redis: RedisServer
) -> None:
    """Its followers read the stored position again and again, which stays right where it was."""
    async with pair(redis) as (leader, follower):
        place, status = leader.position, follower.replica.status
        with redis.client() as client:
            begin(client)
            await leader.publish(Changes(nodes_set=[node("second")]))
            assert leader.replica.status.detached
            assert word.lower() in leader.replica.status.why.lower()
            await follower.until(lambda: status.stale and bool(status.cannot_lead))
            assert status.stale_why.startswith(
                "no leader writes to Redis; this process cannot lead: Redis refuses"
            )
            assert word.lower() in status.stale_why.lower()
            assert follower.position == place
            assert not leader.replica.status.stale
            assert leader.graph.nodes.keys() == {"first", "second"}
            end(client)
        await follower.until(lambda: follower.position == leader.position and not status.stale)
        assert same(leader.graph, follower.graph)
        assert leader.position[0] == place[0]


async def test_a_stored_graph_without_a_leader_is_stale(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
    async with member(redis.address, cannot_lead=True) as reader:
        status = reader.replica.status
        assert status.stale
        assert reader.graph.nodes.keys() == {"a"}
        await reader.until(lambda: bool(status.cannot_lead))
        await reader.until(lambda: status.role == "follower")
        assert status.stale_why == "no leader writes to Redis; this process cannot lead: no cluster here"
        async with member(redis.address) as leader:
            await leader.leads()
            await reader.until(lambda: not status.stale)
