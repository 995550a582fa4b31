"""Gives memory back to the system. glibc keeps what was freed between things that stay, which after a storm
of requests is more than all that is in use.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

#: Seconds between two looks. After memory has grown it is given back at the first of them, and again after
#: twice as many each time, so often: what it was needed for goes bit by bit, within a minute.
PAUSE, TRIMS = 1.0, 6
#: Bytes by which it has to grow first.
GROWN = 16 * 1024 * 1024

_WHEN = frozenset(1 << time for time in range(TRIMS))

_STATM = Path("/proc/self/statm")


class Trimmer:
    """trim: gives back what is free. used: bytes of memory that the process has."""

    def __init__(self, trim: Callable[[], object], used: Callable[[], int]) -> None:
        self._trim = trim
        self._used = used
        self._least: int | None = None
        #: Looks since it has grown.
        self._looks = 0

    async def look(self) -> None:
        """Give memory back, if there is more of it than there was."""
        used = self._used()
        if self._least is None or used > self._least + GROWN:
            self._least, self._looks = used, 0  # it may grow on: there is little to be given back yet
            return
        self._least = min(self._least, used)
        self._looks += 1
        if self._looks in _WHEN:
            # In a thread: it takes 1 ms, and up to 20 for 100 MB, in which the loop goes on.
            await asyncio.to_thread(self._trim)
            self._least = self._used()


async def keep_small() -> None:
    """Look now and then, for as long as the process runs."""
    trim = glibc_trim()
    if trim is None:
        await asyncio.Event().wait()
        return
    trimmer = Trimmer(trim, resident)
    while True:
        await asyncio.sleep(PAUSE)
        await trimmer.look()


def glibc_trim() -> Callable[[], object] | None:
    """malloc_trim(3); None with another C library, or where it cannot be seen how much memory is used."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None or not _STATM.exists():
        return None
    return lambda: trim(0)


def resident() -> int:
    """Bytes of this process that are in memory (proc(5))."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
