"""Redis as people run it: a primary with a replica and Sentinels, or a Redis Cluster, all of them real."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.support.redis_server import RedisServer, free_port, redis_server

#: Seconds for a gossip or an election.
PATIENCE = 30.0
SERVICE = "mymaster"


def until(condition: Callable[[], bool]) -> None:
    """Wait until this holds; what Redis says meanwhile is no answer."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except RedisError:
            pass
        assert time.monotonic() < ends, "Redis does not get there"
        time.sleep(0.02)  # a pace of asking: nothing tells of it


class Watched:
    """A primary and its replica, watched by one Sentinel, which alone decides."""

    def __init__(self, primary: RedisServer, replica: RedisServer, sentinel: int) -> None:
        self.primary = primary
        self.replica = replica
        self.sentinel = sentinel

    @property
    def url(self) -> str:
        """The first of the Sentinels is not there."""
        return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{self.sentinel}/{SERVICE}/0"

    def copied(self) -> None:
        """Wait until the replica has all that was written."""
        with self.primary.client() as client:
            client.set("written", "after all else")
            assert client.wait(1, 10_000) == 1

    def cut_replica(self) -> None:
        """Keep what is written from now on from the replica, which still knows whose replica it is."""
        with self.primary.client() as client:
            client.config_set("requirepass", "replicas do not know it")
            client.client_kill_filter(_type="replica")

    def promoted(self) -> None:
        """Wait until the Sentinel says that the replica is the primary."""
        with RedisServer(Path(), port=self.sentinel).client() as client:
            ask = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            until(lambda: int(client.execute_command(*ask)[1]) == self.replica.port)


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """The Sentinel takes half a second to find the primary dead, and another to replace it."""
    with ExitStack() as stack:
        for name in ("primary", "replica"):
            (folder / name).mkdir()
        quick = ("--repl-diskless-sync-delay", "0")
        primary = stack.enter_context(redis_server(folder / "primary", *quick))
        following = ("--replicaof", f"127.0.0.1 {primary.port}")
        replica = stack.enter_context(redis_server(folder / "replica", *following, *quick))
        with replica.client() as client:
            until(lambda: client.info("replication")["master_link_status"] == "up")
        port = free_port()
        configuration = folder / "sentinel.conf"
        configuration.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        process = subprocess.Popen(["redis-sentinel", str(configuration)], stdout=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        sentinel = RedisServer(folder, port=port)
        with sentinel.client() as client:
            until(lambda: client.execute_command("SENTINEL", "REPLICAS", SERVICE) != [])
        yield Watched(primary, replica, port)


class Nodes:
    """Of a Redis Cluster, each of which owns a third of the slots at first."""

    def __init__(self, servers: list[RedisServer], key: str) -> None:
        self.servers = servers
        self.slot = key_slot(key.encode())

    @property
    def url(self) -> str:
        """The first is not there, the last does not own the slot of the key."""
        _, *others = sorted(self.servers, key=lambda server: server is not self.owner)
        return f"redis+cluster://127.0.0.1:1,{others[-1].address}"

    @property
    def owner(self) -> RedisServer:
        for server in self.servers:
            with server.client() as client:
                for line in client.execute_command("CLUSTER", "NODES").decode().splitlines():
                    if "myself" in line and self._owns(line):
                        return server
        raise AssertionError("nobody owns the slot")

    def _owns(self, line: str) -> bool:
        ranges = [part.split("-") for part in line.split()[8:] if not part.startswith("[")]
        return any(int(part[0]) <= self.slot <= int(part[-1]) for part in ranges)

    def migrate(self, source: RedisServer, target: RedisServer) -> None:
        """Announce that the slot moves; its keys stay for now."""
        self._tell(target, "CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.id(source))
        self._tell(source, "CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.id(target))

    def move_keys(self, source: RedisServer, target: RedisServer) -> None:
        """All that the slot has; it is still the source's."""
        while keys := self._tell(source, "CLUSTER", "GETKEYSINSLOT", self.slot, 100):
            self._tell(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)

    def settle(self, target: RedisServer) -> None:
        """It is the target's; the others hear it by and by."""
        for server in sorted(self.servers, key=lambda server: server is not target):
            self._tell(server, "CLUSTER", "SETSLOT", self.slot, "NODE", self.id(target))

    def id(self, server: RedisServer) -> str:
        return str(self._tell(server, "CLUSTER", "MYID").decode())

    def _tell(self, server: RedisServer, *command: Any) -> Any:
        with server.client() as client:
            return client.execute_command(*command)


@contextmanager
def nodes(folder: Path, key: str) -> Iterator[Nodes]:
    """Three nodes that know one another."""
    with ExitStack() as stack:
        servers = []
        for number in range(3):
            (folder / str(number)).mkdir()
            bus = free_port()
            options = (
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                str(bus),
                "--cluster-node-timeout",
                "2000",
            )
            server = stack.enter_context(redis_server(folder / str(number), *options))
            servers.append(server)
            first, last = (number * 5462, min(number * 5462 + 5461, 16383))
            with server.client() as client:
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            with servers[0].client() as client:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", server.port, bus)
        for server in servers:
            with server.client() as client:
                until(lambda client=client: len(client.execute_command("CLUSTER", "SLOTS")) == 3)  # type: ignore[misc]
                until(
                    lambda client=client: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO")  # type: ignore[misc]
                )
        yield Nodes(servers, key)
