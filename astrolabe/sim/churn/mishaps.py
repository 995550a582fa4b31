"""Crashes, deleted pods, cordoned nodes."""

from __future__ import annotations

from functools import partial
from typing import Any

from astrolabe.sim.churn.controllers import newest_set, sync_daemon_set, sync_deployment, sync_stateful_set
from astrolabe.sim.churn.lives import begin, crash_again, crash_and_recover, end
from astrolabe.sim.churn.scenario import Affair, is_well, pick, scope_of
from astrolabe.sim.churn.world import Process, World, key_of
from astrolabe.sim.cluster import nodes
from astrolabe.sim.cluster.pods import daemon_pod, replica_pod, stateful_pod

Json = dict[str, Any]

_CRASHED = "CrashLoopBackOff"


def crash(world: World) -> Affair | None:
    """A pod of a Deployment that was well crashes for a while."""
    found = pick(world, "Deployment", is_well)
    if found is None:
        return None
    key, newest = key_of(found), newest_set(world, found)
    victim = key_of(world.mint.rng.choice(world.some_owned(newest, "Pod")))
    process = crash_and_recover(world, victim, partial(sync_deployment, world, key))
    return Affair((scope_of(found),), process)


def restart_in_vain(world: World) -> Affair | None:
    """A pod that is in a crash loop anyway is restarted once more."""
    found = pick(world, "Pod", _in_crash_loop)
    if found is None:
        return None
    owner = world.read("ReplicaSet", f"{found['metadata']['namespace']}/{_owner(found)['name']}")
    if owner is None:
        return None
    scope = f"Deployment/{owner['metadata']['namespace']}/{_owner(owner)['name']}"
    return Affair((scope,), crash_again(world, key_of(found)))


def replaced_pod(world: World) -> Affair | None:
    """A pod of a Deployment is deleted, and its ReplicaSet makes another."""
    found = pick(world, "Deployment", is_well)
    return Affair((scope_of(found),), _replace(world, key_of(found))) if found else None


def replaced_replica(world: World) -> Affair | None:
    """A pod of a StatefulSet is deleted, and another of the same name takes its claim."""
    found = pick(world, "StatefulSet", is_well)
    return Affair((scope_of(found),), _replace_replica(world, key_of(found))) if found else None


def replaced_agent(world: World) -> Affair | None:
    """A pod of a DaemonSet is deleted, and another comes on the same node."""
    found = pick(world, "DaemonSet", lambda one: bool(one["status"]["numberReady"]))
    return Affair((scope_of(found),), _replace_agent(world, key_of(found))) if found else None


def cordon(world: World) -> Affair | None:
    """A node is closed to new pods for a while."""
    well = pick(world, "Node", lambda one: nodes.is_open(one) and nodes.is_heard(one))
    if well is None or len(world.site.places) - len(world.site.closed) < 3:
        return None
    name = well["metadata"]["name"]
    return Affair((f"Node/{name}",), _cordon(world, name))


def _replace(world: World, key: str) -> Process:
    follow = partial(sync_deployment, world, key)
    one = newest_set(world, world.need("Deployment", key))
    yield from end(world, key_of(world.mint.rng.choice(world.some_owned(one, "Pod"))), follow)
    yield from begin(world, replica_pod(world.mint, one, created=world.now), follow)


def _replace_replica(world: World, key: str) -> Process:
    follow = partial(sync_stateful_set, world, key)
    made = world.need("StatefulSet", key)
    ordinal = world.mint.rng.randrange(made["spec"]["replicas"])
    yield from end(world, f"{key}-{ordinal}", follow)
    revision = made["status"]["updateRevision"]
    pod = stateful_pod(world.mint, made, ordinal=ordinal, revision=revision, created=world.now)
    yield from begin(world, pod, follow)


def _replace_agent(world: World, key: str) -> Process:
    follow = partial(sync_daemon_set, world, key)
    made = world.need("DaemonSet", key)
    gone = world.mint.rng.choice(world.some_owned(made, "Pod"))
    node, revision = gone["spec"]["nodeName"], gone["metadata"]["labels"]["controller-revision-hash"]
    if node in world.site.silent:
        return
    yield from end(world, key_of(gone), follow)
    pod = daemon_pod(world.mint, made, node=node, revision=revision, created=world.now)
    yield from begin(world, pod, follow, place=world.site.of(node))


def _cordon(world: World, name: str) -> Process:
    world.update(nodes.cordoned(world.need("Node", name), world.now))
    world.site.closed.add(name)
    yield world.mint.rng.randint(100, 500)
    world.update(nodes.uncordoned(world.need("Node", name)))
    world.site.closed.discard(name)
    yield 0


def _in_crash_loop(pod: Json) -> bool:
    first: Json = next(iter(pod["status"].get("containerStatuses", ())), {})
    reason: str = first.get("state", {}).get("waiting", {}).get("reason", "")
    return reason == _CRASHED and _owner(pod).get("kind") == "ReplicaSet"


def _owner(manifest: Json) -> Json:
    owner: Json = next(iter(manifest["metadata"].get("ownerReferences", ())), {})
    return owner
