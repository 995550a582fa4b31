"""Connections that find their server themselves: the primary that Sentinels name, the owner of a slot.

redis-py has clients for both. That of a Redis Cluster sends ASKING and the command it is for on two
connections when it has them, and asks for 16,384 slots where all our keys live in one; that of Sentinel
tells nobody why none of them is of use. So both are one thing here: whoever connects asks first where to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from redis.asyncio import Connection, Redis, SSLConnection
from redis.crc import key_slot
from redis.exceptions import AskError, ConnectionError, MovedError, NoScriptError, RedisError

from astrolabe.bus.redis import scripts
from astrolabe.bus.redis.address import Node, shown
from astrolabe.bus.redis.pool import Pool

#: Redirections that one command follows.
REDIRECTIONS = 5


class Route(Protocol):
    """Where the server is that takes what we write."""

    async def find(self) -> Node:
        """Raises ConnectionError."""
        ...


def _client_of(node: Node, options: Mapping[str, Any]) -> Redis:
    return Redis.from_pool(Pool(host=node[0], port=node[1], **options))


class Guides:
    """Servers that know where another one is. options: of `Pool`, for each of them."""

    def __init__(self, nodes: Sequence[Node], options: Mapping[str, Any]) -> None:
        self._nodes = list(nodes)
        self._options = options

    def prefer(self, node: Node) -> None:
        """Ask this one first from now on."""
        if node in self._nodes:
            self._nodes.remove(node)
        self._nodes.insert(0, node)

    async def ask(self, *command: str) -> tuple[Node, Any]:
        """The first answer, with who gave it; (…, None) when nobody knows. Raises ConnectionError."""
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
    """To the primary of this name."""

    def __init__(self, guides: Guides, service: str) -> None:
        self._guides = guides
        self._service = service

    async def find(self) -> Node:
        _, found = await self._guides.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)
        if found is None:
            raise ConnectionError(f"no Sentinel knows a primary named {self._service!r}")
        host, port = found
        return host.decode(), int(port)


class SlotRoute:
    """To the owner of the slot that has this key."""

    def __init__(self, guides: Guides, key: str) -> None:
        self._guides = guides
        self._slot = key_slot(key.encode())

    def redirect(self, node: Node) -> None:
        """It said that it is the owner, or the last one did."""
        self._guides.prefer(node)

    async def find(self) -> Node:
        guide, ranges = await self._guides.ask("CLUSTER", "SLOTS")
        for first, last, (host, port, *_), *_ in ranges or ():
            if first <= self._slot <= last:
                return (host or b"").decode() or guide[0], int(port)
        raise ConnectionError(f"no node of the Redis Cluster owns slot {self._slot}")


class RoutedConnection(Connection):
    """Asks where to before it connects, and sees that it has come to a primary.

    A Sentinel may name a primary for some seconds after it was demoted, and what is read there is old.
    """

    def __init__(self, *, route: Route, **options: Any) -> None:
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
                f"{shown((self.host, self.port))} is a replica; no other primary is known yet"
            )


class RoutedTlsConnection(RoutedConnection, SSLConnection):
    """The same by TLS."""


class SlotClient(Redis):
    """Of the owner of one slot of a Redis Cluster; follows the slot when it moves, and while it does.

    redirections: how often it was sent elsewhere.
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
        raise ConnectionError("the nodes of the Redis Cluster do not agree who owns the slot")

    def place(self, key: str) -> str:
        """Names where the last part of a scan of this key came from: a cursor is worth nothing elsewhere."""
        return self._places.get(key, "")

    def _note_place(self, args: Sequence[Any], place: str) -> None:
        if args[0] == "HSCAN":
            self._places[args[1]] = place

    def _node_of(self, error: AskError) -> Node:
        return error.host, error.port

    async def _ask(self, node: Node, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """For the one command, of a key that was moved already."""
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
