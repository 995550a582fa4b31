"""Connects to Redis: creates clients of redis-py, translates their errors, and verifies the server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Connection, Redis, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from astrolabe.bus.redis.address import RedisAddress, of_server, parse
from astrolabe.bus.redis.errors import BusError, CorruptData, RedisRefused, RedisUnavailable
from astrolabe.bus.redis.keys import RedisKeys
from astrolabe.bus.redis.parser import BoundedParser, ReplyTooLarge
from astrolabe.bus.redis.routing import (
    Pool,
    RoutedConnection,
    RoutedTlsConnection,
    SeedNodes,
    SentinelRoute,
    SlotClient,
    SlotRoute,
)
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.settings import Settings

#: The oldest supported version, as (major, minor).
MIN_VERSION = (7, 0)

#: Seconds between two attempts while Redis loads its data.
LOADING_POLL = 0.25

_VERSION = re.compile(r"(\d+)\.(\d+)")


def address_of(settings: Settings) -> str:
    """The address of Redis for people, without user and password."""
    return _address(settings).shown


def _address(settings: Settings) -> RedisAddress:
    if settings.redis_url:
        return parse(settings.redis_url)
    return of_server(settings.redis_addr, settings.redis_db)


def connect(settings: Settings, timing: RedisTiming, *, retry_once: bool) -> Redis:
    """A client that connects on first use.

    retry_once: whether to send a command again after a broken connection. Our commands may be executed twice.
        A subscriber must not retry, because it has to notice that it missed messages.
    """
    address = _address(settings)
    options: dict[str, Any] = {
        "socket_connect_timeout": timing.connect,
        "socket_timeout": timing.answer,
        "retry": Retry(NoBackoff(), 1 if retry_once else 0, (ConnectionError,)),
        "client_name": "astrolabe",
        # RESP3 adds only push messages, which we do not use.
        "protocol": 2,
        "parser_class": BoundedParser,
    }
    if settings.redis_password:
        options["password"] = settings.redis_password
    if address.kind == "server":
        return Redis.from_pool(Pool.from_url(address.url, **options))
    return _routed(address, {**parse_url(address.url), **options}, RedisKeys(settings.cluster_name).position)


def _routed(address: RedisAddress, options: dict[str, Any], key: str) -> Redis:
    """A client that finds its server through the nodes of the address. key: any of our keys."""
    plain = options.pop("connection_class", Connection)
    for name in ("host", "port"):
        options.pop(name, None)
    sentinel = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    routed = RoutedTlsConnection if plain is SSLConnection else RoutedConnection
    # Seed nodes are queried on connections of their own, which have no database to select.
    direct = {**options, "connection_class": plain, "db": 0}
    if address.kind == "cluster":
        slot = SlotRoute(SeedNodes(address.nodes, direct), key)
        return SlotClient(slot, Pool(connection_class=routed, route=slot, **options), direct)
    primary = SentinelRoute(SeedNodes(address.nodes, {**direct, **sentinel}), address.service)
    return Redis.from_pool(Pool(connection_class=routed, route=primary, **options))


async def drop_demoted(*clients: Redis) -> None:
    """Drop connections to a primary that the Sentinels have replaced, although it may still answer as one.

    A demoted primary learns of its replacement only when the Sentinels reach it again. Whatever is written to
    it until then is lost. Raises RedisUnavailable if no Sentinel can name the primary.
    """
    for client in clients:
        pool = client.connection_pool
        route = pool.connection_kwargs.get("route")
        if isinstance(pool, Pool) and isinstance(route, SentinelRoute):
            with translated_errors():
                await pool.leave_all_but(*await route.find())


#: Errors of Redis about a key of another type, and about a log whose last id is ahead of ours.
_DAMAGE = ("WRONGTYPE", "equal or smaller", "XADD must be")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate errors of redis-py and of the network to RedisUnavailable.

    Raises CorruptData if the error is about the stored data, such as a key of another type or a reply that is
    too large. redis-py 8.1 swallows a cancellation that arrives while it connects; it is raised again here.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        _heed_cancellation()
        if isinstance(error, ReplyTooLarge) or any(words in str(error) for words in _DAMAGE):
            raise CorruptData(reason_of(error)) from error
        refused = isinstance(error, ResponseError) and not isinstance(error, ConnectionError)
        raise (RedisRefused if refused else RedisUnavailable)(reason_of(error)) from error
    _heed_cancellation()


def _heed_cancellation() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def reason_of(error: Exception) -> str:
    """One line about an error, without quoted commands and scripts."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, AskError):  # and MovedError, which is one
        return "this is a node of a Redis Cluster; set REDIS_URL to redis+cluster://host:port"
    text = " ".join(str(error).split()).partition(" script: ")[0].rstrip(".") or type(error).__name__
    return text if len(text) <= 160 else f"{text[:160]}…"


@dataclass(frozen=True)
class RedisInfo:
    """What Redis reports about itself.

    append_only: whether it has an append-only file. eviction: its eviction policy, or "" without a memory
        limit. Only `noeviction` keeps the graph intact.
    """

    version: str
    append_only: bool
    eviction: str


async def verify(client: Redis, address: str) -> RedisInfo:
    """Check the server. Raises BusError with one line that says what to do.

    Waits while Redis is loading its data.
    """
    try:
        info = await _info(client)
    except (AuthenticationError, NoPermissionError) as error:
        if "Authentication required" in str(error):
            raise BusError(f"Redis at {address} requires a password; set REDIS_PASSWORD") from error
        raise BusError(
            f"Redis at {address} does not accept the user or password ({reason_of(error)}); "
            "set REDIS_PASSWORD, or user and password in REDIS_URL"
        ) from error
    except (RedisError, OSError) as error:
        raise BusError(
            f"cannot use Redis at {address}: {reason_of(error)}; is --redis-addr right?"
        ) from error
    if info.get("redis_mode") == "sentinel":
        raise BusError(
            f"a Sentinel answers at {address}; set REDIS_URL to "
            "redis+sentinel://host:26379/<name of the primary>"
        )
    version = str(info.get("valkey_version") or info.get("redis_version", ""))
    found = _VERSION.match(version)
    if found is None or (int(found[1]), int(found[2])) < MIN_VERSION:
        raise BusError(f"Redis at {address} is version {version or 'unknown'}; 7.0 or later is required")
    if info.get("role") == "slave":
        raise BusError(f"Redis at {address} is a read-only replica; use the address of its primary")
    return RedisInfo(
        version=version,
        append_only=bool(info.get("aof_enabled")),
        eviction=str(info.get("maxmemory_policy", "")) if info.get("maxmemory") else "",
    )


async def _info(client: Redis) -> dict[str, Any]:
    while True:
        try:
            info: dict[str, Any] = await client.info()
        except BusyLoadingError:
            await asyncio.sleep(LOADING_POLL)
        else:
            return info
