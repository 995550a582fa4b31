"""The subresource `eviction`: answers as a real 1.36 API server gives them, and what they leave."""

from __future__ import annotations

from typing import Any

import aiohttp

from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.evictions import ask_to_evict

Json = dict[str, Any]

WEB = {"app": "web"}
READY = {"type": "Ready", "status": "True"}


def a_store(*budgets: Json, phase: str = "Running") -> ObjectStore:
    """A Pod `web` on a Node, and budgets `b0`, `b1`, … over it, of which these are the statuses."""
    store = ObjectStore()
    spec = {"nodeName": "n1", "containers": []}
    metadata = {"name": "web", "namespace": "shop", "labels": WEB}
    status = {"phase": phase, "conditions": [READY]}
    store.create("Pod", {"metadata": metadata, "spec": spec, "status": status})
    for number, each in enumerate(budgets):
        metadata = {"name": f"b{number}", "namespace": "shop", "generation": 1}
        selecting = {"selector": {"matchLabels": WEB}}
        full = {"observedGeneration": 1, **each}
        store.create("PodDisruptionBudget", {"metadata": metadata, "spec": selecting, "status": full})
    return store


async def evict(store: ObjectStore, *, dry_run: bool = False, evicts: bool = True) -> tuple[int, Json]:
    async with Simulator(store, evicts=evicts) as simulator, aiohttp.ClientSession() as http:
        return await ask_to_evict(http, f"{simulator.url}/api/v1", "shop", "web", dry_run=dry_run)


async def test_an_eviction_deletes_the_pod_within_its_grace_period() -> None:
    store = a_store({"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1})
    code, answer = await evict(store)
    assert (code, answer["status"]) == (201, "Success")
    pod, budget = store.get("Pod", "shop", "web"), store.get("PodDisruptionBudget", "shop", "b0")
    assert pod is not None
    assert budget is not None
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 30
    assert pod["status"]["conditions"][-1]["reason"] == "EvictionByEvictionAPI"
    assert budget["status"]["disruptionsAllowed"] == 0
    assert list(budget["status"]["disruptedPods"]) == ["web"]


async def test_a_dry_run_changes_nothing_and_needs_no_permission() -> None:
    store = a_store({"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1})
    before = store.revision
    assert (await evict(store, dry_run=True, evicts=False))[0] == 201
    assert (await evict(store, evicts=False))[0] == 405
    assert store.revision == before


async def test_a_finished_pod_is_evicted_at_once_despite_budgets() -> None:
    store = a_store({"disruptionsAllowed": 0}, {"disruptionsAllowed": 0}, phase="Succeeded")
    assert (await evict(store))[0] == 201
    assert store.get("Pod", "shop", "web") is None
    assert (await evict(store))[0] == 404


async def test_a_budget_that_allows_none() -> None:
    store = a_store({"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1})
    cause = "The disruption budget b0 needs 1 healthy pods and has 1 currently"
    assert await evict(store) == (
        429,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Cannot evict pod as it would violate the pod's disruption budget.",
            "reason": "TooManyRequests",
            "details": {"causes": [{"reason": "DisruptionBudget", "message": cause}]},
            "code": 429,
        },
    )


async def test_several_budgets() -> None:
    several = (
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    )
    assert await evict(a_store({"disruptionsAllowed": 1}, {"disruptionsAllowed": 1})) == (
        500,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": several,
            "code": 500,
        },
    )


async def test_a_changed_budget_is_observed_before_evictions() -> None:
    code, answer = await evict(a_store({"disruptionsAllowed": 1, "observedGeneration": 0}))
    assert (code, answer["details"]["retryAfterSeconds"]) == (429, 10)
    assert answer["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget b0 is still being processed by the server.",
        }
    ]


async def test_a_namespace_that_is_being_deleted() -> None:
    store = a_store()
    store.create("Namespace", {"metadata": {"name": "shop"}, "status": {"phase": "Terminating"}})
    code, answer = await evict(store)
    assert (code, answer["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    assert answer["message"] == (
        'pods "web" is forbidden: unable to create new content in namespace shop because it is being terminated'
    )
