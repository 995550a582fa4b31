"""Rollouts, good and bad, and scaling of Deployments."""

from __future__ import annotations

from functools import partial
from typing import Any

from astrolabe.sim.churn.controllers import newest_set, revision_of, sync_autoscaler, sync_deployment
from astrolabe.sim.churn.lifecycle import delete_pod, start_pod, start_unpullable_pod
from astrolabe.sim.churn.world import Process, ScenarioRun, World, is_healthy, key_of, pick, scope_of
from astrolabe.sim.cluster import workloads
from astrolabe.sim.cluster.pods import replica_pod
from astrolabe.sim.cluster.workloads import RolloutProgress

Json = dict[str, Any]

#: Do not scale up beyond this many replicas.
_MOST_REPLICAS = 12


def rollout(world: World) -> ScenarioRun | None:
    """A new image: a new ReplicaSet grows, pod by pod, while the old one shrinks."""
    found = pick(world, "Deployment", lambda one: is_healthy(one) or not one["spec"]["replicas"])
    return ScenarioRun((scope_of(found),), _roll(world, key_of(found))) if found else None


def bad_rollout(world: World) -> ScenarioRun | None:
    """An image that does not exist: the rollout gets stuck and is rolled back."""
    found = pick(world, "Deployment", is_healthy)
    return ScenarioRun((scope_of(found),), _failed_rollout(world, key_of(found))) if found else None


def scaling(world: World) -> ScenarioRun | None:
    """One more replica for a while."""
    found = pick(
        world, "Deployment", lambda one: is_healthy(one) and one["spec"]["replicas"] < _MOST_REPLICAS
    )
    return ScenarioRun((scope_of(found),), _scale(world, key_of(found))) if found else None


def _roll(world: World, key: str) -> Process:
    rng = world.factory.rng
    old = key_of(newest_set(world, world.require("Deployment", key)))
    tag = f"{rng.randint(1, 4)}.{rng.randint(31, 99)}.{rng.randint(0, 9)}"
    new = yield from _new_set(world, key, tag)
    yield from sync_deployment(world, key, progress="progressing")
    for _ in range(world.require("Deployment", key)["spec"]["replicas"]):
        yield from _grow(world, key, new, progress="progressing")
        yield from _shrink(world, key, old, progress="progressing")
    yield from sync_deployment(world, key)
    yield from _prune(world, key)


def _failed_rollout(world: World, key: str) -> Process:
    deployment = world.require("Deployment", key)
    old = newest_set(world, deployment)
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    new = yield from _new_set(world, key, "does-not-exist")
    yield from _resize(world, "ReplicaSet", new, 1)
    reconcile = partial(sync_deployment, world, key, progress="progressing")
    pod = replica_pod(world.factory, world.require("ReplicaSet", new), created=world.now)
    yield from start_unpullable_pod(world, pod, reconcile)
    yield from sync_deployment(world, key, progress="stuck")
    yield world.factory.rng.randint(50, 200)
    yield from _set_image(world, key, image)
    yield from _revise(world, key_of(old), revision_of(world.require("Deployment", key)) + 1)
    yield from _shrink(world, key, new, progress="progressing")
    yield from sync_deployment(world, key)
    yield from _prune(world, key)


def _scale(world: World, key: str) -> Process:
    before = world.require("Deployment", key)["spec"]["replicas"]
    own = key_of(newest_set(world, world.require("Deployment", key)))
    yield from _resize(world, "Deployment", key, before + 1)
    yield from _grow(world, key, own)
    yield from sync_autoscaler(world, key)
    yield world.factory.rng.randint(100, 400)
    yield from _resize(world, "Deployment", key, before)
    yield from _shrink(world, key, own)
    yield from sync_autoscaler(world, key)


def _new_set(world: World, key: str, tag: str) -> Any:
    """Set another image, create its ReplicaSet without pods, and return the key."""
    deployment = world.require("Deployment", key)
    revision = revision_of(deployment) + 1
    name = deployment["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[0]
    yield from _set_image(world, key, f"{name}:{tag}")
    deployment = world.require("Deployment", key)
    template = deployment["spec"]["template"]
    made = workloads.replica_set(
        world.factory, deployment, template=template, revision=revision, replicas=0, created=world.now
    )
    status = workloads.replica_set_status(1, workloads.ReplicaCounts(0, 0, 0, 0))
    world.create(workloads.with_status(made, status, time=world.now))
    yield 0
    return key_of(made)


def _set_image(world: World, key: str, image: str) -> Process:
    deployment = world.require("Deployment", key)
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
    deployment["metadata"]["generation"] += 1
    world.update(deployment)
    yield 0


def _revise(world: World, key: str, revision: int) -> Process:
    """The old ReplicaSet becomes the newest again."""
    one = world.require("ReplicaSet", key)
    one["metadata"]["annotations"][workloads.REVISION] = str(revision)
    world.update(one)
    yield 0


def _resize(world: World, kind: str, key: str, replicas: int) -> Process:
    one = world.require(kind, key)
    one["spec"]["replicas"] = replicas
    one["metadata"]["generation"] += 1
    world.update(one)
    yield 0


def _grow(world: World, key: str, replica_set: str, *, progress: RolloutProgress = "complete") -> Process:
    """Add one pod to a ReplicaSet."""
    one = world.require("ReplicaSet", replica_set)
    yield from _resize(world, "ReplicaSet", replica_set, one["spec"]["replicas"] + 1)
    pod = replica_pod(world.factory, one, created=world.now)
    yield from start_pod(world, pod, partial(sync_deployment, world, key, progress=progress))


def _shrink(world: World, key: str, replica_set: str, *, progress: RolloutProgress = "complete") -> Process:
    """Remove the youngest pod of a ReplicaSet."""
    one = world.require("ReplicaSet", replica_set)
    yield from _resize(world, "ReplicaSet", replica_set, one["spec"]["replicas"] - 1)
    pods = world.owned(one, "Pod")
    if pods:
        yield from delete_pod(
            world, key_of(pods[-1]), partial(sync_deployment, world, key, progress=progress)
        )


def _prune(world: World, key: str) -> Process:
    """Delete the oldest ReplicaSets beyond the history limit of the Deployment."""
    deployment = world.require("Deployment", key)
    *old, _ = sorted(world.require_owned(deployment, "ReplicaSet"), key=revision_of)
    limit = deployment["spec"]["revisionHistoryLimit"]
    for one in old[: max(0, len(old) - limit)]:
        world.delete(one)
        yield 0
