"""Reads everything that leaders publish, and checks that each epoch has one history."""

from __future__ import annotations

import asyncio

from redis.exceptions import RedisError

from astrolabe.bus.redis import codec
from tests.support.redis_server import RedisServer


class Observer:
    """batches: (epoch, the seq that a batch goes on from) → (its seq, what was published)."""

    def __init__(self, redis: RedisServer) -> None:
        self.batches: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._redis = redis

    async def run(self) -> None:
        """Listen until cancelled. Raises AssertionError when two leaders went on from one position."""
        while True:
            try:
                async with self._redis.listening() as client, client.pubsub() as channel:
                    await channel.subscribe("{astrolabe:default}:diff")
                    while True:
                        message = await channel.get_message(timeout=1.0)
                        if message is not None and message["type"] == "message":
                            self._note(message["data"])
            except (RedisError, OSError):
                await asyncio.sleep(0.05)

    def _note(self, data: bytes) -> None:
        if data[:1] != codec.BATCH:
            return
        entry = codec.decode_entry(data[1:])
        place, told = (entry.epoch, entry.since), (entry.seq, data)
        assert self.batches.setdefault(place, told) == told, f"two leaders went on from {place}"
