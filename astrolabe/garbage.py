"""Collects cyclic garbage so that no collection holds the event loop for long.

A collection takes some 0.1 µs for each object that it looks at, ten times as much if that is in no cache of
the processor, and more for what holds thousands of others. CPython decides by the number of objects that were
made and not freed since the last one. While connections come and go, that number stays small however many
young objects there are, and the next collection looks at all of them. So collections are made at fixed times,
and each generation is collected before that takes long: by the time that the younger ones took. What has
survived all of them is left alone if it is much: what lives long is freed without a collection.
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

#: Seconds between two collections of the youngest objects: usually, and after one that took SOME seconds.
PAUSE, SHORT_PAUSE, SOME = 0.05, 0.01, 0.0001
#: How many of them may be between two of all young objects. These come earlier when the others took so many
#: seconds.
MOST_BETWEEN, LONGEST = 20, 0.0005
#: Seconds that collections of all young objects took before the old ones are collected; and seconds of that
#: after which the rest is not looked at again.
LONGEST_YOUNG, MUCH = 0.001, 0.001
#: Seconds between two looks at the memory in use.
LOOK_EVERY = 1.0
#: Bytes by which it must have grown before old objects are collected for that.
GROWN = 16 * 1024 * 1024
#: Looks after which they are collected again.
LOOKS_BETWEEN = 5
#: The factor by which it must have grown, beside 4 times as many bytes, and for how many looks, before
#: everything is collected. That takes 0.3 s at 100,000 Pods.
FACTOR, LOOKS = 1.5, 120


class GarbageCollector:
    """Collects each generation often enough that it stays small.

    collect: collects a generation. freeze: leaves what there is out of further collections. youngest: how
    often the youngest objects were collected since all young ones were. clock: seconds of this thread's work.
    """

    def __init__(
        self,
        collect: Callable[[int], object] = gc.collect,
        *,
        freeze: Callable[[], object] = gc.freeze,
        youngest: Callable[[], int] = lambda: gc.get_count()[1],
        clock: Callable[[], float] = thread_time,
    ) -> None:
        self._collect = collect
        self._freeze = freeze
        self._youngest = youngest
        self._clock = clock
        self._count = 0
        #: Seconds that collections took of what the next one of all young objects looks at, at most; and of
        #: what the next one of the old objects does.
        self._took = self._took_young = 0.0

    def step(self) -> float:
        """Collect what is due. Returns the seconds until the next step."""
        if self._took_young >= LONGEST_YOUNG:
            took = self.collect_old()
        elif self._took >= LONGEST or self._count >= MOST_BETWEEN or self._youngest() > self._count:
            took = self._timed(1)
            self._count, self._took = 0, 0.0
            self._took_young += took
        else:
            took = self._timed(0)
            self._count += 1
            self._took += took
        return SHORT_PAUSE if took >= SOME else PAUSE

    def collect_old(self) -> float:
        """Collect all that is not frozen, and freeze the rest if it is much. Returns the seconds it took."""
        took = self._timed(2)
        if took >= MUCH:
            self._freeze()
        self._count, self._took, self._took_young = 0, 0.0, 0.0
        return took

    def _timed(self, generation: int) -> float:
        began = self._clock()
        self._collect(generation)
        return self._clock() - began


class OldCollector:
    """Decides by the memory in use when old objects are collected, and when everything is.

    collect: collects the old objects. collect_all: everything. used: resident bytes of the process.
    """

    def __init__(
        self,
        *,
        collect: Callable[[], object],
        collect_all: Callable[[], object],
        used: Callable[[], int],
    ) -> None:
        self._collect = collect
        self._collect_all = collect_all
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
        if self._looks and not self._looks % LOOKS_BETWEEN:
            self._collect()


async def collect_periodically(ready: Callable[[], Awaitable[None]]) -> None:
    """Collect as long as the process runs. What is there at the start, and when it is ready, stays."""
    collect_all()
    collector = GarbageCollector()
    async with asyncio.TaskGroup() as group:
        group.create_task(_collect_young(collector), name="young garbage")
        await ready()
        gc.freeze()
        if not is_resident_known():
            gc.set_threshold(*GC_THRESHOLDS[:2], RARELY)
            return
        old = OldCollector(collect=collector.collect_old, collect_all=collect_all, used=resident)
        while True:
            await asyncio.sleep(LOOK_EVERY)
            old.look()


async def _collect_young(collector: GarbageCollector) -> None:
    while True:
        pause = collector.step()
        await asyncio.sleep(pause)


def collect_all() -> None:
    """Collect everything, and leave what stays out of further collections."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
