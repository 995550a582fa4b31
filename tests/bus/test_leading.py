"""One leads; what it does when it loses the lease, the network, or the memory of Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError
from redis.retry import Retry

from astrolabe.bus.redis.errors import LeadershipLost
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.http.query import StreamPosition
from tests.support.connections import Recorder, settle
from tests.support.members import SHORT, Member, edge, member, node, release, same
from tests.support.redis_server import RedisServer, answers, redis_server

KEY = "{astrolabe:default}:"
#: Of one that does not ask for the lease while a test looks on.
PATIENT = replace(SHORT, poll=60.0)


async def together(*members: Member) -> None:
    """Wait until all are at one place; there they hold the same."""
    first = members[0]
    await first.until(lambda: len({each.position for each in members}) == 1)
    assert all(same(first.graph, other.graph) for other in members)


async def leading(*members: Member) -> tuple[Member, list[Member]]:
    """The one that leads, once one does, and the others."""
    await members[0].until(lambda: any(each.writer is not None for each in members))
    (leader,) = [each for each in members if each.writer is not None]
    return leader, [each for each in members if each is not leader]


async def test_when_the_leader_leaves_another_takes_over_at_once(redis: RedisServer) -> None:
    async with AsyncExitStack() as others:
        async with member(redis.address) as first:
            await first.leads()
            await first.publish(Changes(nodes_set=[node("a")]))
            rest = [await others.enter_async_context(member(redis.address)) for _ in range(2)]
            assert all(each.writer is None for each in rest)
            left = time.monotonic()
        leader, (other,) = await leading(*rest)
        assert time.monotonic() - left < 1, "it said that it goes"
        await leader.publish(Changes(nodes_set=[node("b")]))
        assert leader.position == (first.position[0], 2), "epoch and seq go on"
        await together(leader, other)


async def test_a_leader_that_was_replaced_is_refused(redis: RedisServer) -> None:
    async with member(redis.address) as first:
        await first.leads()
        await first.publish(Changes(nodes_set=[node("a")]))
        old, first.cannot_lead = first.writer, True
        assert old is not None
        with redis.client() as client:  # as if another had led for a moment
            client.delete(KEY + "leader")
            client.hset(KEY + "position", "token", "7")
        async with member(redis.address) as second:
            await second.leads()
            await second.publish(Changes(nodes_set=[node("b")]))
            with pytest.raises(LeadershipLost):
                await old.publish(Batch("", 0, Changes(nodes_set=[node("never")])))
            await together(first, second)
            assert first.graph.nodes.keys() == {"a", "b"}


async def test_a_replica_that_cannot_lead_yields(redis: RedisServer) -> None:
    async with member(redis.address, cannot_lead=True) as cannot_lead, member(redis.address) as fit:
        await fit.leads()
        await fit.publish(Changes(nodes_set=[node("a")]))
        await together(fit, cannot_lead)


async def test_the_leader_continues_without_redis(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(
            Changes(nodes_set=[node("a"), node("b"), node("c")], edges_set=[edge("a", "b"), edge("b", "c")])
        )
        async with member(redis.address, timing=PATIENT) as follower:
            await together(leader, follower)
            epoch = leader.position[0]
            redis.kill()
            await leader.publish(
                Changes(nodes_set=[node("d"), node("a", "changed")], releases=release("w", 1))
            )
            await leader.publish(
                Changes(
                    edges_removed=[edge("a", "b").key, edge("b", "c").key],
                    nodes_removed=["b", "d"],
                )
            )
            assert leader.graph.nodes.keys() == {"a", "c"}, "it serves what it knows"
            assert leader.replica.status.detached
            await follower.until(lambda: not follower.replica.status.reachable)
            assert follower.graph.nodes.keys() == {"a", "b", "c"}, "it serves what it knows"
            redis.start()
            await answers(redis)
            await together(leader, follower)
            assert leader.position[0] == epoch
            assert follower.graph.nodes == {"a": node("a", "changed"), "c": node("c")}
            assert not leader.replica.status.detached
            await leader.publish(Changes(nodes_set=[node("e")]))
            await together(leader, follower)
        async with member(redis.address) as late:
            await together(leader, late)


async def test_merged_changes_reach_followers_without_a_time(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
        async with member(redis.address) as follower:
            await together(leader, follower)
            recorder = Recorder()
            follower.hub.join(recorder).subscribe("x", EVERYTHING)
            await follower.until(lambda: bool(recorder.messages))
            assert recorder.types() == ["snapshot"]
            await leader.publish(Changes(nodes_set=[node("b")]), time=5)
            await follower.until(lambda: bool(recorder.messages))
            (delta,) = recorder.take()
            assert delta["time"] == 5
            redis.kill()
            await leader.publish(Changes(nodes_set=[node("c")]), time=7)
            await leader.publish(Changes(nodes_set=[node("d")]), time=9)
            redis.start()
            await answers(redis)
            await together(leader, follower)
            await settle()
            (delta,) = [message for message in recorder.take() if message["type"] == "delta"]
            assert {node["uid"] for node in delta["nodes"]["set"]} == {"c", "d"}
            assert "time" not in delta


async def test_positions_of_a_detached_leader_are_never_reused(redis: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        leader = await stack.enter_async_context(member(redis.address))
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
        follower = await stack.enter_async_context(member(redis.address))
        await together(leader, follower)
        stored = leader.position
        redis.kill()
        await leader.publish(Changes(nodes_set=[node("alone")]))
        alone = leader.position
        moved = Recorder()
        follower.hub.join(moved).subscribe("x", EVERYTHING, StreamPosition(*alone))
        await follower.until(lambda: len(moved.messages) == 2)
        reset, snapshot = moved.take()  # at once: nobody else comes to where it was
        assert reset == {"type": "reset", "id": "x", "reason": "epoch-changed"}
        assert (snapshot["epoch"], snapshot["seq"]) == stored
        redis.start()
        # Another was faster: nothing is awaited before that is so.
        with redis.client(
            retry=Retry(ConstantBackoff(0.01), 1000), retry_on_error=[BusyLoadingError]
        ) as client:
            client.delete(KEY + "leader")
            client.hset(KEY + "position", "token", "7")
        await leader.until(lambda: leader.writer is None)
        new, (old,) = await leading(leader, follower)
        await new.publish(Changes(nodes_set=[node("b")]))
        assert new.position[0] == stored[0]
        await together(new, old)
        assert new.graph.nodes.keys() == {"a", "b"}
        assert not new.hub.history.knows(alone[1])
        assert not old.hub.history.knows(alone[1])


async def test_an_emptied_redis_gets_the_leaders_graph_again(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        assert leader.writer is not None
        leader.writer.mark_complete()
        many = [node(f"pod-{number}") for number in range(3_000)]
        edges = [edge(f"pod-{number}", f"pod-{number + 1}") for number in range(2_999)]
        await leader.publish(Changes(nodes_set=many, edges_set=edges, releases=release("web", 4)))
        async with member(redis.address, timing=PATIENT) as follower:
            await together(leader, follower)
            epoch, token = leader.position[0], leader.writer
            redis.kill(lose_data=True)
            await leader.publish(Changes(nodes_set=[node("meanwhile")]))
            redis.start()
            await follower.until(lambda: follower.position[0] not in (epoch, "before"))
            await together(leader, follower)
            assert len(follower.graph.nodes) == 3_001
            assert follower.replica.status.complete
            assert leader.writer is token, "the leader knew most and stayed"
            await leader.publish(Changes(nodes_set=[node("later")]))
            await together(leader, follower)


async def test_a_follower_refills_an_empty_redis_if_no_leader_does(redis: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        async with member(redis.address) as leader:
            await leader.leads()
            await leader.publish(Changes(nodes_set=[node("a")]))
            follower = await stack.enter_async_context(member(redis.address))
            await together(leader, follower)
            redis.kill(lose_data=True)
        redis.start()
        await follower.leads()
        assert follower.position[0] != leader.position[0]
        assert follower.graph.nodes.keys() == {"a"}
        async with member(redis.address) as late:
            await together(follower, late)


async def test_a_position_that_moves_back_ends_the_epoch(redis: RedisServer) -> None:
    async with member(redis.address) as leader, member(redis.address) as follower:
        one, (other,) = await leading(leader, follower)
        await one.publish(Changes(nodes_set=[node("a")]))
        await one.publish(Changes(nodes_set=[node("b")]))
        await together(one, other)
        epoch = one.position[0]
        with redis.client() as client:  # as from a backup of a moment ago
            client.hset(KEY + "position", "seq", "1")
            client.hdel(KEY + "nodes", "b")
        await one.until(lambda: one.position[0] != epoch)
        await together(one, other)
        assert other.graph.nodes.keys() == {"a", "b"}


async def test_a_follower_ends_an_epoch_that_moved_back_unseen(redis: RedisServer) -> None:
    """The leader is new and knows of nothing; it is told by one that had seen more."""
    async with AsyncExitStack() as stack:
        async with member(redis.address) as first:
            await first.leads()
            for name in "abc":
                await first.publish(Changes(nodes_set=[node(name)]))
            ahead = await stack.enter_async_context(member(redis.address, timing=PATIENT))
            await together(first, ahead)
            with redis.client() as client, client.pipeline() as pipeline:  # it ends without a word
                pipeline.set(KEY + "leader", "nobody", px=300)
                pipeline.hset(KEY + "position", "token", "7")
                pipeline.execute()
        epoch = ahead.position[0]
        with redis.client() as client:  # as from a backup of a moment ago
            client.hset(KEY + "position", "seq", "1")
            client.hdel(KEY + "nodes", "b", "c")
            client.delete(KEY + "log")
        new = await stack.enter_async_context(member(redis.address))
        await new.leads()
        for name in "xyz":
            await new.publish(Changes(nodes_set=[node(name)]))
        await ahead.until(lambda: ahead.position[0] != epoch)
        await together(new, ahead)
        assert ahead.graph.nodes.keys() == {"a", "x", "y", "z"}
        assert (epoch, 4) not in ahead.seen, "the fourth of another history"


async def test_the_leader_after_a_redis_restart_continues_at_unused_positions(redis: RedisServer) -> None:
    async with member(redis.address) as first:
        await first.leads()
        await first.publish(Changes(nodes_set=[node("a")]))
    redis.kill()
    redis.start()
    await answers(redis)
    async with member(redis.address) as second:
        await second.leads()
        await second.publish(Changes(nodes_set=[node("b")]))
        epoch, seq = second.position
        assert epoch == first.position[0]
        assert seq > 1_000_000, "Redis may have lost its latest positions, and somebody may hold them"
        assert second.hub.history.knows(1)
        assert not second.hub.history.knows(2)


async def test_a_lost_reply_loses_nothing(redis: RedisServer) -> None:
    """Redis stops in the middle: it may have what it never confirmed."""
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
        redis.pause()
        await leader.publish(Changes(nodes_set=[node("b"), node("c")]))
        assert leader.replica.status.detached
        await leader.publish(Changes(nodes_removed=["c"]))
        redis.resume()
        await leader.until(lambda: not leader.replica.status.detached)
        assert leader.graph.nodes.keys() == {"a", "b"}
        async with member(redis.address) as late:
            await together(leader, late)


@pytest.mark.parametrize(
    ("field", "value"),
    [("nodes", b"not a node"), ("edges", b"not an edge"), ("nodes", b"\xff\xfe")],
)
async def test_damaged_data_is_quarantined(redis: RedisServer, field: str, value: bytes) -> None:
    async with member(redis.address) as first:
        await first.leads()
        await first.publish(Changes(nodes_set=[node("a"), node("b")], edges_set=[edge("a", "b")]))
    with redis.client() as client:
        key = KEY + field
        client.hset(key, client.hkeys(key)[0], value)
        client.delete(KEY + "log")  # from which the damage would be undone
        async with member(redis.address) as second:
            await second.leads()
            assert second.graph.nodes == {}
            assert second.position[0] != first.position[0]
            (quarantine,) = [name for name in client.scan_iter() if b"nodes:aside:" in name]
            assert client.hlen(quarantine) == 2
            assert client.ttl(quarantine) > 0
            await second.publish(Changes(nodes_set=[node("c")]))
            async with member(redis.address) as third:
                await together(second, third)


@pytest.mark.parametrize(("schema", "waits"), [("0", False), ("2", True)])
async def test_another_version_of_the_stored_format(redis: RedisServer, schema: str, waits: bool) -> None:
    """The newer replaces the older while that leads; the older waits until the newer is gone."""
    with redis.client() as client:
        client.hset(KEY + "position", mapping={"epoch": "theirs", "seq": 5, "schema": schema, "token": 1})
        client.set(KEY + "leader", "theirs", px=1_000)
        async with member(redis.address) as one:
            started = time.monotonic()
            await one.leads()
            assert (time.monotonic() - started > 0.8) is waits
            assert one.position[0] != "theirs"


@pytest.mark.parametrize("interval", [3600, 0], ids=["now and then", "only when it is found"])
async def test_differences_in_redis_are_repaired(redis: RedisServer, interval: int) -> None:
    async with member(redis.address, interval=interval) as leader:
        await leader.leads()
        await leader.publish(
            Changes(
                nodes_set=[node(name) for name in "abcd"],
                edges_set=[edge("a", "b"), edge("b", "c")],
                releases=release("web", 1),
            )
        )
        with redis.client() as client:
            client.hset(KEY + "nodes", "a", node("a", "wrong").text)
            client.hset(KEY + "nodes", "stranger", node("stranger").text)
            client.hset(KEY + "nodes", b"\xff", b"?")
            client.hdel(KEY + "nodes", "d")
            client.hset(KEY + "edges", '["owns","a","b"]', "[9]")
            client.hset(KEY + "edges", '["owns","a","c"]', '[1,"x"]')
            client.hset(KEY + "edges", "no key", "[]")
            client.delete(KEY + "releases")
            async with member(redis.address) as follower:
                client.set(KEY + "alarm", "damaged")
                await together(leader, follower)
                await leader.until(lambda: client.hlen(KEY + "nodes") == 4)
                await together(leader, follower)
            async with member(redis.address) as late:
                await together(leader, late)
                assert late.graph.releases == release("web", 1)


async def test_a_tick_behind_a_failing_batch_loses_nothing(redis: RedisServer) -> None:
    """It would find Redis where the batch left it, and not where the leader is alone: a new epoch for everyone."""
    async with member(redis.address, timing=replace(SHORT, tick=60.0, lease=60.0)) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
        epoch, writer = leader.position[0], leader.writer
        assert writer is not None
        redis.pause()
        batch = asyncio.create_task(leader.publish(Changes(nodes_set=[node("b")])))
        await asyncio.sleep(0)  # it has the lock now
        tick = asyncio.create_task(writer.tick())
        await batch
        assert leader.replica.status.detached
        redis.resume()
        await tick
        await writer.tick()
        await leader.until(lambda: not leader.replica.status.detached)
        assert leader.position[0] == epoch
        async with member(redis.address) as late:
            await together(leader, late)
            assert late.graph.nodes.keys() == {"a", "b"}


async def test_a_stalled_redis_delays_no_client(redis: RedisServer) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        await leader.publish(Changes(nodes_set=[node("a")]))
        redis.pause()
        started = time.monotonic()
        for number in range(50):
            await leader.publish(Changes(nodes_set=[node(f"pod-{number}")]))
        assert time.monotonic() - started < 3
        assert len(leader.graph.nodes) == 51
        redis.resume()
        await leader.until(lambda: not leader.replica.status.detached)
        with redis.client() as client:
            assert client.hlen(KEY + "nodes") == 51


async def test_the_leader_waits_while_redis_loads_its_data(tmp_path: Path) -> None:
    """It answers, and everything that it is asked meanwhile is an error; nothing in it is older or less then."""
    slowly = ("--key-load-delay", "100")
    with redis_server(tmp_path) as redis, redis.client() as client:
        async with member(redis.address) as leader:
            await leader.leads()
            await leader.publish(Changes(nodes_set=[node("a"), node("b")], edges_set=[edge("a", "b")]))
            async with member(redis.address, timing=PATIENT) as follower:
                await together(leader, follower)
                epoch = leader.position[0]
                with client.pipeline(transaction=False) as pipeline:
                    for number in range(15_000):
                        pipeline.set(f"of somebody else {number}", "x")
                    pipeline.execute()
                redis.kill()
                with restarted(tmp_path, redis.port, *slowly):
                    await leader.publish(Changes(nodes_set=[node("meanwhile")]))
                    await leader.until(lambda: "is loading" in leader.replica.status.why)
                    assert leader.replica.status.detached
                    await follower.until(lambda: "is loading" in follower.replica.status.stale_why)
                    assert follower.graph.nodes.keys() == {"a", "b"}, "it serves what it knows"
                    await together(leader, follower)
                    assert (leader.position[0], set(follower.graph.nodes)) == (epoch, {"a", "b", "meanwhile"})
                    async with member(redis.address) as late:
                        await together(leader, late)


@contextmanager
def restarted(folder: Path, port: int, *options: str) -> Iterator[None]:
    """A Redis with the data of another that ended, at the same port."""
    server = RedisServer(folder, *options, port=port)
    server.start()
    try:
        yield
    finally:
        server.stop()


async def test_a_full_redis_is_logged_with_its_own_message(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with member(redis.address) as leader:
        await leader.leads()
        with redis.client() as client:
            client.config_set("maxmemory", 1)
            await leader.publish(Changes(nodes_set=[node("one more")]))
            await leader.until(lambda: leader.replica.status.detached)
            assert leader.replica.status.why == "command not allowed when used memory > 'maxmemory'"
            client.config_set("maxmemory", 0)
        await leader.until(lambda: not leader.replica.status.detached)
    assert caplog.text.count("command not allowed when used memory > 'maxmemory'; continuing without it") == 1
