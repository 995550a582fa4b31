"""Young garbage is collected all the time, a few objects at a time; everything only when memory has grown."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from astrolabe.garbage import (
    FEW,
    GC_THRESHOLDS,
    GROWN,
    LONGEST,
    LOOKS,
    LOOKS_BETWEEN,
    MOST_BETWEEN,
    OldCollector,
    YoungCollector,
    collect_periodically,
)

#: Objects that are made in one turn of the loop, and turns.
SOME, TURNS = 200, 1200


class Knot:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


@contextmanager
def thresholds(*thresholds: int) -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*thresholds)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def looked_at() -> Iterator[list[int]]:
    """How many objects each collection of young ones looks at."""
    counts: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] < 2:
            counts.append(sum(len(gc.get_objects(each)) for each in range(info["generation"] + 1)))

    gc.callbacks.append(note)
    try:
        yield counts
    finally:
        gc.callbacks.remove(note)


async def never() -> None:
    await asyncio.Event().wait()


async def test_young_garbage_is_collected_without_new_allocations(uncollected: None) -> None:
    gone = asyncio.Event()
    collecting = asyncio.create_task(collect_periodically(never), name="collector")
    await asyncio.sleep(0)  # what is there when it starts is not looked at again
    knot = Knot()
    weakref.finalize(knot, gone.set)
    del knot
    async with asyncio.timeout(10):
        await gone.wait()
    collecting.cancel()
    gc.unfreeze()


async def test_collections_stay_small_while_objects_come_and_go() -> None:
    """CPython does not count them: the most that a collection looked at was all that there were."""
    held: deque[list[Any]] = deque([] for _ in range(SOME * TURNS))
    with thresholds(*GC_THRESHOLDS), looked_at() as counts:
        collecting = asyncio.create_task(collect_periodically(never), name="collector")
        await asyncio.sleep(0)
        counts.clear()
        for _ in range(TURNS):
            for _ in range(SOME):
                held.popleft()
                held.append([held[0]])
            await asyncio.sleep(0.001)  # the pace at which they come
        more = [[each] for each in range(GC_THRESHOLDS[0] + 1)]
        collecting.cancel()
    assert len(more) > GC_THRESHOLDS[0]
    assert len(counts) > 1
    assert max(counts) < SOME * TURNS / 2


def test_young_objects_are_collected_every_second_or_less_often_if_it_takes_long() -> None:
    now, took, collected = 0.0, 0.0, []

    def collect(generation: int) -> None:
        nonlocal now
        collected.append(generation)
        now += took

    young = YoungCollector(collect, lambda: now)
    for _ in range(3 * (MOST_BETWEEN + 1)):
        young.step()
    assert collected == 3 * [*[0] * MOST_BETWEEN, 1]
    collected.clear()
    took = LONGEST / 2
    for _ in range(6):
        young.step()
    assert collected == [0, 0, 1, 0, 0, 1]


class Process:
    """Uses so much memory and has so many old objects. Notes what was collected, and how often."""

    def __init__(self, used: int, old: int = 0) -> None:
        self.used, self.old = used, old
        self.collected = {"old": 0, "all": 0}
        self.collector = OldCollector(
            collect=lambda: self.collect("old"),
            collect_all=lambda: self.collect("all"),
            old=lambda: self.old,
            used=lambda: self.used,
        )

    def collect(self, what: str) -> None:
        self.collected[what] += 1

    def look(self, times: int) -> tuple[int, int]:
        """How often old objects were collected meanwhile, and how often everything was."""
        before = dict(self.collected)
        for _ in range(times):
            self.collector.look()
        return self.collected["old"] - before["old"], self.collected["all"] - before["all"]


def test_few_old_objects_are_collected_while_memory_has_grown() -> None:
    process = Process(100_000_000)
    assert process.look(10 * LOOKS_BETWEEN) == (0, 0)
    process.used += GROWN + 1
    assert process.look(10 * LOOKS_BETWEEN) == (10, 0)
    process.old = FEW + 1
    assert process.look(10 * LOOKS_BETWEEN) == (0, 0)


def test_everything_is_collected_once_after_lasting_growth() -> None:
    process = Process(100_000_000, FEW + 1)
    process.used = 150_000_000 + 4 * GROWN
    assert process.look(10 * LOOKS) == (0, 0)
    process.used += 1
    assert process.look(LOOKS - 1) == (0, 0)
    assert process.look(10 * LOOKS) == (0, 1)
    process.used *= 3
    assert process.look(10 * LOOKS) == (0, 1)


@pytest.mark.parametrize("high", [1, LOOKS - 1])
def test_fluctuating_memory_starts_no_collection(high: int) -> None:
    process = Process(100_000_000, FEW + 1)
    for _ in range(10):
        process.used = 1_000_000_000
        assert process.look(high) == (0, 0)
        process.used = 100_000_000
        assert process.look(1) == (0, 0)
