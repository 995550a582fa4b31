"""Ways to reach Redis, and what is said when one leads nowhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

from astrolabe.bus.redis.connection import address_of, connect
from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.store import RedisStore
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.graph.state.batch import Changes
from astrolabe.settings import Settings
from tests.support.members import edge, member, node, release, same
from tests.support.redis_server import free_port, redis_server

TLS = Path(__file__).parents[1] / "kube" / "tls"


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (Settings(), "localhost:6379"),
        (Settings(redis_addr="[::1]:7000"), "[::1]:7000"),
        (Settings(redis_url="redis://me:secret@redis/2"), "redis:6379"),
        (Settings(redis_url="rediss://:secret@[::1]:7000"), "[::1]:7000"),
        (Settings(redis_url="unix:///run/redis.sock?password=secret"), "/run/redis.sock"),
        (Settings(redis_url="redis+sentinel://u:s@a,[::1]:7/main"), "a:26379,[::1]:7 (Sentinel, main)"),
        (Settings(redis_url="rediss+cluster://:s@a,b:7000"), "a:6379,b:7000 (Redis Cluster)"),
    ],
)
def test_an_address_is_shown_without_passwords(settings: Settings, address: str) -> None:
    assert address_of(settings) == address


async def verify(settings: Settings) -> None:
    store = RedisStore(settings, RedisTiming(), id="x")
    try:
        await store.verify()
    finally:
        await store.close()


async def test_tls(tmp_path: Path) -> None:
    port = free_port()
    files = ("--tls-cert-file", str(TLS / "cert.pem"), "--tls-key-file", str(TLS / "key.pem"))
    options = ("--tls-port", str(port), *files, "--tls-auth-clients", "no", "--requirepass", "secret")
    with redis_server(tmp_path, *options, "--tls-ca-cert-file", str(TLS / "cert.pem")):
        url = f"rediss://:secret@127.0.0.1:{port}/0?ssl_ca_certs={TLS / 'cert.pem'}"
        await verify(Settings(redis_url=url))
        with pytest.raises(BusError, match=r"cannot use Redis at 127\.0\.0\.1:\d+: .*certificate"):
            await verify(Settings(redis_url=f"rediss://:secret@127.0.0.1:{port}/0"))


async def test_when_one_connection_is_lost_the_idle_ones_are_dropped(tmp_path: Path) -> None:
    """Else they stay, half closed, until as many are needed again."""
    with redis_server(tmp_path) as redis:
        client = connect(Settings(redis_addr=redis.address), RedisTiming(), retry_once=True)
        pool = client.connection_pool
        assert await asyncio.gather(*[client.ping() for _ in range(4)]) == [True] * 4
        assert len(connected(pool)) == 4
        redis.kill()
        redis.start()
        await client.ping()
        assert len(connected(pool)) == 1
        assert await asyncio.gather(*[client.ping() for _ in range(4)]) == [True] * 4
        assert len(connected(pool)) == 4, "none of them was lost"
        await client.aclose()


def connected(pool: ConnectionPool) -> list[AbstractConnection]:
    return [each for each in pool._available_connections if each.is_connected]


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with redis_server(tmp_path, "--unixsocket", str(path)):
        await verify(Settings(redis_url=f"unix://{path}"))


async def test_a_missing_database(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis, pytest.raises(BusError, match="cannot use Redis at"):
        await verify(Settings(redis_addr=redis.address, redis_db=99))


async def test_a_replica_takes_no_writes(tmp_path: Path) -> None:
    refused = pytest.raises(BusError, match="is a read-only replica; use the address of its primary")
    with redis_server(tmp_path, "--replicaof", "127.0.0.1 1") as redis, refused:
        await verify(Settings(redis_addr=redis.address))


async def test_all_keys_are_in_one_slot_of_a_redis_cluster(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--cluster-enabled", "yes") as redis:
        with redis.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
                pass
        async with member(redis.address) as leader:
            await leader.leads()
            await leader.publish(
                Changes(
                    nodes_set=[node("a"), node("b")], edges_set=[edge("a", "b")], releases=release("w", 1)
                )
            )
            async with member(redis.address) as follower:
                assert same(follower.graph, leader.graph)
