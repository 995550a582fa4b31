"""Which questions a change of roles and bindings leads to: those that it may have changed, and no others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access import rights
from astrolabe.users import User
from tests.access.test_rights import Desk, a_desk
from tests.support.serving import eventually

pytestmark = pytest.mark.asyncio

JANE = User("jane", ("team",))
PODS, SECRETS = ("", "pods"), ("", "secrets")


async def asked_after(desk: Desk, *subjects: str, **change: Any) -> list[tuple[str, str, str]]:
    """Who was asked about, about which plural, in which namespace, because of a change."""
    desk.answers.asked.clear()
    desk.answers.change(*subjects, **change)
    await asyncio.sleep(rights.SETTLE * 1.5)
    return sorted([(name, asked.resource, asked.namespace) for name, asked in desk.answers.asked])


async def known(desk: Desk, *namespaces: str) -> None:
    desk.answers.bound["jane"] = set(namespaces)
    await desk.rights.of(JANE)


async def test_a_role_asks_about_what_it_permits_where_it_is_bound() -> None:
    async with a_desk(("jane", "pods", "shop"), ("jane", "secrets", "bank")) as desk:
        await known(desk, "shop", "bank")
        assert await asked_after(desk, "group team", places=["shop"], listed=[PODS]) == [
            ("jane", "pods", "shop")
        ]
        assert (await desk.rights.of(JANE)).within == {("shop", "Pod"), ("bank", "Secret")}
        assert await asked_after(desk, "group other", places=["shop"], listed=[PODS]) == []
        assert await asked_after(desk, "group team", places=["shop"], listed=[("", "nodes/proxy")]) == []


async def test_a_refused_cluster_wide_right_is_reviewed_by_namespace() -> None:
    async with a_desk(("jane", "pods", ""), ("jane", "pods", "shop"), ("jane", "secrets", "")) as desk:
        await known(desk, "shop", "bank")
        desk.answers.allowed.discard(("jane", "pods", ""))
        assert await asked_after(desk, "user jane", places=[""], listed=[PODS]) == [
            ("jane", "pods", ""),
            ("jane", "pods", "bank"),
            ("jane", "pods", "shop"),
        ]
        assert await desk.rights.of(JANE) == Visibility(frozenset({"Secret"}), frozenset({("shop", "Pod")}))
        desk.answers.allowed.add(("jane", "pods", ""))
        assert await asked_after(desk, "user jane", places=[""], listed=[PODS]) == [("jane", "pods", "")]
        assert await desk.rights.of(JANE) == Visibility(frozenset({"Secret", "Pod"}))


async def test_a_binding_in_another_namespace_asks_there_about_what_its_role_permits() -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        await known(desk, "shop")
        desk.answers.bound["jane"].add("bank")
        desk.answers.allowed |= {("jane", "pods", "bank"), ("jane", "secrets", "bank")}
        expected = [("jane", "pods", "bank"), ("jane", "secrets", "bank")]
        assert await asked_after(desk, "user jane", places=["bank"], listed=[PODS, SECRETS]) == expected
        assert (await desk.rights.of(JANE)).within == {
            ("shop", "Pod"),
            ("bank", "Pod"),
            ("bank", "Secret"),
        }


@pytest.mark.parametrize("listed", [None, [("*", "*")], [("", "*"), ("apps", "deployments")]], ids=str)
async def test_a_broad_grant_triggers_many_reviews(listed: Any) -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        await known(desk, "shop")
        asked = await asked_after(desk, "user jane", places=["shop"], listed=listed)
        assert ("jane", "pods", "shop") in asked
        assert ("jane", "deployments", "shop") in asked
        assert (("jane", "*", "") in asked) is (listed is None)
        assert (("jane", "ingresses", "shop") in asked) is (listed is None or listed == [("*", "*")])


async def test_if_nobody_knows_whom_a_role_concerns_all_are_asked_about_what_it_permits() -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        await known(desk, "shop", "bank")
        assert await asked_after(desk, listed=[PODS]) == [
            ("jane", "pods", ""),
            ("jane", "pods", "bank"),
            ("jane", "pods", "shop"),
        ]


async def test_a_failed_question_is_asked_again_and_nothing_else() -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        await known(desk, "shop")
        desk.answers.allowed.clear()
        desk.answers.failures = 1
        desk.answers.asked.clear()
        desk.answers.change("user jane", places=["shop"], listed=[PODS])
        await asyncio.wait_for(desk.news.wait(), 2)
        assert {(asked.resource, asked.namespace) for _, asked in desk.answers.asked} == {("pods", "shop")}
        assert desk.told[0][JANE][1] == Visibility()


class Slow:
    """Each answer takes as long as all at a time that are allowed."""

    def __init__(self, desk: Desk, seconds: float) -> None:
        self.answers, self.seconds = desk.answers.permits, seconds

    async def permits(self, user: User, question: Any) -> bool:
        await asyncio.sleep(self.seconds)
        return await self.answers(user, question)


async def test_a_withdrawn_right_of_many_is_hidden_at_once_and_restored_after_review() -> None:
    users = [User(f"user-{number}", ("team",)) for number in range(40)]
    kept = users[-1]
    allowed = [(user.name, plural, "") for user in users for plural in ("pods", "secrets")]
    async with a_desk(*allowed) as desk:
        for user in users:
            await desk.rights.of(user)
        desk.rights.keep(lambda: set(users))
        desk.answers.allowed = {each for each in desk.answers.allowed if each[0] == kept.name}
        desk.answers.asked.clear()
        slow = Slow(desk, 0.1)
        desk.rights._desk._reviewer = slow  # type: ignore[assignment]
        desk.answers.change("group team")
        async with asyncio.timeout(5):
            while not desk.told or len(desk.told[0]) < len(users):
                assert not desk.told, "some were told before the others"
                await desk.news.wait()
        assert len(desk.answers.asked) < 25 * len(users) * 0.8
        assert {after for _, after in desk.told[0].values()} == {Visibility()}
        async with asyncio.timeout(5):
            while len(desk.told) < 2:
                desk.news.clear()
                await desk.news.wait()
        assert {user: after.everywhere for user, (_, after) in desk.told[1].items()} == {
            kept: {"Pod", "Secret"}
        }


async def test_a_change_is_asked_about_before_what_has_only_become_old() -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        await known(desk, "shop")
        desk.now[0] += rights.KEEP_SECONDS + 1
        desk.answers.asked.clear()
        desk.answers.allowed.clear()
        desk.answers.change("user jane", places=["shop"], listed=[PODS])
        await asyncio.wait_for(desk.news.wait(), 2)
        assert [(asked.resource, asked.namespace) for _, asked in desk.answers.asked][:1] == [
            ("pods", "shop")
        ]
        assert (await desk.rights.of(JANE)).within == set()
        assert len(desk.answers.asked) > 2, "a request waits for what has become old, too"


async def test_a_change_does_not_wait_for_answers_to_what_has_only_become_old() -> None:
    async with a_desk(("jane", "pods", "shop")) as desk:
        await known(desk, "shop")
        desk.now[0] += rights.KEEP_SECONDS + 1
        desk.answers.late.add("jane")
        desk.answers.asked.clear()
        desk.rights._check()
        await eventually(lambda: bool(desk.answers.asked))
        desk.answers.late.clear()
        desk.answers.allowed.clear()
        desk.answers.change("user jane", places=["shop"], listed=[PODS])
        await asyncio.wait_for(desk.news.wait(), 2)
        assert desk.told[0][JANE][1] == Visibility()
