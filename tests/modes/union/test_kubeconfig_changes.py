"""A kubeconfig that changes under the same name while its clusters are watched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from astrolabe.modes.union import cluster_files, kubernetes_member
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.kubeconfig import kubeconfig
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.timing import SHORT
from tests.support.unions import union_of

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (kubernetes_member, cluster_files):
        monkeypatch.setattr(module, "LOOK_EVERY", 0.05)


def with_namespace(name: str) -> ObjectStore:
    store = ObjectStore()
    store.create("Namespace", {"metadata": {"name": name}})
    return store


def replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def names(site: Any) -> set[str]:
    return {f"{node.cluster}/{node.name}" for node in site.source.hub.graph.nodes.values()}


async def test_a_context_that_leads_to_another_server_is_followed_there(tmp_path: Path) -> None:
    stores = {"one": with_namespace("old"), "other": with_namespace("new")}
    async with union_of(tmp_path, stores, listed=("one",)) as site:
        assert names(site) == {"one/old"}
        path = tmp_path / f"{site.clusters['one'].url.rpartition(':')[2]}.kubeconfig"
        replace(path, "{")  # half written
        replace(path, kubeconfig(site.clusters["other"].url, name="one"))
        await site.until(lambda: names(site) == {"one/new"} and site.states() == {"one": "live"})
        site.clusters["other"].store.create("Namespace", {"metadata": {"name": "later"}})
        await site.until(lambda: names(site) == {"one/new", "one/later"})


async def test_new_credentials_are_used_without_a_new_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old ones may still be good, so that no refusal leads to the new ones."""
    monkeypatch.setattr(kubernetes_member, "WatchTiming", lambda: SHORT)
    authorizer = Authorizer({"old": "astrolabe", "new": "astrolabe"})
    async with Simulator(with_namespace("there"), authorizer=authorizer) as simulator:
        path = tmp_path / "config"
        path.write_text(kubeconfig(simulator.url, name="one", user={"token": "old"}))
        settings = {"clusters": "", "contexts": ("one",), "kubeconfig": str(path)}
        async with union_of(tmp_path, {}, **settings) as site:
            assert names(site) == {"one/there"}
            (member,) = site.source.clusters().values()  # type: ignore[union-attr]
            replace(path, kubeconfig(simulator.url, name="one", user={"token": "new"}))
            watched = member._cluster  # type: ignore[attr-defined]
            await site.until(lambda: watched._access.configuration.api_key["BearerToken"].endswith("new"))
            assert member._cluster is watched  # type: ignore[attr-defined]
            assert {watch.lists for watch in member.watches()} <= {0, 1}


async def test_contexts_come_and_go_with_the_kubeconfig(tmp_path: Path) -> None:
    async with Simulator(with_namespace("a")) as one, Simulator(with_namespace("b")) as two:
        first, second = (
            json.loads(kubeconfig(each.url, name=name)) for name, each in (("one", one), ("two", two))
        )
        path = tmp_path / "config"
        path.write_text(json.dumps(first))
        settings = {"clusters": "", "contexts": ("all",), "kubeconfig": str(path)}
        async with union_of(tmp_path, {}, **settings) as site:
            assert names(site) == {"one/a"}
            both = {**first, **{key: first[key] + second[key] for key in ("contexts", "clusters", "users")}}
            replace(path, json.dumps(both))
            await site.until(lambda: names(site) == {"one/a", "two/b"})
            replace(path, "no: [kubeconfig")
            replace(path, json.dumps(second))
            await site.until(lambda: names(site) == {"two/b"})
