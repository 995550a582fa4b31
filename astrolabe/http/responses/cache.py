"""Bodies of answers: each is made once for all who ask, some at a time, within a bound of memory."""

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
from astrolabe.http.net.message import Body
from astrolabe.timeslice import Lane, in_slices, turns

#: Bytes from which on a body is compressed in a thread (zlib releases the interpreter), and how many in one
#: step: between two of them it ends when nobody waits for it any more.
THREAD_FROM = 32 * 1024
STEP = 1024 * 1024
#: Bodies that are made or compressed at a time. One loop makes them all: more would only take memory.
MAKING = 2
#: Seconds that one may wait for its turn.
PATIENCE = 10.0

#: The JSON text of a body, in parts; empty ones only give others their turn.
Pieces = Iterator[str | bytes]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a body is made.

    version: of which it would be now, or is, once that was taken which it is of; its answer is named by it.
    prepare: steps before it. take: takes what it is of, of the version that is now or of a later one.
    make: takes all else that it needs at once; its pieces are drawn later.
    borrowed: whether they are bytes that the graph holds anyway.
    """

    version: Callable[[], Hashable]
    make: Callable[[], Pieces]
    prepare: Callable[[], Iterable[None]] = tuple
    take: Callable[[], Awaitable[object]] | None = None
    borrowed: bool = False


class Ledger:
    """Bytes that bodies hold, those that several share counted once."""

    def __init__(self) -> None:
        self.freed = asyncio.Event()
        self._held: Counter[int] = Counter()
        self._size = 0
        self._borrowed: ReferenceType[Body] | None = None

    @property
    def size(self) -> int:
        """Without what the latest borrowed body has of the graph."""
        latest = self._borrowed() if self._borrowed is not None else None
        return self._size - (latest.size if latest is not None else 0)

    def borrow(self, body: Body) -> None:
        """It is the latest that holds what the graph holds."""
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


class HeldBody(Body):
    """One that a ledger counts, until nobody holds it: not the cache, nor one who reads an old version."""

    __slots__ = ("_ledger", "_parts", "version")

    def __init__(self, version: Hashable, ledger: Ledger) -> None:
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
        """What is not made to its end is freed at once: a traceback may hold it for longer."""
        try:
            yield
        except BaseException:
            self._ledger.release(self._parts)
            self._parts.clear()
            raise

    def __del__(self) -> None:
        self._ledger.release(self._parts)


class Entry:
    """One body: plain, and compressed when somebody asked for that.

    version: None until its turn has come. waiting: how many wait for it.
    """

    def __init__(self) -> None:
        self.version: Hashable = None
        self.plain: asyncio.Task[HeldBody]
        self.packed: asyncio.Task[HeldBody] | None = None
        self.waiting = 0

    def serves(self, version: Hashable) -> bool:
        """Whether it is, or will be, this version or a later one."""
        return (self.version is None or self.version == version) and not any(map(_has_failed, self.tasks))

    @property
    def tasks(self) -> list[asyncio.Task[HeldBody]]:
        return [task for task in (self.packed, self.plain) if task is not None]


class Bodies:
    """The latest version of each body; the one that was not asked for longest goes first.

    entries: how many are kept. size: bytes that all may hold; the latest is kept whatever its size.
    patience: seconds that a body may wait until others are made, or read.
    """

    def __init__(
        self, *, entries: int = 96, size: int = 64 * 1024 * 1024, patience: float = PATIENCE
    ) -> None:
        self._limits = (entries, size)
        self._patience = patience
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._running: set[asyncio.Task[HeldBody]] = set()
        self._turns = asyncio.Semaphore(MAKING)
        self._entering = asyncio.Lock()
        self._ledger = Ledger()

    @property
    def size(self) -> int:
        """Bytes that bodies hold now: kept, being made, or still being read, without what the graph holds."""
        return self._ledger.size

    async def get(self, key: Hashable, recipe: Recipe, *, packed: bool) -> HeldBody:
        """The body of `key` as it is now or was a moment ago, compressed by gzip if `packed`.

        Raises Refusal (503) when it had to wait too long.
        """
        entry = self._entries.get(key)
        if entry is None or not entry.serves(recipe.version()):
            entry = self._entries[key] = Entry()
            entry.plain = self._start(self._make(entry, recipe))
        self._entries.move_to_end(key)
        if packed and entry.packed is None:
            entry.packed = self._start(self._compress(entry.plain))
        task = entry.packed if packed and entry.packed is not None else entry.plain
        if not task.done():
            await _wait(entry, task)
            await turns().admit(Lane.PEER)  # all who waited for it go on at once
            self._trim()
        return task.result()

    async def close(self) -> None:
        """End what is being made."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, making: Coroutine[Any, Any, HeldBody]) -> asyncio.Task[HeldBody]:
        # A task keeps its context, and that of a handler its request with the connection: this one is kept.
        task = asyncio.create_task(making, name="astrolabe.http.cache", context=Context())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _make(self, entry: Entry, recipe: Recipe) -> HeldBody:
        async with self._turn(room=True):
            async for _ in in_slices(recipe.prepare(), Lane.ANSWER):
                pass
            if recipe.take is not None:
                entry.version = recipe.version()  # who asks later may need a later one
                await recipe.take()
            # From here to the recipe's call nothing is awaited: the body is of this version.
            entry.version = recipe.version()
            body = HeldBody(entry.version, self._ledger)
            pieces = recipe.make()
            if recipe.borrowed:
                self._ledger.borrow(body)
            with body.being_made():
                async for piece in in_slices(pieces, Lane.ANSWER):
                    body.add(piece)
            return body

    async def _compress(self, making: asyncio.Task[HeldBody]) -> HeldBody:
        plain = await asyncio.shield(making)
        body = HeldBody(plain.version, self._ledger)
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
        """room: wait until there is memory, too: one after the other, or all who wait would find the same."""
        try:
            async with asyncio.timeout(self._patience):
                if room:
                    async with self._entering:
                        await self._find_room()
                        await self._turns.acquire()
                else:
                    await self._turns.acquire()
        except TimeoutError:
            message = f"other answers are being made or read, and this one waited {self._patience:g} seconds"
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

    def _trim(self, *, keep: int = 1) -> None:
        """keep: how many stay whatever their size."""
        entries, size = self._limits
        for key in list(self._entries):
            if len(self._entries) <= keep or (len(self._entries) <= entries and self._ledger.size <= size):
                return
            if not self._entries[key].waiting:
                del self._entries[key]


async def _wait(entry: Entry, task: asyncio.Task[HeldBody]) -> None:
    """A caller that goes away must not take it from the others; the last one ends it."""
    entry.waiting += 1
    try:
        await asyncio.shield(task)
    finally:
        entry.waiting -= 1
        if not entry.waiting and not task.done():
            for each in entry.tasks:
                each.cancel()


def _steps(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The chunks in groups that take about as long; a long one is cut."""
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


def _has_failed(task: asyncio.Task[HeldBody]) -> bool:
    return task.cancelled() or task.cancelling() > 0 or (task.done() and task.exception() is not None)
