"""Real Redis deployments: a primary with a replica and Sentinels, and a Redis Cluster."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis.crc import key_slot
from redis.exceptions import RedisError

from tests.support.redis_server import CERTIFICATE, RedisServer, free_port, redis_server, tls_settings

#: Seconds for a gossip or an election.
PATIENCE = 30.0
SERVICE = "mymaster"
#: Of a client that speaks TLS.
TLS = {"host": "127.0.0.1", "ssl": True, "ssl_ca_certs": str(CERTIFICATE)}


def until(leader_report: Callable[[], bool]) -> None:
    """Wait until this holds; what Redis says meanwhile is no answer."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            if leader_report():
                return
        except RedisError:
            pass
        assert time.monotonic() < ends, "Redis does not get there"
        time.sleep(0.02)  # a pace of asking: nothing tells of it


class Watched:
    """A primary and its replica, watched by one Sentinel, which alone decides."""

    def __init__(self, primary: RedisServer, replica: RedisServer, sentinel: int, *, tls: bool) -> None:
        self.primary = primary
        self.replica = replica
        self.sentinel = sentinel
        self._tls = tls

    @property
    def url(self) -> str:
        """The first of the Sentinels is not there."""
        return _url("sentinel", f"127.0.0.1:1,127.0.0.1:{self.sentinel}/{SERVICE}/0", tls=self._tls)

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

    def cut_off(self) -> None:
        """Let the primary serve none but those who are connected: the replica and the Sentinel lose it."""
        with self.primary.client() as client:
            client.config_set("requirepass", "nobody knows it")
            for each in client.client_list():
                if each["name"].startswith("sentinel-") or each["flags"] == "S":
                    client.client_kill_filter(_id=each["id"])

    def promoted(self) -> None:
        """Wait until the Sentinel says that the replica is the primary."""
        with RedisServer(Path(), port=self.sentinel).client(**(TLS if self._tls else {})) as client:
            ask = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            until(lambda: int(client.execute_command(*ask)[1]) == self.replica.told)

    def exchanged(self) -> None:
        """Wait until the former primary is the replica of the new one; from now on they are called so."""
        self.primary, self.replica = self.replica, self.primary
        with self.replica.client() as client:
            until(lambda: client.info("replication").get("master_link_status") == "up")


def _url(kind: str, place: str, *, tls: bool) -> str:
    query = f"?ssl_ca_certs={CERTIFICATE}" if tls else ""
    return f"redis{'s' if tls else ''}+{kind}://{place}{query}"


@contextmanager
def watched(folder: Path, *, tls: bool = False) -> Iterator[Watched]:
    """The Sentinel takes half a second to find the primary dead, and another to replace it."""
    with ExitStack() as stack:
        for name in ("primary", "replica"):
            (folder / name).mkdir()
        quick = ("--repl-diskless-sync-delay", "0")
        primary = stack.enter_context(redis_server(folder / "primary", *quick, tls=tls))
        following = ("--replicaof", f"127.0.0.1 {primary.told}")
        replica = stack.enter_context(redis_server(folder / "replica", *following, *quick, tls=tls))
        with replica.client() as client:
            until(lambda: client.info("replication")["master_link_status"] == "up")
        port = free_port()
        configuration = folder / "sentinel.conf"
        ports = {"port": "0", **tls_settings(port)} if tls else {"port": str(port)}
        configuration.write_text(
            "".join(f"{name} {value}\n" for name, value in ports.items()) + f"bind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.told} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        process = subprocess.Popen(["redis-sentinel", str(configuration)], stdout=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        sentinel = RedisServer(folder, port=port)
        with sentinel.client(**(TLS if tls else {})) as client:
            until(lambda: client.execute_command("SENTINEL", "REPLICAS", SERVICE) != [])
        yield Watched(primary, replica, port, tls=tls)


class Nodes:
    """Of a Redis Cluster, each of which owns a third of the slots at first."""

    def __init__(self, servers: list[RedisServer], key: str, *, tls: bool) -> None:
        self.servers = servers
        self.slot = key_slot(key.encode())
        self._tls = tls

    @property
    def url(self) -> str:
        """The first is not there, the last does not own the slot of the key."""
        _, *others = sorted(self.servers, key=lambda server: server is not self.owner)
        return _url("cluster", f"127.0.0.1:1,127.0.0.1:{others[-1].told}", tls=self._tls)

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
            self._tell(source, "MIGRATE", "127.0.0.1", target.told, "", 0, 5000, "KEYS", *keys)

    def settle(self, target: RedisServer) -> None:
        """It is the target's; the others hear it by and by."""
        for server in sorted(self.servers, key=lambda server: server is not target):
            self._tell(server, "CLUSTER", "SETSLOT", self.slot, "NODE", self.id(target))

    @contextmanager
    def replica(self, folder: Path, of: RedisServer) -> Iterator[RedisServer]:
        """One more node, which has all that this one has, and takes over when it dies."""
        with _node(folder, tls=self._tls) as server:
            self._tell(server, "CLUSTER", "MEET", "127.0.0.1", of.told, _bus(of))
            until(lambda: self._tell(server, "CLUSTER", "REPLICATE", self.id(of)) == b"OK")
            with server.client() as client:
                until(lambda: client.info("replication")["master_link_status"] == "up")
            id = self.id(of)
            for other in self.servers:  # those that vote know it
                until(lambda other=other: self._tell(other, "CLUSTER", "REPLICAS", id) != [])  # type: ignore[misc]
            yield server

    def id(self, server: RedisServer) -> str:
        return str(self._tell(server, "CLUSTER", "MYID").decode())

    def _tell(self, server: RedisServer, *command: Any) -> Any:
        with server.client() as client:
            return client.execute_command(*command)


@contextmanager
def _node(folder: Path, *, tls: bool) -> Iterator[RedisServer]:
    folder.mkdir()
    options = {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-node-timeout": "2000",
        "repl-diskless-sync-delay": "0",
        "tls-cluster": "yes" if tls else "no",
    }
    with redis_server(
        folder, *[part for name in options for part in (f"--{name}", options[name])], tls=tls
    ) as server:
        yield server


def _bus(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.config_get("cluster-port")["cluster-port"])


@contextmanager
def nodes(folder: Path, key: str, *, tls: bool = False) -> Iterator[Nodes]:
    """Three nodes that know one another."""
    with ExitStack() as stack:
        servers = [stack.enter_context(_node(folder / str(number), tls=tls)) for number in range(3)]
        for number, server in enumerate(servers):
            first, last = (number * 5462, min(number * 5462 + 5461, 16383))
            with server.client() as client:
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            with servers[0].client() as client:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", server.told, _bus(server))
        for server in servers:
            with server.client() as client:
                until(lambda client=client: len(client.execute_command("CLUSTER", "SLOTS")) == 3)  # type: ignore[misc]
                until(
                    lambda client=client: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO")  # type: ignore[misc]
                )
        yield Nodes(servers, key, tls=tls)
