"""Rollouts, good and bad, and scaling of Deployments."""

from __future__ import annotations

from functools import partial
from typing import Any

from astrolabe.sim.churn.controllers import newest_set, revision_of, sync_autoscaler, sync_deployment
from astrolabe.sim.churn.lives import begin, begin_and_fail_to_pull, end
from astrolabe.sim.churn.scenario import Affair, is_well, pick, scope_of
from astrolabe.sim.churn.world import Process, World, key_of
from astrolabe.sim.cluster import workloads
from astrolabe.sim.cluster.pods import replica_pod
from astrolabe.sim.cluster.workloads import Progress

Json = dict[str, Any]

#: Beyond so many replicas nothing is scaled up, so that chance does not run away.
_MOST_REPLICAS = 12


def rollout(world: World) -> Affair | None:
    """A new image: a new ReplicaSet grows, pod by pod, while the old one shrinks."""
    found = pick(world, "Deployment", lambda one: is_well(one) or not one["spec"]["replicas"])
    return Affair((scope_of(found),), _roll(world, key_of(found))) if found else None


def bad_rollout(world: World) -> Affair | None:
    """An image that does not exist: the rollout gets stuck and is taken back."""
    found = pick(world, "Deployment", is_well)
    return Affair((scope_of(found),), _roll_in_vain(world, key_of(found))) if found else None


def scaling(world: World) -> Affair | None:
    """One more replica for a while."""
    found = pick(world, "Deployment", lambda one: is_well(one) and one["spec"]["replicas"] < _MOST_REPLICAS)
    return Affair((scope_of(found),), _scale(world, key_of(found))) if found else None


def _roll(world: World, key: str) -> Process:
    rng = world.mint.rng
    old = key_of(newest_set(world, world.need("Deployment", key)))
    tag = f"{rng.randint(1, 4)}.{rng.randint(31, 99)}.{rng.randint(0, 9)}"
    new = yield from _new_set(world, key, tag)
    yield from sync_deployment(world, key, progress="going")
    for _ in range(world.need("Deployment", key)["spec"]["replicas"]):
        yield from _grow(world, key, new, progress="going")
        yield from _shrink(world, key, old, progress="going")
    yield from sync_deployment(world, key)
    yield from _prune(world, key)


def _roll_in_vain(world: World, key: str) -> Process:
    deployment = world.need("Deployment", key)
    old = newest_set(world, deployment)
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    new = yield from _new_set(world, key, "does-not-exist")
    yield from _resize(world, "ReplicaSet", new, 1)
    follow = partial(sync_deployment, world, key, progress="going")
    pod = replica_pod(world.mint, world.need("ReplicaSet", new), created=world.now)
    yield from begin_and_fail_to_pull(world, pod, follow)
    yield from sync_deployment(world, key, progress="stuck")
    yield world.mint.rng.randint(50, 200)
    yield from _set_image(world, key, image)
    yield from _revise(world, key_of(old), revision_of(world.need("Deployment", key)) + 1)
    yield from _shrink(world, key, new, progress="going")
    yield from sync_deployment(world, key)
    yield from _prune(world, key)


def _scale(world: World, key: str) -> Process:
    before = world.need("Deployment", key)["spec"]["replicas"]
    own = key_of(newest_set(world, world.need("Deployment", key)))
    yield from _resize(world, "Deployment", key, before + 1)
    yield from _grow(world, key, own)
    yield from sync_autoscaler(world, key)
    yield world.mint.rng.randint(100, 400)
    yield from _resize(world, "Deployment", key, before)
    yield from _shrink(world, key, own)
    yield from sync_autoscaler(world, key)


def _new_set(world: World, key: str, tag: str) -> Any:
    """Another image in the template, and the ReplicaSet for it, without pods; its key is returned."""
    deployment = world.need("Deployment", key)
    revision = revision_of(deployment) + 1
    name = deployment["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[0]
    yield from _set_image(world, key, f"{name}:{tag}")
    deployment = world.need("Deployment", key)
    template = deployment["spec"]["template"]
    made = workloads.replica_set(
        world.mint, deployment, template=template, revision=revision, replicas=0, created=world.now
    )
    status = workloads.replica_set_status(1, workloads.Counts(0, 0, 0, 0))
    world.create(workloads.with_status(made, status, time=world.now))
    yield 0
    return key_of(made)


def _set_image(world: World, key: str, image: str) -> Process:
    deployment = world.need("Deployment", key)
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
    deployment["metadata"]["generation"] += 1
    world.update(deployment)
    yield 0


def _revise(world: World, key: str, revision: int) -> Process:
    """The old ReplicaSet becomes the newest again."""
    one = world.need("ReplicaSet", key)
    one["metadata"]["annotations"][workloads.REVISION] = str(revision)
    world.update(one)
    yield 0


def _resize(world: World, kind: str, key: str, replicas: int) -> Process:
    one = world.need(kind, key)
    one["spec"]["replicas"] = replicas
    one["metadata"]["generation"] += 1
    world.update(one)
    yield 0


def _grow(world: World, key: str, replica_set: str, *, progress: Progress = "complete") -> Process:
    """One more pod of a ReplicaSet."""
    one = world.need("ReplicaSet", replica_set)
    yield from _resize(world, "ReplicaSet", replica_set, one["spec"]["replicas"] + 1)
    pod = replica_pod(world.mint, one, created=world.now)
    yield from begin(world, pod, partial(sync_deployment, world, key, progress=progress))


def _shrink(world: World, key: str, replica_set: str, *, progress: Progress = "complete") -> Process:
    """One pod of a ReplicaSet less, its youngest."""
    one = world.need("ReplicaSet", replica_set)
    yield from _resize(world, "ReplicaSet", replica_set, one["spec"]["replicas"] - 1)
    pods = world.owned(one, "Pod")
    if pods:
        yield from end(world, key_of(pods[-1]), partial(sync_deployment, world, key, progress=progress))


def _prune(world: World, key: str) -> Process:
    """The oldest ReplicaSets beyond the history that the Deployment keeps."""
    deployment = world.need("Deployment", key)
    *old, _ = sorted(world.some_owned(deployment, "ReplicaSet"), key=revision_of)
    limit = deployment["spec"]["revisionHistoryLimit"]
    for one in old[: max(0, len(old) - limit)]:
        world.delete(one)
        yield 0
