"""The response cache: each body is made once for all requests, a few at a time, within a memory limit."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, ref

from astrolabe.http.errors import Refusal
from astrolabe.http.net.message import SharedBytes
from astrolabe.timeslice import Lane, in_slices, turns

#: Bodies of so many bytes are compressed in a thread (zlib releases the interpreter lock), and so many bytes
#: per step: between steps, compressing ends if nobody waits for it any longer.
THREAD_FROM = 32 * 1024
STEP = 1024 * 1024
#: Bodies that are made or compressed at a time. One loop makes all: more would only cost memory.
MAKING = 2
#: Seconds that a body may wait for its turn.
MAKING_TIMEOUT = 10.0
#: Seconds for which a body is kept that nobody asks for. Dashboards usually ask again within a minute. An old
#: body of a graph that changes is of no use to anyone, and many filters would fill the memory with them.
KEPT = 60.0

#: The JSON text of a body, in pieces. Empty ones only give others a turn.
Pieces = Iterator[str | bytes]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to make a body.

    version: of the body that would be made now; after `take`, of the one that is made.
    prepare: steps to run first. take: gets the snapshot to render, of the current version or a later one.
    make: reads everything else at once; the pieces are drawn later.
    borrowed: whether the pieces are bytes that the graph holds anyway.
    """

    version: Callable[[], Hashable]
    make: Callable[[], Pieces]
    prepare: Callable[[], Iterable[None]] = tuple
    take: Callable[[], Awaitable[object]] | None = None
    borrowed: bool = False


class BodyMemory:
    """Counts the bytes that bodies hold. Shared chunks count once."""

    def __init__(self) -> None:
        self.freed = asyncio.Event()
        self._held: Counter[int] = Counter()
        self._size = 0
        self._borrowed: ReferenceType[SharedBytes] | None = None

    @property
    def size(self) -> int:
        """The bytes, without those that the latest borrowed body shares with the graph."""
        latest = self._borrowed() if self._borrowed is not None else None
        return self._size - (latest.size if latest is not None else 0)

    def borrow(self, body: SharedBytes) -> None:
        """Note the latest body that shares bytes with the graph."""
        self._borrowed = ref(body)

    def hold(self, chunk: bytes) -> None:
        self._held[id(chunk)] += 1
        if self._held[id(chunk)] == 1:
            self._size += len(chunk)

    def release(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self._held[id(chunk)] -= 1
            if not self._held[id(chunk)]:
                del self._held[id(chunk)]
                self._size -= len(chunk)
        self.freed.set()


class CachedBody(SharedBytes):
    """A body that counts until nobody holds it: neither the cache nor a reader of an old version."""

    __slots__ = ("_ledger", "_parts", "version")

    def __init__(self, version: Hashable, ledger: BodyMemory) -> None:
        self.version: Any = version
        self._parts: list[bytes] = []
        self._ledger = ledger
        super().__init__(self._parts)

    def add(self, piece: str | bytes) -> None:
        chunk = piece if isinstance(piece, bytes) else piece.encode()
        if chunk:
            self._parts.append(chunk)
            self.size += len(chunk)
            self._ledger.hold(chunk)

    @contextmanager
    def being_made(self) -> Iterator[None]:
        """Free the body at once if making it fails: a traceback may keep the object alive."""
        try:
            yield
        except BaseException:
            self._ledger.release(self._parts)
            self._parts.clear()
            raise

    def __del__(self) -> None:
        self._ledger.release(self._parts)


class CacheEntry:
    """One body: plain, and compressed if a request asked for that.

    version: None until making starts. waiting: the number of requests that wait for it.
    """

    def __init__(self) -> None:
        self.version: Hashable = None
        self.plain: asyncio.Task[CachedBody]
        self.packed: asyncio.Task[CachedBody] | None = None
        self.waiting = 0
        #: When it was last asked for, by the clock of the loop.
        self.asked = 0.0

    def serves(self, version: Hashable) -> bool:
        """Whether it is or will be of this version or a later one."""
        return (self.version is None or self.version == version) and not any(map(_has_failed, self.tasks))

    @property
    def tasks(self) -> list[asyncio.Task[CachedBody]]:
        return [task for task in (self.packed, self.plain) if task is not None]


class ResponseCache:
    """Keeps the latest version of each body. The least recently used one is dropped first.

    entries: how many are kept. size: bytes that all may hold; the latest is kept whatever its size.
    timeout: seconds that a body may wait until others are made or read.
    kept: seconds after which a body that nobody asks for is dropped.
    """

    def __init__(
        self,
        *,
        entries: int = 96,
        size: int = 64 * 1024 * 1024,
        timeout: float = MAKING_TIMEOUT,
        kept: float = KEPT,
    ) -> None:
        self._limits = (entries, size)
        self._timeout = timeout
        self._kept = kept
        self._ageing: asyncio.TimerHandle | None = None
        self._entries: OrderedDict[Hashable, CacheEntry] = OrderedDict()
        self._running: set[asyncio.Task[CachedBody]] = set()
        self._turns = asyncio.Semaphore(MAKING)
        self._entering = asyncio.Lock()
        self._ledger = BodyMemory()

    @property
    def size(self) -> int:
        """Bytes that bodies hold: kept, being made, or being read. Without those of the graph."""
        return self._ledger.size

    async def get(self, key: Hashable, recipe: Recipe, *, packed: bool) -> CachedBody:
        """The current body of `key`, or one that was current a moment ago; with gzip if `packed`.

        Raises Refusal (503) after waiting too long.
        """
        entry = self._entries.get(key)
        if entry is None or not entry.serves(recipe.version()):
            entry = self._entries[key] = CacheEntry()
            entry.plain = self._start(self._make(entry, recipe))
        self._entries.move_to_end(key)
        self._note_asked(entry)
        if packed and entry.packed is None:
            entry.packed = self._start(self._compress(entry.plain))
        task = entry.packed if packed and entry.packed is not None else entry.plain
        if not task.done():
            await _wait(entry, task)
            await turns().admit(Lane.PEER)  # many may have waited for it
            self._trim()
        return task.result()

    async def close(self) -> None:
        """Cancel what is being made."""
        if self._ageing is not None:
            self._ageing.cancel()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, making: Coroutine[Any, Any, CachedBody]) -> asyncio.Task[CachedBody]:
        # The context of a handler holds its request and connection, and the task would keep it alive.
        task = asyncio.create_task(making, name="astrolabe.http.cache", context=Context())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _make(self, entry: CacheEntry, recipe: Recipe) -> CachedBody:
        async with self._turn(room=True):
            async for _ in in_slices(recipe.prepare(), Lane.ANSWER):
                pass
            if recipe.take is not None:
                entry.version = recipe.version()  # later requests may need a later version
                await recipe.take()
            # Nothing is awaited between here and `make`, so the body is of this version.
            entry.version = recipe.version()
            body = CachedBody(entry.version, self._ledger)
            pieces = recipe.make()
            if recipe.borrowed:
                self._ledger.borrow(body)
            with body.being_made():
                async for piece in in_slices(pieces, Lane.ANSWER):
                    body.add(piece)
            return body

    async def _compress(self, making: asyncio.Task[CachedBody]) -> CachedBody:
        plain = await asyncio.shield(making)
        body = CachedBody(plain.version, self._ledger)
        packer = zlib.compressobj(5, zlib.DEFLATED, 31)  # 31: with the head and tail of gzip
        if plain.size < THREAD_FROM:
            body.add(packer.compress(bytes(plain)) + packer.flush())
            return body
        async with self._turn(room=False):
            with body.being_made():
                for step in _steps(plain.chunks):
                    body.add(await asyncio.to_thread(_pack, packer, step))
                body.add(packer.flush())
            return body

    @asynccontextmanager
    async def _turn(self, *, room: bool) -> AsyncIterator[None]:
        """room: also wait for memory, one after the other, or all would find the same free memory."""
        try:
            async with asyncio.timeout(self._timeout):
                if room:
                    async with self._entering:
                        await self._find_room()
                        await self._turns.acquire()
                else:
                    await self._turns.acquire()
        except TimeoutError:
            message = f"other answers are being made or read, and this one waited {self._timeout:g} seconds"
            raise Refusal(503, "busy", message, headers={"Retry-After": "5"}) from None
        try:
            yield
        finally:
            self._turns.release()

    async def _find_room(self) -> None:
        while self._ledger.size > self._limits[1]:
            self._ledger.freed.clear()
            self._trim(keep=0)
            if self._ledger.size > self._limits[1]:
                await self._ledger.freed.wait()

    def _note_asked(self, entry: CacheEntry) -> None:
        loop = asyncio.get_running_loop()
        entry.asked = loop.time()
        if self._ageing is None:
            self._ageing = loop.call_later(self._kept, self._forget)

    def _forget(self) -> None:
        """Drop what nobody has asked for, and look again when the next one is due."""
        loop = asyncio.get_running_loop()
        self._ageing = None
        for key, entry in list(self._entries.items()):  # by when they were asked for
            due = entry.asked + self._kept
            if due > loop.time() or entry.waiting:
                self._ageing = loop.call_at(max(due, loop.time() + self._kept / 10), self._forget)
                return
            del self._entries[key]

    def _trim(self, *, keep: int = 1) -> None:
        """Drop bodies beyond the limits. keep: how many stay whatever their size."""
        entries, size = self._limits
        for key in list(self._entries):
            if len(self._entries) <= keep or (len(self._entries) <= entries and self._ledger.size <= size):
                return
            if not self._entries[key].waiting:
                del self._entries[key]


async def _wait(entry: CacheEntry, task: asyncio.Task[CachedBody]) -> None:
    """Wait for a body. A cancelled caller does not cancel it for the others; the last one does."""
    entry.waiting += 1
    try:
        await asyncio.shield(task)
    finally:
        entry.waiting -= 1
        if not entry.waiting and not task.done():
            for each in entry.tasks:
                each.cancel()


def _steps(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The chunks in groups that take about the same time. Long ones are cut."""
    step: list[bytes] = []
    left = STEP
    for chunk in chunks:
        for begin in range(0, len(chunk), STEP):
            step.append(chunk[begin : begin + STEP])
            left -= len(step[-1])
            if left <= 0:
                yield step
                step, left = [], STEP
    if step:
        yield step


def _pack(packer: Any, step: list[bytes]) -> bytes:
    return b"".join([packer.compress(chunk) for chunk in step])


def _has_failed(task: asyncio.Task[CachedBody]) -> bool:
    return task.cancelled() or task.cancelling() > 0 or (task.done() and task.exception() is not None)
