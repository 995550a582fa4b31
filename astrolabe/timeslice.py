"""Long work in the event loop, a slice of time at a time: the one helper with which every loop over a graph
gives others their turn, and with which all that peers ask for shares the loop.
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

#: Seconds of work after which others have their turn.
TIME_SLICE = 0.003
#: The part of it that all short things have in a turn of the loop: even a probe takes six of these turns.
FOR_PEERS = 0.5
#: Tasks that are woken for the same turn of the loop: the first goes on in any case, others if there is time.
WOKEN = 8

#: Probes that need not wait for a turn, of each turn of the loop: each takes less than half a millisecond.
PROBES = 8

T = TypeVar("T")


class Lane(IntEnum):
    """Where somebody waits for a turn. Probes go first; the other lanes take turns.

    PROBE: who asks whether the process is well.
    CLUSTER: long work that keeps the graph up to date.
    ANSWER: long work that peers have asked for.
    PEER: one step for one peer: its request, some of its messages, the next piece of its answer.
    """

    PROBE = 0
    CLUSTER = 1
    ANSWER = 2
    PEER = 3


#: Who waits there takes a whole slice.
LONG = (Lane.CLUSTER, Lane.ANSWER)


class Turns:
    """Shares one event loop out: a turn of the loop has one slice of time for all who wait here, however many
    they are. Who comes while some of it is left, and finds nobody waiting, need not wait.
    """

    def __init__(self) -> None:
        self._lanes = tuple(deque[Callable[[], None] | asyncio.Future[bool]]() for _ in Lane)
        self._next = Lane.CLUSTER
        self._running = self._begun = False
        self._ends = 0.0
        #: That went on at once in this turn.
        self._probes = 0

    @property
    def over(self) -> bool:
        """Whether the slice of this turn is used up; it begins with the first who asks."""
        self._begin()
        return perf_counter() > self._ends

    def do(self, call: Callable[[], None], lane: Lane) -> None:
        """Call this now if there is time, else when its turn comes. It must not raise."""
        if self._is_free(lane):
            call()
        else:
            self.ask(call, lane)

    def ask(self, call: Callable[[], None], lane: Lane) -> None:
        """Call this when its turn comes, and not now. It must not raise."""
        self._lanes[lane].append(call)
        self._go_on()

    async def admit(self, lane: Lane) -> None:
        """Wait until there is time; not at all if there is."""
        if self._is_free(lane):
            return
        admitted = await self.wait(lane)
        while not admitted and self.over:
            admitted = await self.wait(lane, again=True)

    def _is_free(self, lane: Lane) -> bool:
        """Whether one of this lane need not wait."""
        over = self.over
        if lane is Lane.PROBE:
            self._probes += 1
            return self._probes <= PROBES
        return not over and not self._lanes[lane] and not self._lanes[Lane.PROBE]

    async def wait(self, lane: Lane, *, again: bool = False) -> bool:
        """Wait until one's turn comes: whether to go on then even if there is no time.

        again: before the others, as it came to nothing.
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
        """Let at least one have its turn; who asks again meanwhile does so for the next turn of the loop."""
        left, woken = sum(map(len, self._lanes)), 0
        try:
            while left and woken < WOKEN and not (woken and self.over):
                left -= 1
                lane = self._choose()
                waiting = self._lanes[lane].popleft()
                if not isinstance(waiting, asyncio.Future):
                    waiting()
                    if self.over:
                        break
                elif not waiting.done():  # it may have gone away
                    waiting.set_result(not woken or lane is Lane.PROBE)
                    woken = WOKEN if lane in LONG else woken + 1
        finally:
            self._running = any(self._lanes)
            if self._running:
                asyncio.get_running_loop().call_soon(self._run, context=Context())

    def _choose(self) -> Lane:
        """The lane whose turn it is, of those where somebody waits."""
        if self._lanes[Lane.PROBE]:
            return Lane.PROBE
        while not self._lanes[self._next]:
            self._next = Lane(self._next % Lane.PEER + 1)
        chosen, self._next = self._next, Lane(self._next % Lane.PEER + 1)
        return chosen

    def _begin(self) -> None:
        if not self._begun:
            self._begun, self._ends = True, perf_counter() + FOR_PEERS * TIME_SLICE
            asyncio.get_running_loop().call_soon(self._end, context=Context())

    def _end(self) -> None:
        self._begun = False
        self._probes = 0


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """Of the loop that runs."""
    loop = asyncio.get_running_loop()
    found = _TURNS.get(loop)
    if found is None:
        found = _TURNS[loop] = Turns()
    return found


class Few:
    """Calls what it is given, each once and in order, but only so many in a turn of the loop: what a call
    sets off is done later, where no clock tells what it takes. They must not raise.
    """

    def __init__(self, most: int, lane: Lane) -> None:
        self._most = self._left = most
        self._lane = lane
        self._waiting: deque[tuple[Callable[[], None], int]] = deque()
        self._asked = False

    def do(self, call: Callable[[], None], weight: int = 1) -> None:
        """Call this now, or in one of the next turns. weight: as how many it counts."""
        self._waiting.append((call, weight))
        if not self._asked:
            self._run()

    def admits(self, weight: int) -> bool:
        """Whether this much may be done at once, which then counts; else it has to wait its turn by `do`."""
        if self._waiting or self._left < weight:
            return False
        self._renew_soon()
        self._left -= weight
        return True

    def _run(self) -> None:
        self._asked = False
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
        if self._left == self._most:
            asyncio.get_running_loop().call_soon(self._renew, context=Context())

    def _renew(self) -> None:
        self._left = self._most


class TimeSlice:
    """The time that is left to a piece of long work before it should pause; it begins when it is made."""

    __slots__ = ("_ends", "_lane")

    def __init__(self, lane: Lane = Lane.CLUSTER) -> None:
        self._lane = lane
        self._ends = perf_counter() + TIME_SLICE

    @property
    def over(self) -> bool:
        """Whether it is time to pause."""
        return perf_counter() > self._ends

    def restart(self) -> None:
        """Begin anew: others had their turn meanwhile."""
        self._ends = perf_counter() + TIME_SLICE

    async def pause(self) -> None:
        """Wait for one's turn if the slice is over, and begin another one."""
        if self.over:
            await turns().wait(self._lane)
            self.restart()


async def in_slices(steps: Iterable[T], lane: Lane = Lane.CLUSTER) -> AsyncIterator[T]:
    """The same steps, with a pause whenever a slice of time is over. A step should take far less than one.

    What keeps the graph up to date begins at once, all else when there is time.
    """
    if lane is not Lane.CLUSTER:
        await turns().admit(lane)
    slice = TimeSlice(lane)
    for step in steps:
        yield step
        await slice.pause()


def let_go(held: list[object], step: int = 1_000) -> Iterator[int]:
    """Forget what is held, so many at a time: to free a large graph at once takes long. Tells how many."""
    while held:
        del held[-step:]
        yield step
