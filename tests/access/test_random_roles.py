"""Nobody learns from any door what they may not list, and nothing is hidden from them that they may list.

Random roles and bindings on a cluster of all kinds. Every object carries canaries that stand nowhere else: its
uid, a label, the tags of its images, and the words of its Events. `make access SEEDS=1-100` tries more.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from astrolabe.graph.state.identity import GroupKind
from astrolabe.settings import Limits
from astrolabe.sim.cluster import custom
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.cluster.incidents import Incidents
from astrolabe.sim.store import ObjectStore
from tests.support.random_roles import RandomRoles
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy

pytestmark = pytest.mark.asyncio

Json = dict[str, Any]
_SEEDS = os.environ.get("ASTROLABE_ACCESS_SEEDS", "1-3")

#: Doors without parameters.
DOORS = (
    "/api/v1/graph",
    "/api/v1/resources?limit=1000",
    "/api/v1/kinds",
    "/api/v1/namespaces",
    "/api/v1/releases",
    "/api/v1/charts",
    "/api/v1/unresolved",
    "/api/v1/problems",
    "/api/v1/problems?detail=true",
    "/api/v1/edge-types",
    "/api/v1/whoami",
    "/api/v1/grafana/nodegraph",
    "/api/v1/grafana/nodegraph?q=canary",
    "/api/v1/grafana/frames",
    "/health",
    "/readyz",
    "/livez",
    "/metrics",
    "/openapi.json",
)


def seeds() -> Iterator[int]:
    first, _, last = _SEEDS.partition("-")
    return iter(range(int(first), int(last or first) + 1))


def canary(*parts: str) -> str:
    return "c" + sha256("/".join(parts).encode()).hexdigest()[:20]


def a_cluster() -> ObjectStore:
    """Namespaces with all kinds, incidents and custom kinds; each object with its canaries."""
    store, now = ObjectStore(), datetime.now(UTC)
    load(store, 0.001, 7, now=now)
    custom.install(store, 7, now=now)
    Incidents(store, 7, now=now)
    for kind in list(store.collections):
        for manifest in list(store.manifests(kind)):
            meta = manifest["metadata"]
            word = canary(meta["uid"])
            if kind == "Event":
                word = canary("Event", meta["namespace"])
                manifest["message"] = f"{manifest.get('message', '')} {word}"
                manifest["reason"] = f"{manifest.get('reason', '')}{word}"
            else:
                meta.setdefault("labels", {})["canary"] = word
            if kind == "Pod":
                for container in manifest["spec"]["containers"]:
                    container["image"] = f"registry/{word}:1"
            store.update(kind, manifest)
    return store


class Truth:
    """What there is, as somebody sees it who may see everything, and what must not be told to a user."""

    def __init__(self, store: ObjectStore, graph: Json) -> None:
        self.nodes = {node["uid"]: node for node in graph["nodes"]}
        self.edges = {(edge["type"], edge["from"], edge["to"]) for edge in graph["edges"]}
        self._names = {kind.key: (kind.group, kind.plural) for kind in store.kinds}
        manifests = [each for kind in store.collections for each in store.manifests(kind)]
        self._manifests = {each["metadata"]["uid"]: json.dumps(each) for each in manifests}
        self._event_namespaces = {each["metadata"]["namespace"] for each in store.manifests("Event")}

    def _resource(self, node: Json) -> tuple[str, str]:
        return self._names[GroupKind.of(node["apiVersion"], node["kind"]).key]

    def visible(self, roles: RandomRoles, user: str) -> set[str]:
        return {
            uid
            for uid, node in self.nodes.items()
            if roles.sees(user, *self._resource(node), node.get("namespace", ""))
        }

    def may_get(self, roles: RandomRoles, user: str, uid: str) -> bool:
        node = self.nodes[uid]
        return roles.gets(user, *self._resource(node), node.get("namespace", ""), node["name"])

    def forbidden_words(self, roles: RandomRoles, user: str) -> list[str]:
        visible = self.visible(roles, user)
        # Such as the label by which a Pod names the uid of its Job.
        named = "".join(self._manifests.get(uid, "") for uid in visible)
        hidden = self.nodes.keys() - visible
        words = [word for uid in hidden for word in (uid, canary(uid)) if word not in named]
        return words + [
            canary("Event", namespace)
            for namespace in self._event_namespaces
            if not roles.sees(user, "", "events", namespace)
        ]


def leaks(text: str, words: list[str]) -> list[str]:
    return [word for word in words if word in text]


@asynccontextmanager
async def a_site(*sets: int) -> AsyncIterator[tuple[Tenancy, list[RandomRoles], Truth]]:
    store = a_cluster()
    namespaces = sorted(each["metadata"]["name"] for each in store.manifests("Namespace"))
    kinds = [kind for kind in store.kinds if kind.key != "Event"]
    roles = [RandomRoles(store, seed, kinds=kinds, namespaces=namespaces) for seed in sets]
    grant(store, role("all", rule("*", group="*", verbs=["*"])), binding("admin", "all", "User/admin"))
    users = [user for each in roles for user in each.users]
    async with tenancy(store, *users, "admin", limits=Limits(max_visibilities=1000)) as site:
        for each in roles:
            site.simulator.authorizer.groups |= each.groups
        yield site, roles, Truth(store, await site.json("admin", "/api/v1/graph"))


async def check_doors(site: Tenancy, roles: RandomRoles, user: str, truth: Truth) -> None:
    visible, words = truth.visible(roles, user), truth.forbidden_words(roles, user)
    graph = await site.json(user, "/api/v1/graph")
    assert {node["uid"] for node in graph["nodes"]} == visible
    assert {(edge["type"], edge["from"], edge["to"]) for edge in graph["edges"]} == {
        (type, source, target)
        for type, source, target in truth.edges
        if source in visible and target in visible
    }
    hidden = sorted(truth.nodes.keys() - visible, key=canary)[:4]
    some = sorted(visible, key=canary)[:3]
    paths = [*DOORS]
    for uid in (*some, *hidden):
        node = truth.nodes[uid]
        paths += [f"/api/v1/resources/{uid}{part}" for part in ("", "/why", "/impact")]
        paths += [f"/api/v1/problems/{uid}", f"/api/v1/path?from={some[0] if some else uid}&to={uid}"]
        for named in (node["name"], canary(uid), node["kind"]):
            paths.append(f"/api/v1/find?q={quote(named)}")
            paths.append(f"/api/v1/graph?q={quote(named)}")
        paths.append(f"/api/v1/complete?q={quote('name:' + node['name'][:3])}&at=6")
        paths.append(f"/api/v1/complete?q={quote('label.canary=')}&at=13")
        if node.get("namespace"):
            paths.append(f"/api/v1/resources?namespace={node['namespace']}&kind={node['kind']}")
            paths.append(f"/api/v1/kinds?namespace={node['namespace']}")
        if node.get("release"):
            paths.append(f"/api/v1/releases/{node.get('releaseNamespace', '-')}/{node['release']}")
    for path in dict.fromkeys(paths):
        text, headers, status = await _get(site, user, path)
        uid = path.rpartition("/")[2]
        if uid in truth.nodes and path == f"/api/v1/resources/{uid}":
            may_see = uid in visible or truth.may_get(roles, user, uid)
            assert status == (200 if may_see else 404), (user, path)
            text = text.replace(canary(uid), "") if may_see else text
        asked = path.rpartition("?")[2] if "?" in path else path
        told = [word for word in leaks(text + headers, words) if word not in asked]
        assert not told, (user, path, [truth.nodes.get(word) for word in told], text[:2000])
    for path in ("/api/v1/ws", "/api/v1/ws?what=problems&detail=true", "/api/v1/ws/flat/stats"):
        text = await _listen(site, user, path)
        assert not leaks(text, words), (user, path)


async def _get(site: Tenancy, user: str, path: str) -> tuple[str, str, int]:
    async with site.http.get(site.url(path), headers={"Authorization": f"Bearer {user}"}) as answer:
        assert answer.status < 500, (path, await answer.text())
        return await answer.text(), str(answer.headers), answer.status


async def _listen(site: Tenancy, user: str, path: str) -> str:
    """The first messages of a stream."""
    heard = []
    headers = {"Authorization": f"Bearer {user}"}
    async with site.http.ws_connect(site.url(path), headers=headers) as socket:
        for _ in range(3):
            message = await asyncio.wait_for(socket.receive(), 5)
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            heard.append(message.data)
            if "flat" in path or json.loads(message.data).get("type") in ("snapshot", "problems"):
                break
    return "\n".join(heard)


@asynccontextmanager
async def _stream(site: Tenancy, user: str, path: str) -> AsyncIterator[list[str]]:
    """What a stream says while it is open."""
    heard: list[str] = []
    headers = {"Authorization": f"Bearer {user}"}
    async with site.http.ws_connect(site.url(path), headers=headers) as socket:

        async def listen() -> None:
            async for message in socket:
                heard.append(message.data)

        listening = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            listening.cancel()


def _churn(store: ObjectStore, hidden: list[Json], number: int) -> None:
    """Change, delete and create what somebody does not see."""
    for node in hidden:
        kind, namespace = GroupKind.of(node["apiVersion"], node["kind"]).key, node.get("namespace", "")
        manifest = store.get(kind, namespace, node["name"])
        if manifest is None or kind in ("Namespace", "CustomResourceDefinition"):
            continue
        if number % 2:
            store.delete(kind, manifest)
            continue
        manifest["metadata"].setdefault("labels", {})["changed"] = str(number)
        if kind == "Pod":
            manifest["status"] |= {"phase": "Failed", "reason": "Evicted", "conditions": []}
        store.update(kind, manifest)


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
            paths += ["/api/v1/find?q=web", f"/api/v1/resources/{hidden[0]['uid']}"]
            async with (
                _stream(site, user, "/api/v1/ws") as graph,
                _stream(site, user, "/api/v1/ws?what=problems&subscribe=true") as problems,
                _stream(site, user, "/api/v1/ws/flat/changes") as flat,
            ):
                before = {path: _still(await _get(site, user, path)) for path in paths}
                await asyncio.sleep(1.2)  # problems are looked at once a second
                told = len(graph), len(problems), len(flat)
                for number in (0, 1):
                    _churn(site.store, hidden[number::7], number)
                    uid = hidden[number + 7]["uid"] if number else ""
                    await _gone(site, uid)
                await asyncio.sleep(1.2)
                after = {path: _still(await _get(site, user, path)) for path in paths}
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


def _still(answer: tuple[str, str, int]) -> tuple[str, str, int]:
    """Without when something was heard of kinds that are seen everywhere."""
    text, headers, status = answer
    return re.sub(r'"age":[0-9.]+', '"age":0', text), headers, status


async def test_every_door_shows_each_user_what_they_may_list_and_nothing_else() -> None:
    async with a_site(*seeds()) as (site, sets, truth):
        everywhere = await site.json("admin", "/api/v1/graph")
        assert len(everywhere["nodes"]) > 300
        for roles in sets:
            for user in roles.users:
                await check_doors(site, roles, user, truth)
