"""A fake transport: records what was written, and is full on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from astrolabe.http.net.message import Message


class Recorder:
    """Implements `subscription.Connection`. Raises AssertionError when written to while full."""

    def __init__(self) -> None:
        self.writable = True
        self.drained: Callable[[], Any] = list
        self.messages: list[Message] = []
        self.closed: tuple[int, str] | None = None

    def write(self, message: Message) -> None:
        assert self.writable, "nothing may be written while the transport is full"
        self.messages.append(message)

    def close(self, code: int, error: str, message: str) -> None:
        self.closed = (code, error)

    def take(self) -> list[dict[str, Any]]:
        """What was written since the last time."""
        taken, self.messages = self.messages, []
        return [json.loads(message.text) for message in taken]

    def types(self) -> list[str]:
        """The types of what was written since the last time."""
        return [message["type"] for message in self.take()]


class OneByOne(Recorder):
    """Its transport is full after every message."""

    def write(self, message: Message) -> None:
        super().write(message)
        self.writable = False


async def settle() -> None:
    """In every turn of the loop a client is written one message; none here has more than these."""
    for _ in range(100):
        await asyncio.sleep(0)
