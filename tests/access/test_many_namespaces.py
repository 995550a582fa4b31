"""Users of a few namespaces among many: what is known is served, what is not is said, and open streams grow."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import pytest

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access import rights
from astrolabe.http.access.rights import KubernetesRights
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.sim.store import ObjectStore
from astrolabe.users import Question, User
from tests.access.test_access import a_pod
from tests.access.test_changing_rights import Follower, follow
from tests.access.test_rights import JANE, Answers
from tests.support.tenants import binding, grant, role, rule, tenancy

pytestmark = pytest.mark.asyncio

#: Seconds to the first complete answer.
FIRST = 5.0


class Unwatched(Answers):
    """Nobody knows whom bindings name. seconds: for an answer."""

    seconds = 0.0

    def namespaces_of(self, user: User) -> Collection[str] | None:
        return None

    def bound_as(self, user: User) -> frozenset[str] | None:
        return None

    async def permits(self, user: User, question: Question) -> bool:
        await asyncio.sleep(self.seconds)
        return await super().permits(user, question)


class Searching:
    """Rights of a cluster whose bindings may not be watched."""

    def __init__(self, namespaces: set[str], *allowed: tuple[str, str, str]) -> None:
        self.now, self.answers, self.there = 1000.0, Unwatched(set(allowed)), namespaces
        self.rights = KubernetesRights(
            self.answers,
            self.answers,
            builtin_catalogue(),
            namespaces=lambda: self.there,
            clock=lambda: self.now,
        )
        self.told: list[Visibility] = []
        self.news = asyncio.Event()
        self.rights.follow(self._hear)

    def _hear(self, changed: Any) -> None:
        self.told += [after for _, after in changed.values()]
        self.news.set()

    async def __aenter__(self) -> Searching:
        self._running = asyncio.create_task(self.rights.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def until(self, *within: tuple[str, str]) -> None:
        """Wait until the user is known to see this, and no more."""
        async with asyncio.timeout(20):
            while self.rights.known(JANE) != Visibility(within=frozenset(within)):
                self.news.clear()
                await self.news.wait()


MANY = {f"n{number}" for number in range(400)}


async def test_without_a_hint_from_bindings_known_namespaces_are_served_and_others_searched() -> None:
    async with Searching(
        MANY, ("jane", "pods", "n17"), ("jane", "secrets", "n17"), ("jane", "persistentvolumeclaims", "n3")
    ) as desk:
        desk.answers.seconds = 0.02
        first = await desk.rights.of(JANE)
        assert first == Visibility(within=frozenset({("n17", "Pod"), ("n17", "Secret")}), complete=False)
        assert len(desk.answers.asked) < 20 * len(MANY)
        desk.answers.seconds = 0.0
        await desk.until(("n17", "Pod"), ("n17", "Secret"), ("n3", "PersistentVolumeClaim"))


async def test_a_namespace_that_comes_later_is_searched_too() -> None:
    there = {"n1", "n2"}
    async with Searching(there, ("jane", "pods", "n2"), ("jane", "secrets", "later")) as desk:
        assert await desk.rights.of(JANE) == Visibility(within=frozenset({("n2", "Pod")}))
        desk.there = {"n2", "later"}
        desk.rights._check()
        await desk.until(("n2", "Pod"), ("later", "Secret"))


async def test_a_user_who_sees_everything_needs_no_search() -> None:
    catalogue = builtin_catalogue()
    every = [("jane", kind.plural, "") for kind in catalogue]
    async with Searching(MANY, *every, ("jane", "events", ""), ("jane", "*", "")) as desk:
        assert (await desk.rights.of(JANE)).complete
        assert len(desk.answers.asked) == len(catalogue) + 2


async def test_a_user_without_known_rights_waits_and_learns_that_the_search_is_incomplete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rights, "FIRST_SECONDS", 0.2)
    async with Searching(MANY) as desk:
        desk.answers.seconds = 0.005
        began = time.monotonic()
        assert await desk.rights.of(JANE) == Visibility(complete=False)
        assert await desk.rights.of(JANE) == Visibility(complete=False)
        assert time.monotonic() - began < 1.5
        desk.answers.seconds = 0.0
        await desk.until()


async def test_a_right_that_is_withdrawn_is_not_kept_for_longer_than_answers_are() -> None:
    async with Searching(MANY, ("jane", "pods", "n17")) as desk:
        await desk.rights.of(JANE)
        desk.answers.allowed.clear()
        desk.now += rights.KEEP_SECONDS + 1
        assert (await desk.rights.of(JANE)).within == set()


async def test_a_role_that_changes_is_searched_for_again() -> None:
    async with Searching({"n1", "n2"}, ("jane", "pods", "n1")) as desk:
        await desk.rights.of(JANE)
        await desk.until(("n1", "Pod"))
        desk.answers.allowed.add(("jane", "secrets", "n2"))
        desk.answers.asked.clear()
        desk.answers.change(listed=[("", "secrets")])
        told = desk.rights.known(JANE)
        assert told is not None
        assert not told.complete
        await desk.until(("n1", "Pod"), ("n2", "Secret"))
        found = [asked for _, asked in desk.answers.asked if asked.namespace == "n2"]
        assert found[0].resource == "secrets"


async def test_with_thousands_of_bindings_known_namespaces_are_shown_first() -> None:
    allowed = [("jane", "pods", namespace) for namespace in MANY]
    async with Searching(MANY, *allowed) as desk:
        desk.answers.seconds = 0.002
        desk.answers.namespaces_of = lambda user: MANY  # type: ignore[method-assign]
        first = await desk.rights.of(JANE, ("n399",))
        assert ("n399", "Pod") in first.within
        await desk.until(*[(namespace, "Pod") for namespace in MANY])
        sizes = [len(visibility.within) for visibility in desk.told]
        assert sizes == sorted(sizes)


def a_cluster(count: int) -> ObjectStore:
    store = ObjectStore()
    for number in range(count):
        store.create("Namespace", {"metadata": {"name": f"n{number}"}})
        store.create("Pod", a_pod(f"n{number}", f"pod-{number}"))
    grant(store, role("reader", rule("pods"), rule("services")))
    for number in (5, 50, count - 1):
        grant(store, binding("jane", "reader", "User/jane", namespace=f"n{number}"))
    return store


async def test_a_user_of_three_namespaces_among_many_is_answered_soon_without_a_right_to_watch_bindings() -> (
    None
):
    count = 300
    async with tenancy(
        a_cluster(count), "jane", readable={"RoleBinding": (), "ClusterRoleBinding": ()}
    ) as site:
        began = time.monotonic()
        names = {name for _, _, name in await site.names("jane")}
        assert time.monotonic() - began < FIRST
        assert names == {"pod-5", "pod-50", f"pod-{count - 1}"}
        async with follow(site, "jane") as socket:
            follower = Follower(socket)
            await follower.until(*names)
            whole = (await site.json("jane", "/health"))["coverage"]
            assert whole["namespaces"] == ["n299", "n5", "n50"]
            grant(site.store, binding("more", "reader", "User/jane", namespace="n7"))
            message: dict[str, Any] = {}
            async with asyncio.timeout(60):
                while not message.get("coverage", {}).get("complete"):
                    message = json.loads(await socket.recv())
                    follower.hear(message)
