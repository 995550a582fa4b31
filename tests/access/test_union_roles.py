"""Several clusters with random roles of the same users: no door tells anybody what a cluster does not grant,
and none hides what one grants.

The clusters are clones but for a word of each object and for the roles. `make access SEEDS=1-100` tries more.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from astrolabe.settings import Limits
from astrolabe.sim.store import ObjectStore
from tests.access.test_random_roles import Walker, seeds
from tests.support.canaries import NAMESAKES, Truth, a_cluster
from tests.support.random_roles import RandomRoles
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy
from tests.support.union_tenants import UnionTenancy, united

pytestmark = pytest.mark.asyncio

Json = dict[str, Any]
#: A third one where more than a minute is given.
NAMES = ("east", "west", "north") if "ASTROLABE_ACCESS_SEEDS" in os.environ else ("east", "west")


class UnionRoles:
    """The roles of the same users in several clusters, as far as the walk over all doors asks for them."""

    def __init__(self, clusters: dict[str, RandomRoles]) -> None:
        self.clusters = clusters
        self.users = clusters["east"].users
        self.paths = set.intersection(*[each.paths for each in clusters.values()])

    def binds(self, user: str, namespace: str) -> bool:
        return any(each.binds(user, namespace) for each in self.clusters.values())


class UnionTruth:
    """What there is, and what a user may be told of it: that of each cluster, together."""

    def __init__(self, clusters: dict[str, Truth], graph: Json) -> None:
        self._clusters = clusters
        self.epoch = graph["epoch"]
        self.nodes = {uid: node for each in clusters.values() for uid, node in each.nodes.items()}
        self.edges = {edge for each in clusters.values() for edge in each.edges}
        self.namespaces = clusters["east"].namespaces
        self.key_of = clusters["east"].key_of

    def visible(self, roles: UnionRoles, user: str) -> set[str]:
        return set().union(*[each.visible(roles.clusters[name], user) for name, each in self._each()])

    def _each(self) -> Iterator[tuple[str, Truth]]:
        return iter(self._clusters.items())

    def _of(self, uid: str) -> tuple[str, Truth]:
        name = uid.partition("/")[0]
        return name, self._clusters[name]

    def manifest(self, uid: str) -> str:
        return self._of(uid)[1].manifest(uid)

    def hears(self, roles: UnionRoles, user: str, uid: str) -> bool:
        name, truth = self._of(uid)
        return truth.hears(roles.clusters[name], user, uid)

    def may_get(self, roles: UnionRoles, user: str, uid: str) -> bool:
        name, truth = self._of(uid)
        return truth.may_get(roles.clusters[name], user, uid)

    def counts(self, uids: set[str]) -> Any:
        return self._clusters["east"].counts.__func__(self, uids)  # type: ignore[attr-defined]

    def forbidden_words(self, roles: UnionRoles, user: str) -> list[str]:
        """A word of several clusters is forbidden if each of them forbids it."""
        named = "".join(map(self.manifest, self.visible(roles, user)))
        forbidden = {name: {*each.forbidden_words(roles.clusters[name], user)} for name, each in self._each()}
        words = {name: {*each.forbidden_words(roles.clusters[name], "nobody")} for name, each in self._each()}
        return [
            word
            for word in sorted(set().union(*forbidden.values()))
            if word not in named and all(word in forbidden[name] for name in words if word in words[name])
        ]


@asynccontextmanager
async def _there(folder: Path, store: ObjectStore, users: list[str]) -> AsyncIterator[tuple[Tenancy, Json]]:
    """A cluster that a server of its own watches, and its entry in the list of clusters."""
    everything = rule("*", group="*", verbs=["*"])
    grant(store, role("hub", everything), binding("hub", "hub", "User/hub"))
    async with tenancy(store, *users, "hub", limits=Limits(max_visibilities=1000)) as site:
        token = folder / "hub.token"
        token.write_text("hub")
        entry = {"url": site.url(""), "tokenFile": str(token), "forwardToken": True}
        yield site, entry


@asynccontextmanager
async def a_union(
    folder: Path, *sets: int, forwarded: str = ""
) -> AsyncIterator[tuple[UnionTenancy, list[UnionRoles], UnionTruth]]:
    stores = {name: a_cluster(name) for name in NAMES}
    found: list[dict[str, RandomRoles]] = [{} for _ in sets]
    for name, store in stores.items():
        namespaces = sorted(each["metadata"]["name"] for each in store.manifests("Namespace"))
        kinds = [kind for kind in store.kinds if kind.key != "Event"]
        for index, seed in enumerate(sets):
            found[index][name] = RandomRoles(store, seed, kinds=kinds, namespaces=namespaces, cluster=name)
        everything = rule("*", group="*", verbs=["*"])
        paths = {"nonResourceURLs": ["*"], "verbs": ["get"]}
        grant(store, role("all", everything, paths), binding("admin", "all", "User/admin"))
    roles = [UnionRoles(each) for each in found]
    users = [*[user for each in roles for user in each.users], "admin"]
    limits = Limits(max_visibilities=1000)
    async with AsyncExitStack() as running:
        watched, others, elsewhere = dict(stores), [], None
        if forwarded:
            there = _there(folder, watched.pop(forwarded), users)
            elsewhere, entry = await running.enter_async_context(there)
            others.append({"name": forwarded, **entry})
        served = united(folder, watched, dict.fromkeys(watched, users), others=others, limits=limits)
        site = await running.enter_async_context(served)
        for each in roles:
            for name, of in each.clusters.items():
                simulator = elsewhere.simulator if elsewhere and name == forwarded else site.clusters[name]
                simulator.authorizer.groups |= of.groups
            if forwarded:
                each.paths = set()  # paths are not asked for there
        await _discovered(site)
        graph = await site.json("admin", "/api/v1/graph")
        yield site, roles, UnionTruth({name: Truth(stores[name], graph, name) for name in NAMES}, graph)


async def _discovered(site: UnionTenancy) -> None:
    """Until the custom kinds of all clusters are served."""
    wanted = len(NAMESAKES) * len(NAMES)
    async with asyncio.timeout(30):
        while True:
            nodes = (await site.json("admin", "/api/v1/graph"))["nodes"]
            there = {
                (n["cluster"], n["kind"], n["apiVersion"]) for n in nodes if ".example.com" in n["apiVersion"]
            }
            live = (await site.json("admin", "/health"))["state"] == "live"
            if live and len(there) >= wanted:
                return
            await asyncio.sleep(0.1)


class UnionWalker(Walker):
    def _paths(self) -> Iterator[str]:
        yield from super()._paths()
        for name in NAMES:
            yield f"/api/v1/resources?cluster={name}&limit=1000"
            yield f"/api/v1/releases?detail=true&cluster={name}"
            yield f"/api/v1/find?q=cluster:{name}"
            yield f"/api/v1/problems?detail=true&cluster={name}"
            yield f"/readyz?cluster={name}"


@pytest.mark.parametrize("forwarded", ["", "west"])
async def test_every_door_shows_of_each_cluster_what_it_grants_and_nothing_else(
    tmp_path: Path, forwarded: str
) -> None:
    """forwarded: a cluster that a server of its own watches, which is asked with the users' own tokens."""
    async with a_union(tmp_path, *seeds(), forwarded=forwarded) as (site, sets, truth):
        assert len(truth.nodes) > 1000
        for roles in sets:
            for user in roles.users:
                walker = UnionWalker(site, roles, user, truth)  # type: ignore[arg-type]
                assert len(walker.words) > 100
                await walker.walk()
        shown = {json.dumps(sorted(truth.visible(sets[0], user))) for user in sets[0].users}
        assert len(shown) == len(sets[0].users)
