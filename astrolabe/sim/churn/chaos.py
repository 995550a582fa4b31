"""Crashes, deleted pods, cordoned nodes."""

from __future__ import annotations

from functools import partial
from typing import Any

from astrolabe.sim.churn.controllers import newest_set, sync_daemon_set, sync_deployment, sync_stateful_set
from astrolabe.sim.churn.lifecycle import crash_again, crash_and_recover, delete_pod, start_pod
from astrolabe.sim.churn.world import Process, ScenarioRun, World, is_healthy, key_of, pick, scope_of
from astrolabe.sim.cluster import nodes
from astrolabe.sim.cluster.pods import daemon_pod, replica_pod, stateful_pod

Json = dict[str, Any]

_CRASHED = "CrashLoopBackOff"


def crash(world: World) -> ScenarioRun | None:
    """A pod of a healthy Deployment crashes for a while."""
    found = pick(world, "Deployment", is_healthy)
    if found is None:
        return None
    key, newest = key_of(found), newest_set(world, found)
    victim = key_of(world.factory.rng.choice(world.require_owned(newest, "Pod")))
    process = crash_and_recover(world, victim, partial(sync_deployment, world, key))
    return ScenarioRun((scope_of(found),), process)


def crash_loop_restart(world: World) -> ScenarioRun | None:
    """A pod in a crash loop is restarted once more."""
    found = pick(world, "Pod", _in_crash_loop)
    if found is None:
        return None
    owner = world.read("ReplicaSet", f"{found['metadata']['namespace']}/{_owner(found)['name']}")
    if owner is None:
        return None
    scope = f"Deployment/{owner['metadata']['namespace']}/{_owner(owner)['name']}"
    return ScenarioRun((scope,), crash_again(world, key_of(found)))


def replaced_pod(world: World) -> ScenarioRun | None:
    """A pod of a Deployment is deleted, and its ReplicaSet creates another."""
    found = pick(world, "Deployment", is_healthy)
    return ScenarioRun((scope_of(found),), _replace(world, key_of(found))) if found else None


def replaced_replica(world: World) -> ScenarioRun | None:
    """A pod of a StatefulSet is deleted, and another with the same name takes over its claim."""
    found = pick(world, "StatefulSet", is_healthy)
    return ScenarioRun((scope_of(found),), _replace_replica(world, key_of(found))) if found else None


def replaced_agent(world: World) -> ScenarioRun | None:
    """A pod of a DaemonSet is deleted, and another is created on the same node."""
    found = pick(world, "DaemonSet", lambda one: bool(one["status"]["numberReady"]))
    return ScenarioRun((scope_of(found),), _replace_agent(world, key_of(found))) if found else None


def cordon(world: World) -> ScenarioRun | None:
    """A node is cordoned for a while."""
    well = pick(world, "Node", lambda one: nodes.is_schedulable(one) and nodes.is_reachable(one))
    if well is None or len(world.pool.placements) - len(world.pool.cordoned_nodes) < 3:
        return None
    name = well["metadata"]["name"]
    return ScenarioRun((f"Node/{name}",), _cordon(world, name))


def _replace(world: World, key: str) -> Process:
    reconcile = partial(sync_deployment, world, key)
    one = newest_set(world, world.require("Deployment", key))
    yield from delete_pod(world, key_of(world.factory.rng.choice(world.require_owned(one, "Pod"))), reconcile)
    yield from start_pod(world, replica_pod(world.factory, one, created=world.now), reconcile)


def _replace_replica(world: World, key: str) -> Process:
    reconcile = partial(sync_stateful_set, world, key)
    made = world.require("StatefulSet", key)
    ordinal = world.factory.rng.randrange(made["spec"]["replicas"])
    yield from delete_pod(world, f"{key}-{ordinal}", reconcile)
    revision = made["status"]["updateRevision"]
    pod = stateful_pod(world.factory, made, ordinal=ordinal, revision=revision, created=world.now)
    yield from start_pod(world, pod, reconcile)


def _replace_agent(world: World, key: str) -> Process:
    reconcile = partial(sync_daemon_set, world, key)
    made = world.require("DaemonSet", key)
    gone = world.factory.rng.choice(world.require_owned(made, "Pod"))
    node, revision = gone["spec"]["nodeName"], gone["metadata"]["labels"]["controller-revision-hash"]
    if node in world.pool.unreachable:
        return
    yield from delete_pod(world, key_of(gone), reconcile)
    pod = daemon_pod(world.factory, made, node=node, revision=revision, created=world.now)
    yield from start_pod(world, pod, reconcile, placement=world.pool.by_name(node))


def _cordon(world: World, name: str) -> Process:
    world.update(nodes.cordoned(world.require("Node", name), world.now))
    world.pool.cordoned_nodes.add(name)
    yield world.factory.rng.randint(100, 500)
    world.update(nodes.uncordoned(world.require("Node", name)))
    world.pool.cordoned_nodes.discard(name)
    yield 0


def _in_crash_loop(pod: Json) -> bool:
    first: Json = next(iter(pod["status"].get("containerStatuses", ())), {})
    reason: str = first.get("state", {}).get("waiting", {}).get("reason", "")
    return reason == _CRASHED and _owner(pod).get("kind") == "ReplicaSet"


def _owner(manifest: Json) -> Json:
    owner: Json = next(iter(manifest["metadata"].get("ownerReferences", ())), {})
    return owner
