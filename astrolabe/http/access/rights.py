"""What each user may see, as the API server grants it.

Each question is asked once: first cluster-wide, then by namespace. The answer is kept for a minute, or until
a role or binding changes that may affect it. Without an answer, a user sees nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial

from msgspec import structs

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access.doubts import Doubts, kinds_listed
from astrolabe.http.access.inquiry import QuestionTable, RightsInquiry
from astrolabe.http.access.namespace_search import NamespaceSearch
from astrolabe.http.access.question_desk import CALM, REMEMBERED, STREAMED, WAITED_FOR, QuestionDesk
from astrolabe.http.access.remembered_user import MOST_SINGLE, RememberedUser
from astrolabe.http.access.visible import RightsChanged, rights_unknown
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.users import Grants, Question, Reviewer, ReviewUnavailable, RightsChange, User, subjects_of

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an answer is good, if nothing is known to have changed.
KEEP_SECONDS = 60.0
#: Seconds after which a user without requests is forgotten.
IDLE_SECONDS = 600.0
#: Users that are remembered, beside those who have open streams.
MOST_USERS = 2_000
#: Seconds that a request waits for the rights of its user.
TIMEOUT = 10.0
#: Namespaces that are asked about because the user named them; and namespaces in one part of an inquiry. What
#: is known after each part is served.
MOST_NAMED, PART = 64, 50
#: Seconds that a request waits for all answers: if some are known already, and if none are.
PATIENCE, FIRST_SECONDS = 1.0, 3.0
#: Seconds after which a search for namespaces begins again.
SEARCH_AGAIN = 600.0
#: Seconds within which several changes of roles are one.
SETTLE = 0.2
#: Seconds that changes wait at most for those of others, who may share a view.
TOGETHER = 0.5
#: Seconds until a failed question is repeated; twice as many after each failure, up to the second number.
RETRY_SECONDS, LONGEST_RETRY = 0.5, 30.0
#: Failures in a row after which earlier answers are not relied on any more.
MOST_FAILURES = 2

#: What may be the name of a namespace (RFC 1123 label).
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


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
        self._users: OrderedDict[User, RememberedUser] = OrderedDict()
        self._streaming: Callable[[], Collection[User]] = frozenset[User]
        self._listeners: list[RightsChanged] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._is_failing = False
        #: Changes of which the listeners were not told yet.
        self._news: dict[User, tuple[Visibility, Visibility]] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._table = QuestionTable(catalogue)
        self._there: Sequence[str] = ()
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

    def fresh(self, user: User, namespaces: Collection[str] = ()) -> Visibility | None:
        """The same as `of`, if nothing has to be asked for it."""
        known = self._name(user, namespaces)
        is_known = known.is_shown.is_set() and self._is_fresh(user, known)
        return known.answers.visibility if is_known else None

    def is_sure(self, user: User) -> bool:
        """Whether the API server answers what it is asked about the user. Listeners learn of a change."""
        known = self._users.get(user)
        return known is not None and known.answers.table is not None and known.failures < MOST_FAILURES

    def _name(self, user: User, namespaces: Collection[str]) -> RememberedUser:
        """The user, after noting that they named these namespaces."""
        known = self._know(user)
        # Whether such a namespace exists must not show in the number of questions.
        for namespace in filter(_NAMESPACE.fullmatch, namespaces):
            known.named[namespace] = None
            known.named.move_to_end(namespace)
        while len(known.named) > MOST_NAMED:
            known.named.popitem(last=False)
        return known

    async def of(self, user: User, namespaces: Collection[str] = ()) -> Visibility:
        known = self._name(user, namespaces)
        try:
            async with asyncio.timeout(TIMEOUT):
                # An inquiry that is under way may have begun before this request, so the next one counts too.
                # Doubted answers are renewed before old ones.
                for _ in range(3):
                    if self._is_fresh(user, known):
                        break
                    asking = self._start_to_ask(user, known, WAITED_FOR)
                    self._desk.hurry(user)
                    known.is_calm = False
                    await asyncio.shield(asking)
                await self._wait_for_more(known)
        except TimeoutError:
            raise rights_unknown(f"no answer within {TIMEOUT:.0f} s") from None
        return known.answers.visibility

    async def _wait_for_more(self, known: RememberedUser) -> None:
        """If there are many namespaces, wait until something worth showing is known, but not for all."""
        if not known.is_shown.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS):
                    await known.is_shown.wait()
            known.is_shown.set()

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
            for known in self._users.values():
                if known.search is not None:
                    await known.search.stop()

    # One user

    def _know(self, user: User) -> RememberedUser:
        known = self._users.get(user)
        if known is None:
            known = self._users[user] = RememberedUser()
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
                self._forget(user)

    def _forget(self, user: User) -> None:
        if (search := self._users.pop(user).search) is not None:
            search.cancel()

    def _is_fresh(self, user: User, known: RememberedUser) -> bool:
        table, namespaces = known.answers.table, known.answers.namespaces
        if known.doubts or table is None or table.version != self._catalogue.version:
            return False
        if not namespaces.issuperset(known.named) or self._lacks_few(user, known):
            return False
        # About so many places, answers are given for as long as it takes to ask again.
        keep = KEEP_SECONDS + (2 * known.took if len(namespaces) > PART else 0.0)
        return self._clock() - known.asked < keep

    def _wanted(self, user: User, known: RememberedUser) -> frozenset[str]:
        """Where to ask: where a binding names the user or a search has found a right, and the namespaces that
        they named."""
        granted = self._grants.namespaces_of(user)
        return frozenset((*(known.found if granted is None else granted), *known.named))

    def _lacks(self, user: User, known: RememberedUser) -> frozenset[str]:
        """Where to ask, as far as that was not done."""
        return self._wanted(user, known) - known.answers.namespaces

    def _lacks_few(self, user: User, known: RememberedUser) -> bool:
        """Whether so little is not known that it is waited for."""
        return 0 < len(self._lacks(user, known)) <= PART and known.search is None

    def _part(self, user: User, known: RememberedUser) -> frozenset[str]:
        """The namespaces to ask about next: those that were, and some more."""
        lacking = self._lacks(user, known)
        named = [namespace for namespace in known.named if namespace in lacking]
        part = dict.fromkeys((*named, *sorted(lacking)))
        return (self._wanted(user, known) & known.answers.namespaces) | frozenset(list(part)[:PART])

    def _start_to_ask(
        self, user: User, known: RememberedUser, urgency: int, rank: int = 0
    ) -> asyncio.Task[None]:
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
                # Nobody may have waited for it.
                if not task.cancelled() and task.exception() is None:
                    self._go_on(user, known)
                if known.doubts:  # since it began
                    self._changed.set()
                self._tell_soon()

            known.is_calm = urgency == CALM
            task.add_done_callback(done)
        return known.asking

    async def _ask(self, user: User, known: RememberedUser, urgency: int, rank: int) -> None:
        """Ask what is not known of the user. Raises Refusal, and knows what it knew before."""
        if self._table.version != self._catalogue.version:
            self._table = QuestionTable(self._catalogue)
        began, before = self._clock(), known.answers
        is_all = before.table is None or not (known.doubts or began - known.asked < KEEP_SECONDS)
        doubts = known.asking_about = Doubts(all=True) if is_all else known.doubts
        known.doubts = Doubts()
        inquiry = RightsInquiry(before, doubts, self._table, self._part(user, known))
        try:
            wide = await self._desk.answers(user, inquiry.wide(), urgency=urgency, rank=rank)
            inquiry.take_wide(wide)
            places = await self._desk.answers(user, inquiry.places(), urgency=urgency, rank=rank)
            answers = inquiry.take_places(places)
        except ReviewUnavailable as error:
            self._note_failure(user, known)
            self._note_state(str(error))
            raise rights_unknown(str(error)) from None
        except BaseException:
            if not known.is_calm:
                self._note_failure(user, known)
            raise
        finally:
            known.asking_about = Doubts()
        if doubts.all:
            known.asked, known.took = began, self._clock() - began
        was_unsure, known.failures = known.failures >= MOST_FAILURES, 0
        self._note_state("")
        # Meanwhile less may have been presumed.
        shown, known.answers = known.answers.visibility, answers
        self._search(user, known)
        now = self._note_completeness(user, known)
        if before.table is not None and shown != now:
            self._note_news(user, shown, now)
            self._presume(user, shown, now)
        elif was_unsure:
            self._note_news(user, now, now)

    def _go_on(self, user: User, known: RememberedUser) -> None:
        """Ask about further namespaces, if there are any."""
        is_idle = known.asking is None and not known.paused and known.answers.table is not None
        if is_idle and self._users.get(user) is known and self._lacks(user, known):
            urgency = STREAMED if known.is_shown.is_set() else WAITED_FOR
            self._start_to_ask(user, known, urgency)

    def _search(self, user: User, known: RememberedUser) -> None:
        """Look for namespaces where the user has rights, if no binding tells of them."""
        table, seen = known.answers.table, known.answers.visibility.everywhere
        if table is None or self._grants.namespaces_of(user) is not None or table.namespaced <= seen:
            if known.search is not None:
                known.search.cancel()
                known.search = None
            return

        def found(namespace: str) -> None:
            known.found[namespace] = None
            asyncio.get_running_loop().call_soon(self._go_on, user, known, context=Context())

        if known.search is None:
            progress = partial(self._note_progress, user, known)
            known.search = NamespaceSearch(user, self._desk, found=found, progress=progress)
        elif asyncio.get_running_loop().time() - known.search.began > SEARCH_AGAIN:
            known.search.again()
        known.search.look(table, table.namespaced - seen, self._all_namespaces())

    def _note_progress(self, user: User, known: RememberedUser) -> None:
        """A search has come further, or has to go on."""
        before = known.answers.visibility
        now = self._note_completeness(user, known)
        if before != now:
            self._note_news(user, before, now)
            self._tell_soon()

    def _all_namespaces(self) -> Sequence[str]:
        """The namespaces that there are; the same object as long as they are the same."""
        if len(self._there) != len(there := self._namespaces()) or set(self._there) != set(there):
            self._there = sorted(there)
        return self._there

    def _note_completeness(self, user: User, known: RememberedUser) -> Visibility:
        """What the user may see, which says whether that is all."""
        search, lacks = known.search, bool(self._lacks(user, known))
        complete = not lacks and (search is None or search.is_complete)
        now = structs.replace(known.answers.visibility, complete=complete)
        known.answers = known.answers._replace(visibility=now)
        if complete or (search is not None and search.has_found_most(PATIENCE) and not lacks):
            known.is_shown.set()
        return now

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
            presumed = structs.replace(seen, everywhere=seen.everywhere - kinds, within=seen.within - hidden)
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

    def _note_failure(self, user: User, known: RememberedUser) -> None:
        """Nothing is known to be true any more; ask again soon, for open streams."""
        seconds = min(RETRY_SECONDS * 2**known.failures, LONGEST_RETRY)
        known.doubts.join(known.asking_about)
        known.failures, known.paused = min(known.failures + 1, 10), True
        if known.failures == MOST_FAILURES:
            self._note_news(user, known.answers.visibility, known.answers.visibility)

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
            raise rights_unknown(str(error) or f"no answer within {TIMEOUT:.0f} s") from None
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
            if known.search is not None:
                known.search.again(kinds)
                self._note_progress(user, known)
            known.changes += 1
            known.single.clear()
        self._changed.set()

    def _forget_idle(self) -> None:
        now, streaming = self._clock(), frozenset(self._streaming())
        for user, known in list(self._users.items()):
            if now - known.used > IDLE_SECONDS and known.asking is None and user not in streaming:
                self._forget(user)

    def _check(self) -> None:
        """Begin to ask again about all users whose rights may have changed. The slow ones hold up nobody.

        Of those whom the same bindings name, one is asked about before the others: see `_presume`.
        """
        streaming, ranks = frozenset(self._streaming()), Counter[frozenset[str]]()
        for user, known in self._users.items():
            if known.search is not None:
                self._search(user, known)
            if known.asking is not None and known.is_calm and known.doubts:
                known.asking.cancel()  # a change is more urgent than what is only old
            if known.paused or known.asking is not None:
                continue
            if self._is_fresh(user, known) and not self._lacks(user, known):
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
