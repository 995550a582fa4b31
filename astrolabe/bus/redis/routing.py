"""Connections that find their server: the primary that Sentinels name, or the owner of a cluster slot.

redis-py has clients for both. Its cluster client may send ASKING and the command on different connections,
and queries all 16,384 slots although all our keys are in one. Its Sentinel client does not say why no
Sentinel is of use. So both work the same way here: each connection first looks up its server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot
from redis.exceptions import AskError, ConnectionError, MovedError, NoScriptError, RedisError

from astrolabe.bus.redis import scripts
from astrolabe.bus.redis.address import HostPort, shown


class Pool(ConnectionPool):
    """Drops idle connections when one connection is lost, because they lead to the same server.

    If kept, they would stay dead sockets, or still reach a server that has been replaced, so that some
    commands go to the old server and some to the new one.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        #: The last seen stream of each connection. A lost connection has another one, or none.
        self._streams: dict[AbstractConnection, object] = {}

    async def get_connection(self, *names: Any, **options: Any) -> AbstractConnection:
        connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]
        await self._look_at(connection)
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        await super().release(connection)
        await self._look_at(connection)

    async def leave_all_but(self, host: str, port: int) -> None:
        """Drop the connections to all other servers, including those in use, whose commands then fail."""
        for each in (*self._available_connections, *self._in_use_connections):
            if isinstance(each, Connection) and each.is_connected and (each.host, each.port) != (host, port):
                await each.disconnect(nowait=True)

    async def _look_at(self, connection: AbstractConnection) -> None:
        now = connection._writer
        if self._streams.setdefault(connection, now) is not now:
            self._streams[connection] = now
            for idle in self._available_connections:
                if idle is not connection:
                    await idle.disconnect(nowait=True)
                    self._streams.pop(idle, None)


#: Redirections to follow per command.
REDIRECTIONS = 5


class RedisRoute(Protocol):
    """Finds the server that accepts writes."""

    async def find(self) -> HostPort:
        """Raises ConnectionError."""
        ...


def _client_of(node: HostPort, options: Mapping[str, Any]) -> Redis:
    return Redis.from_pool(Pool(host=node[0], port=node[1], **options))


class SeedNodes:
    """Servers that know the address of another one. options: of the `Pool` of each of them."""

    def __init__(self, nodes: Sequence[HostPort], options: Mapping[str, Any]) -> None:
        self._nodes = list(nodes)
        self._options = options

    def prefer(self, node: HostPort) -> None:
        """Query this node first from now on."""
        if node in self._nodes:
            self._nodes.remove(node)
        self._nodes.insert(0, node)

    async def ask(self, *command: str) -> tuple[HostPort, Any]:
        """The first answer and its node; (…, None) if no node knows. Raises ConnectionError."""
        why, known = "", None
        for node in list(self._nodes):
            async with _client_of(node, self._options) as client:
                try:
                    answer = await cast(Any, client).execute_command(*command)
                except (RedisError, OSError) as error:
                    why = f"{shown(node)}: {error}"
                    continue
            known = node
            if answer:
                self.prefer(node)
                return node, answer
        if known is None:
            raise ConnectionError(why)
        return known, None


class SentinelRoute:
    """Finds the primary with this name."""

    def __init__(self, seeds: SeedNodes, service: str) -> None:
        self._seeds = seeds
        self._service = service

    async def find(self) -> HostPort:
        _, found = await self._seeds.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)
        if found is None:
            raise ConnectionError(f"no Sentinel knows a primary named {self._service!r}")
        host, port = found
        return host.decode(), int(port)


class SlotRoute:
    """Finds the owner of the slot of this key."""

    def __init__(self, seeds: SeedNodes, key: str) -> None:
        self._seeds = seeds
        self._slot = key_slot(key.encode())

    def redirect(self, node: HostPort) -> None:
        """Query this node first, because a redirection named it as the owner."""
        self._seeds.prefer(node)

    async def find(self) -> HostPort:
        seed, ranges = await self._seeds.ask("CLUSTER", "SLOTS")
        for first, last, (host, port, *_), *_ in ranges or ():
            if first <= self._slot <= last:
                return (host or b"").decode() or seed[0], int(port)
        raise ConnectionError(f"no node of the Redis Cluster owns slot {self._slot}")


class RoutedConnection(Connection):
    """Looks up its server before it connects, and checks that it is a primary.

    A Sentinel may name a demoted primary for a few seconds, which has outdated data.
    """

    def __init__(self, *, route: RedisRoute, **options: Any) -> None:
        super().__init__(**options)
        self._route = route

    async def _connect(self) -> None:
        self.host, self.port = await self._route.find()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        await super().on_connect_check_health(check_health)
        await self.send_command("INFO", "replication", check_health=False)
        if b"role:slave" in await self.read_response():
            raise ConnectionError(
                f"{shown((self.host, self.port))} is a replica; the new primary is not known yet"
            )


class RoutedTlsConnection(RoutedConnection, SSLConnection):
    """The same with TLS."""


class SlotClient(Redis):
    """A client of the owner of one slot of a Redis Cluster. Follows the slot while and after it moves.

    redirections: how often it was redirected.
    """

    def __init__(self, route: SlotRoute, pool: Pool, options: Mapping[str, Any]) -> None:
        super().__init__(connection_pool=pool)
        self.redirections = 0
        self._moves = 0
        self._places: dict[str, str] = {}
        self.auto_close_connection_pool = True
        self._route = route
        self._options = options

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        for _ in range(REDIRECTIONS):
            try:
                answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
                self._note_place(args, f"owner after {self._moves} moves")
                return answer
            except MovedError as error:
                self.redirections += 1
                self._moves += 1
                self._route.redirect(self._node_of(error))
                await self.connection_pool.disconnect(inuse_connections=False)
            except AskError as error:
                self.redirections += 1
                answer = await self._ask(self._node_of(error), args, options)
                self._note_place(args, shown(self._node_of(error)))
                return answer
        raise ConnectionError("the nodes of the Redis Cluster disagree about the owner of the slot")

    def place(self, key: str) -> str:
        """The node of the last page of a scan of this key. A cursor is valid only there."""
        return self._places.get(key, "")

    def _note_place(self, args: Sequence[Any], place: str) -> None:
        if args[0] == "HSCAN":
            self._places[args[1]] = place

    def _node_of(self, error: AskError) -> HostPort:
        return error.host, error.port

    async def _ask(self, node: HostPort, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Send one command to the node that already has the key."""
        async with _client_of(node, self._options) as client:
            try:
                return await _asking(client, args, options)
            except NoScriptError:
                await client.script_load(scripts.BY_SHA[args[1]])
                return await _asking(client, args, options)


async def _asking(client: Redis, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.execute_command("ASKING")
        pipeline.execute_command(*args, **options)
        _, answer = await pipeline.execute()
    return answer
