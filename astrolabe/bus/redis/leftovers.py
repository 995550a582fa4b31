"""What the original left in a Redis: its keys begin as ours do, but for the brace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

#: Ours begin with a brace, see `Keys`, so that none of them is like this.
PATTERN = "astrolabe:*"

#: Deletes them. The list is empty when there are none, which xargs heeds.
DELETE = rf"redis-cli --scan --pattern '{PATTERN}' | tr '\n' '\0' | xargs -r -0 -n 500 redis-cli unlink"

#: Seconds: a Redis that others fill with many more keys is not searched to its end.
LONGEST = 5.0

#: Keys that Redis looks at in one step: some tenths of a millisecond, during which it does nothing else.
STEP = 1000


async def leftovers(client: Redis) -> Mapping[str, int]:
    """How many keys there are by what they begin with (`astrolabe:node:`); none where one may not look."""
    found: Counter[str] = Counter()
    with suppress(RedisError, OSError, TimeoutError):
        async with asyncio.timeout(LONGEST):
            async for key in client.scan_iter(match=PATTERN, count=STEP):
                found[_family(key)] += 1
    return found


def _family(key: bytes) -> str:
    first, second, *rest = key.decode(errors="replace").split(":", 2)
    return ":".join([first, second, *("" for _ in rest)])
