"""Clients that move between replicas, reject messages that do not fit, and compare their graphs."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from random import Random
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from astrolabe.client.graph import Change, NodeChange
from tests.support.replica import Replica


class Held(Replica):
    """What one client holds, as `Replica`. digest: the XOR of those of all nodes and edges."""

    def __init__(self) -> None:
        super().__init__()
        self.digest = 0

    def apply(self, document: dict[str, Any]) -> list[Change]:
        changes = super().apply(document)
        for change in changes:
            now = change.node if isinstance(change, NodeChange) else change.edge
            if change.sign != "-":
                self.digest ^= _digest(now)
            if change.before is not None or change.sign == "-":
                self.digest ^= _digest(change.before or now)
        return changes


def _digest(document: Any) -> int:
    text = msgspec.json.encode(document, order="sorted")
    return int.from_bytes(hashlib.blake2s(text, digest_size=8).digest(), "big")


class Notes:
    """What anyone ever held at a position: there is one history under an epoch, so it is always the same."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, int], int] = {}

    def compare(self, held: Held) -> None:
        """Raises AssertionError when somebody held something else at this position."""
        place = (held.epoch, held.seq)
        known = self._digests.setdefault(place, held.digest)
        assert known == held.digest, f"two graphs at {place}"


class Followable(Protocol):
    """What serves the graph at a port of this machine."""

    @property
    def port(self) -> int: ...


class Roamer:
    """Follows the whole graph, at one replica after the other, and resumes where it was.

    held: what it holds now. resumed, reset: how often it could go on, and how often it had to begin anew.
    """

    def __init__(self, replicas: Sequence[Followable], notes: Notes, *, seed: int, stay: float) -> None:
        """stay: seconds, at most, at one replica."""
        self.held = Held()
        self.resumed = self.reset = 0
        self._replicas = replicas
        self._notes = notes
        self._random = Random(seed)
        self._stay = stay

    async def run(self) -> None:
        """Roam until cancelled. Raises AssertionError on the first thing that does not fit."""
        while True:
            replica = self._random.choice(self._replicas)
            try:
                async with asyncio.timeout(self._random.uniform(self._stay / 4, self._stay)):
                    await self._follow(replica)
            except (OSError, TimeoutError, WebSocketException, EOFError):
                await asyncio.sleep(0.02)

    async def settle(self, replica: Followable, position: tuple[str, int], *, seconds: float) -> None:
        """Follow this one until it has told up to this position."""
        async with asyncio.timeout(seconds):
            while (self.held.epoch, self.held.seq) != position:
                try:
                    async with asyncio.timeout(3):
                        await self._follow(replica, until=position)
                except (OSError, TimeoutError, WebSocketException):
                    await asyncio.sleep(0.05)

    async def _follow(self, replica: Followable, *, until: tuple[str, int] | None = None) -> None:
        held = self.held
        place = held.graph.resume()
        since = f"?since={place.epoch}:{place.seq}" if place is not None else ""
        uri = f"ws://127.0.0.1:{replica.port}/api/v1/ws{since}"
        async with connect(uri, max_size=None, compression=None, open_timeout=1, close_timeout=0.2) as socket:
            first = bool(since)
            while until is None or (held.epoch, held.seq) != until or not held.whole:
                message = json.loads(await socket.recv())
                if message["type"] in ("hello", "state"):
                    continue
                held.apply(message)
                self.resumed += first and message["type"] in ("delta", "bookmark")
                self.reset += first and message["type"] == "reset"
                first = False
                if held.whole:
                    self._notes.compare(held)
