"""What was freed is given back to the system, when there is much of it."""

from __future__ import annotations

import gc

import pytest

from astrolabe.memory import GROWN, TRIMS, MemoryTrimmer, glibc_trim, resident


class Process:
    """Uses so much memory, of which so much is free, and counts how often that was given back."""

    def __init__(self, used: int, free: int = 0) -> None:
        self.used, self.free, self.trimmed = used, free, 0
        self.trimmer = MemoryTrimmer(self.trim, lambda: self.used)

    def trim(self) -> None:
        self.trimmed += 1
        self.used -= self.free
        self.free = 0

    async def check(self, times: int = 1) -> int:
        """How often it was given back meanwhile."""
        before = self.trimmed
        for _ in range(times):
            await self.trimmer.check()
        return self.trimmed - before


async def test_memory_is_returned_after_the_start_and_after_a_storm_only() -> None:
    process = Process(100_000_000)
    assert await process.check(100) == TRIMS
    process.used += GROWN - 1
    assert await process.check(100) == 0
    process.used += 2
    assert await process.check() == 0
    assert await process.check() == 1
    process.free = 10_000_000  # only then did the storm end
    assert await process.check() == 1
    assert process.used == 100_000_001 + GROWN - 10_000_000
    assert await process.check(100) == TRIMS - 2


async def test_memory_of_a_storm_is_returned_at_the_second_check() -> None:
    process = Process(100_000_000)
    await process.check(100)
    process.used, process.free = 300_000_000, 190_000_000
    await process.check(2)
    assert process.used == 110_000_000


async def test_memory_freed_a_minute_later_is_still_returned() -> None:
    process = Process(100_000_000)
    await process.check(100)
    process.used = 300_000_000
    await process.check(30)
    process.free = 190_000_000
    await process.check(3)
    assert process.used == 110_000_000


async def test_fluctuating_memory_is_returned_at_every_other_check() -> None:
    process = Process(100_000_000)
    await process.check(100)
    given_back = 0
    for _ in range(10):
        process.used += 100_000_000
        process.free = 100_000_000
        given_back += await process.check(2)
    assert given_back == 10
    assert process.used == 100_000_000


async def test_memory_in_use_is_not_growth() -> None:
    process = Process(100_000_000)
    await process.check(100)
    for _ in range(3):
        process.used += 2 * GROWN
        assert await process.check(100) == TRIMS


async def test_glibc_keeps_fragmented_memory_until_it_is_trimmed() -> None:
    trim = glibc_trim()
    if trim is None:
        pytest.fail("the tests run with glibc, as the image does")
    gc.collect()
    trim()
    before = resident()
    trimmer = MemoryTrimmer(trim, resident)
    await trimmer.check()
    held = [bytes(2000) for _ in range(40_000)]
    stays = held[::100]
    held.clear()
    kept = resident() - before
    await trimmer.check()  # it has grown
    await trimmer.check()
    assert kept > 60_000_000
    assert resident() - before < kept / 4
    assert stays
