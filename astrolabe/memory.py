"""Returns free memory to the system.

glibc keeps free memory between objects that stay. After a burst of requests that is more than the memory in
use.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

#: Seconds between two checks, and number of trims after memory has grown. The first trim is at the next
#: check, each further one after twice as many checks, since the memory is freed gradually within a minute.
PAUSE, TRIMS = 1.0, 6
#: Bytes by which memory must grow first.
GROWN = 16 * 1024 * 1024

_WHEN = frozenset(1 << time for time in range(TRIMS))

_STATM = Path("/proc/self/statm")


class MemoryTrimmer:
    """trim: returns free memory to the system. used: resident bytes of the process."""

    def __init__(self, trim: Callable[[], object], used: Callable[[], int]) -> None:
        self._trim = trim
        self._used = used
        self._least: int | None = None
        #: Checks since memory has grown.
        self._checks = 0

    async def check(self) -> None:
        """Trim if memory has grown and no longer grows."""
        used = self._used()
        if self._least is None or used > self._least + GROWN:
            self._least, self._checks = used, 0  # still growing: little to return yet
            return
        self._least = min(self._least, used)
        self._checks += 1
        if self._checks in _WHEN:
            # In a thread, since it takes 1 ms, and up to 20 ms for 100 MB.
            await asyncio.to_thread(self._trim)
            self._least = self._used()


async def trim_periodically() -> None:
    """Check periodically, as long as the process runs."""
    trim = glibc_trim()
    if trim is None:
        await asyncio.Event().wait()
        return
    trimmer = MemoryTrimmer(trim, resident)
    while True:
        await asyncio.sleep(PAUSE)
        await trimmer.check()


def glibc_trim() -> Callable[[], object] | None:
    """malloc_trim(3); None with another C library, or without /proc/self/statm."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None or not is_resident_known():
        return None
    return lambda: trim(0)


def is_resident_known() -> bool:
    """Whether `resident` can be asked."""
    return _STATM.exists()


def resident() -> int:
    """Resident bytes of this process (proc(5))."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
