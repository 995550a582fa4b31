"""Looks for a filter's problems while somebody follows them: at most once a second, and after changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from math import inf
from typing import Protocol

from astrolabe.engine.serving_state import StateTracker
from astrolabe.graph.causes.ledger import Ledger
from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.views.filter import Filter
from astrolabe.http.errors import Refusal
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.problem_list import FoundProblems, ProblemLister, unseen_kinds
from astrolabe.http.stream.shared_subscription import SubscriptionFailed
from astrolabe.timeslice import Lane, in_slices

logger = logging.getLogger("astrolabe.http")

#: Seconds between two looks, at least; and how many times as long as a look itself.
LOOK_EVERY = 1.0
PAUSE_FACTOR = 4

#: Takes the problems by id, as JSON texts, the worst first.
Take = Callable[[dict[str, str]], None]


class _Ground(Protocol):
    """Where problems are looked for."""

    async def find(self) -> FoundProblems | None:
        """The problems. None if they are what they were the last time."""
        ...

    def forget(self) -> None:
        """Find them again the next time, whatever they were."""
        ...

    def forget_past(self) -> None:
        """Forget also what they were."""
        ...

    def leave(self) -> None:
        """Nobody follows them any longer."""
        ...


class ProblemWatch:
    """Looks for problems, for everyone who follows some.

    One look at a time, so that many filters share one slice of time.
    """

    def __init__(self, hub: Hub, state: StateTracker) -> None:
        self._hub = hub
        self._state = state
        self._lister = ProblemLister(hub, state)
        self._looking = asyncio.Lock()
        self._forgets = 0

    def forget_past(self) -> None:
        """Hand over nothing any more that was found before."""
        self._forgets += 1

    def follow(self, filter: Filter, take: Take, *, detail: bool = False) -> asyncio.Task[None]:
        """Hand over the problems of a filter now and whenever there may be others, until cancelled.

        detail: whether they name what they affect. Raises Refusal at once if too many filters are in use.
        """
        ground = _Part(self._hub, self._lister, filter) if filter else _Whole(self._hub, self._lister)
        look_on = self._look_on(ground, take, detail)
        task = asyncio.get_running_loop().create_task(look_on, name="astrolabe.http.problems")
        task.add_done_callback(lambda _: ground.leave())  # even if it was cancelled before it began
        return task

    async def _look_on(self, ground: _Ground, take: Take, detail: bool) -> None:
        words: object = None
        forgets = self._forgets
        while True:
            took = 0.0
            try:
                async with self._looking:
                    began = time.monotonic()
                    if words != (words := self._words()):
                        ground.forget()
                    if forgets != (forgets := self._forgets):
                        ground.forget_past()
                    await self._look(ground, take, detail)
                    took = time.monotonic() - began
            except (Refusal, SubscriptionFailed) as error:
                logger.warning("the problems of a filter cannot be followed now; trying again: %s", error)
            except Exception:
                logger.exception("looking for the problems of a filter failed; trying again")
                ground.forget()
            await asyncio.sleep(max(LOOK_EVERY, PAUSE_FACTOR * took))

    async def _look(self, ground: _Ground, take: Take, detail: bool) -> None:
        forgets = self._forgets
        found = await ground.find()
        if found is None:
            return
        texts: dict[str, str] = {}
        async for document in in_slices(self._lister.documents(found, detail=detail), Lane.ANSWER):
            texts[document["id"]] = encode(document)
        if forgets == self._forgets:
            take(texts)

    def _words(self) -> object:
        """What every problem says about the cluster."""
        state = self._state.current
        return state.cluster.name, unseen_kinds(state)


class _Whole:
    """The whole graph, whose problems are known."""

    def __init__(self, hub: Hub, lister: ProblemLister) -> None:
        self._hub = hub
        self._lister = lister
        self._seen: object = None

    async def find(self) -> FoundProblems | None:
        found = await self._lister.everything()
        graph, tracker = self._hub.graph, self._hub.problems
        seen = graph.epoch, graph.seq, tracker.version, found.ended, found.flaps
        if seen == self._seen:
            return None
        self._seen = None if tracker.is_behind else seen
        return found

    def forget(self) -> None:
        self._seen = None

    def forget_past(self) -> None:
        self._seen = None  # what they were, the tracker knows

    def leave(self) -> None:
        pass


class _Part:
    """What a filter keeps. The view is held, so it counts for `--max-filters`, and says when it changes."""

    def __init__(self, hub: Hub, lister: ProblemLister, filter: Filter) -> None:
        self._hub = hub
        self._lister = lister
        self._filter = filter
        self._view = hub.share(filter)
        self._view.users += 1
        self._ledger = Ledger()
        self._seen: object = None
        self._next_due = inf

    async def find(self) -> FoundProblems | None:
        if self._view.failed:
            self._share_again()
        view = self._view
        seen = view, view.generation, view.ready, view.changed
        if seen == self._seen and time.time() < self._next_due:
            return None
        found = await self._lister.part(self._filter)
        if self._hub.problems.is_settled:
            found = found.remembered(self._ledger, time.time())
        self._seen, self._next_due = seen, found.next_due
        return found

    def forget(self) -> None:
        self._seen = None

    def forget_past(self) -> None:
        self._seen, self._ledger = None, Ledger()

    def leave(self) -> None:
        self._view.users -= 1
        self._hub.release(self._view)

    def _share_again(self) -> None:
        view = self._hub.share(self._filter)
        view.users += 1
        self.leave()
        self._view = view
