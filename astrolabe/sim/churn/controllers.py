"""What controllers write after pods changed: status of the workload, endpoints, budgets.

Each function compares the desired state with the store, and writes only differences.
"""

from __future__ import annotations

from typing import Any

from astrolabe.sim.churn.world import Process, World, key_of
from astrolabe.sim.cluster import scaling, workloads
from astrolabe.sim.cluster.network import endpoints_of
from astrolabe.sim.cluster.podstatus import has_ended, is_ready
from astrolabe.sim.cluster.workloads import ReplicaCounts, RolloutProgress, with_status

Json = dict[str, Any]

_TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"


def revision_of(manifest: Json) -> int:
    """The revision of a Deployment or of one of its ReplicaSets."""
    return int(manifest["metadata"].get("annotations", {}).get(workloads.REVISION, "0"))


def newest_set(world: World, deployment: Json) -> Json:
    """The ReplicaSet of a Deployment's own revision."""
    return max(world.require_owned(deployment, "ReplicaSet"), key=revision_of)


def sync_deployment(world: World, key: str, *, progress: RolloutProgress = "complete") -> Process:
    """Reconcile everything that depends on the pods of a Deployment."""
    deployment = world.require("Deployment", key)
    sets = world.require_owned(deployment, "ReplicaSet")
    pods = {key_of(one): world.owned(one, "Pod") for one in sets}
    everyone = [pod for mine in pods.values() for pod in mine]
    for one in sets:
        if _report_set(world, one, _living(pods[key_of(one)])):
            yield 0
    newest = max(sets, key=revision_of)
    updated = _living(pods[key_of(newest)])
    if _report_deployment(world, key, newest, updated=updated, pods=_living(everyone), progress=progress):
        yield 0
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    yield from sync_services(world, deployment["metadata"]["namespace"], labels, everyone)


def _report_set(world: World, replica_set: Json, pods: list[Json]) -> bool:
    counts = ReplicaCounts(replica_set["spec"]["replicas"], len(pods), len(pods), _ready(pods))
    status = workloads.replica_set_status(replica_set["metadata"]["generation"], counts)
    return _report(world, replica_set, status)


def _report_deployment(
    world: World, key: str, newest: Json, *, updated: list[Json], pods: list[Json], progress: RolloutProgress
) -> bool:
    deployment = world.require("Deployment", key)
    before = deployment.get("status", {}).get("conditions", ())
    since = next((one["lastTransitionTime"] for one in before if one["type"] == "Progressing"), world.now)
    status = workloads.deployment_status(
        deployment["metadata"]["generation"],
        ReplicaCounts(deployment["spec"]["replicas"], len(pods), len(updated), _ready(pods)),
        newest=newest["metadata"]["name"],
        progress=progress,
        since=since,
        at=world.now,
    )
    annotations = {workloads.REVISION: str(revision_of(newest))}
    return _report(world, deployment, status, annotations=annotations)


def sync_stateful_set(world: World, key: str) -> Process:
    """Reconcile everything that depends on the pods of a StatefulSet."""
    made = world.require("StatefulSet", key)
    pods = world.owned(made, "Pod")
    living = _living(pods)
    counts = ReplicaCounts(made["spec"]["replicas"], len(living), len(living), _ready(living))
    revision = made["status"]["updateRevision"]
    status = workloads.stateful_set_status(made["metadata"]["generation"], counts, revision=revision)
    if _report(world, made, status):
        yield 0
    labels = made["spec"]["template"]["metadata"]["labels"]
    yield from sync_services(world, made["metadata"]["namespace"], labels, pods)


def sync_daemon_set(world: World, key: str) -> Process:
    """Reconcile the status of a DaemonSet, which wants a pod on each node."""
    made = world.require("DaemonSet", key)
    living = _living(world.owned(made, "Pod"))
    counts = ReplicaCounts(len(world.pool.placements), len(living), len(living), _ready(living))
    if _report(world, made, workloads.daemon_set_status(made["metadata"]["generation"], counts)):
        yield 0


def sync_services(world: World, namespace: str, labels: Json, pods: list[Json]) -> Process:
    """Reconcile the endpoints of Services and the budgets that select pods with these labels."""
    endpoints = endpoints_of(pods, world.pool.zones)
    for service in world.services_of(namespace, labels):
        for one in world.owned(world.require("Service", service), "EndpointSlice"):
            if one["endpoints"] != endpoints:
                one["metadata"]["generation"] = one["metadata"].get("generation", 0) + 1
                one["metadata"].setdefault("annotations", {})[_TRIGGERED] = world.now
                world.update({**one, "endpoints": endpoints})
                yield 0
    for budget in world.all("PodDisruptionBudget", namespace):
        if budget["spec"]["selector"]["matchLabels"].items() <= labels.items():
            healthy, expected = _ready(_living(pods)), len(_living(pods))
            reported = scaling.budget_reported(budget, healthy=healthy, expected=expected, at=world.now)
            if _report(world, budget, reported["status"]):
                yield 0


def sync_autoscaler(world: World, key: str) -> Process:
    """Reconcile the status of a Deployment's autoscaler, which has the same name."""
    autoscaler = world.read("HorizontalPodAutoscaler", key)
    if autoscaler is not None:
        replicas = world.require("Deployment", key)["spec"]["replicas"]
        since = autoscaler["status"].get("lastScaleTime", world.now)
        reported = scaling.autoscaler_reported(autoscaler, replicas=replicas, at=world.now, since=since)
        if _report(world, autoscaler, reported["status"]):
            yield 0


def _report(world: World, manifest: Json, status: Json, *, annotations: Json | None = None) -> bool:
    """Write a status if it differs. Returns whether it was written."""
    known = manifest["metadata"].get("annotations", {})
    told = all(known.get(name) == value for name, value in (annotations or {}).items())
    if told and _meaning(manifest.get("status", {})) == _meaning(status):
        return False
    world.update(with_status(manifest, status, time=world.now, annotations=annotations))
    return True


def _meaning(status: Json) -> Json:
    """A status without timestamps."""
    conditions = [(one["type"], one["status"], one["reason"]) for one in status.get("conditions", ())]
    return {**status, "conditions": conditions}


def _living(pods: list[Json]) -> list[Json]:
    """The pods that count as replicas: neither ended nor terminating."""
    return [pod for pod in pods if not has_ended(pod) and "deletionTimestamp" not in pod["metadata"]]


def _ready(pods: list[Json]) -> int:
    return sum(map(is_ready, pods))
