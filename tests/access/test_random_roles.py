"""Nobody learns from any door what they may not list, and nothing is hidden from them that they may list.

Random roles and bindings on a cluster of all kinds. Every object carries canaries that stand nowhere else: see
`tests.support.canaries`. `make access SEEDS=1-100` tries more.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote

import pytest

from astrolabe.graph.state.identity import GroupKind
from astrolabe.settings import Limits
from astrolabe.sim.store import ObjectStore
from tests.support.canaries import NAMESAKES, SECRET_NAMESPACES, Truth, a_cluster, canary, leaks
from tests.support.random_roles import RandomRoles
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy
from tests.support.walk import (
    ASKING,
    DOORS,
    STREAMS,
    Answer,
    get,
    listen,
    messages,
    of_object,
    post,
    subscriptions,
    twins,
    was_asked,
    without,
)

pytestmark = pytest.mark.asyncio

Json = dict[str, Any]
_SEEDS = os.environ.get("ASTROLABE_ACCESS_SEEDS", "1")
#: Objects of each user that are asked for one by one: seen ones, and hidden ones.
SEEN, HIDDEN = 2, 3


#: Doors that show nothing of the graph, and one that tells only what changes.
_NOT_WALKED = {
    *("/", "/docs", "/guide/", "/{file}"),
    *("/api/v1/ws/flat/changes", "/api/v1/ws/flat/changes/{filter}"),
}


def _pattern(path: str) -> re.Pattern[str]:
    """Of the paths that a path of the API's description stands for."""
    return re.compile(
        "".join(
            ["[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path)]
        )
    )


def seeds() -> Iterator[int]:
    first, _, last = _SEEDS.partition("-")
    return iter(range(int(first), int(last or first) + 1))


@asynccontextmanager
async def a_site(*sets: int) -> AsyncIterator[tuple[Tenancy, list[RandomRoles], Truth]]:
    store = a_cluster()
    namespaces = sorted(each["metadata"]["name"] for each in store.manifests("Namespace"))
    kinds = [kind for kind in store.kinds if kind.key != "Event"]
    roles = [RandomRoles(store, seed, kinds=kinds, namespaces=namespaces) for seed in sets]
    everything = rule("*", group="*", verbs=["*"])
    grant(store, role("all", everything), binding("admin", "all", "User/admin"))
    users = [user for each in roles for user in each.users]
    async with tenancy(store, *users, "admin", limits=Limits(max_visibilities=1000)) as site:
        for each in roles:
            site.simulator.authorizer.groups |= each.groups
        await _discovered(site)
        yield site, roles, Truth(store, await site.json("admin", "/api/v1/graph"))


async def _discovered(site: Tenancy) -> None:
    """Until the custom kinds are served, too."""
    async with asyncio.timeout(20):
        while True:
            kinds = await site.json("admin", "/api/v1/kinds")
            there = {each["kind"] for each in kinds if sum(each["counts"].values())}
            if (
                there >= {f"{kind}.{group}" for kind, group, _ in NAMESAKES}
                and (await site.json("admin", "/health"))["state"] == "live"
            ):
                return
            await asyncio.sleep(0.1)


class Walker:
    """Walks all doors as one user, and looks for words that must not be told."""

    def __init__(self, site: Tenancy, roles: RandomRoles, user: str, truth: Truth) -> None:
        self._site, self._roles, self._user, self._truth = site, roles, user, truth
        self.visible = truth.visible(roles, user)
        self.words = truth.forbidden_words(roles, user)
        self.hidden = sorted(truth.nodes.keys() - self.visible, key=canary)[:HIDDEN]
        self.seen = sorted(self.visible, key=canary)[:SEEN]

    async def walk(self) -> None:
        await self._see_everything()
        for path in self._paths():
            await self._ask(path)
        for path, body in messages(self._truth, [*self.seen, *self.hidden]):
            answer = await post(self._site, self._user, path, body)
            assert answer.status == 200, (self._user, body, answer)
            self._judge(json.dumps(body), answer.text + answer.headers)
        for path in STREAMS:
            self._judge(path, await listen(self._site, self._user, path))
        hidden = [self._truth.nodes[uid] for uid in self.hidden]
        asked = list(subscriptions(self._truth, hidden))
        said = await listen(self._site, self._user, ASKING, *asked)
        self._judge(json.dumps(asked), said)
        for node in hidden:
            await self._compare(node)

    async def _see_everything(self) -> None:
        """What they may see, on the doors that show all of it."""
        graph = json.loads(await self._text("/api/v1/graph"))
        assert {node["uid"] for node in graph["nodes"]} == self.visible
        assert {(edge["type"], edge["from"], edge["to"]) for edge in graph["edges"]} == {
            (type, source, target)
            for type, source, target in self._truth.edges
            if source in self.visible and target in self.visible
        }
        assert graph["epoch"] != self._truth.epoch or not self.words
        counts = self._truth.counts(self.visible)
        shown = Counter[str]()
        for kind in json.loads(await self._text("/api/v1/kinds")):
            shown[kind["kind"]] += sum(kind["counts"].values())
        assert +shown == counts
        flat = json.loads(await listen(self._site, self._user, "/api/v1/ws/flat/stats"))
        assert (flat["nodes"], flat["edges"]) == (len(self.visible), len(graph["edges"]))
        for door in ("/api/v1/ws", "/api/v1/events"):
            told = await listen(self._site, self._user, door)
            assert [uid for uid in self.visible if f'"uid":"{uid}"' not in told] == [], door
        await self._hear_events()

    async def _hear_events(self) -> None:
        """The Events of an object that they see are told to them as to anybody who may list Events there."""
        for uid in self.seen:
            path = f"/api/v1/resources/{quote(uid, safe='')}"
            if self._truth.hears(self._roles, self._user, uid):
                theirs, whole = await self._text(path), (await get(self._site, "admin", path)).text
                assert json.loads(theirs)["events"] == json.loads(whole)["events"], (self._user, path)

    def left_out(self, doors: set[str]) -> list[str]:
        """Those of the paths in the API's description that are not walked."""
        walked = {path.partition("?")[0] for path in (*self._paths(), *STREAMS)}
        walked |= {path for path, _ in messages(self._truth, [])}
        return [door for door in sorted(doors) if not any(map(_pattern(door).fullmatch, walked))]

    def _paths(self) -> Iterator[str]:
        paths = [*DOORS]
        for uid in (*self.seen, *self.hidden):
            paths += of_object(uid, self._truth.nodes[uid], (self.seen or self.hidden)[0])
        yield from dict.fromkeys(paths)

    async def _text(self, path: str) -> str:
        answer = await get(self._site, self._user, path)
        assert answer.status == 200, (self._user, path, answer.text)
        return answer.text

    async def _ask(self, path: str) -> None:
        status, headers, text = await get(self._site, self._user, path)
        uid = unquote(path.removeprefix("/api/v1/resources/"))
        if uid in self._truth.nodes:
            may_see = uid in self.visible or self._truth.may_get(self._roles, self._user, uid)
            assert status == (200 if may_see else 404), (self._user, path)
            if may_see:  # a rule with its name may open it: its manifest is told
                self._judge(path + self._truth.manifest(uid), text + headers)
                return
        if path == "/metrics":
            assert status == (200 if path in self._roles.paths and self._is_first() else 403), self._user
            # Who may get them by a right of its own is told the names of namespaces.
            path += " ".join(SECRET_NAMESPACES)
        self._judge(path, text + headers)

    def _is_first(self) -> bool:
        return self._user == self._roles.users[0]

    def _judge(self, asked: str, told: str) -> None:
        found = [word for word in leaks(told, self.words) if not was_asked(word, asked)]
        assert not found, (
            self._user,
            asked[:300],
            found[:5],
            [told[max(0, told.index(word) - 200) : told.index(word) + 200] for word in found[:2]],
        )

    async def _compare(self, node: Json) -> None:
        """What is hidden is answered for, to the byte, as what does not exist."""
        if self._truth.may_get(self._roles, self._user, node["uid"]):
            return
        name = node["name"] if node["name"] in self.words else canary(node["uid"])
        seen = self.seen[0] if self.seen else "none"
        for template, hidden, absent in twins(seen, node, name=name, namespace=self._unseen_namespace()):
            answers = []
            for words in (hidden, absent):
                answer = await get(self._site, self._user, template.format(**words))
                answers.append(without(answer, words))
            assert answers[0] == answers[1], (self._user, template, hidden)

    def _unseen_namespace(self) -> str:
        """One in which the user sees nothing, and where no binding names them."""
        nodes = [self._truth.nodes[uid] for uid in self.visible]
        seen = {node.get("namespace") or node["name"] for node in nodes}
        unseen = [each for each in self._truth.namespaces if each not in seen]
        return next((each for each in unseen if not self._roles.binds(self._user, each)), "")


@asynccontextmanager
async def _stream(site: Tenancy, user: str, path: str) -> AsyncIterator[list[str]]:
    """What a stream says while it is open."""
    heard: list[str] = []
    headers = {"Authorization": f"Bearer {user}"}
    async with site.http.ws_connect(site.url(path), headers=headers, max_msg_size=0) as socket:

        async def hear() -> None:
            async for message in socket:
                heard.append(message.data)

        listening = asyncio.create_task(hear())
        try:
            yield heard
        finally:
            listening.cancel()


def _churn(store: ObjectStore, hidden: list[Json], number: int) -> list[str]:
    """Change or delete what somebody does not see. The uids of what is deleted."""
    deleted = []
    for node in hidden:
        kind, namespace = GroupKind.of(node["apiVersion"], node["kind"]).key, node.get("namespace", "")
        manifest = store.get(kind, namespace, node["name"])
        if manifest is None or kind in ("Namespace", "CustomResourceDefinition"):
            continue
        if number % 2:
            store.delete(kind, manifest)
            deleted.append(node["uid"])
            continue
        manifest["metadata"].setdefault("labels", {})["changed"] = str(number)
        if kind == "Pod":
            manifest["status"] |= {"phase": "Failed", "reason": "Evicted", "conditions": []}
        store.update(kind, manifest)
    return deleted


async def test_hidden_changes_change_no_byte_of_any_answer() -> None:
    async with a_site(3) as (site, (roles,), truth):
        for user in roles.users:
            visible = truth.visible(roles, user)
            # What a visible object names may be told as far as its own manifest says it.
            near = visible | {end for _, *ends in truth.edges if {*ends} & visible for end in ends}
            hidden = [node for uid, node in truth.nodes.items() if uid not in near]
            uids = sorted(visible, key=canary)[:3]
            paths = [door for door in DOORS if door not in ("/metrics",)]
            paths += [f"/api/v1/resources/{uid}{part}" for uid in uids for part in ("", "/why", "/impact")]
            closed = [node["uid"] for node in hidden if not truth.may_get(roles, user, node["uid"])]
            paths += ["/api/v1/find?q=web", *[f"/api/v1/resources/{uid}" for uid in closed[:1]]]
            async with (
                _stream(site, user, "/api/v1/ws") as graph,
                _stream(site, user, "/api/v1/ws?what=problems&subscribe=true") as problems,
                _stream(site, user, "/api/v1/ws/flat/changes") as flat,
            ):
                before = {path: _still(path, await get(site, user, path)) for path in paths}
                await asyncio.sleep(1.2)  # problems are looked at once a second
                told = len(graph), len(problems), len(flat)
                for number in (0, 1):
                    for uid in _churn(site.store, hidden[number::7], number)[:1]:
                        await _gone(site, uid)
                await asyncio.sleep(1.2)
                after = {path: _still(path, await get(site, user, path)) for path in paths}
                assert {
                    path: (before[path], after[path]) for path in paths if before[path] != after[path]
                } == {}
                assert (len(graph), len(problems), len(flat)) == told
            truth = Truth(site.store, await site.json("admin", "/api/v1/graph"))


async def _gone(site: Tenancy, uid: str) -> None:
    """Until somebody who sees everything does not see this any more."""
    for _ in range(100):
        if (await site.ask("admin", f"/api/v1/resources/{uid}"))[0] == 404:
            return
        await asyncio.sleep(0.05)
    pytest.fail("nobody has seen the change")


#: Their ETags change every 5 seconds, as they tell ages.
_AGING = ("/api/v1/resources?", "/api/v1/problems?detail=true&status=Error")


def _still(path: str, answer: Answer) -> tuple[int, str, str]:
    """Without what time alone changes."""
    headers = answer.headers
    if path.startswith(_AGING) or path in ("/api/v1/resources", "/health"):
        headers = re.sub(r'(W/"[^:"]+:\d+):[^"]+"|\'Content-Length\': \'\d+\'', r"\1", headers)
    return answer.status, headers, re.sub(r'"age[A-Za-z]*":("[^"]*"|[0-9.]+)', "", answer.text)


async def test_every_door_shows_each_user_what_they_may_list_and_nothing_else() -> None:
    async with a_site(*seeds()) as (site, sets, truth):
        assert len(truth.nodes) > 500
        for roles in sets:
            for user in roles.users:
                await Walker(site, roles, user, truth).walk()
        for path, body in messages(truth, [next(iter(truth.nodes))]):
            answer = await post(site, "admin", path, body)
            assert answer.text.startswith("{"), answer
            assert not {"errors", "error"} & {*json.loads(answer.text)}, answer.text[:500]
        walker = Walker(site, sets[0], sets[0].users[0], truth)
        doors = (await site.json("admin", "/openapi.json"))["paths"]
        assert walker.left_out({*doors} - _NOT_WALKED) == [], "add them to tests.support.walk"
