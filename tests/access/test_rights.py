"""What is asked about users, how often, and what happens while the API server does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from multidict import CIMultiDict

from astrolabe.graph.visible.visibility import EVERYTHING, Visibility
from astrolabe.http.access import authentication, question_desk, rights
from astrolabe.http.access.authentication import ApiTokens
from astrolabe.http.access.rights import KubernetesRights
from astrolabe.http.errors import Refusal
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.users import Question, ReviewUnavailable, RightsChange, User

pytestmark = pytest.mark.asyncio

JANE, JOHN = User("jane"), User("john")


@dataclass
class Answers:
    """Implements `Reviewer` and `Grants`. allowed: (user, resource, namespace). late: users who get no answer."""

    allowed: set[tuple[str, str, str]] = field(default_factory=set)
    bound: dict[str, set[str]] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    failures: int = 0
    asked: list[tuple[str, Question]] = field(default_factory=list)
    listeners: list[Callable[[RightsChange], None]] = field(default_factory=list)
    tokens: dict[str, User] = field(default_factory=dict)

    async def identify(self, token: str) -> User | None:
        self.asked.append((token, Question()))
        return self.tokens.get(token)

    async def permits(self, user: User, question: Question) -> bool:
        self.asked.append((user.name, question))
        if self.failures:
            self.failures -= 1
            raise ReviewUnavailable("SubjectAccessReview answers 500")
        if user.name in self.late:
            await asyncio.sleep(3600)
        return bool(
            {(user.name, question.resource, question.namespace), (user.name, question.resource, "")}
            & self.allowed
        )

    def namespaces_of(self, user: User) -> Collection[str] | None:
        return self.bound.get(user.name, set())

    def bound_as(self, user: User) -> frozenset[str] | None:
        return frozenset(user.groups) or frozenset((user.name,))

    def follow(self, listener: Callable[[RightsChange], None]) -> None:
        self.listeners.append(listener)

    def change(self, *subjects: str, places: Collection[str] = ("",), listed: Any = None) -> None:
        named = {subject: frozenset(places) for subject in subjects}
        for listener in self.listeners:
            listener(RightsChange(named or None, frozenset(listed) if listed is not None else None))


@dataclass
class Desk:
    """Rights with a clock that is set by hand."""

    answers: Answers
    rights: KubernetesRights
    now: list[float]
    told: list[dict[User, tuple[Visibility, Visibility]]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, changed: Any) -> None:
        self.told.append(dict(changed))
        self.news.set()


@asynccontextmanager
async def a_desk(*allowed: tuple[str, str, str]) -> AsyncIterator[Desk]:
    now, answers = [1000.0], Answers(set(allowed))
    known = KubernetesRights(
        answers, answers, builtin_catalogue(), namespaces=lambda: {"shop", "bank"}, clock=lambda: now[0]
    )
    desk = Desk(answers, known, now)
    known.follow(desk.hear)
    running = asyncio.create_task(known.run())
    try:
        yield desk
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_right_of_a_user_with_an_open_stream_is_watched_however_long_they_ask_nothing() -> None:
    async with a_desk(("jane", "pods", "")) as desk:
        desk.rights.keep(lambda: {JANE})
        await desk.rights.of(JANE)
        await desk.rights.of(JOHN)
        desk.now[0] += 10 * rights.IDLE_SECONDS
        desk.answers.allowed.clear()
        desk.answers.change()
        await asyncio.wait_for(desk.news.wait(), 2)
        assert [set(each) for each in desk.told] == [{JANE}]
        asked = {name for name, _ in desk.answers.asked[-5:]}
        assert asked == {"jane"}, "nobody is waiting for what john may see"


async def test_users_without_streams_are_evicted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "MOST_USERS", 3)
    async with a_desk(("user-0", "pods", "")) as desk:
        desk.rights.keep(lambda: {User("user-0")})
        for number in range(10):
            await desk.rights.of(User(f"user-{number}"))
        desk.answers.allowed.clear()
        desk.answers.change()
        await asyncio.wait_for(desk.news.wait(), 2)
        assert [set(each) for each in desk.told] == [{User("user-0")}]


async def test_rights_on_each_kind_do_not_extend_to_later_kinds() -> None:
    every = [("jane", kind.plural, "") for kind in builtin_catalogue()]
    async with a_desk(*every, ("jane", "events", "")) as desk:
        assert EVERYTHING not in (await desk.rights.of(JANE)).everywhere
        desk.answers.allowed |= {
            ("john", name, "") for _, name, _ in [*every, ("", "events", ""), ("", "*", "")]
        }
        assert EVERYTHING in (await desk.rights.of(JOHN)).everywhere
        desk.answers.allowed.discard(("john", "secrets", ""))
        desk.answers.change()
        assert EVERYTHING not in (await desk.rights.of(JOHN)).everywhere


async def test_a_failing_review_is_awaited_once_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "TIMEOUT", 0.3)
    monkeypatch.setattr(question_desk, "TIMEOUT", 0.27)
    async with a_desk(("john", "pods", "")) as desk:
        desk.answers.late.add("jane")
        asking = [asyncio.create_task(desk.rights.of(JANE)) for _ in range(5)]
        async with asyncio.timeout(0.25):
            assert (await desk.rights.of(JOHN)).everywhere == {"Pod"}
        async with asyncio.timeout(0.5):
            refused = await asyncio.gather(*asking, return_exceptions=True)
        assert [cast(Refusal, each).error for each in refused] == ["rights-unknown"] * 5
        desk.answers.late.clear()
        assert (await desk.rights.of(JANE)).everywhere == set()


async def test_a_cancelled_request_does_not_cancel_shared_reviews() -> None:
    async with a_desk(("jane", "pods", "")) as desk:
        first = asyncio.create_task(desk.rights.of(JANE))
        await asyncio.sleep(0)
        second = asyncio.create_task(desk.rights.of(JANE))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).everywhere == {"Pod"}
        assert len(desk.answers.asked) == len({question for _, question in desk.answers.asked})


async def test_a_right_is_withdrawn_in_time_even_if_the_api_server_fails_first() -> None:
    async with a_desk(("jane", "pods", "")) as desk:
        await desk.rights.of(JANE)
        desk.answers.allowed.clear()
        desk.answers.failures = 1
        desk.answers.change()
        await asyncio.wait_for(desk.news.wait(), 2)
        assert desk.told[0][JANE][1] == Visibility()


async def test_a_change_while_questions_are_under_way_is_not_missed() -> None:
    async with a_desk(("jane", "pods", "")) as desk:
        desk.answers.late.add("jane")
        asking = asyncio.create_task(desk.rights.of(JANE))
        await asyncio.sleep(0.01)
        asking.cancel()
        desk.answers.change()
        desk.answers.late.clear()
        desk.answers.allowed.clear()
        rights_of = desk.rights._users[JANE]  # what was under way when it changed is not trusted
        assert rights_of.doubts


async def test_reviews_reveal_nothing_about_existing_objects() -> None:
    async with a_desk() as desk:
        await desk.rights.of(JANE)
        counts = []
        for namespace in ("shop", "no-such"):
            before = len(desk.answers.asked)
            await desk.rights.of(JANE, (namespace,))
            counts.append(len(desk.answers.asked) - before)
        assert 0 < counts[0] == counts[1]
        for name in ("hidden", "uid-of-nothing"):
            for expected in (1, 0):
                before = len(desk.answers.asked)
                assert not await desk.rights.may_get(JANE, "Pod", "shop", name, f"uid of {name}")
                assert len(desk.answers.asked) - before == expected


async def test_a_change_of_rights_costs_only_affected_users() -> None:
    async with a_desk(*[(f"user-{number}", "pods", "") for number in range(50)]) as desk:
        for number in range(50):
            await desk.rights.of(User(f"user-{number}", (f"team-{number // 5}",)))
        desk.answers.asked.clear()
        desk.answers.allowed.clear()
        desk.answers.change("group team-3", "user user-49")
        await asyncio.wait_for(desk.news.wait(), 2)
        asked = {name for name, _ in desk.answers.asked}
        assert asked == {f"user-{number}" for number in (15, 16, 17, 18, 19, 49)}


async def test_a_user_of_one_namespace_costs_two_questions_a_kind_at_most() -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        desk.answers.bound["jane"] = {"shop"}
        assert (await desk.rights.of(JANE)).within == {("shop", "Pod")}
        assert len(desk.answers.asked) <= 2 * len(builtin_catalogue())
        await desk.rights.of(JANE)
        assert len(desk.answers.asked) <= 2 * len(builtin_catalogue())


class Asking:
    """As much of a request as is read of its token."""

    def __init__(self, token: str, id_token: str = "") -> None:
        self.headers = CIMultiDict({"authorization": f"Bearer {token}"} if token else {})
        if id_token:
            self.headers["x-id-token"] = id_token


@pytest.mark.parametrize(
    ("bearer", "id_token", "user"),
    [
        ("jane", "", JANE),
        ("opaque", "jane", JANE),
        ("john", "jane", JOHN),
        ("opaque", "stranger", None),
        ("", "jane", None),
    ],
)
async def test_an_id_token_counts_only_behind_a_bearer_token_that_nobody_knows(
    bearer: str, id_token: str, user: User | None
) -> None:
    tokens = ApiTokens(Answers(tokens={"jane": JANE, "john": JOHN}), clock=lambda: 0.0)
    known = await tokens.authenticate(cast(Any, Asking(bearer, id_token)))
    assert (known.user if known is not None else None) == user


async def test_a_flood_of_unknown_tokens_evicts_no_valid_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MOST_REFUSED", 50)
    answers = Answers(tokens={"good": JANE})
    tokens = ApiTokens(answers, clock=lambda: 0.0)

    async def whose(token: str) -> Any:
        return await tokens.authenticate(cast(Any, Asking(token)))

    assert (await whose("good")).user == JANE
    for number in range(200):
        assert await whose(f"bad-{number}") is None
    before = len(answers.asked)
    assert (await whose("good")).user == JANE
    assert len(answers.asked) == before
    assert len(tokens._refused) == 50


async def test_the_number_of_waiting_tokens_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MOST_WAITING", 10)

    class Silent(Answers):
        async def identify(self, token: str) -> User | None:
            await asyncio.sleep(3600)
            return None

    tokens = ApiTokens(Silent(), clock=lambda: 0.0)
    waiting = [asyncio.create_task(tokens.authenticate(cast(Any, Asking(f"{each}")))) for each in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match="other tokens") as refused:
        await tokens.authenticate(cast(Any, Asking("one more")))
    assert refused.value.status == 503
    for task in (*waiting, *tokens._asking.values()):
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
