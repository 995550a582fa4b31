"""The lifecycle of one pod. After each phase `reconcile` runs its controllers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

from astrolabe.sim.churn.world import Process, World, key_of
from astrolabe.sim.cluster.pods import placed
from astrolabe.sim.cluster.podstatus import (
    Placement,
    Timestamps,
    crashed,
    finished,
    running,
    scheduled,
    unscheduled,
    waiting,
)

Json = dict[str, Any]
Reconcile = Callable[[], Process]

_GRACE = 30

#: For one in this many pods, the registry does not answer at first.
_PULL_FAILURES = 40


def start_pod(
    world: World, pod: Json, reconcile: Reconcile, *, placement: Placement | None = None
) -> Process:
    """Take a pod from Pending to Ready. Sometimes its image cannot be pulled at first."""
    created, spec = pod["metadata"]["creationTimestamp"], pod["spec"]
    pod = yield from _create_pod(world, pod, reconcile)
    here = placement or world.pool.pick()
    pod = yield from _bind(world, pod, here)
    bare = Placement(here.node, here.host, "")
    yield from _write_status(
        world, pod, bare, waiting(spec, _times(world, pod), bare, reason="ContainerCreating")
    )
    if world.factory.rng.randrange(_PULL_FAILURES) == 0:
        yield from fail_to_pull(world, pod, here, reconcile)
    started = Timestamps(created, world.now)
    yield from _write_status(world, pod, here, running(spec, started, here, ready=False))
    yield from reconcile()
    yield from _write_status(world, pod, here, running(spec, started, here))
    yield from reconcile()


def fail_to_pull(world: World, pod: Json, placement: Placement, reconcile: Reconcile) -> Process:
    """ErrImagePull, then ImagePullBackOff for a while."""
    image = pod["spec"]["containers"][0]["image"]
    for reason, message in (
        ("ErrImagePull", f'failed to pull and unpack image "{image}": not found'),
        ("ImagePullBackOff", f'Back-off pulling image "{image}"'),
    ):
        status = waiting(pod["spec"], _times(world, pod), placement, reason=reason, message=message)
        yield from _write_status(world, pod, placement, status)
        yield from reconcile()
    yield world.factory.rng.randint(20, 100)


def start_unpullable_pod(world: World, pod: Json, reconcile: Reconcile) -> Process:
    """Start a pod whose image does not exist. It stays in ImagePullBackOff."""
    pod = yield from _create_pod(world, pod, reconcile)
    here = world.pool.pick()
    pod = yield from _bind(world, pod, here)
    yield from fail_to_pull(world, pod, here, reconcile)


def run_to_completion(world: World, pod: Json, *, code: int = 0) -> Process:
    """Run a pod of a Job until it ends with an exit code."""
    pod = yield from _create_pod(world, pod, _no_reconcile)
    here = world.pool.pick()
    pod = yield from _bind(world, pod, here)
    yield from _write_status(world, pod, here, running(pod["spec"], _times(world, pod), here))
    yield world.factory.rng.randint(5, 60)
    yield from _write_status(world, pod, here, finished(pod["spec"], _times(world, pod), here, code=code))


def crash_and_recover(world: World, key: str, reconcile: Reconcile) -> Process:
    """Crash a running pod a few times, with growing back-off, until it recovers."""
    pod = world.require("Pod", key)
    here = _placement_of(pod)
    before = pod["status"]["containerStatuses"][0]["restartCount"]
    crashes = world.factory.rng.randint(1, 4)
    for restarts in range(before + 1, before + crashes + 1):
        yield from _write_status(
            world, pod, here, crashed(pod["spec"], _times(world, pod), here, restarts=restarts)
        )
        yield from reconcile()
        yield world.factory.rng.randint(10, 60)
    status = running(pod["spec"], _times(world, pod), here, restarts=before + crashes)
    yield from _write_status(world, pod, here, status)
    yield from reconcile()


def crash_again(world: World, key: str) -> Process:
    """Restart a pod in a crash loop; it crashes again."""
    pod = world.require("Pod", key)
    here = _placement_of(pod)
    first = pod["status"]["containerStatuses"][0]
    code = first["lastState"]["terminated"]["exitCode"]
    restarts = first["restartCount"] + 1
    status = running(pod["spec"], _times(world, pod), here, ready=False, restarts=restarts)
    yield from _write_status(world, pod, here, status)
    yield world.factory.rng.randint(3, 10)
    status = crashed(pod["spec"], _times(world, pod), here, restarts=restarts, code=code)
    yield from _write_status(world, pod, here, status)


def delete_pod(world: World, key: str, reconcile: Reconcile) -> Process:
    """Delete a pod: it terminates first, and is then removed."""
    pod = world.require("Pod", key)
    until = (world.factory.now + timedelta(seconds=_GRACE)).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {**pod["metadata"], "deletionTimestamp": until, "deletionGracePeriodSeconds": _GRACE}
    world.update({**pod, "metadata": {**meta, "generation": meta.get("generation", 1) + 1}})
    yield 0
    yield from reconcile()
    world.delete(world.require("Pod", key))
    yield 0
    yield from reconcile()


def _create_pod(world: World, pod: Json, reconcile: Reconcile) -> Generator[int, None, Json]:
    """Create the pod, and return it. If its generated name is taken, it gets another."""
    while world.read("Pod", key_of(pod)) is not None:
        meta = pod["metadata"]
        pod = {**pod, "metadata": {**meta, "name": meta["generateName"] + world.factory.suffix()}}
    world.create({**pod, "status": unscheduled()})
    yield 0
    yield from reconcile()
    return pod


def _bind(world: World, pod: Json, placement: Placement) -> Generator[int, None, Json]:
    """Bind the pod to a node, as the scheduler does, and return it."""
    bound = placed(
        world.require("Pod", key_of(pod)), placement, scheduled(_times(world, pod)), time=world.now
    )
    world.update(bound)
    yield 0
    return bound


def _write_status(world: World, pod: Json, placement: Placement, status: Json) -> Process:
    """Write a status, as the kubelet does."""
    world.update(placed(world.require("Pod", key_of(pod)), placement, status, time=world.now))
    yield 0


def _no_reconcile() -> Process:
    yield from ()


def _times(world: World, pod: Json) -> Timestamps:
    return Timestamps(pod["metadata"]["creationTimestamp"], world.now)


def _placement_of(pod: Json) -> Placement:
    return Placement(pod["spec"]["nodeName"], pod["status"]["hostIP"], pod["status"].get("podIP", ""))
