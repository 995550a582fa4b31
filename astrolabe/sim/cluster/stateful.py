"""Databases (StatefulSets with their claims and volumes) and agents (DaemonSets)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from astrolabe.sim.cluster import config, network, storage, workloads
from astrolabe.sim.cluster.meta import Part
from astrolabe.sim.cluster.mint import DAY, HOUR
from astrolabe.sim.cluster.pods import daemon_pod, placed, stateful_pod
from astrolabe.sim.cluster.podstatus import Moment, Place, is_ready, lost, running
from astrolabe.sim.cluster.site import Site
from astrolabe.sim.cluster.template import PULL_SECRET, REGISTRY, Wants, pod_spec
from astrolabe.sim.cluster.workloads import Counts, with_status

Json = dict[str, Any]

_PORT = 5432


def database(site: Site, part: Part, replicas: int) -> Iterator[Json]:
    """A StatefulSet with its Secret, headless Service, claims, volumes and Pods."""
    mint = site.mint
    age = mint.age(10 * DAY, 180 * DAY)
    created, revision = mint.ago(age), f"{part.name}-{mint.template_hash()}"
    secret = f"{part.name}-credentials"
    yield config.secret(mint, part, secret, created=created, keys=("password", "replication-password"))
    template = pod_spec(
        Wants(
            name=part.name.partition("-")[0],
            image=f"{REGISTRY}/library/{part.name}:16.4",
            port=_PORT,
            secret=secret,
            pull_secret=PULL_SECRET,
            volume_template="data",
            sidecar="exporter",
        )
    )
    claims = storage.claim_spec("standard", f"{mint.rng.choice((5, 10, 50, 200))}Gi")
    made = workloads.stateful_set(mint, part, template, replicas=replicas, created=created, volume=claims)
    pods = []
    for ordinal in range(replicas):
        yield from _claimed(site, part, claims, ordinal=ordinal, created=created)
        pods.append(_replica(site, made, ordinal=ordinal, revision=revision, age=age))
    counts = Counts(replicas, replicas, replicas, sum(map(is_ready, pods)))
    yield with_status(
        made, workloads.stateful_set_status(1, counts, revision=revision), time=mint.ago(age / 2)
    )
    yield from pods
    yield from _headless(site, part, pods, created=created)


def _claimed(site: Site, part: Part, spec: Json, *, ordinal: int, created: str) -> Iterator[Json]:
    claim = storage.claim(
        site.mint,
        f"data-{part.name}-{ordinal}",
        namespace=part.namespace,
        labels=part.selector,
        spec=spec,
        created=created,
    )
    yield claim
    yield storage.volume(site.mint, claim, zone=site.mint.rng.choice(list(site.zones.values())))


def _replica(site: Site, stateful_set: Json, *, ordinal: int, revision: str, age: float) -> Json:
    mint = site.mint
    younger = age * mint.rng.uniform(0.1, 0.9)
    created, at = mint.ago(younger), mint.ago(younger - 20)
    pod = stateful_pod(mint, stateful_set, ordinal=ordinal, revision=revision, created=created)
    place = site.any()
    return placed(pod, place, running(pod["spec"], Moment(created, at), place), time=at)


def _headless(site: Site, part: Part, pods: list[Json], *, created: str) -> Iterator[Json]:
    service = network.service(site.mint, part, part.name, port=_PORT, created=created, headless=True)
    yield service
    endpoints = network.endpoints_of(pods, site.zones)
    yield network.endpoint_slice(site.mint, service, endpoints, port=_PORT, created=created)


def agent(site: Site, part: Part) -> Iterator[Json]:
    """A DaemonSet with a Pod on each node; on a silent node it is not ready."""
    mint = site.mint
    created, revision = mint.ago(120 * DAY), mint.template_hash()
    image = f"{REGISTRY}/library/{part.name}:1.8.2"
    template = pod_spec(
        Wants(name=part.name, image=image, host_path="/var/log", cpu="20m", sidecar="reloader")
    )
    made = workloads.daemon_set(mint, part, template, created=created)
    pods = [_on_node(site, made, place, revision=revision) for place in site.places]
    ready = sum(map(is_ready, pods))
    counts = Counts(len(pods), len(pods), len(pods), ready)
    yield with_status(made, workloads.daemon_set_status(1, counts), time=mint.ago(HOUR))
    yield from pods


def _on_node(site: Site, daemon_set: Json, place: Place, *, revision: str) -> Json:
    mint = site.mint
    age = mint.age(DAY, 20 * DAY)
    created, at = mint.ago(age), mint.ago(age - 10)
    pod = daemon_pod(mint, daemon_set, node=place.node, revision=revision, created=created)
    here = site.at(place)
    status = running(pod["spec"], Moment(created, at), here)
    silent = place.node in site.silent
    return placed(pod, here, lost(status, mint.ago(HOUR / 3)) if silent else status, time=at)
