"""What `astrolabe check` tries on a Redis, and what it looks for there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
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
from astrolabe.bus.redis.keys import RedisKeys

#: KEYS: one of ours. It expires if this is cut short.
_SCRIPT = """
redis.call('SET', KEYS[1], 'tried', 'PX', 10000)
return redis.call('DEL', KEYS[1])
"""

#: What Redis says of a user inside a script.
_FORBIDDEN = ("ACL failure", "NOPERM", "The user executing the script")

#: Seconds that a message takes at most.
_DELIVERY = 2.0


async def try_writing(client: Redis, keys: RedisKeys) -> str:
    """Run a script that writes. What is wrong and what to do; "" when nothing is."""
    try:
        await cast(Any, client.eval(_SCRIPT, 1, keys.check))
    except (RedisError, OSError) as error:
        return _advice(error, keys, "run scripts that write")
    return ""


async def try_publishing(client: Redis, keys: RedisKeys) -> str:
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


def _advice(error: Exception, keys: RedisKeys, what: str) -> str:
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


#: Ours begin with a brace, see `Keys`, so that none of them is like this.
PATTERN = "astrolabe:*"

#: Deletes them. The list is empty when there are none, which xargs heeds.
DELETE = rf"redis-cli --scan --pattern '{PATTERN}' | tr '\n' '\0' | xargs -r -0 -n 500 redis-cli unlink"

#: Seconds: a Redis that others fill with many more keys is not searched to its end.
SEARCH_SECONDS = 5.0

#: Keys that Redis looks at in one step: some tenths of a millisecond, during which it does nothing else.
SCAN_STEP = 1000


async def leftovers(client: Redis) -> Mapping[str, int]:
    """How many keys there are by what they begin with (`astrolabe:node:`); none where one may not look."""
    found: Counter[str] = Counter()
    with suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(SEARCH_SECONDS):
            async for key in client.scan_iter(match=PATTERN, count=SCAN_STEP):
                found[_family(key)] += 1
    return found


def _family(key: bytes) -> str:
    first, second, *rest = key.decode(errors="replace").split(":", 2)
    return ":".join([first, second, *("" for _ in rest)])
