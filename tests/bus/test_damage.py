"""Whatever somebody writes over our keys: no process ends, and in the end all hold the graph that is right."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from astrolabe.bus.redis import codec
from astrolabe.bus.redis.errors import LeadershipLost
from astrolabe.graph.state.batch import Changes
from tests.support.members import Member, edge, member, node, release, same
from tests.support.redis_server import RedisServer

KEY = "{astrolabe:default}:"
DEEP = b"[" * 100_000 + b"]" * 100_000
NODES = [node(f"pod-{number}") for number in range(20)]
EDGES = [edge(f"pod-{number}", f"pod-{number + 1}") for number in range(19)]

#: What a value is replaced by.
JUNK = [
    b"",
    b"\x00\xff\xfe",
    b"null",
    b"{}",
    b"[]",
    b"-1",
    b"1e400",
    b"nan",
    b"inf",
    b"9" * 40,
    DEEP,
    b"x" * 100_000,
]

Damage = Callable[[Redis, Random], Any]


def another_type(client: Redis, random: Random) -> None:
    key = KEY + random.choice(["leader", "position", "nodes", "edges", "releases", "log", "alarm"])
    client.delete(key)
    random.choice(
        [lambda: client.set(key, b"x"), lambda: client.rpush(key, b"x"), lambda: client.sadd(key, b"x")]
    )()


def junk_in_position(client: Redis, random: Random) -> None:
    field = random.choice(["epoch", "seq", "token", "schema", "complete", "run", "unknown"])
    client.hset(KEY + "position", field, random.choice(JUNK))


def junk_in_graph(client: Redis, random: Random) -> None:
    name = random.choice(["nodes", "edges", "releases"])
    fields = [*client.hkeys(KEY + name), *JUNK]
    client.hset(KEY + name, random.choice(fields), random.choice(JUNK))


def another_way_to_write_an_edge(client: Redis, random: Random) -> None:
    ((id, value),) = list(client.hgetall(KEY + "edges").items())[:1]
    client.hset(KEY + "edges", id.replace(b",", b" , "), value)


def holes(client: Redis, random: Random) -> None:
    fields = client.hkeys(KEY + "nodes")
    if fields:
        client.hdel(KEY + "nodes", *random.sample(fields, min(len(fields), 3)))


def a_log_from_the_future(client: Redis, random: Random) -> None:
    client.xadd(KEY + "log", {"b": b"x", "u": b"y"}, id=f"{2**63}-0")


def unknown_fields_in_the_log(client: Redis, random: Random) -> None:
    client.xadd(KEY + "log", {"what": b"this"})


def nonsense_in_the_channel(client: Redis, random: Random) -> None:
    kind = random.choice([codec.BATCH, codec.TICK, codec.LEADER_LEFT, b"?"])
    client.publish(KEY + "diff", kind + random.choice(JUNK))


def a_batch_that_leaves_the_graph_open(client: Redis, random: Random) -> None:
    epoch, seq = client.hmget(KEY + "position", "epoch", "seq")
    if (epoch or b"").isalnum() and (seq or b"").isdigit() and len(seq) < 18:
        edges = [(codec.edge_id(("owns", "nobody", "nothing")), '[1,"x"]')]
        entry = codec.LogEntry(epoch.decode(), int(seq), int(seq) + 1, 1, [], edges, [], ["pod-3"], {})
        client.publish(KEY + "diff", codec.BATCH + codec.encode(entry))


def deep_condition(client: Redis, random: Random) -> None:
    client.publish(
        KEY + "diff", codec.TICK + b'{"epoch":"e","seq":1,"complete":true,"condition":' + DEEP + b"}"
    )


DAMAGES: list[Damage] = [
    another_type,
    junk_in_position,
    junk_in_graph,
    another_way_to_write_an_edge,
    holes,
    a_log_from_the_future,
    unknown_fields_in_the_log,
    nonsense_in_the_channel,
    a_batch_that_leaves_the_graph_open,
    deep_condition,
]


class Cluster:
    """What the graph should be, brought to whoever leads, as an engine does that lists anew when it begins."""

    def __init__(self) -> None:
        self.nodes = {each.uid: each for each in NODES}
        self._told: object = None

    async def bring(self, members: list[Member], random: Random) -> None:
        """Change something, and publish whatever the leader's graph lacks."""
        name = f"pod-{random.randrange(20)}"
        self.nodes[name] = node(name, str(random.random()))
        for each in members:
            graph = each.graph
            if each.writer is not None:
                changed = [node for uid, node in self.nodes.items() if graph.nodes.get(uid) != node]
                missing = [wanted for wanted in EDGES if graph.edge(wanted.key) != wanted]
                strange = [uid for uid in graph.nodes if uid not in self.nodes]
                await each.publish(
                    Changes(
                        nodes_set=changed,
                        edges_set=missing,
                        nodes_removed=strange,
                        releases=release("web", 1),
                    )
                )


def is_right(each: Member, cluster: Cluster) -> bool:
    graph = each.graph
    return dict(graph.nodes) == cluster.nodes and {edge.key: edge for edge in graph.edges()} == {
        edge.key: edge for edge in EDGES
    }


async def heals(redis: RedisServer, damages: list[Damage], random: Random) -> None:
    """Damage, go on, and see that all members agree on the right graph, and one who comes late."""
    cluster = Cluster()
    async with member(redis.address) as one, member(redis.address) as two:
        members = [one, two]
        await settled(members, cluster, random)  # who leads first may not do so for long
        with redis.client() as client:
            for damage in damages:
                with suppress(ResponseError):  # what was damaged before takes no more
                    damage(client, random)
                await asyncio.sleep(random.choice([0.0, 0.02]))
                await _bring(cluster, members, random)
        try:
            await settled(members, cluster, random)
            async with member(redis.address) as late:
                await settled([*members, late], cluster, random)
        except TimeoutError:
            shown = [(each.position, each.replica.status) for each in members]
            raise AssertionError(f"{[damage.__name__ for damage in damages]}: {shown}") from None
        for each in members:
            assert not each.task.done(), "its process would have ended"


async def _bring(cluster: Cluster, members: list[Member], random: Random) -> None:
    with suppress(LeadershipLost):
        await cluster.bring(members, random)


async def settled(members: list[Member], cluster: Cluster, random: Random) -> None:
    async with asyncio.timeout(25):
        while True:
            await _bring(cluster, members, random)
            await asyncio.sleep(0.1)
            steady = not any(each.replica.status.detached or each.replica.status.stale for each in members)
            agree = all(same(members[0].graph, each.graph) for each in members)
            if steady and agree and all(is_right(each, cluster) for each in members):
                return


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_single_damage_is_repaired(damage: Damage, redis: RedisServer) -> None:
    await heals(redis, [damage] * 2, Random(7))


@pytest.mark.parametrize("seed", range(int(os.environ.get("ASTROLABE_DAMAGE_SEEDS", "4"))))
async def test_combined_damage_is_repaired(seed: int, redis: RedisServer) -> None:
    random = Random(seed)
    await heals(redis, random.choices(DAMAGES, k=6), random)
