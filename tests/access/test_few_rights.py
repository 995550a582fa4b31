"""An account of Astrolabe that may not list everything: it starts, serves the rest, and says what is missing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from random import Random
from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.cli.check import check
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import WATCHED

pytestmark = pytest.mark.asyncio

KINDS = [kind.key for kind in WATCHED]
#: Those that make a graph partial when they cannot be read.
EXPECTED = {kind.key for kind in WATCHED if kind.expected}
CLUSTER_SCOPED = {kind.key for kind in WATCHED if not kind.namespaced}
#: Every kind, and more sets of them: `make few-rights`.
ALL = bool(os.environ.get("ASTROLABE_ALL_RIGHTS"))
#: Seconds in which it must be ready: much less than any time for which a refusal might be waited out.
SOON = 20.0
#: Started at a time.
ABREAST = 4

Names = dict[tuple[str, str, str], dict[str, Any]]


class Served:
    """What is served to everybody. findings: of `astrolabe check`, by subject, with their outcomes."""

    def __init__(self, nodes: Names, health: dict[str, Any], findings: dict[str, str]) -> None:
        self.nodes = nodes
        self.health = health
        self.findings = findings


async def served(store: ObjectStore, lacking: Collection[str], **scope: Any) -> Served:
    """With an account that may not list these kinds."""
    authorizer = Authorizer({"own": "system:serviceaccount:astrolabe-system:astrolabe"})
    for kind in lacking:
        authorizer.restrict(kind)
    async with Simulator(store, authorizer=authorizer) as simulator, aiohttp.ClientSession() as http:
        with kubeconfig_file(simulator.url, user={"token": "own"}) as path:
            cluster: dict[str, Any] = {"in_cluster": False, "kubeconfig": path, **scope}
            settings = Settings(**cluster, host="127.0.0.1", port=0, label_selector="")
            application = Application(settings)
            await application.start()
            try:
                async with asyncio.timeout(SOON):
                    await application.ready()
                url = f"http://127.0.0.1:{application.port}"
                async with http.get(f"{url}/readyz") as answer:
                    assert answer.status == 200, await answer.text()
                async with http.get(f"{url}/api/v1/graph") as answer:
                    graph = await answer.json()
                async with http.get(f"{url}/health") as answer:
                    health = await answer.json()
            finally:
                await application.stop()
            findings = {each.subject: each.outcome for each in await check(settings)}
    nodes = {(node["kind"], node["namespace"], node["name"]): node for node in graph["nodes"]}
    return Served(nodes, health, findings)


def a_cluster() -> ObjectStore:
    store = ObjectStore()
    load(store, 0.001, seed=1)
    return store


def assert_honest(whole: Served, some: Served, lacking: Collection[str]) -> None:
    """Everything else is there, nothing is better than it is, and what lacks is named everywhere."""
    told = {gap["kind"]: gap["reason"] for gap in some.health["partial"]}
    missed = [kind for kind in lacking if kind in EXPECTED]
    assert told == dict.fromkeys(missed, "forbidden")
    assert some.health["state"] == ("partial" if missed else "live")
    kinds = some.health["kinds"].items()
    assert {kind for kind, state in kinds if state.get("cause") == "forbidden"} == {*lacking}
    assert some.nodes.keys() == {place for place in whole.nodes if place[0] not in lacking}
    for place, node in some.nodes.items():
        assert node["status"] != "Ready" or whole.nodes[place]["status"] == "Ready", (lacking, node)
    short = {subject for subject, outcome in some.findings.items() if outcome != "ok"}
    assert short - {"Rights"} == {*lacking}  # it may read kinds that are watched by request
    assert "missing" not in some.findings.values()


async def test_each_kind_may_be_missing_and_any_set_of_them() -> None:
    """One Simulator and one application each; the random sets are of these seeds."""
    whole = await served(a_cluster(), ())
    assert_honest(whole, whole, ())
    random = Random(19)
    sets = [(kind,) for kind in (KINDS if ALL else random.sample(KINDS, 8))]
    sets += [tuple(random.sample(KINDS, random.randint(2, len(KINDS) - 1))) for _ in range(40 if ALL else 3)]
    free = asyncio.Semaphore(ABREAST)

    async def run(lacking: tuple[str, ...]) -> None:
        async with free:
            assert_honest(whole, await served(a_cluster(), lacking), lacking)

    async with asyncio.TaskGroup() as group:
        for lacking in sets:
            group.create_task(run(lacking), name=f"without {', '.join(lacking)}")


async def test_in_single_namespaces_roles_may_be_incomplete_without_cluster_rights() -> None:
    store = a_cluster()
    names = sorted({key.split("/")[0] for key in store.collections["Pod"].items})[:2]
    scope = {"namespaces": tuple(names)}
    whole = await served(store, CLUSTER_SCOPED, **scope)
    assert whole.health["state"] == "partial"
    random = Random(20)
    inside = [kind for kind in KINDS if kind not in CLUSTER_SCOPED]
    for _ in range(4):
        lacking = {*random.sample(inside, random.randint(1, len(inside) - 1))}
        some = await served(store, lacking | CLUSTER_SCOPED, **scope)
        assert some.nodes.keys() == {place for place in whole.nodes if place[0] not in lacking}
        assert {gap["kind"] for gap in some.health["partial"]} == (lacking | CLUSTER_SCOPED) & EXPECTED
        for place, node in some.nodes.items():
            assert node["status"] != "Ready" or whole.nodes[place]["status"] == "Ready", (lacking, node)
        assert "missing" not in some.findings.values()


async def test_without_any_right_the_server_is_not_ready_and_says_so() -> None:
    """So does an API server answer that has just started: a pod that is ready then would replace a good one."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await served(a_cluster(), [*KINDS, "Event"])


async def test_dependents_of_unreadable_kinds_are_unknown_and_say_why() -> None:
    expected = (
        ("EndpointSlice", "Service", "EndpointsNotVisible", "No EndpointSlice is visible"),
        ("Service", "Ingress", "BackendNotVisible", "Service not visible: "),
        (
            "Service",
            "EndpointSlice",
            "ServiceNotVisible",
            "No endpoints; if it should have some is not known: ",
        ),
        ("Secret", "Ingress", "TLSSecretNotVisible", "Secret not visible: "),
    )
    for lacking, kind, reason, words in expected:
        some = await served(a_cluster(), (lacking,))
        told = [node for place, node in some.nodes.items() if place[0] == kind and node["reason"] == reason]
        assert told, lacking
        assert {node["status"] for node in told} == {"Unknown"}
        assert all(node["message"].startswith(words) for node in told)
