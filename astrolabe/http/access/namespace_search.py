"""Finds out where to ask about a user if the bindings of the cluster may not be watched.

It asks about one kind after another in every namespace, beginning with the kinds that roles grant most often.
In a namespace where one may be listed, all kinds are then asked about. Like a binding, what it finds is only
a hint: the API server decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from contextvars import Context

from msgspec.structs import replace

from astrolabe.graph.visible.visibility import EVENT
from astrolabe.http.access.inquiry import QuestionTable
from astrolabe.http.access.question_desk import CALM, WAITED_FOR, QuestionDesk
from astrolabe.users import ReviewUnavailable, User

#: Kinds that roles grant most often.
_COMMON = ("Pod", "Deployment", "ConfigMap", "Service", EVENT, "Secret")
#: Namespaces that are asked about together.
TOGETHER = 128
#: Most namespaces that are searched.
MOST_NAMESPACES = 10_000
#: Seconds until a failed question is repeated.
RETRY_SECONDS = 5.0


class NamespaceSearch:
    """The search for one user.

    found: called with each namespace in which the user has a right. progress: called when a kind was asked
        about everywhere, and at the end.
    passed: whether the first kind was, so that most rights are known. began: when, on the loop's clock.
    """

    def __init__(
        self, user: User, desk: QuestionDesk, *, found: Callable[[str], None], progress: Callable[[], None]
    ) -> None:
        self.passed = False
        self.began = asyncio.get_running_loop().time()
        self._user = user
        self._desk = desk
        self._found = found
        self._progress = progress
        self._table: QuestionTable | None = None
        self._kinds: list[str] = []
        #: The namespaces in the order in which they are asked about; in how many of them each kind was.
        self._order: Sequence[str] = ()
        self._places: dict[str, int] = {}
        self._hits: set[str] = set()
        #: Grows whenever a place means something else.
        self._round = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether each kind was asked about in each namespace."""
        return self._next() is None and len(self._order) < MOST_NAMESPACES

    def has_found_most(self, seconds: float) -> bool:
        """Whether it has found something, and has gone on for so long that it may take long."""
        lasts = asyncio.get_running_loop().time() - self.began >= seconds
        return self.passed and bool(self._hits) and lasts

    def look(self, table: QuestionTable, kinds: Collection[str], namespaces: Sequence[str]) -> None:
        """Search for these kinds of the table in all these namespaces, as far as that was not done.

        namespaces: the same object as before if they are the same.
        """
        self._table = table
        self._kinds = sorted(kinds, key=_usual)
        if namespaces is not self._order:
            self._follow(namespaces[:MOST_NAMESPACES])
        if self._task is None and self._next() is not None:
            run = self._run()
            self._task = asyncio.create_task(run, name="astrolabe.http.search", context=Context())

    def again(self, kinds: Iterable[str] | None = None) -> None:
        """Search for these kinds once more, or for all: they may have been granted."""
        self._round += 1
        self.began = asyncio.get_running_loop().time()
        for kind in list(self._places) if kinds is None else kinds:
            self._places.pop(kind, None)

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def cancel(self) -> None:
        """End it soon."""
        if self._task is not None:
            self._task.cancel()

    def _follow(self, namespaces: Sequence[str]) -> None:
        """In another order, and with others: what was asked about in the old ones is still known."""
        self._round += 1
        before, there = set(self._order), set(namespaces)
        if not before:
            self._order = namespaces
            return
        for kind, place in self._places.items():
            self._places[kind] = sum([namespace in there for namespace in self._order[:place]])
        kept = [namespace for namespace in self._order if namespace in there]
        self._order = [*kept, *[namespace for namespace in namespaces if namespace not in before]]
        self._hits &= there

    def _next(self) -> str | None:
        """The kind to ask about next."""
        return next((kind for kind in self._kinds if self._places.get(kind, 0) < len(self._order)), None)

    async def _run(self) -> None:
        try:
            while (kind := self._next()) is not None:
                await self._ask(kind)
                if self._places.get(kind, 0) >= len(self._order):
                    self.passed = True
                    self._progress()
        finally:
            self._task = None
        self.passed = True
        self._progress()

    async def _ask(self, kind: str) -> None:
        """About this kind in the next namespaces, without those in which all kinds are asked about anyway."""
        assert self._table is not None
        place, round, question = self._places.get(kind, 0), self._round, self._table.questions[kind]
        part = self._order[place : place + TOGETHER]
        asked = {name: replace(question, namespace=name) for name in part if name not in self._hits}
        urgency = CALM if self.passed else WAITED_FOR
        try:
            answers = await self._desk.answers(self._user, asked.values(), urgency=urgency, rank=1)
        except ReviewUnavailable:
            await asyncio.sleep(RETRY_SECONDS)
            return
        if round == self._round:
            self._places[kind] = place + len(part)
        for namespace, asking in asked.items():
            if answers[asking]:
                self._hits.add(namespace)
                self._found(namespace)


def _usual(kind: str) -> tuple[int, str]:
    """Orders kinds by how usual it is that roles grant them."""
    return (_COMMON.index(kind) if kind in _COMMON else len(_COMMON)), kind
