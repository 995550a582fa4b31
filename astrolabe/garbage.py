"""Collects cyclic garbage so that no collection holds the event loop for long.

A collection takes some 0.1 µs for each object that it looks at. CPython decides by the number of objects
that were made and not freed since the last one. While connections come and go, that number stays small
however many young objects there are, and the next collection looks at all of them: 20 ms at 1,000
connections. So the young objects are collected at fixed times, while they are few. The old ones are left
alone unless memory has grown: what lives long is freed without a collection.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from time import thread_time

from astrolabe.memory import is_resident_known, resident

#: For `gc.set_threshold`. Work that makes many objects in one go reaches the first. Without
#: `collect_periodically` nobody collects what is older.
GC_THRESHOLDS = (10_000, 1_000_000, 1_000_000)
#: The last of them where the memory in use is not known.
RARELY = 1_000

#: Seconds between two collections of the youngest objects; and how many of them may be between two of all
#: young objects. These come earlier when the others took so many seconds.
PAUSE, MOST_BETWEEN, LONGEST = 0.05, 20, 0.001
#: Seconds between two looks at the memory in use.
LOOK_EVERY = 1.0
#: Bytes by which it must have grown before old objects are collected, and how many of these there may be:
#: they are seldom in a cache of the processor, so that each takes 1 µs.
GROWN, FEW = 16 * 1024 * 1024, 10_000
#: Looks after which they are collected again.
LOOKS_BETWEEN = 5
#: The factor by which it must have grown, beside 4 times as many bytes, and for how many looks, before
#: everything is collected. That takes 0.3 s at 100,000 Pods.
FACTOR, LOOKS = 1.5, 120


class YoungCollector:
    """Collects the youngest objects, and now and then all young ones.

    collect: collects a generation. clock: seconds of work of this thread.
    """

    def __init__(
        self, collect: Callable[[int], object] = gc.collect, clock: Callable[[], float] = thread_time
    ) -> None:
        self._collect = collect
        self._clock = clock
        self._count = 0
        #: Seconds that the collections took of what the next one of all young objects looks at, at most.
        self._took = 0.0

    def step(self) -> None:
        """Collect, some 20 times a second."""
        if self._took >= LONGEST or self._count >= MOST_BETWEEN:
            self._count, self._took = 0, 0.0
            self._collect(1)
            return
        began = self._clock()
        self._collect(0)
        self._count += 1
        self._took += self._clock() - began


class OldCollector:
    """Decides by the memory in use when old objects are collected, and when everything is.

    collect: collects the old objects. collect_all: everything. old: how many old objects there are.
    used: resident bytes of the process.
    """

    def __init__(
        self,
        *,
        collect: Callable[[], object],
        collect_all: Callable[[], object],
        old: Callable[[], int],
        used: Callable[[], int],
    ) -> None:
        self._collect = collect
        self._collect_all = collect_all
        self._old = old
        self._used = used
        self._begin()

    def _begin(self) -> None:
        self._start = self._used()
        self._looks = self._high = 0

    def look(self) -> None:
        """Look at the memory in use, and collect if it has grown."""
        used = self._used()
        self._high = self._high + 1 if used > self._start * FACTOR + 4 * GROWN else 0
        if self._high >= LOOKS:
            self._collect_all()
            self._begin()
            return
        self._looks = self._looks + 1 if used > self._start + GROWN else 0
        if self._looks and not self._looks % LOOKS_BETWEEN and self._old() <= FEW:
            self._collect()


async def collect_periodically(ready: Callable[[], Awaitable[None]]) -> None:
    """Collect as long as the process runs. What is there at the start, and when it is ready, stays."""
    collect_all()
    async with asyncio.TaskGroup() as group:
        group.create_task(_collect_young(), name="young garbage")
        await ready()
        gc.freeze()
        if not is_resident_known():
            gc.set_threshold(*GC_THRESHOLDS[:2], RARELY)
            return
        old = OldCollector(collect=gc.collect, collect_all=collect_all, old=_count_old, used=resident)
        while True:
            await asyncio.sleep(LOOK_EVERY)
            old.look()


async def _collect_young() -> None:
    young = YoungCollector()
    while True:
        await asyncio.sleep(PAUSE)
        young.step()


def _count_old() -> int:
    return len(gc.get_objects(generation=2))


def collect_all() -> None:
    """Collect everything, and leave what stays out of further collections."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
