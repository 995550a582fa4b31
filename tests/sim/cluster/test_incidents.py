"""The incidents of the demo: each is one problem with its cause, and stays so while the cluster changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from astrolabe.settings import DEFAULT_SELECTOR
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster import custom
from astrolabe.sim.cluster.incidents import Incidents
from astrolabe.sim.store import ObjectStore
from tests.support.simulated import generated, simulated

Json = dict[str, Any]

#: Namespace, without `incident-` → status, reason and cause of its one problem; a Pod by its Deployment or Job.
CAUSES = {
    "image-tag": "Error ImagePullBackOff: Pod catalog",
    "missing-secret": "Error NotFound: missing Secret payments-credentials",
    "missing-key": "Error CreateContainerConfigError: Pod auth",
    "out-of-memory": "Error CrashLoopBackOff: Pod recommender",
    "liveness-probe": "Error CrashLoopBackOff: Pod search",
    "init-container": "Error Init:CrashLoopBackOff: Pod orders",
    "storage-class": "Error NotFound: missing StorageClass fast-ssd",
    "node-selector": "Error Pending: Pod encoder",
    "lost-node": "Error NodeStatusUnknown: Node incident-edge-1",
    "service-selector": "Pending NoMatchingPods: Service reviews",
    "ingress-port": "Error PortMissing: Ingress pricing",
    "certificate": "Error NotFound: missing ClusterIssuer letsencrypt-prod",
    "quota": "Error FailedCreate: ReplicaSet cart",
    "webhook": "Error ScaledToZero: Deployment pod-rules",
    "stuck-namespace": "Pending Terminating: ConfigMap lock",
    "no-metrics": "Error FailedGetResourceMetric: HorizontalPodAutoscaler api",
    "failed-run": "Error Error: Pod invoices",
}


@pytest.fixture
def store() -> ObjectStore:
    """A small cluster with incidents."""
    made, now = generated(0.002), datetime.now(UTC)
    custom.install(made, 1, now=now)
    Incidents(made, 1, now=now)
    return made


def told(problem: Json) -> str:
    cause = problem["cause"]
    name = cause["name"]
    if cause["kind"] in ("Pod", "ReplicaSet"):
        name = name.partition("-")[0]
    missing = "missing " if cause.get("missing") else ""
    return f"{problem['status']} {problem['reason']}: {missing}{cause['kind']} {name}"


#: What is said of the others is theirs: image and probe, and how a run ended. Nothing is said twice.
MESSAGES = {
    "missing-key": "couldn't find key jwt-issuer in ConfigMap incident-missing-key/auth-settings",
    "quota": 'pods "cart-wmhmd" is forbidden: exceeded quota: team-budget, requested: pods=1, used: pods=1, '
    "limited: pods=1",
    "webhook": "Scaled to zero (0/0), but Deployment checkout needs it",
    "lost-node": "Kubelet stopped posting node status.",
    "stuck-namespace": "Waiting for finalizer backup.example.com/hold",
    "service-selector": "The selector app.kubernetes.io/instance=incident-service-selector,"
    "app.kubernetes.io/name=revews matches no pod",
    "failed-run": "container invoices terminated: Error (exit code 3)",
}


async def test_each_incident_is_one_problem_with_its_cause(store: ObjectStore) -> None:
    async with (
        simulated(store, label_selector=DEFAULT_SELECTOR) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        problems: list[Json] = []
        async with asyncio.timeout(20):
            # Custom resources come when their kinds have been found, after the server is ready.
            while CAUSES["certificate"] not in [told(each) for each in problems]:
                await asyncio.sleep(0.1)
                problems = await ask(http, "/api/v1/problems?detail=true")
        (budget,) = await ask(
            http, "/api/v1/resources?namespace=incident-no-eviction&kind=PodDisruptionBudget"
        )
    found: dict[str, list[str]] = {}
    messages: dict[str, str] = {}
    for problem in problems:
        for namespace in problem["namespaces"]:
            if namespace.startswith("incident-"):
                name = namespace.removeprefix("incident-")
                found.setdefault(name, []).append(told(problem))
                messages[name] = problem["message"]
    assert found == {name: [cause] for name, cause in CAUSES.items()}
    assert {name: messages[name] for name in MESSAGES} == MESSAGES
    assert "BackOff" not in messages["out-of-memory"]
    assert messages["image-tag"].startswith("Back-off pulling image")
    assert "Failed to pull" not in messages["image-tag"]
    assert "Liveness probe failed" in messages["liveness-probe"]
    assert [budget["status"], budget["reason"]] == ["Ready", "BlocksEviction"]


async def ask(http: aiohttp.ClientSession, path: str) -> list[Json]:
    async with http.get(path) as answer:
        found: list[Json] = await answer.json()
        return found


def test_churn_leaves_incidents_alone(store: ObjectStore) -> None:
    before = everything(store)
    churn = Churn(store, now=datetime.now(UTC))
    for _ in range(400):
        churn.step()
    assert everything(store) == before
    assert not any("incident-edge-1" in item.body.decode() for item in pods_elsewhere(store))


def test_incidents_are_reported_again_before_their_events_expire() -> None:
    store, now = generated(0.002), datetime.now(UTC)
    incidents = Incidents(store, 1, now=now)
    later = now + timedelta(minutes=90)
    incidents.again(later)
    events = [
        each for each in store.manifests("Event") if each["metadata"]["namespace"].startswith("incident-")
    ]
    assert len(events) > 20
    assert {each["lastTimestamp"] for each in events} == {f"{later:%Y-%m-%dT%H:%M:%SZ}"}
    (young,) = [
        pod
        for pod in store.manifests("Pod")
        if pod["metadata"]["namespace"] == "incident-twin-rollout" and pod["status"]["phase"] == "Pending"
    ]
    assert young["metadata"]["creationTimestamp"] == f"{later - timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}"


def everything(store: ObjectStore) -> dict[tuple[str, str], bytes]:
    """The incidents' objects, without Events."""
    return {
        (name, key): item.body
        for name, collection in store.collections.items()
        for key, item in collection.items.items()
        if key.startswith("incident-") and name != "Event"
    }


def pods_elsewhere(store: ObjectStore) -> list[Any]:
    return [item for key, item in store.collection("Pod").items.items() if not key.startswith("incident-")]
