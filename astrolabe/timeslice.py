"""Time slices: long work in the event loop pauses after each slice, and requests of peers share the loop.

Every loop over a graph uses this helper.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextvars import Context
from enum import IntEnum
from time import perf_counter
from typing import TypeVar
from weakref import WeakKeyDictionary

#: Seconds of work before others get their turn.
TIME_SLICE = 0.003
#: Share of a slice for all short work in a turn of the loop. Even a probe needs six such turns.
PEER_SHARE = 0.5
#: Tasks woken for the same turn of the loop. The first runs in any case, the others if there is time.
MOST_WOKEN = 8

#: Probes per turn of the loop that need not wait. Each takes less than half a millisecond.
FREE_PROBES = 8

T = TypeVar("T")


class Lane(IntEnum):
    """A queue for turns. Probes go first; the other lanes alternate.

    PROBE: health probes.
    CLUSTER: long work that keeps the graph up to date.
    ANSWER: long work for a request of a peer.
    PEER: one step for one peer: its request, some of its messages, the next chunk of its response.
    """

    PROBE = 0
    CLUSTER = 1
    ANSWER = 2
    PEER = 3


#: Work in these lanes takes a whole slice.
LONG_WORK = (Lane.CLUSTER, Lane.ANSWER)


class Turns:
    """Schedules the work of one event loop. Each turn of the loop has one slice for all that waits here.

    If time is left and nothing waits, new work starts at once.
    """

    def __init__(self) -> None:
        self._lanes = tuple(deque[Callable[[], None] | asyncio.Future[bool]]() for _ in Lane)
        self._next = Lane.CLUSTER
        self._running = self._begun = False
        self._ends = 0.0
        #: When the slice of this turn for cluster work that starts is used up. 0: none has started.
        self._start_ends = 0.0
        #: Probes that started at once in this turn.
        self._probes = 0

    @property
    def over(self) -> bool:
        """Whether the slice of this turn is used up. It starts with the first call."""
        self._begin()
        return perf_counter() > self._ends

    def do(self, call: Callable[[], None], lane: Lane) -> None:
        """Call this now if there is time, otherwise at its turn. It must not raise."""
        if self._is_free(lane):
            call()
        else:
            self.ask(call, lane)

    def ask(self, call: Callable[[], None], lane: Lane) -> None:
        """Call this at its turn, not now. It must not raise."""
        self._lanes[lane].append(call)
        self._go_on()

    async def admit(self, lane: Lane) -> None:
        """Wait until there is time. Returns at once if there is."""
        if self._is_free(lane):
            return
        admitted = await self.wait(lane)
        while not admitted and self.over:
            admitted = await self.wait(lane, again=True)

    async def start(self) -> None:
        """Start cluster work: at once, unless other work that started in this turn took a slice already.

        Many watches may receive something in the same turn.
        """
        self._begin()
        if not self._start_ends:
            self._start_ends = perf_counter() + TIME_SLICE
        elif perf_counter() > self._start_ends:
            await self.wait(Lane.CLUSTER)

    def _is_free(self, lane: Lane) -> bool:
        """Whether work in this lane need not wait."""
        over = self.over
        if lane is Lane.PROBE:
            self._probes += 1
            return self._probes <= FREE_PROBES
        return not over and not self._lanes[lane] and not self._lanes[Lane.PROBE]

    async def wait(self, lane: Lane, *, again: bool = False) -> bool:
        """Wait for a turn. Returns whether to continue even if there is no time.

        again: wait in front of the others, after a turn without time.
        """
        woken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if again:
            self._lanes[lane].appendleft(woken)
        else:
            self._lanes[lane].append(woken)
        self._go_on()
        unconditional = await woken
        self._begin()
        return unconditional

    def _go_on(self) -> None:
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._run, context=Context())

    def _run(self) -> None:
        """Give at least one waiter its turn. Work added meanwhile waits for the next turn of the loop."""
        left, woken = sum(map(len, self._lanes)), 0
        try:
            while left and woken < MOST_WOKEN and not (woken and self.over):
                left -= 1
                lane = self._choose()
                waiting = self._lanes[lane].popleft()
                if not isinstance(waiting, asyncio.Future):
                    waiting()
                    if self.over:
                        break
                elif not waiting.done():  # it may be cancelled
                    waiting.set_result(not woken or lane is Lane.PROBE)
                    woken = MOST_WOKEN if lane in LONG_WORK else woken + 1
        finally:
            self._running = any(self._lanes)
            if self._running:
                asyncio.get_running_loop().call_soon(self._run, context=Context())

    def _choose(self) -> Lane:
        """The next lane that has waiters."""
        if self._lanes[Lane.PROBE]:
            return Lane.PROBE
        while not self._lanes[self._next]:
            self._next = Lane(self._next % Lane.PEER + 1)
        chosen, self._next = self._next, Lane(self._next % Lane.PEER + 1)
        return chosen

    def _begin(self) -> None:
        if not self._begun:
            self._begun, self._ends = True, perf_counter() + PEER_SHARE * TIME_SLICE
            asyncio.get_running_loop().call_soon(self._end, context=Context())

    def _end(self) -> None:
        self._begun = False
        self._start_ends = 0.0
        self._probes = 0


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """The `Turns` of the running loop."""
    loop = asyncio.get_running_loop()
    found = _TURNS.get(loop)
    if found is None:
        found = _TURNS[loop] = Turns()
    return found


class TurnQuota:
    """Makes calls in order, with a maximum per turn of the loop. They must not raise.

    For calls whose cost comes later, where no clock measures it.
    """

    def __init__(self, most: int, lane: Lane) -> None:
        self._most = self._left = most
        self._lane = lane
        self._waiting: deque[tuple[Callable[[], None], int]] = deque()
        self._asked = False

    def do(self, call: Callable[[], None], weight: int = 1) -> None:
        """Call this now or in one of the next turns. weight: how many calls it counts as."""
        self._waiting.append((call, weight))
        if not self._asked:
            self._run()

    def admits(self, weight: int) -> bool:
        """Whether this much may be done at once, and if so, count it. Otherwise it must wait by `do`."""
        if self._waiting or self._left < weight:
            return False
        if self._left == self._most:
            self._renew_soon()
        self._left -= weight
        return True

    def _run(self) -> None:
        self._asked = False
        if self._left == self._most:
            self._renew_soon()
        try:
            while self._waiting and self._left > 0:
                call, weight = self._waiting.popleft()
                self._left -= weight
                call()
        finally:
            if self._waiting and not self._asked:
                self._asked = True
                turns().ask(self._run, self._lane)

    def _renew_soon(self) -> None:
        asyncio.get_running_loop().call_soon(self._renew, context=Context())

    def _renew(self) -> None:
        self._left = self._most


class TimeSlice:
    """The time that long work may take before it should pause. It starts when it is created."""

    __slots__ = ("_ends", "_lane")

    def __init__(self, lane: Lane = Lane.CLUSTER) -> None:
        self._lane = lane
        self._ends = perf_counter() + TIME_SLICE

    @property
    def over(self) -> bool:
        """Whether it is time to pause."""
        return perf_counter() > self._ends

    def restart(self) -> None:
        """Start a new slice, after others had their turn."""
        self._ends = perf_counter() + TIME_SLICE

    async def pause(self) -> None:
        """If the slice is over, wait for a turn and start a new slice."""
        if self.over:
            await turns().wait(self._lane)
            self.restart()


async def in_slices(steps: Iterable[T], lane: Lane = Lane.CLUSTER) -> AsyncIterator[T]:
    """Yield the steps, and pause whenever a slice is over. A step should take far less than a slice.

    Work in the lane CLUSTER starts at once, unless much of it does; other work when there is time.
    """
    if lane is Lane.CLUSTER:
        await turns().start()
    else:
        await turns().admit(lane)
    slice = TimeSlice(lane)
    for step in steps:
        yield step
        await slice.pause()


def free_in_steps(held: list[object], step: int = 1_000) -> Iterator[int]:
    """Free a list in steps, since freeing a large graph at once takes long. Yields the number left."""
    while held:
        del held[-step:]
        yield step
