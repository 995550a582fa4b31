"""The life of one pod, phase by phase. After each phase its controllers have their say (`follow`)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

from astrolabe.sim.churn.world import Process, World, key_of
from astrolabe.sim.cluster.pods import placed
from astrolabe.sim.cluster.podstatus import (
    Moment,
    Place,
    crashed,
    finished,
    running,
    scheduled,
    unscheduled,
    waiting,
)

Json = dict[str, Any]
Follow = Callable[[], Process]

_GRACE = 30

#: One pod in so many meets a registry that does not answer at first.
_PULL_TROUBLE = 40


def begin(world: World, pod: Json, follow: Follow, *, place: Place | None = None) -> Process:
    """A pod from Pending to Ready, with an image that cannot be pulled at first, now and then."""
    created, spec = pod["metadata"]["creationTimestamp"], pod["spec"]
    pod = yield from _created(world, pod, follow)
    here = place or world.site.any()
    pod = yield from _bound(world, pod, here)
    bare = Place(here.node, here.host, "")
    yield from _told(world, pod, bare, waiting(spec, _at(world, pod), bare, reason="ContainerCreating"))
    if world.mint.rng.randrange(_PULL_TROUBLE) == 0:
        yield from fail_to_pull(world, pod, here, follow)
    started = Moment(created, world.now)
    yield from _told(world, pod, here, running(spec, started, here, ready=False))
    yield from follow()
    yield from _told(world, pod, here, running(spec, started, here))
    yield from follow()


def fail_to_pull(world: World, pod: Json, place: Place, follow: Follow) -> Process:
    """ErrImagePull, then ImagePullBackOff for a while."""
    image = pod["spec"]["containers"][0]["image"]
    for reason, message in (
        ("ErrImagePull", f'failed to pull and unpack image "{image}": not found'),
        ("ImagePullBackOff", f'Back-off pulling image "{image}"'),
    ):
        status = waiting(pod["spec"], _at(world, pod), place, reason=reason, message=message)
        yield from _told(world, pod, place, status)
        yield from follow()
    yield world.mint.rng.randint(20, 100)


def begin_and_fail_to_pull(world: World, pod: Json, follow: Follow) -> Process:
    """A pod whose image does not exist: it stays where `fail_to_pull` leaves it."""
    pod = yield from _created(world, pod, follow)
    here = world.site.any()
    pod = yield from _bound(world, pod, here)
    yield from fail_to_pull(world, pod, here, follow)


def run_to_end(world: World, pod: Json, *, code: int = 0) -> Process:
    """A pod of a Job: it runs and ends with an exit code."""
    pod = yield from _created(world, pod, _nobody)
    here = world.site.any()
    pod = yield from _bound(world, pod, here)
    yield from _told(world, pod, here, running(pod["spec"], _at(world, pod), here))
    yield world.mint.rng.randint(5, 60)
    yield from _told(world, pod, here, finished(pod["spec"], _at(world, pod), here, code=code))


def crash_and_recover(world: World, key: str, follow: Follow) -> Process:
    """A running pod crashes a few times, waits longer each time, and comes back."""
    pod = world.need("Pod", key)
    here = _place_of(pod)
    before = pod["status"]["containerStatuses"][0]["restartCount"]
    crashes = world.mint.rng.randint(1, 4)
    for restarts in range(before + 1, before + crashes + 1):
        yield from _told(world, pod, here, crashed(pod["spec"], _at(world, pod), here, restarts=restarts))
        yield from follow()
        yield world.mint.rng.randint(10, 60)
    status = running(pod["spec"], _at(world, pod), here, restarts=before + crashes)
    yield from _told(world, pod, here, status)
    yield from follow()


def crash_again(world: World, key: str) -> Process:
    """A pod in a crash loop is restarted once more, in vain."""
    pod = world.need("Pod", key)
    here = _place_of(pod)
    first = pod["status"]["containerStatuses"][0]
    code = first["lastState"]["terminated"]["exitCode"]
    restarts = first["restartCount"] + 1
    status = running(pod["spec"], _at(world, pod), here, ready=False, restarts=restarts)
    yield from _told(world, pod, here, status)
    yield world.mint.rng.randint(3, 10)
    status = crashed(pod["spec"], _at(world, pod), here, restarts=restarts, code=code)
    yield from _told(world, pod, here, status)


def end(world: World, key: str, follow: Follow) -> Process:
    """A pod is deleted: first it terminates, then it is gone."""
    pod = world.need("Pod", key)
    until = (world.mint.now + timedelta(seconds=_GRACE)).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {**pod["metadata"], "deletionTimestamp": until, "deletionGracePeriodSeconds": _GRACE}
    world.update({**pod, "metadata": {**meta, "generation": meta.get("generation", 1) + 1}})
    yield 0
    yield from follow()
    world.delete(world.need("Pod", key))
    yield 0
    yield from follow()


def _created(world: World, pod: Json, follow: Follow) -> Generator[int, None, Json]:
    """The pod as it was created: should its generated name be taken, the server makes up another."""
    while world.read("Pod", key_of(pod)) is not None:
        meta = pod["metadata"]
        pod = {**pod, "metadata": {**meta, "name": meta["generateName"] + world.mint.suffix()}}
    world.create({**pod, "status": unscheduled()})
    yield 0
    yield from follow()
    return pod


def _bound(world: World, pod: Json, place: Place) -> Generator[int, None, Json]:
    """The scheduler's decision; the pod with its node is returned."""
    bound = placed(world.need("Pod", key_of(pod)), place, scheduled(_at(world, pod)), time=world.now)
    world.update(bound)
    yield 0
    return bound


def _told(world: World, pod: Json, place: Place, status: Json) -> Process:
    """The kubelet writes a status."""
    world.update(placed(world.need("Pod", key_of(pod)), place, status, time=world.now))
    yield 0


def _nobody() -> Process:
    yield from ()


def _at(world: World, pod: Json) -> Moment:
    return Moment(pod["metadata"]["creationTimestamp"], world.now)


def _place_of(pod: Json) -> Place:
    return Place(pod["spec"]["nodeName"], pod["status"]["hostIP"], pod["status"].get("podIP", ""))
