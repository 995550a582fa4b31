"""What `astrolabe check` tries on Redis, and leftovers of the original that it looks for."""

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

#: KEYS: the key to try. It expires if the script is interrupted.
_SCRIPT = """
redis.call('SET', KEYS[1], 'tried', 'PX', 10000)
return redis.call('DEL', KEYS[1])
"""

#: Errors of Redis about a user without permission inside a script.
_FORBIDDEN = ("ACL failure", "NOPERM", "The user executing the script")

#: Seconds to wait for a message.
_DELIVERY = 2.0


async def try_writing(client: Redis, keys: RedisKeys) -> str:
    """Run a script that writes. Returns what is wrong and what to do; "" if it works."""
    try:
        await cast(Any, client.eval(_SCRIPT, 1, keys.check))
    except (RedisError, OSError) as error:
        return _advice(error, keys, "run scripts that write")
    return ""


async def try_publishing(client: Redis, keys: RedisKeys) -> str:
    """Publish a message and receive it. Returns what is wrong and what to do; "" if it works."""
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
    return "" if heard else "a published message did not arrive; is there a proxy without pub/sub?"


def _advice(error: Exception, keys: RedisKeys, what: str) -> str:
    reason = reason_of(error)
    pattern = f"{{astrolabe:{keys.cluster}}}:*"
    if isinstance(error, NoPermissionError) or any(words in str(error) for words in _FORBIDDEN):
        return f"this user may not {what} ({reason}); give it ~{pattern} &{pattern} +@all -@admin, +info"
    if isinstance(error, AskError):
        return reason
    if isinstance(error, ReadOnlyError) or "read only replica" in reason:
        return "this is a read-only replica; use the address of its primary, or of its Sentinels"
    if isinstance(error, OutOfMemoryError) or "maxmemory" in reason:
        return "Redis is full and refuses writes; raise its maxmemory, or delete other data"
    if isinstance(error, ResponseError):
        return f"Redis refuses to {what}: {reason}"
    return f"it cannot {what}: {reason}"


#: Keys of the original. Ours begin with a brace (see `RedisKeys`), so they do not match.
PATTERN = "astrolabe:*"

#: The command that deletes them. Without such keys, xargs does nothing.
DELETE = rf"redis-cli --scan --pattern '{PATTERN}' | tr '\n' '\0' | xargs -r -0 -n 500 redis-cli unlink"

#: Seconds for the search. A Redis with many foreign keys is not searched completely.
SEARCH_SECONDS = 5.0

#: Keys per step of the search. A step blocks Redis for a few tenths of a millisecond.
SCAN_STEP = 1000


async def leftovers(client: Redis) -> Mapping[str, int]:
    """How many keys there are by prefix (`astrolabe:node:`); none if the user may not search."""
    found: Counter[str] = Counter()
    with suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(SEARCH_SECONDS):
            async for key in client.scan_iter(match=PATTERN, count=SCAN_STEP):
                found[_family(key)] += 1
    return found


def _family(key: bytes) -> str:
    first, second, *rest = key.decode(errors="replace").split(":", 2)
    return ":".join([first, second, *("" for _ in rest)])
