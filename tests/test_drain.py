"""What a drain is predicted to be answered, against an API server that is then asked to evict."""

from __future__ import annotations

import random
from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.evictions import ANSWERS, ask_to_evict

Json = dict[str, Any]

#: Clusters of one Node and one Namespace each.
NODES = 80
TIME = "2026-01-01T00:00:00Z"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": TIME}


def make_node(store: ObjectStore, number: int) -> None:
    """A Node with some Pods of all sorts, and budgets that may select them, at random."""
    rng, name = random.Random(number), f"n{number}"
    store.create("Node", {"metadata": {"name": name}, "status": {"conditions": [READY]}})
    ending = number % 10 == 0
    namespace: Json = {"metadata": {"name": name}, "status": {"phase": "Terminating" if ending else "Active"}}
    if ending:
        namespace["metadata"]["deletionTimestamp"] = TIME
    store.create("Namespace", namespace)
    owners = {
        kind: store.create(kind, {"metadata": {"name": "o", "namespace": name}, "spec": {}, "status": {}})
        for kind in ("ReplicaSet", "DaemonSet")
    }
    uids = {kind: store.get(kind, name, "o") for kind in owners}
    for index in range(rng.randint(4, 12)):
        make_pod(store, rng, f"p{index}", name, uids)
    for index in range(rng.choice([1, 1, 2])):
        make_budget(store, rng, f"b{index}", name)


def make_pod(store: ObjectStore, rng: random.Random, pod: str, name: str, owners: dict[str, Any]) -> None:
    metadata: Json = {"name": pod, "namespace": name, "labels": {"app": rng.choice("abc")}}
    owner = rng.choice(["ReplicaSet"] * 6 + ["DaemonSet", ""])
    if owner:
        uid = owners[owner]["metadata"]["uid"]
        reference = {"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": uid, "controller": True}
        metadata["ownerReferences"] = [reference]
    if rng.random() < 0.1:
        metadata["deletionTimestamp"] = TIME
    phase = rng.choice(["Running"] * 7 + ["Pending", "Failed", "Succeeded"])
    ready = phase == "Running" and rng.random() < 0.6
    state = {"running": {"startedAt": TIME}} if phase == "Running" else {}
    status = {
        "phase": phase,
        "conditions": [{**READY, "status": str(ready)}],
        "containerStatuses": [{"name": "app", "ready": ready, "restartCount": 0, "state": state}],
    }
    volumes = [{"name": "tmp", "emptyDir": {}}] if rng.random() < 0.3 else []
    spec = {"nodeName": name, "containers": [{"name": "app", "image": "app:1"}], "volumes": volumes}
    store.create("Pod", {"metadata": metadata, "spec": spec, "status": status})


def make_budget(store: ObjectStore, rng: random.Random, budget: str, name: str) -> None:
    healthy, desired = rng.randint(0, 4), rng.randint(0, 3)
    app = rng.choice("abc")
    spec: Json = {
        "minAvailable": desired,
        "selector": rng.choice(
            [
                {"matchLabels": {"app": app}},
                {"matchLabels": {"app": app}},
                {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", app]}]},
                {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [app]}]},
                {},
                None,
            ]
        ),
    }
    policy = rng.choice(["AlwaysAllow", "IfHealthyBudget", None])
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    failed = rng.random() < 0.1
    condition = {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "SyncFailed" if failed else "InsufficientPods",
        "message": "found no controllers" if failed else "",
        "lastTransitionTime": TIME,
    }
    status = {
        "disruptionsAllowed": 0 if failed else max(healthy - desired, 0),
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": healthy,
        "observedGeneration": rng.choice([2, 2, 2, 1]),
        "conditions": [condition] if failed or healthy <= desired else [],
    }
    metadata = {"name": budget, "namespace": name, "generation": 2}
    store.create("PodDisruptionBudget", {"metadata": metadata, "spec": spec, "status": status})


@pytest.mark.timeout(60)
async def test_predicted_evictions_equal_the_servers_answers() -> None:
    store = ObjectStore()
    for number in range(NODES):
        make_node(store, number)
    outcomes: set[str] = set()
    async with Simulator(store, evicts=True) as simulator, aiohttp.ClientSession() as http:
        with kubeconfig_file(simulator.url) as kubeconfig:
            settings = {"in_cluster": False, "kubeconfig": kubeconfig, "host": "127.0.0.1", "port": 0}
            application = Application(Settings(**settings, label_selector=""))
            await application.start()
            try:
                await application.ready()
                address = f"http://127.0.0.1:{application.port}/api/v1"
                told = [await predict(http, address, store, f"n{number}") for number in range(NODES)]
            finally:
                await application.stop()
        for evictions in told:
            for each in evictions:
                outcomes.add(each["outcome"])
                await holds(http, simulator.url, each)
    assert outcomes == {"evicted", "refused", "skipped", "blocked"}


async def predict(http: aiohttp.ClientSession, address: str, store: ObjectStore, name: str) -> list[Json]:
    node = store.get("Node", "", name)
    assert node is not None
    async with http.get(f"{address}/resources/{node['metadata']['uid']}/impact?action=drain") as answer:
        assert answer.status == 200
        return list((await answer.json())["evictions"])


async def holds(http: aiohttp.ClientSession, url: str, eviction: Json) -> None:
    """Ask without and with consequences: both are answered as predicted."""
    expected = ANSWERS.get(eviction["outcome"])
    if expected is None:
        return
    namespace, name = eviction["pod"]["namespace"], eviction["pod"]["name"]
    for dry_run in (True, False):
        code, status = await ask_to_evict(http, f"{url}/api/v1", namespace, name, dry_run=dry_run)
        assert (code == 201) is expected, (eviction, code, status)
