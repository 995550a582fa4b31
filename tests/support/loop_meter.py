"""Measures how long computations block the loop, and which code blocked it longest."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep, thread_time
from types import FrameType

#: Seconds of a turn after which its stack is looked at, and between two looks.
WORTH_A_LOOK, BETWEEN_LOOKS = 0.008, 0.002


class LoopMeter:
    """Measures the turns of the loop that makes it, in seconds of this thread's work: what the system gives to others
    does not count. Nothing is collected meanwhile: that costs what all objects of the process do, and a server
    spares itself most of it (`garbage`).

    longest: the longest turn that ended. count: how many did.
    """

    def __init__(self) -> None:
        gc.disable()
        self.longest = 0.0
        self.count = 0
        self._began = thread_time()
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def restart(self) -> None:
        """Forget all turns until now."""
        self.longest, self.count = 0.0, 0

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()
        gc.enable()

    def _turn(self) -> None:
        now = thread_time()
        self._note(now - self._began)
        self._began = now
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def _note(self, seconds: float) -> None:
        self.longest = max(self.longest, seconds)
        self.count += 1


class LoopWatch(LoopMeter):
    """The same, with a thread that looks at what a long turn is at.

    stack: of the longest turn, the functions in which it was seen, each with how often.
    """

    def __init__(self) -> None:
        self.stack: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._since = monotonic()
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        threading.Thread(target=self._look_on, name="turns", daemon=True).start()
        super().__init__()

    def restart(self) -> None:
        super().restart()
        self.stack = {}

    def stop(self) -> None:
        super().stop()
        self._ended.set()

    def _note(self, seconds: float) -> None:
        if seconds > self.longest:
            self.stack = self._seen
        self._seen, self._since = {}, monotonic()
        super()._note(seconds)

    def _look_on(self) -> None:
        while not self._ended.is_set():
            sleep(BETWEEN_LOOKS)
            if monotonic() - self._since > WORTH_A_LOOK:
                place = _place(sys._current_frames()[self._watched])
                self._seen[place] = self._seen.get(place, 0) + 1


def _place(frame: FrameType) -> str:
    """The functions of the project that are at work, the innermost last."""
    found = [
        f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}"
        for each in traceback.extract_stack(frame)
        if "astrolabe" in each.filename and "/site-packages/" not in each.filename
    ]
    return " > ".join(found[-5:])


@contextmanager
def watched() -> Iterator[LoopWatch]:
    """Watch the turns within the context."""
    turns = LoopWatch()
    try:
        yield turns
    finally:
        turns.stop()
