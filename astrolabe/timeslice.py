"""Long work in the event loop, a slice of time at a time: the one helper with which every loop over a graph
gives others their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from time import perf_counter
from typing import TypeVar

#: Seconds of work after which others have their turn.
TIME_SLICE = 0.005

T = TypeVar("T")


class TimeSlice:
    """The time that is left to a piece of long work before it should pause; it begins when it is made."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends = perf_counter() + TIME_SLICE

    @property
    def over(self) -> bool:
        """Whether it is time to pause."""
        return perf_counter() > self._ends

    def restart(self) -> None:
        """Begin anew: others had their turn meanwhile."""
        self._ends = perf_counter() + TIME_SLICE

    async def pause(self) -> None:
        """Let the event loop run if the slice is over, and begin another one."""
        if self.over:
            await asyncio.sleep(0)
            self.restart()


async def in_slices(steps: Iterable[T]) -> AsyncIterator[T]:
    """The same steps, with a pause whenever a slice of time is over. A step should take far less than one."""
    slice = TimeSlice()
    for step in steps:
        yield step
        await slice.pause()
