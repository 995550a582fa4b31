"""The custom kinds of the graph that replicas share: the leader stores them, the others follow."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import msgspec

from astrolabe.bus.redis.errors import RedisUnavailable
from astrolabe.kinds.custom.custom_kinds import CustomKinds, WantedKind
from astrolabe.timeslice import TimeSlice

logger = logging.getLogger("astrolabe.app")

#: Seconds between two looks at what the leader says, and until a failed attempt is repeated.
FOLLOW_EVERY, RETRY_AFTER = 0.2, 1.0

_KINDS = msgspec.json.Decoder(tuple[WantedKind, ...])


class KindStore:
    """Keeps custom kinds as the leader has them, or stores them.

    digest: of the kinds that are stored, as far as this process knows; "" before it knows any.
    """

    def __init__(self, kinds: CustomKinds) -> None:
        self.digest = ""
        self._kinds = kinds

    async def keep(self, store: Callable[[bytes], Awaitable[None]], stored: Callable[[], None]) -> NoReturn:
        """As the leader, store the kinds now and after each change, until cancelled.

        stored: called after each time. Raises LeadershipLost.
        """
        changed = asyncio.Event()
        unobserve = self._kinds.catalogue.observe(lambda _: changed.set())
        try:
            while True:
                changed.clear()
                body = msgspec.json.encode(self._kinds.wanted)
                if _digest(body) == self.digest:
                    await changed.wait()
                    continue
                try:
                    await store(body)
                except RedisUnavailable:
                    await asyncio.sleep(RETRY_AFTER)
                    continue
                self.digest = _digest(body)
                stored()
        finally:
            unobserve()

    async def follow(self, digest: Callable[[], str], read: Callable[[], Awaitable[bytes]]) -> NoReturn:
        """Have the kinds that the leader stored, until cancelled.

        digest: returns what the leader says of them; "" if nothing, or while this process leads.
        """
        while True:
            told = digest()
            if told and told != self.digest:
                await self.read(read)
                await asyncio.sleep(RETRY_AFTER)
            await asyncio.sleep(FOLLOW_EVERY)

    async def read(self, read: Callable[[], Awaitable[bytes]]) -> None:
        """Have the kinds that are stored, if they can be read."""
        with suppress(RedisUnavailable):
            body = await read()
            try:
                wanted = _KINDS.decode(body) if body else ()
            except (msgspec.MsgspecError, RecursionError) as error:  # from another version of Astrolabe
                logger.debug("cannot read the stored custom kinds: %s", error)
                return
            slice = TimeSlice()
            for _ in self._kinds.become({each.definition.id: each for each in wanted}):
                await slice.pause()
            self.digest = _digest(body)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
