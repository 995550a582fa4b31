"""Values of hundreds of megabytes over our keys: they are not read to their end, and all heals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psutil
import pytest
from redis import Redis

from astrolabe.graph.state.batch import Changes
from tests.support.members import SHORT, edge, member, node, release, same
from tests.support.redis_server import RedisServer

KEY = "{astrolabe:default}:"
#: Bytes. As much again would be held while it is decoded.
HUGE = 128 * 1024 * 1024

#: Redis is busy for up to a second with such a value.
CALM = replace(SHORT, lease=3.0, connect=2.0, answer=1.0)

Hide = Callable[[Redis], Any]


def as_text(name: str) -> Hide:
    return lambda client: client.setrange(KEY + name, HUGE - 1, b"x")


def by_script(command: str) -> Hide:
    """With `huge` for the value, which Redis makes itself."""

    def hide(client: Redis) -> None:
        client.setrange("huge", HUGE - 1, b"x")
        client.eval(f"local huge = redis.call('GET', 'huge'); redis.call({command})", 1, KEY)
        client.delete("huge")

    return hide


PLACES: dict[str, Hide] = {
    "leader": as_text("leader"),
    "alarm": as_text("alarm"),
    "epoch": by_script("'HSET', KEYS[1] .. 'position', 'epoch', huge"),
    "token": by_script("'HSET', KEYS[1] .. 'position', 'token', huge"),
    "node": by_script("'HSET', KEYS[1] .. 'nodes', 'pod-1', huge"),
    "name of an edge": by_script("'HSET', KEYS[1] .. 'edges', huge, '[1]'"),
    "log": by_script("'XADD', KEYS[1] .. 'log', '*', 'b', huge"),
    "channel": by_script("'PUBLISH', KEYS[1] .. 'diff', huge"),
}


@contextmanager
def memory_stays() -> Iterator[None]:
    """Checks that this process never held nearly as much as one of the values."""
    process = psutil.Process()
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # the peak is what is held now
    before = process.memory_info().rss
    yield
    with open("/proc/self/status") as status:
        (kilobytes,) = [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]
    assert kilobytes * 1024 - before < HUGE * 3 // 4


@pytest.mark.parametrize("place", PLACES)
async def test_a_huge_value_is_dropped_and_the_stored_graph_recovers(redis: RedisServer, place: str) -> None:
    async with member(redis.address, timing=CALM) as one, member(redis.address, timing=CALM) as other:
        members = [one, other]
        await one.until(lambda: any(each.writer for each in members))
        leader = next(each for each in members if each.writer)
        pods = [node(f"pod-{number}") for number in range(200)]
        await leader.publish(
            Changes(nodes_set=pods, edges_set=[edge("pod-1", "pod-2")], releases=release("web", 1))
        )
        await one.until(lambda: same(one.graph, other.graph))
        with redis.client(socket_timeout=30) as client, memory_stays():
            client.config_set("appendonly", "no")  # a slow disk is not what is tried
            PLACES[place](client)
            if place != "alarm":
                client.set(KEY + "alarm", "damaged")

            def healed() -> bool:
                statuses = [each.replica.status for each in members]
                steady = not any(status.detached or status.stale for status in statuses)
                return steady and same(one.graph, other.graph) and client.hlen(KEY + "nodes") == 200

            await one.until(healed)
            async with member(redis.address, timing=CALM, cannot_lead=True) as late:
                await one.until(lambda: same(one.graph, late.graph))
        assert len(late.graph.nodes) == 200
        assert not any(each.task.done() for each in members if each.task)
