"""Databases (StatefulSets with their claims and volumes) and agents (DaemonSets)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from astrolabe.sim.cluster import config, network, storage, workloads
from astrolabe.sim.cluster.factory import DAY, HOUR
from astrolabe.sim.cluster.meta import AppIdentity
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.pods import daemon_pod, placed, stateful_pod
from astrolabe.sim.cluster.podstatus import Placement, Timestamps, is_ready, lost, running
from astrolabe.sim.cluster.template import PULL_SECRET, REGISTRY, PodOptions, pod_spec
from astrolabe.sim.cluster.workloads import ReplicaCounts, with_status

Json = dict[str, Any]

_PORT = 5432


def database(pool: NodePool, app: AppIdentity, replicas: int) -> Iterator[Json]:
    """A StatefulSet with its Secret, headless Service, claims, volumes and Pods."""
    factory = pool.factory
    age = factory.age(10 * DAY, 180 * DAY)
    created, revision = factory.ago(age), f"{app.name}-{factory.template_hash()}"
    secret = f"{app.name}-credentials"
    yield config.secret(factory, app, secret, created=created, keys=("password", "replication-password"))
    template = pod_spec(
        PodOptions(
            name=app.name.partition("-")[0],
            image=f"{REGISTRY}/library/{app.name}:16.4",
            port=_PORT,
            secret=secret,
            pull_secret=PULL_SECRET,
            volume_template="data",
            sidecar="exporter",
        )
    )
    claims = storage.claim_spec("standard", f"{factory.rng.choice((5, 10, 50, 200))}Gi")
    made = workloads.stateful_set(factory, app, template, replicas=replicas, created=created, volume=claims)
    pods = []
    for ordinal in range(replicas):
        yield from _claimed(pool, app, claims, ordinal=ordinal, created=created)
        pods.append(_replica(pool, made, ordinal=ordinal, revision=revision, age=age))
    counts = ReplicaCounts(replicas, replicas, replicas, sum(map(is_ready, pods)))
    yield with_status(
        made, workloads.stateful_set_status(1, counts, revision=revision), time=factory.ago(age / 2)
    )
    yield from pods
    yield from _headless(pool, app, pods, created=created)


def _claimed(pool: NodePool, app: AppIdentity, spec: Json, *, ordinal: int, created: str) -> Iterator[Json]:
    claim = storage.claim(
        pool.factory,
        f"data-{app.name}-{ordinal}",
        namespace=app.namespace,
        labels=app.selector,
        spec=spec,
        created=created,
    )
    yield claim
    yield storage.volume(pool.factory, claim, zone=pool.factory.rng.choice(list(pool.zones.values())))


def _replica(pool: NodePool, stateful_set: Json, *, ordinal: int, revision: str, age: float) -> Json:
    factory = pool.factory
    younger = age * factory.rng.uniform(0.1, 0.9)
    created, at = factory.ago(younger), factory.ago(younger - 20)
    pod = stateful_pod(factory, stateful_set, ordinal=ordinal, revision=revision, created=created)
    placement = pool.pick()
    return placed(pod, placement, running(pod["spec"], Timestamps(created, at), placement), time=at)


def _headless(pool: NodePool, app: AppIdentity, pods: list[Json], *, created: str) -> Iterator[Json]:
    service = network.service(pool.factory, app, app.name, port=_PORT, created=created, headless=True)
    yield service
    endpoints = network.endpoints_of(pods, pool.zones)
    yield network.endpoint_slice(pool.factory, service, endpoints, port=_PORT, created=created)


def agent(pool: NodePool, app: AppIdentity) -> Iterator[Json]:
    """A DaemonSet with a Pod on each node; on an unreachable node it is not ready."""
    factory = pool.factory
    created, revision = factory.ago(120 * DAY), factory.template_hash()
    image = f"{REGISTRY}/library/{app.name}:1.8.2"
    template = pod_spec(
        PodOptions(name=app.name, image=image, host_path="/var/log", cpu="20m", sidecar="reloader")
    )
    made = workloads.daemon_set(factory, app, template, created=created)
    pods = [_on_node(pool, made, placement, revision=revision) for placement in pool.placements]
    ready = sum(map(is_ready, pods))
    counts = ReplicaCounts(len(pods), len(pods), len(pods), ready)
    yield with_status(made, workloads.daemon_set_status(1, counts), time=factory.ago(HOUR))
    yield from pods


def _on_node(pool: NodePool, daemon_set: Json, placement: Placement, *, revision: str) -> Json:
    factory = pool.factory
    age = factory.age(DAY, 20 * DAY)
    created, at = factory.ago(age), factory.ago(age - 10)
    pod = daemon_pod(factory, daemon_set, node=placement.node, revision=revision, created=created)
    here = pool.with_address(placement)
    status = running(pod["spec"], Timestamps(created, at), here)
    unreachable = placement.node in pool.unreachable
    return placed(pod, here, lost(status, factory.ago(HOUR / 3)) if unreachable else status, time=at)
