"""What each user may see, as the API server grants it.

Each question is asked once, cluster-wide before by namespace, and its answer is kept for a minute, or until a
role or a binding changes. Without an answer nobody sees anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import Context

from astrolabe.graph.visible.visibility import EVENT, Visibility
from astrolabe.http.access.visible import RightsChanged
from astrolabe.http.errors import Refusal
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.users import Grants, Question, Reviewer, ReviewUnavailable, User

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an answer is good, if nothing is known to have changed.
KEEP_SECONDS = 60.0
#: Seconds after which a user of whom nobody has asked is forgotten.
IDLE_SECONDS = 600.0
#: Users that are remembered.
MOST_USERS = 2_000
#: Questions that one user has under way, and all together.
ABREAST, ALL_ABREAST = 32, 64
#: Seconds for all answers about one user.
TIMEOUT = 10.0
#: Most namespaces to ask about for one user without a binding that names them.
MOST_NAMESPACES = 2_000
#: Seconds within which several changes of roles are one.
SETTLE = 0.2


class _Known:
    """What is known about a user. namespaces: those that were asked about."""

    def __init__(self) -> None:
        self.visibility = Visibility()
        self.namespaces: frozenset[str] = frozenset()
        self.catalogue = -1
        self.asked = 0.0
        self.used = 0.0
        self.stale = True
        self.lock = asyncio.Lock()
        self.others: dict[Question, tuple[bool, float]] = {}


class KubernetesRights:
    """Implements `Rights`. Belongs to one event loop.

    namespaces: of the objects that there are. clock: monotonic seconds.
    """

    def __init__(
        self,
        reviewer: Reviewer,
        grants: Grants,
        catalogue: Catalogue,
        *,
        namespaces: Callable[[], Collection[str]],
        clock: Callable[[], float],
    ) -> None:
        self._reviewer = reviewer
        self._grants = grants
        self._catalogue = catalogue
        self._namespaces = namespaces
        self._clock = clock
        self._users: OrderedDict[User, _Known] = OrderedDict()
        self._listeners: list[RightsChanged] = []
        self._abreast = asyncio.Semaphore(ALL_ABREAST)
        self._checking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._is_failing = False
        self.questions = 0
        grants.follow(self._note_change)
        catalogue.observe(lambda _: self._note_change(""))

    @property
    def users(self) -> int:
        return len(self._users)

    def follow(self, listener: RightsChanged) -> None:
        self._listeners.append(listener)

    async def of(self, user: User, namespaces: Collection[str] = ()) -> Visibility:
        known = self._know(user)
        async with known.lock:
            wanted = self._wanted(user, known, namespaces)
            if not self._is_fresh(known) or not wanted <= known.namespaces:
                before = known.visibility if known.catalogue >= 0 else None
                await self._ask(user, known, wanted)
                if before is not None and before != known.visibility:
                    self._tell({user: (before, known.visibility)})
            return known.visibility

    async def may_get(self, user: User, kind: str, namespace: str, name: str) -> bool:
        entry = self._catalogue.by_key.get(kind)
        if entry is None:
            return False
        return await self._may(
            user,
            Question(verb="get", group=entry.group, resource=entry.plural, namespace=namespace, name=name),
        )

    async def may_read(self, user: User, path: str) -> bool:
        return await self._may(user, Question(verb="get", path=path))

    async def run(self) -> None:
        """Ask again about all users whenever something changes, and once a minute, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(KEEP_SECONDS / 2):
                    await self._changed.wait()
                    await asyncio.sleep(SETTLE)
            except TimeoutError:
                pass
            self._changed.clear()
            self._forget_idle()
            await self._check()

    # One user

    def _know(self, user: User) -> _Known:
        known = self._users.get(user)
        if known is None:
            known = self._users[user] = _Known()
            while len(self._users) > MOST_USERS:
                self._users.popitem(last=False)
        self._users.move_to_end(user)
        known.used = self._clock()
        return known

    def _is_fresh(self, known: _Known) -> bool:
        if known.stale or known.catalogue != self._catalogue.version:
            return False
        return self._clock() - known.asked < KEEP_SECONDS

    def _wanted(self, user: User, known: _Known, namespaces: Iterable[str]) -> frozenset[str]:
        """Where to ask: where a binding names the user, and where they asked before or ask now."""
        granted = self._grants.namespaces_of(user)
        if granted is None:
            granted = sorted(self._namespaces())[:MOST_NAMESPACES]
        there = self._namespaces()
        return known.namespaces | {*granted} | {each for each in namespaces if each in there}

    async def _ask(self, user: User, known: _Known, namespaces: frozenset[str]) -> None:
        """Ask everything about the user. Raises Refusal, and knows what it knew before."""
        version, stale_before = self._catalogue.version, known.stale
        known.stale = False
        kinds = {
            EVENT: Question(resource="events"),
            **{kind.key: Question(group=kind.group, resource=kind.plural) for kind in self._catalogue},
        }
        namespaced = {EVENT, *[kind.key for kind in self._catalogue if kind.namespaced]}
        try:
            async with asyncio.timeout(TIMEOUT):
                answers = await self._answers(user, kinds.values())
                everywhere = frozenset([key for key, question in kinds.items() if answers[question]])
                left = {
                    (namespace, key): _within(kinds[key], namespace)
                    for key in kinds
                    if key in namespaced and key not in everywhere
                    for namespace in namespaces
                }
                answers = await self._answers(user, left.values())
        except (ReviewUnavailable, TimeoutError) as error:
            known.stale = True
            why = str(error) or f"no answer within {TIMEOUT:.0f} s"
            raise _unavailable(why) from None
        except BaseException:
            known.stale = stale_before
            raise
        known.visibility = Visibility(
            everywhere, frozenset([place for place, question in left.items() if answers[question]])
        )
        known.namespaces, known.catalogue, known.asked = namespaces, version, self._clock()

    async def _answers(self, user: User, questions: Iterable[Question]) -> dict[Question, bool]:
        """All answers, many questions at a time. Raises ReviewUnavailable with the first failure."""
        waiting, answers = list(dict.fromkeys(questions)), dict[Question, bool]()

        async def work() -> None:
            while waiting:
                question = waiting.pop()
                async with self._abreast:
                    self.questions += 1
                    answers[question] = await self._reviewer.permits(user, question)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(ABREAST, len(waiting))):
                    group.create_task(work(), name="astrolabe.http.review", context=Context())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return answers

    async def _may(self, user: User, question: Question) -> bool:
        known, now = self._know(user), self._clock()
        allowed, asked = known.others.get(question, (False, -KEEP_SECONDS))
        if now - asked < KEEP_SECONDS and not known.stale:
            return allowed
        try:
            async with asyncio.timeout(TIMEOUT):
                allowed = (await self._answers(user, (question,)))[question]
        except (ReviewUnavailable, TimeoutError) as error:
            raise _unavailable(str(error) or f"no answer within {TIMEOUT:.0f} s") from None
        if len(known.others) >= ABREAST:
            known.others.clear()
        known.others[question] = allowed, now
        return allowed

    # What changes

    def _note_change(self, namespace: str) -> None:
        """A role or binding has changed: ask again about all whom it may concern."""
        for known in self._users.values():
            if not namespace or namespace in known.namespaces or namespace in self._namespaces():
                known.stale = True
                known.others.clear()
        self._changed.set()

    def _forget_idle(self) -> None:
        now = self._clock()
        for user, known in list(self._users.items()):
            if now - known.used > IDLE_SECONDS and not known.lock.locked():
                del self._users[user]

    async def _check(self) -> None:
        """Ask again about all users whose rights may have changed, and tell of those that did."""
        changed: dict[User, tuple[Visibility, Visibility]] = {}
        unchecked: list[str] = []
        due = [(user, known) for user, known in self._users.items() if not self._is_fresh(known)]

        async def check(user: User, known: _Known) -> None:
            async with known.lock:
                if self._is_fresh(known):
                    return
                before = known.visibility if known.catalogue >= 0 else None
                try:
                    await self._ask(user, known, self._wanted(user, known, ()))
                except Refusal as refusal:
                    unchecked.append(refusal.message)
                    return
                if before is not None and before != known.visibility:
                    changed[user] = before, known.visibility

        async with asyncio.TaskGroup() as group:
            for user, known in due:
                group.create_task(check(user, known), name="astrolabe.http.rights")
        self._note_unchecked(unchecked)
        if changed:
            self._tell(changed)

    def _note_unchecked(self, why: Sequence[str]) -> None:
        """Say once when the rights of users cannot be checked any more, and once when they can again."""
        if why and not self._is_failing:
            logger.warning("the rights of %d users cannot be checked: %s", len(why), why[0])
        elif self._is_failing and not why:
            logger.info("the rights of all users are checked again")
        self._is_failing = bool(why)

    def _tell(self, changed: Mapping[User, tuple[Visibility, Visibility]]) -> None:
        for listener in self._listeners:
            listener(changed)


def _within(question: Question, namespace: str) -> Question:
    return Question(verb=question.verb, group=question.group, resource=question.resource, namespace=namespace)


def _unavailable(why: str) -> Refusal:
    return Refusal(
        503,
        "rights-unknown",
        f"the API server cannot say what you may see: {why}; try again later",
        headers={"Retry-After": "5"},
    )
