"""How fresh a replica says that it is, and that a Redis which refuses things is no excuse for saying otherwise."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis import Redis

from astrolabe.bus.redis.contact import Contact
from astrolabe.bus.redis.damped import QUIET, Damped
from astrolabe.bus.redis.standing import Standing
from astrolabe.bus.redis.timing import Timing
from astrolabe.graph.batch import Changes
from tests.support.members import Member, member, node, same
from tests.support.redis_server import RedisServer

KEY = "{astrolabe:default}:"


class Clock:
    """Stands still unless somebody moves it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_stored_is_stale_until_a_leader_is_heard(clock: Clock) -> None:
    standing = Standing(clock, Timing(tick=2.0))
    clock.now = 101.0
    standing.match()
    assert (standing.stale, standing.stale_since) == (True, 100.0)
    assert standing.stale_why == "no leader writes to Redis"
    standing.hear()
    assert standing.stale, "it lives, and may be ahead"
    assert standing.stale_why == "the leader is ahead, and this process cannot keep up"
    standing.match()
    assert (standing.stale, standing.stale_since, standing.stale_why) == (False, None, "")


def test_three_ticks_without_a_leader_make_a_graph_stale_whatever_is_stored(clock: Clock) -> None:
    standing = Standing(clock, Timing(tick=2.0))
    standing.hear()
    standing.match()
    clock.now = 106.0
    assert not standing.stale
    clock.now = 106.1
    standing.match()  # what is stored is what is served; nobody says that it is the cluster's
    assert (standing.stale, standing.stale_since) == (True, 100.0)
    standing.unfit = "no cluster"
    assert standing.stale_why == "no leader writes to Redis; this process cannot: no cluster"
    standing.contact.lose("it does not answer")
    assert standing.stale_why == "Redis is away: it does not answer"
    standing.role, standing.alone = "leader", True
    assert not standing.stale, "its own clients are up to date"


def test_a_redis_that_comes_and_goes_has_a_line_now_and_then(clock: Clock) -> None:
    contact = Contact(clock)
    lines = []
    for _ in range(100):
        clock.now += QUIET / 50
        if contact.lose("it does not answer"):
            lines.append(f"away{contact.untold()}")
        clock.now += 0.01
        if contact.find():
            lines.append("back")
    again = "away (49 more times since the last such line)"
    assert lines == ["away", "back", again, "back"]


def test_a_redis_that_stays_away_is_told_of_in_the_end(clock: Clock) -> None:
    contact = Contact(clock)
    assert (contact.lose("down"), contact.lose("down"), contact.lose("refused")) == (True, False, True)
    assert contact.find()
    clock.now += QUIET / 2
    assert not contact.lose("down")
    clock.now += QUIET
    assert contact.lose("down")
    assert contact.untold() == " (1 more times since the last such line)"


def test_errors_that_others_cause_have_a_line_now_and_then(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    damped = Damped(logging.getLogger("astrolabe.bus"), clock)
    for number in range(121):
        damped.error(f"number {number} is no good")
        clock.now += QUIET / 60
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
            await follower.until(lambda: not follower.replica.standing.stale)
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
async def test_a_redis_that_takes_no_writes(
    begin: Callable[[Redis], None], end: Callable[[Redis], None], word: str, redis: RedisServer
) -> None:
    """Its followers read the stored position again and again, which stays right where it was."""
    async with pair(redis) as (leader, follower):
        place, standing = leader.position, follower.replica.standing
        with redis.client() as client:
            begin(client)
            await leader.publish(Changes(nodes_set=[node("second")]))
            assert leader.replica.standing.alone
            assert word.lower() in leader.replica.standing.why.lower()
            await follower.until(lambda: standing.stale and bool(standing.unfit))
            assert standing.stale_why.startswith(
                "no leader writes to Redis; this process cannot: Redis refuses"
            )
            assert word.lower() in standing.stale_why.lower()
            assert follower.position == place
            assert not leader.replica.standing.stale
            assert leader.graph.nodes.keys() == {"first", "second"}
            end(client)
        await follower.until(lambda: follower.position == leader.position and not standing.stale)
        assert same(leader.graph, follower.graph)
        assert leader.position[0] == place[0]


async def test_a_stored_graph_without_a_leader_is_stale(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
    async with member(redis.address, unfit=True) as reader:
        standing = reader.replica.standing
        assert standing.stale
        assert reader.graph.nodes.keys() == {"a"}
        await reader.until(lambda: bool(standing.unfit))
        await reader.until(lambda: standing.role == "follower")
        assert standing.stale_why == "no leader writes to Redis; this process cannot: no cluster here"
        async with member(redis.address) as leader:
            await leader.leads()
            await reader.until(lambda: not standing.stale)
