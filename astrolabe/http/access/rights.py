"""What each user may see, as the API server grants it.

Each question is asked once, cluster-wide before by namespace, and its answer is kept for a minute, or until a
role or a binding changes. Without an answer nobody sees anything.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from contextvars import Context

from msgspec.structs import replace

from astrolabe.graph.visible.visibility import EVENT, EVERYTHING, Visibility
from astrolabe.http.access.visible import RightsChanged
from astrolabe.http.errors import Refusal
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.users import Grants, Question, Reviewer, ReviewUnavailable, User, subjects_of

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an answer is good, if nothing is known to have changed.
KEEP_SECONDS = 60.0
#: Seconds after which a user of whom nobody has asked is forgotten.
IDLE_SECONDS = 600.0
#: Users that are remembered, beside those who have open streams.
MOST_USERS = 2_000
#: Questions that one user has under way, and all together.
ABREAST, ALL_ABREAST = 32, 64
#: Questions about single objects or paths that one user has under way, and that are remembered.
SINGLE_ABREAST, MOST_SINGLE = 4, 256
#: Seconds for all answers about one user.
TIMEOUT = 10.0
#: Namespaces that are asked about for one user, where no binding tells of them; and because they named them.
MOST_NAMESPACES, MOST_NAMED = 2_000, 64
#: Seconds within which several changes of roles are one.
SETTLE = 0.2
#: Seconds that changes wait at most for those of others, who may share a view.
TOGETHER = 0.5
#: Seconds until a failed question is repeated; twice as many after each failure, up to the second number.
RETRY_SECONDS, LONGEST_RETRY = 0.5, 30.0

#: What may be the name of a namespace (RFC 1123 label).
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class _Known:
    """What is known of a user. namespaces: those that were asked about. named: those that they named.

    failures: how often in a row the API server did not answer. paused: until asked about again,
    unless by a request. changes: of roles, so far.
    single: answers about objects and paths.
    """

    def __init__(self) -> None:
        self.visibility = Visibility()
        self.namespaces: frozenset[str] = frozenset()
        self.named: OrderedDict[str, None] = OrderedDict()
        self.catalogue = -1
        self.asked = 0.0
        self.used = 0.0
        self.failures = 0
        self.paused = False
        self.stale = True
        self.changes = 0
        self.asking: asyncio.Task[None] | None = None
        self.single: OrderedDict[object, tuple[bool, float]] = OrderedDict()
        self.single_abreast = asyncio.Semaphore(SINGLE_ABREAST)


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
        self._streaming: Callable[[], Collection[User]] = frozenset[User]
        self._listeners: list[RightsChanged] = []
        self._abreast = asyncio.Semaphore(ALL_ABREAST)
        self._asking: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._is_failing = False
        #: What nobody was told of yet.
        self._news: dict[User, tuple[Visibility, Visibility]] = {}
        self._telling: asyncio.TimerHandle | None = None
        self.questions = 0
        grants.follow(self._note_change)
        catalogue.observe(lambda _: self._note_change(None))

    @property
    def users(self) -> int:
        return len(self._users)

    def follow(self, listener: RightsChanged) -> None:
        self._listeners.append(listener)

    def keep(self, streaming: Callable[[], Collection[User]]) -> None:
        self._streaming = streaming

    async def of(self, user: User, namespaces: Collection[str] = ()) -> Visibility:
        known = self._know(user)
        # Whether such a namespace exists must not show in the number of questions.
        for namespace in filter(_NAMESPACE.fullmatch, namespaces):
            known.named[namespace] = None
            known.named.move_to_end(namespace)
        while len(known.named) > MOST_NAMED:
            known.named.popitem(last=False)
        # What is under way may have begun before the request; what follows did not.
        for _ in range(2):
            if self._is_fresh(known) and self._wanted(user, known) <= known.namespaces:
                break
            await asyncio.shield(self._start_to_ask(user, known))
        return known.visibility

    async def may_get(self, user: User, kind: str, namespace: str, name: str, uid: str) -> bool:
        entry = self._catalogue.by_key.get(kind)
        if entry is None:
            return False
        question = Question(
            verb="get", group=entry.group, resource=entry.plural, namespace=namespace, name=name
        )
        return await self._may(user, question, key=(uid, name))

    async def may_read(self, user: User, path: str) -> bool:
        return await self._may(user, Question(verb="get", path=path), key=path)

    async def run(self) -> None:
        """Ask again about all users whenever something changes, and once a minute, until cancelled."""
        try:
            while True:
                try:
                    async with asyncio.timeout(KEEP_SECONDS / 2):
                        await self._changed.wait()
                        await asyncio.sleep(SETTLE)
                except TimeoutError:
                    pass
                self._changed.clear()
                self._forget_idle()
                self._check()
        finally:
            for task in self._asking:
                task.cancel()

    # One user

    def _know(self, user: User) -> _Known:
        known = self._users.get(user)
        if known is None:
            known = self._users[user] = _Known()
            if len(self._users) > MOST_USERS:
                self._make_room()
        self._users.move_to_end(user)
        known.used = self._clock()
        return known

    def _make_room(self) -> None:
        """Forget who came longest ago and has no stream: a stream must end when its rights do."""
        streaming = frozenset(self._streaming())
        for user in list(self._users)[:-1]:
            if len(self._users) <= MOST_USERS:
                return
            if user not in streaming:
                del self._users[user]

    def _is_fresh(self, known: _Known) -> bool:
        if known.stale or known.catalogue != self._catalogue.version:
            return False
        return self._clock() - known.asked < KEEP_SECONDS

    def _wanted(self, user: User, known: _Known) -> frozenset[str]:
        """Where to ask: where a binding names the user, and the namespaces that they named."""
        granted = self._grants.namespaces_of(user)
        if granted is None:
            granted = sorted(self._namespaces())[:MOST_NAMESPACES]
        return frozenset((*granted, *known.named))

    def _start_to_ask(self, user: User, known: _Known) -> asyncio.Task[None]:
        """Ask everything about the user, once for all who wait for it, whoever of them leaves."""
        if known.asking is None:
            asking = self._ask(user, known, self._wanted(user, known))
            # Not in the context of the first request, which would be kept alive as long.
            task = asyncio.create_task(asking, name="astrolabe.http.rights", context=Context())
            known.asking = task
            self._asking.add(task)

            def done(task: asyncio.Task[None]) -> None:
                known.asking = None
                self._asking.discard(task)
                if not task.cancelled():
                    task.exception()  # nobody may have waited for it
                self._tell_soon()

            task.add_done_callback(done)
        return known.asking

    async def _ask(self, user: User, known: _Known, namespaces: frozenset[str]) -> None:
        """Ask everything about the user. Raises Refusal, and knows what it knew before."""
        version, known.stale = self._catalogue.version, False
        kinds = {
            EVENT: Question(resource="events"),
            **{kind.key: Question(group=kind.group, resource=kind.plural) for kind in self._catalogue},
        }
        namespaced = {EVENT, *[kind.key for kind in self._catalogue if kind.namespaced]}
        all_kinds = Question(group="*", resource="*")
        try:
            async with asyncio.timeout(TIMEOUT):
                answers = await self._answers(user, (*kinds.values(), all_kinds))
                everywhere = frozenset([key for key, question in kinds.items() if answers[question]])
                if answers[all_kinds] and len(everywhere) == len(kinds):
                    everywhere |= {EVERYTHING}
                left = {
                    (namespace, key): replace(kinds[key], namespace=namespace)
                    for key in kinds
                    if key in namespaced and key not in everywhere
                    for namespace in namespaces
                }
                answers = await self._answers(user, left.values())
        except (ReviewUnavailable, TimeoutError) as error:
            self._note_failure(known)
            why = str(error) or f"no answer within {TIMEOUT:.0f} s"
            self._note_state(why)
            raise _unavailable(why) from None
        except BaseException:
            self._note_failure(known)
            raise
        before = known.visibility if known.catalogue >= 0 else None
        known.visibility = Visibility(
            everywhere, frozenset([place for place, question in left.items() if answers[question]])
        )
        known.namespaces, known.catalogue, known.asked = namespaces, version, self._clock()
        known.failures = 0
        self._note_state("")
        if before is not None and before != known.visibility:
            self._news[user] = self._news.get(user, (before,))[0], known.visibility

    def _note_state(self, why: str) -> None:
        """Say once that the rights of users cannot be checked, and once that they can again."""
        if why and not self._is_failing:
            logger.warning("the rights of users cannot be checked: %s", why)
        elif self._is_failing and not why:
            logger.info("the rights of users are checked again")
        self._is_failing = bool(why)

    def _note_failure(self, known: _Known) -> None:
        """Nothing is known to be true any more; ask again soon, for open streams."""
        seconds = min(RETRY_SECONDS * 2**known.failures, LONGEST_RETRY)
        known.stale, known.failures, known.paused = True, min(known.failures + 1, 10), True

        def go_on() -> None:
            known.paused = False
            self._changed.set()

        asyncio.get_running_loop().call_later(seconds, go_on, context=Context())

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

    async def _may(self, user: User, question: Question, *, key: object) -> bool:
        """key: of the answer; it must not tell whether there is what is asked about."""
        known, now = self._know(user), self._clock()
        changes = known.changes
        allowed, asked = known.single.get(key, (False, -KEEP_SECONDS))
        if now - asked < KEEP_SECONDS and not known.stale:
            return allowed
        try:
            async with asyncio.timeout(TIMEOUT), known.single_abreast:
                allowed = (await self._answers(user, (question,)))[question]
        except (ReviewUnavailable, TimeoutError) as error:
            raise _unavailable(str(error) or f"no answer within {TIMEOUT:.0f} s") from None
        if changes != known.changes:  # it may be out of date already
            return allowed
        known.single[key] = allowed, now
        known.single.move_to_end(key)
        while len(known.single) > MOST_SINGLE:
            known.single.popitem(last=False)
        return allowed

    # What changes

    def _note_change(self, subjects: Collection[str] | None) -> None:
        """Roles or bindings have changed: ask again about those whom it concerns; None: about all."""
        for user, known in self._users.items():
            if subjects is None or any(each in subjects for each in subjects_of(user)):
                known.stale = True
                known.changes += 1
                known.single.clear()
        self._changed.set()

    def _forget_idle(self) -> None:
        now, streaming = self._clock(), frozenset(self._streaming())
        for user, known in list(self._users.items()):
            if now - known.used > IDLE_SECONDS and known.asking is None and user not in streaming:
                del self._users[user]

    def _check(self) -> None:
        """Begin to ask again about all users whose rights may have changed. The slow ones hold up nobody."""
        for user, known in self._users.items():
            if not known.paused and known.asking is None and not self._is_fresh(known):
                self._start_to_ask(user, known)

    def _tell_soon(self) -> None:
        """Tell what has changed, together with what others are being asked about, but not much later."""
        if not self._asking:
            self._tell()
        elif self._news and self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOGETHER, self._tell, context=Context())

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        changed, self._news = self._news, {}
        if changed:
            for listener in self._listeners:
                listener(changed)


def _unavailable(why: str) -> Refusal:
    return Refusal(
        503,
        "rights-unknown",
        f"the API server cannot say what you may see: {why}; try again later",
        headers={"Retry-After": "5"},
    )
