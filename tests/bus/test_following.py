"""A follower gets where the leader is, whatever it missed; and has the history that the log has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest

from astrolabe.bus.redis import codec
from astrolabe.graph.state.batch import Changes
from astrolabe.settings import Limits
from tests.support.members import Member, edge, member, node, release, same
from tests.support.redis_server import RedisServer

KEY = "{astrolabe:default}:"


@asynccontextmanager
async def pair(redis: RedisServer, limits: Limits | None = None) -> AsyncIterator[tuple[Member, Member]]:
    """A leader with one node, and a follower that is in step."""
    async with member(redis.address, limits=limits) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("first")]))
        async with member(redis.address, limits=limits) as follower:
            await follower.until(lambda: follower.position == leader.position)
            yield leader, follower


def _has_seen(follower: Member, batches: int) -> bool:
    return len(follower.seen) >= batches


async def in_step(leader: Member, follower: Member) -> None:
    await follower.until(lambda: follower.position == leader.position)
    assert same(leader.graph, follower.graph)


async def test_a_joining_replica_has_the_stored_graph(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(
            Changes(nodes_set=[node("a"), node("b")], edges_set=[edge("a", "b")], releases=release("web", 2))
        )
        async with member(redis.address) as follower:
            assert same(leader.graph, follower.graph), "it serves before it even follows"


async def test_a_joining_replica_has_the_stored_history(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        for number in range(10):
            gone = [f"pod-{number - 3}"] if number >= 3 else []
            await leader.publish(Changes(nodes_set=[node(f"pod-{number}")], nodes_removed=gone))
        async with member(redis.address) as follower:
            for seq in range(11):
                ours, theirs = leader.hub.history.since(seq), follower.hub.history.since(seq)
                assert ours is not None
                assert theirs is not None
                assert (ours.nodes, ours.edges) == (theirs.nodes, theirs.edges)
    assert leader.position[1] == 10


async def test_joining_while_much_is_committed(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        many = [node(f"pod-{number}", size=200) for number in range(4_000)]
        await leader.publish(Changes(nodes_set=many))
        stop = asyncio.Event()

        async def churn() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                gone = f"pod-{number % 4_000}"
                back = node(f"pod-{(number + 2_000) % 4_000}", f"round {number}")
                await leader.publish(Changes(nodes_set=[back], nodes_removed=[gone]))

        churning = asyncio.create_task(churn())
        for _ in range(5):
            async with member(redis.address) as follower:
                batches = len(follower.seen) + 5
                await follower.until(partial(_has_seen, follower, batches))
        stop.set()
        await churning
        async with member(redis.address) as follower:
            await in_step(leader, follower)


async def test_a_lost_message_is_read_from_the_log(redis: RedisServer) -> None:
    async with pair(redis) as (leader, follower):
        with redis.client() as client:
            client.client_kill_filter(_type="pubsub")
            await leader.publish(Changes(nodes_set=[node("second")]))
            await leader.publish(Changes(nodes_set=[node("third")]))
        await in_step(leader, follower)


async def test_a_duplicate_message_is_applied_once(redis: RedisServer) -> None:
    async with pair(redis) as (leader, follower):
        await leader.publish(Changes(nodes_set=[node("second")]))
        with redis.client() as client:
            ((_, fields),) = client.xrevrange(KEY + "log", count=1)
            client.publish(KEY + "diff", codec.BATCH + fields[b"b"])
        await leader.publish(Changes(nodes_set=[node("third")]))
        await in_step(leader, follower)


async def test_a_tick_that_is_ahead_reveals_a_lost_message(redis: RedisServer) -> None:
    async with pair(redis) as (_, follower):
        with redis.client() as client:
            # As if the leader had committed, and only its tick were heard.
            client.hset(KEY + "nodes", "second", node("second").text)
            epoch, seq = follower.position
            entry = codec.LogEntry(epoch, seq, seq + 1, 1, [node("second").text], [], [], [], {})
            client.xadd(
                KEY + "log",
                {"b": codec.encode(entry), "u": codec.encode(codec.UndoRecord())},
                f"{entry.seq}-0",
            )
            client.hset(KEY + "position", "seq", entry.seq)
            tick = codec.Tick(entry.epoch, entry.seq, True, msgspec.Raw(b"{}"))
            client.publish(KEY + "diff", codec.encode_tick(tick))
        await follower.until(lambda: "second" in follower.graph.nodes)


async def test_an_unreadable_message_is_read_from_the_log(redis: RedisServer) -> None:
    async with pair(redis) as (leader, follower):
        with redis.client() as client:
            client.publish(KEY + "diff", codec.BATCH + b"\xc1 nonsense")
            client.publish(KEY + "diff", codec.TICK + b"{}")
            client.publish(KEY + "diff", b"?")
        await leader.publish(Changes(nodes_set=[node("second")]))
        await in_step(leader, follower)


async def test_nonsense_on_the_channel_does_not_flood_the_log(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(redis) as (leader, follower):
        await follower.until(lambda: follower.replica.status.heard is not None)
        epoch, seq = follower.position
        dangling = [(codec.edge_id(("owns", "x" * 10_000, "y")), '[1,"x"]')]
        open = codec.LogEntry(epoch, seq, seq + 1, 1, [], dangling, [], [], {})
        with redis.client() as client:
            for _ in range(200):
                client.publish(KEY + "diff", codec.BATCH + b"\xc1 nonsense")
                client.publish(KEY + "diff", codec.BATCH + codec.encode(open))
        await leader.publish(Changes(nodes_set=[node("second")]))
        await in_step(leader, follower)
    told = [message for message in caplog.messages if "a published message cannot be decoded" in message]
    assert len(told) == 1
    assert max(map(len, caplog.messages)) < 400


async def test_a_log_that_is_too_short_loses_nothing(redis: RedisServer) -> None:
    async with pair(redis) as (leader, follower):
        with redis.client() as client:
            client.client_kill_filter(_type="pubsub")
            for number in range(5):
                await leader.publish(Changes(nodes_set=[node(f"pod-{number}")]))
            client.xtrim(KEY + "log", maxlen=1, approximate=False)
        await in_step(leader, follower)


async def test_the_log_is_as_long_as_the_history(redis: RedisServer) -> None:
    limits = Limits(history_changes=50)
    async with pair(redis, limits) as (leader, follower):
        for number in range(200):
            await leader.publish(Changes(nodes_set=[node(f"pod-{number % 7}", str(number))]))
        await in_step(leader, follower)
        with redis.client() as client:
            assert 50 <= client.xlen(KEY + "log") < 100, "Redis forgets in blocks"
        async with member(redis.address, limits=limits) as late:
            assert late.hub.history.start == leader.hub.history.start


async def test_several_clusters_share_one_redis(redis: RedisServer) -> None:
    async with member(redis.address, cluster="one") as one, member(redis.address, cluster="two") as two:
        await one.leads()
        await two.leads()
        await one.publish(Changes(nodes_set=[node("a")]))
        await two.publish(Changes(nodes_set=[node("b")]))
        assert (list(one.graph.nodes), list(two.graph.nodes)) == (["a"], ["b"])
        assert one.position[0] != two.position[0]


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records]
    return [message for message in messages if message.endswith("; serving the last known graph")]


def _is_told(why: str, caplog: pytest.LogCaptureFixture) -> bool:
    return any(why in message for message in _told(caplog))


async def test_each_reason_why_redis_is_unusable_is_logged_once(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What an operator reads last is why it cannot be used now, not what was wrong with it at first."""
    async with pair(redis) as (_, follower):
        with redis.client() as client:
            client.config_set("requirepass", "changed")
            client.client_kill_filter(_type="pubsub")
        await follower.until(lambda: _is_told("Authentication required", caplog))
        redis.kill()
        await follower.until(lambda: _is_told("Error 111 connecting", caplog))
        redis.start()
        await follower.until(lambda: follower.replica.status.reachable)
    told = _told(caplog)
    assert len(told) == len(set(told))
