"""Trying what serving does to Redis, on a key and a channel of its own, and what to do when it may not."""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import (
    AskError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from astrolabe.bus.redis.connection import reason_of
from astrolabe.bus.redis.keys import Keys

#: KEYS: one of ours. It expires if this is cut short.
_SCRIPT = """
redis.call('SET', KEYS[1], 'tried', 'PX', 10000)
return redis.call('DEL', KEYS[1])
"""

#: What Redis says of a user inside a script.
_FORBIDDEN = ("ACL failure", "NOPERM", "The user executing the script")

#: Seconds that a message takes at most.
_DELIVERY = 2.0


async def try_writing(client: Redis, keys: Keys) -> str:
    """Run a script that writes. What is wrong and what to do; "" when nothing is."""
    try:
        await cast(Any, client.eval(_SCRIPT, 1, keys.check))
    except (RedisError, OSError) as error:
        return _advice(error, keys, "run scripts that write")
    return ""


async def try_publishing(client: Redis, keys: Keys) -> str:
    """Send a message to ourselves. What is wrong and what to do; "" when nothing is."""
    pubsub = client.pubsub()
    try:
        await pubsub.subscribe(keys.check)
        await pubsub.get_message(timeout=_DELIVERY)
        await client.publish(keys.check, "tried")
        heard = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_DELIVERY)
    except (RedisError, OSError) as error:
        return _advice(error, keys, "publish and subscribe")
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]
    return "" if heard else "what is published is not heard; is a proxy between that lacks pub/sub?"


def _advice(error: Exception, keys: Keys, what: str) -> str:
    reason = reason_of(error)
    pattern = f"{{astrolabe:{keys.cluster}}}:*"
    if isinstance(error, NoPermissionError) or any(words in str(error) for words in _FORBIDDEN):
        return f"this user may not {what} ({reason}); give it ~{pattern} &{pattern} +@all -@admin, +info"
    if isinstance(error, AskError):
        return reason
    if isinstance(error, ReadOnlyError) or "read only replica" in reason:
        return "this is a replica, which takes no writes; name its primary, or Sentinels that know it"
    if isinstance(error, OutOfMemoryError) or "maxmemory" in reason:
        return "Redis is full and takes no writes; raise its maxmemory, or remove what others keep there"
    if isinstance(error, ResponseError):
        return f"Redis refuses to {what}: {reason}"
    return f"it cannot {what}: {reason}"
