"""Helm upgrades, recreated ConfigMaps and Secrets, heartbeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from astrolabe.sim.churn.world import Process, ScenarioRun, World, key_of, pick, scope_of
from astrolabe.sim.cluster import nodes
from astrolabe.sim.cluster.config import release_secret
from astrolabe.sim.cluster.meta import HelmRelease

Json = dict[str, Any]

_CHART = "helm.sh/chart"
_VERSION = "app.kubernetes.io/version"
_RELEASE, _HOME = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
#: (kind, what follows the name of the component) of the objects that its chart makes.
_OF_A_CHART = (
    ("Deployment", ""),
    ("Service", ""),
    ("Ingress", ""),
    ("HorizontalPodAutoscaler", ""),
    ("PodDisruptionBudget", ""),
    ("ServiceAccount", ""),
    ("ConfigMap", "-config"),
    ("Secret", "-credentials"),
)


def helm_upgrade(world: World) -> ScenarioRun | None:
    """A release gets a new chart version: its objects are relabelled, and Helm stores a revision."""
    found = pick(world, "Deployment", lambda one: _CHART in one["metadata"].get("labels", {}))
    if found is None:
        return None
    annotations, space = found["metadata"]["annotations"], found["metadata"]["namespace"]
    mine = [
        one
        for one in world.all("Deployment", space)
        if one["metadata"].get("annotations", {}).get(_RELEASE) == annotations[_RELEASE]
    ]
    return ScenarioRun(tuple(map(scope_of, mine)), _upgrade(world, [key_of(one) for one in mine]))


def recreated_config(world: World) -> ScenarioRun | None:
    """A ConfigMap or Secret is deleted and recreated under the same name."""
    kind, suffix = world.factory.rng.choice((("ConfigMap", "-config"), ("Secret", "-credentials")))
    found = pick(world, kind, lambda one: one["metadata"]["name"].endswith(suffix))
    if found is None:
        return None
    owner = f"Deployment/{key_of(found).removesuffix(suffix)}"
    return ScenarioRun((owner,), _recreate(world, kind, key_of(found)))


def heartbeat(world: World) -> ScenarioRun | None:
    """The kubelet of a node sends a heartbeat; nothing else changes."""
    well = pick(world, "Node", nodes.is_reachable)
    if well is None:
        return None
    name = well["metadata"]["name"]
    return ScenarioRun((f"Node/{name}",), _beat(world, name))


def noop_update(world: World) -> ScenarioRun | None:
    """Somebody writes a pod without changing it, except for managedFields."""
    found = pick(world, "Pod", lambda one: "deletionTimestamp" not in one["metadata"])
    return ScenarioRun((), _touch(world, found)) if found else None


def _upgrade(world: World, keys: list[str]) -> Process:
    deployment = world.require("Deployment", keys[0])
    labels, annotations = deployment["metadata"]["labels"], deployment["metadata"]["annotations"]
    chart, _, version = labels[_CHART].rpartition("-")
    major, minor, patch = version.split(".")
    release = HelmRelease(
        name=annotations[_RELEASE],
        namespace=annotations[_HOME],
        chart=chart,
        chart_version=f"{major}.{minor}.{int(patch) + 1}",
        app_version=labels[_VERSION],
    )
    kept = sorted(_revisions(world, release), key=_revision)
    number = _revision(kept[-1]) + 1 if kept else 1
    made = release_secret(
        world.factory, release, revision=number, status="pending-upgrade", created=world.now
    )
    world.create(made)
    yield 0
    for key in keys:
        yield from _relabel(world, key, release.chart_label)
    yield from _mark(world, made, "deployed")
    if kept:
        yield from _mark(world, kept[-1], "superseded")
        world.delete(world.require("Secret", key_of(kept[0])))  # the number of revisions stays the same
        yield 0


def _revisions(world: World, release: HelmRelease) -> Iterator[Json]:
    """The Secrets in which Helm keeps the revisions of a release."""
    start = f"sh.helm.release.v1.{release.name}.v"
    for key in world.store.collection("Secret").keys().within(release.namespace, start):
        name = key.partition("/")[2]
        if not name.startswith(start):
            return
        if name.removeprefix(start).isdigit():
            yield world.require("Secret", key)


def _revision(secret: Json) -> int:
    return int(secret["metadata"]["labels"]["version"])


def _mark(world: World, secret: Json, status: str) -> Process:
    one = world.require("Secret", key_of(secret))
    one["metadata"]["labels"]["status"] = status
    world.update(one)
    yield 0


def _relabel(world: World, key: str, chart: str) -> Process:
    """The chart's label on the objects of a component, and on the slices that copy their Service's labels."""
    for kind, suffix in _OF_A_CHART:
        one = world.read(kind, key + suffix)
        if one is None or _CHART not in one["metadata"].get("labels", {}):
            continue
        one["metadata"]["labels"][_CHART] = chart
        world.update(one)
        yield 0
        for copy in world.owned(one, "EndpointSlice"):
            copy["metadata"]["labels"][_CHART] = chart
            world.update(copy)
            yield 0


def _recreate(world: World, kind: str, key: str) -> Process:
    gone = world.require(kind, key)
    world.delete(gone)
    yield world.factory.rng.randint(3, 30)
    meta = {**gone["metadata"], "uid": world.factory.uid(), "creationTimestamp": world.now}
    world.create({**gone, "metadata": {**meta, "resourceVersion": "0"}})
    yield 0


def _beat(world: World, name: str) -> Process:
    world.update(nodes.with_heartbeat(world.require("Node", name), world.now))
    yield 0


def _touch(world: World, found: Json) -> Process:
    pod = world.require("Pod", key_of(found))
    for entry in pod["metadata"].get("managedFields", ())[-1:]:
        entry["time"] = world.now
    world.update(pod)
    yield 0
