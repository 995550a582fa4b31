"""What each user may see, as the API server grants it.

Each question is asked once, cluster-wide before by namespace, and its answer is kept for a minute, or until a
role or a binding changes on which it may depend. Without an answer nobody sees anything.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from contextvars import Context

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access.doubts import Doubts, kinds_listed
from astrolabe.http.access.inquiry import Answers, QuestionTable, RightsInquiry
from astrolabe.http.access.question_desk import CALM, REMEMBERED, STREAMED, WAITED_FOR, QuestionDesk
from astrolabe.http.access.visible import RightsChanged
from astrolabe.http.errors import Refusal
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.users import Grants, Question, Reviewer, ReviewUnavailable, RightsChange, User, subjects_of

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an answer is good, if nothing is known to have changed.
KEEP_SECONDS = 60.0
#: Seconds after which a user of whom nobody has asked is forgotten.
IDLE_SECONDS = 600.0
#: Users that are remembered, beside those who have open streams.
MOST_USERS = 2_000
#: Questions about single objects or paths that one user has under way, and that are remembered.
SINGLE_ABREAST, MOST_SINGLE = 4, 256
#: Seconds that a request waits for what it needs to know about its user.
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
    """What is known of a user. named: namespaces that they named. asked: when all questions were.

    doubts: answers that may have become wrong. asking_about: those that are being asked again.
    failures: how often in a row the API server did not answer. paused: until asked about again,
    unless by a request. changes: of roles, so far.
    single: answers about objects and paths.
    """

    def __init__(self) -> None:
        self.answers = Answers()
        self.named: OrderedDict[str, None] = OrderedDict()
        self.asked = 0.0
        self.used = 0.0
        self.failures = 0
        self.paused = False
        self.doubts = Doubts(all=True)
        self.asking_about = Doubts()
        self.changes = 0
        self.asking: asyncio.Task[None] | None = None
        self.single: OrderedDict[object, tuple[bool, float]] = OrderedDict()
        self.single_abreast = asyncio.Semaphore(SINGLE_ABREAST)

    @property
    def is_doubted(self) -> bool:
        """Whether any answer is about to be given again."""
        return bool(self.doubts or self.asking_about) and self.answers.table is not None

    def may_be_wrong(self, kind: str, namespace: str) -> bool:
        """Whether this answer is about to be given again."""
        return self.doubts.covers(kind, namespace) or self.asking_about.covers(kind, namespace)


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
        self._desk = QuestionDesk(reviewer)
        self._grants = grants
        self._catalogue = catalogue
        self._namespaces = namespaces
        self._clock = clock
        self._users: OrderedDict[User, _Known] = OrderedDict()
        self._streaming: Callable[[], Collection[User]] = frozenset[User]
        self._listeners: list[RightsChanged] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._is_failing = False
        #: What nobody was told of yet.
        self._news: dict[User, tuple[Visibility, Visibility]] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._table = QuestionTable(catalogue)
        grants.follow(self._note_change)
        catalogue.observe(lambda _: self._changed.set())

    @property
    def questions(self) -> int:
        """How many questions were asked so far."""
        return self._desk.questions

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
        try:
            async with asyncio.timeout(TIMEOUT):
                # What is under way may have begun before the request; what follows did not.
                for _ in range(2):
                    if self._is_fresh(user, known):
                        break
                    asking = self._start_to_ask(user, known, WAITED_FOR)
                    self._desk.hurry(user)
                    await asyncio.shield(asking)
        except TimeoutError:
            raise _unavailable(f"no answer within {TIMEOUT:.0f} s") from None
        return known.answers.visibility

    def known(self, user: User) -> Visibility | None:
        known = self._users.get(user)
        return known.answers.visibility if known is not None and known.answers.table is not None else None

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
            await asyncio.gather(*self._asking, return_exceptions=True)

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

    def _is_fresh(self, user: User, known: _Known) -> bool:
        table, namespaces = known.answers.table, known.answers.namespaces
        if known.doubts or table is None or table.version != self._catalogue.version:
            return False
        return self._clock() - known.asked < KEEP_SECONDS and self._wanted(user, known) <= namespaces

    def _wanted(self, user: User, known: _Known) -> frozenset[str]:
        """Where to ask: where a binding names the user, and the namespaces that they named."""
        granted = self._grants.namespaces_of(user)
        if granted is None:
            granted = sorted(self._namespaces())[:MOST_NAMESPACES]
        return frozenset((*granted, *known.named))

    def _start_to_ask(self, user: User, known: _Known, urgency: int, rank: int = 0) -> asyncio.Task[None]:
        """Ask everything about the user, once for all who wait for it, whoever of them leaves."""
        if known.asking is None:
            asking = self._ask(user, known, urgency, rank)
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

    async def _ask(self, user: User, known: _Known, urgency: int, rank: int) -> None:
        """Ask what is not known of the user. Raises Refusal, and knows what it knew before."""
        if self._table.version != self._catalogue.version:
            self._table = QuestionTable(self._catalogue)
        began, before = self._clock(), known.answers
        is_all = before.table is None or began - known.asked >= KEEP_SECONDS
        doubts = known.asking_about = Doubts(all=True) if is_all else known.doubts
        known.doubts = Doubts()
        inquiry = RightsInquiry(before, doubts, self._table, self._wanted(user, known))
        try:
            wide = await self._desk.answers(user, inquiry.wide(), urgency=urgency, rank=rank)
            inquiry.take_wide(wide)
            places = await self._desk.answers(user, inquiry.places(), urgency=urgency, rank=rank)
            answers = inquiry.take_places(places)
        except ReviewUnavailable as error:
            self._note_failure(known)
            self._note_state(str(error))
            raise _unavailable(str(error)) from None
        except BaseException:
            self._note_failure(known)
            raise
        finally:
            known.asking_about = Doubts()
        if doubts.all:
            known.asked = began
        known.failures = 0
        self._note_state("")
        # Meanwhile less may have been presumed.
        shown, known.answers = known.answers.visibility, answers
        if before.table is not None and shown != answers.visibility:
            self._note_news(user, shown, answers.visibility)
            self._presume(user, shown, answers.visibility)

    def _note_news(self, user: User, before: Visibility, after: Visibility) -> None:
        self._news[user] = self._news.get(user, (before,))[0], after

    def _presume(self, user: User, before: Visibility, after: Visibility) -> None:
        """Somebody has lost rights. Hide the same, for now, from those whom the same bindings name, and who
        are being asked about it.

        The API server alone decides what they may see, and each is asked about. That may take longer than
        a withdrawn right may be seen, if it was that of hundreds. If a user has the right all the same, by
        another authorizer than RBAC, their own answers bring it back. What is granted is never presumed.
        """
        bound = self._grants.bound_as(user)
        lost = before.everywhere - after.everywhere, before.within - after.within
        if bound is None or not any(lost):
            return
        places = {*[("", kind) for kind in lost[0]], *lost[1]}
        for other, known in self._users.items():
            if other is user or not known.is_doubted or self._grants.bound_as(other) != bound:
                continue
            hidden = {place for place in places if known.may_be_wrong(place[1], place[0])}
            kinds, seen = {kind for namespace, kind in hidden if not namespace}, known.answers.visibility
            presumed = Visibility(seen.everywhere - kinds, seen.within - hidden)
            if presumed != seen:
                known.answers = known.answers._replace(visibility=presumed)
                known.doubts.deep |= kinds if known.doubts else set()
                self._note_news(other, seen, presumed)

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
        known.doubts.join(known.asking_about)
        known.failures, known.paused = min(known.failures + 1, 10), True

        def go_on() -> None:
            known.paused = False
            self._changed.set()

        asyncio.get_running_loop().call_later(seconds, go_on, context=Context())

    async def _may(self, user: User, question: Question, *, key: object) -> bool:
        """key: of the answer; it must not tell whether there is what is asked about."""
        known, now = self._know(user), self._clock()
        changes = known.changes
        allowed, asked = known.single.get(key, (False, -KEEP_SECONDS))
        if now - asked < KEEP_SECONDS:
            return allowed
        try:
            async with asyncio.timeout(TIMEOUT), known.single_abreast:
                answers = await self._desk.answers(user, (question,), urgency=WAITED_FOR)
        except (ReviewUnavailable, TimeoutError) as error:
            raise _unavailable(str(error) or f"no answer within {TIMEOUT:.0f} s") from None
        allowed = answers[question]
        if changes != known.changes:  # it may be out of date already
            return allowed
        known.single[key] = allowed, now
        known.single.move_to_end(key)
        while len(known.single) > MOST_SINGLE:
            known.single.popitem(last=False)
        return allowed

    # What changes

    def _note_change(self, change: RightsChange) -> None:
        """Roles or bindings have changed: doubt what depends on them, of those whom it concerns."""
        kinds = kinds_listed(change, self._table.questions)
        for user, known in self._users.items():
            if change.places is None:
                namespaces = None
            else:
                named = [change.places[name] for name in subjects_of(user) if name in change.places]
                if not named:
                    continue
                namespaces = set[str]().union(*named)
            known.doubts.add(kinds, namespaces)
            known.changes += 1
            known.single.clear()
        self._changed.set()

    def _forget_idle(self) -> None:
        now, streaming = self._clock(), frozenset(self._streaming())
        for user, known in list(self._users.items()):
            if now - known.used > IDLE_SECONDS and known.asking is None and user not in streaming:
                del self._users[user]

    def _check(self) -> None:
        """Begin to ask again about all users whose rights may have changed. The slow ones hold up nobody.

        Of those whom the same bindings name, one is asked about before the others: see `_presume`.
        """
        streaming, ranks = frozenset(self._streaming()), Counter[frozenset[str]]()
        for user, known in self._users.items():
            if known.paused or known.asking is not None or self._is_fresh(user, known):
                continue
            bound = self._grants.bound_as(user) or frozenset((user.name,))
            urgency = CALM if not known.doubts else STREAMED if user in streaming else REMEMBERED
            self._start_to_ask(user, known, urgency, ranks[bound])
            ranks[bound] += 1

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
