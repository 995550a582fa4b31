"""Reaching Redis: addresses, the clients of redis-py, and what its errors mean."""

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

#: (major, minor) that is needed.
MIN_VERSION = (7, 0)

#: Seconds between two looks at a Redis that is loading.
LOADING_POLL = 0.25

_VERSION = re.compile(r"(\d+)\.(\d+)")


def address_of(settings: Settings) -> str:
    """Where Redis is, for people: without user and password."""
    return _address(settings).shown


def _address(settings: Settings) -> RedisAddress:
    if settings.redis_url:
        return parse(settings.redis_url)
    return of_server(settings.redis_addr, settings.redis_db)


def connect(settings: Settings, timing: RedisTiming, *, retry_once: bool) -> Redis:
    """A client that connects when it is used.

    retry_once: sends a command once more when the connection is found broken. What we send may come twice; a
        subscriber must not, for it has to know that it was away.
    """
    address = _address(settings)
    options: dict[str, Any] = {
        "socket_connect_timeout": timing.connect,
        "socket_timeout": timing.answer,
        "retry": Retry(NoBackoff(), 1 if retry_once else 0, (ConnectionError,)),
        "client_name": "astrolabe",
        # All that RESP3 adds are push messages, which we have no use for.
        "protocol": 2,
        "parser_class": BoundedParser,
    }
    if settings.redis_password:
        options["password"] = settings.redis_password
    if address.kind == "server":
        return Redis.from_pool(Pool.from_url(address.url, **options))
    return _routed(address, {**parse_url(address.url), **options}, RedisKeys(settings.cluster_name).position)


def _routed(address: RedisAddress, options: dict[str, Any], key: str) -> Redis:
    """A client of what the nodes of the address lead to. key: any of those in Redis."""
    plain = options.pop("connection_class", Connection)
    for name in ("host", "port"):
        options.pop(name, None)
    sentinel = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    routed = RoutedTlsConnection if plain is SSLConnection else RoutedConnection
    # A guide is asked on a connection of its own, which has no database to select.
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


#: What Redis says of a key that is of another type, and of a log whose last id is ahead of us.
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
    """One line about an error, without what it quotes of a command, and without the script that met it."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, AskError):  # and MovedError, which is one
        return "this is a node of a Redis Cluster; name it as redis+cluster://host:port in REDIS_URL"
    text = " ".join(str(error).split()).partition(" script: ")[0].rstrip(".") or type(error).__name__
    return text if len(text) <= 160 else f"{text[:160]}…"


@dataclass(frozen=True)
class RedisInfo:
    """What a Redis says of itself.

    append_only: whether it writes down every change. eviction: what it does when it is full, of which only
    `noeviction` leaves a graph whole; "" when it takes as much memory as there is.
    """

    version: str
    append_only: bool
    eviction: str


async def verify(client: Redis, address: str) -> RedisInfo:
    """Raises BusError when this is nothing to work with, in one line that says what to do.

    A Redis that is loading its data is waited for.
    """
    try:
        info = await _info(client)
    except (AuthenticationError, NoPermissionError) as error:
        if "Authentication required" in str(error):
            raise BusError(f"Redis at {address} wants a password; set REDIS_PASSWORD") from error
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
            f"a Sentinel answers at {address}; name it as redis+sentinel://host:26379/<name of the primary> "
            "in REDIS_URL"
        )
    version = str(info.get("valkey_version") or info.get("redis_version", ""))
    found = _VERSION.match(version)
    if found is None or (int(found[1]), int(found[2])) < MIN_VERSION:
        raise BusError(f"Redis at {address} is version {version or 'unknown'}; 7.0 or later is needed")
    if info.get("role") == "slave":
        raise BusError(f"Redis at {address} is a replica, which takes no writes; name its primary")
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
