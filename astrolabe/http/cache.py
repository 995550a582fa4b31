"""Bodies of answers, made once for each version and compressed once for each version."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextvars import Context
from typing import Any

from astrolabe.timeslice import in_slices

#: Bytes from which on a body is compressed in a thread (zlib releases the interpreter).
THREAD_FROM = 32 * 1024
#: Bytes from which on a body is joined in a thread: more are not copied within a slice. Joining bytes
#: releases the interpreter, too.
JOIN_FROM = 8 * 1024 * 1024

#: The JSON text of a body, in parts.
Pieces = Iterator[str | bytes]


class Entry:
    """One body: plain, and compressed when somebody asked for that."""

    def __init__(self, version: Hashable, plain: asyncio.Task[bytes]) -> None:
        self.version = version
        self.plain = plain
        self.packed: asyncio.Task[bytes] | None = None

    @property
    def size(self) -> int:
        """Bytes held; of what is still being made, none."""
        return sum([len(task.result()) for task in self._ended() if not _has_failed(task)])

    @property
    def failed(self) -> bool:
        """Whether it could not be made."""
        return any(map(_has_failed, self._ended()))

    def _ended(self) -> list[asyncio.Task[bytes]]:
        return [task for task in (self.plain, self.packed) if task is not None and task.done()]


class Bodies:
    """The latest version of each body; the one that was not asked for longest goes first.

    entries, size: how many and how many bytes are kept; the latest is kept whatever its size.
    """

    def __init__(self, *, entries: int = 64, size: int = 64 * 1024 * 1024) -> None:
        self._limits = (entries, size)
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._running: set[asyncio.Task[bytes]] = set()

    async def get(
        self, key: Hashable, version: Hashable, make: Callable[[], Pieces], *, packed: bool
    ) -> bytes:
        """The body of `key` at `version`, compressed by gzip if `packed`.

        make: called when there is none yet. It takes all it needs of the graph at once; its pieces,
            which make up the JSON text, may be drawn later.
        """
        entry = self._entries.get(key)
        if entry is None or entry.version != version or entry.failed:
            entry = Entry(version, self._start(_assemble(make())))
            self._entries[key] = entry
        self._entries.move_to_end(key)
        if not packed:
            task = entry.plain
        elif entry.packed is None:
            task = entry.packed = self._start(_compress(entry.plain))
        else:
            task = entry.packed
        if not task.done():
            await asyncio.shield(task)  # a caller that goes away must not take it from the others
            self._trim()
        return task.result()

    async def close(self) -> None:
        """End what is being made."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, making: Coroutine[Any, Any, bytes]) -> asyncio.Task[bytes]:
        # A task keeps its context, and that of a handler its request with the connection: this one is kept.
        task = asyncio.create_task(making, name="astrolabe.http.cache", context=Context())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _trim(self) -> None:
        entries, size = self._limits
        total = sum([entry.size for entry in self._entries.values()])
        while len(self._entries) > 1 and (len(self._entries) > entries or total > size):
            _, entry = self._entries.popitem(last=False)
            total -= entry.size


async def _assemble(pieces: Pieces) -> bytes:
    parts = [piece if isinstance(piece, bytes) else piece.encode() async for piece in in_slices(pieces)]
    if sum(map(len, parts)) < JOIN_FROM:
        return b"".join(parts)
    return await asyncio.to_thread(b"".join, parts)


async def _compress(plain: asyncio.Task[bytes]) -> bytes:
    body = await asyncio.shield(plain)
    if len(body) < THREAD_FROM:
        return _gzip(body)
    return await asyncio.to_thread(_gzip, body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=5, mtime=0)


def _has_failed(ended: asyncio.Task[bytes]) -> bool:
    return ended.cancelled() or ended.exception() is not None
