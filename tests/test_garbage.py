"""Young garbage is collected all the time, a few objects at a time; everything only when memory has grown."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time
from typing import Any

import pytest

from astrolabe.garbage import (
    GC_THRESHOLDS,
    GROWN,
    LONGEST,
    LOOKS,
    LOOKS_BETWEEN,
    MOST_BETWEEN,
    MUCH,
    PAUSE,
    SHORT_PAUSE,
    SOME,
    GarbageCollector,
    OldCollector,
    collect_periodically,
)


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
def timed() -> Iterator[list[float]]:
    """The seconds of work of each collection."""
    took: list[float] = []

    def note(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            took.append(-thread_time())
        else:
            took[-1] += thread_time()

    gc.callbacks.append(note)
    try:
        yield took
    finally:
        gc.callbacks.remove(note)


def time_of_all() -> float:
    """The seconds of a collection that looks at everything but what was there before."""
    with timed() as took:
        gc.unfreeze()
        gc.collect()
    return took[0]


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


@pytest.mark.parametrize("stay", [False, True])
@pytest.mark.parametrize(("made", "turns", "pace"), [(200, 1200, 0.001), (2500, 130, 0.01)])
async def test_collections_stay_short_while_objects_come_and_go(
    stay: bool, made: int, turns: int, pace: float
) -> None:
    """So many in each turn of the loop, and seconds between two of them.

    While as many go as come, CPython does not count them. Otherwise it collects some of the youngest by itself.
    """
    held: deque[list[Any]] = deque([] for _ in range(made * turns))
    with thresholds(*GC_THRESHOLDS), timed() as took:
        collecting = asyncio.create_task(collect_periodically(never), name="collector")
        await asyncio.sleep(0)
        took.clear()
        for _ in range(turns):
            for _ in range(made):
                if not stay:
                    held.popleft()
                held.append([held[0]])
            await asyncio.sleep(pace)
        collecting.cancel()
        longest = max(took)
        assert len(took) > 10
        assert longest < time_of_all() / 6


class Generations:
    """Notes which one is collected, and what is frozen. A collection takes so many seconds."""

    def __init__(self) -> None:
        self.now, self.took = 0.0, 0.0
        #: How often CPython collected the youngest objects by itself.
        self.more = 0
        self.done: list[int | str] = []
        self.collector = GarbageCollector(
            self.collect,
            freeze=lambda: self.done.append("freeze"),
            youngest=self.youngest,
            clock=lambda: self.now,
        )

    def collect(self, generation: int) -> None:
        self.done.append(generation)
        self.now += self.took

    def youngest(self) -> int:
        collected = 0
        for each in reversed(self.done):
            if each != 0:
                break
            collected += 1
        return collected + self.more

    def step(self, times: int) -> list[int | str]:
        """What is done in so many steps."""
        self.done.clear()
        for _ in range(times):
            self.collector.step()
        return list(self.done)


def test_young_objects_are_collected_every_second_or_earlier_if_it_takes_long() -> None:
    generations = Generations()
    assert generations.step(3 * (MOST_BETWEEN + 1)) == 3 * [*[0] * MOST_BETWEEN, 1]
    generations.took = LONGEST / 2
    assert generations.step(6) == [0, 0, 1, 0, 0, 1]


def test_young_objects_are_collected_after_an_automatic_collection() -> None:
    generations = Generations()
    generations.more = 1
    assert generations.step(1) == [1]
    generations.more = 0
    assert generations.step(2) == [0, 0]


def test_old_objects_are_collected_while_few_and_frozen_if_many_stay() -> None:
    generations = Generations()
    generations.took = 0.9 * MUCH
    assert generations.step(5) == [0, 1, 0, 1, 2]
    generations.took = MUCH
    assert generations.step(6) == [0, 1, 2, "freeze", 0, 1, 2, "freeze"]


def test_collections_are_more_frequent_while_there_is_much_to_collect() -> None:
    generations = Generations()
    assert generations.collector.step() == PAUSE
    generations.took = SOME
    assert generations.collector.step() == SHORT_PAUSE


class Process:
    """Uses so much memory. Notes what was collected, and how often."""

    def __init__(self, used: int) -> None:
        self.used = used
        self.collected = {"old": 0, "all": 0}
        self.collector = OldCollector(
            collect=lambda: self.collect("old"),
            collect_all=lambda: self.collect("all"),
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


def test_old_objects_are_collected_while_memory_has_grown() -> None:
    process = Process(100_000_000)
    assert process.look(10 * LOOKS_BETWEEN) == (0, 0)
    process.used += GROWN + 1
    assert process.look(10 * LOOKS_BETWEEN) == (10, 0)


def test_everything_is_collected_once_after_lasting_growth() -> None:
    process = Process(100_000_000)
    process.used = 150_000_000 + 4 * GROWN
    assert process.look(10 * LOOKS)[1] == 0
    process.used += 1
    assert process.look(LOOKS - 1)[1] == 0
    assert process.look(10 * LOOKS)[1] == 1
    process.used *= 3
    assert process.look(10 * LOOKS)[1] == 1


@pytest.mark.parametrize("high", [1, LOOKS - 1])
def test_fluctuating_memory_starts_no_collection(high: int) -> None:
    process = Process(100_000_000)
    for _ in range(10):
        process.used = 1_000_000_000
        assert process.look(high)[1] == 0
        process.used = 100_000_000
        assert process.look(1)[1] == 0
