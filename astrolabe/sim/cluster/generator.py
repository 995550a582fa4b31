"""The cluster itself: all manifests of a plan, consistent with one another."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from astrolabe.sim.cluster import config, network, nodes, storage
from astrolabe.sim.cluster.applications import Builder, Cluster
from astrolabe.sim.cluster.mint import DAY, MINUTE, NOW, Mint
from astrolabe.sim.cluster.plan import Plan, plan
from astrolabe.sim.cluster.podstatus import Place
from astrolabe.sim.store import Store

Json = dict[str, Any]

_ZONES = ("eu-north-1a", "eu-north-1b", "eu-north-1c")
_FIRST_REVISION = 1_000

#: One node in so many is not heard of; at least one.
_SILENT_NODES = 125


def generate(scale: float, seed: int, *, now: datetime = NOW) -> Iterator[tuple[str, Json]]:
    """(kind, manifest) of every object of a cluster; 1.0 is a large one (see `census`), 0.01 a small company's.

    Same scale, seed and moment: same bytes. resourceVersions grow in the order of the objects. Manifests share
    parts with one another: they are not to be changed.
    """
    mint = Mint(random.Random(seed), now)
    decided = plan(scale, mint.rng)
    for revision, manifest in enumerate(_manifests(mint, decided), start=_FIRST_REVISION):
        manifest["metadata"]["resourceVersion"] = str(revision)
        yield manifest["kind"], manifest


def load(store: Store, scale: float, seed: int, *, now: datetime = NOW) -> None:
    """Fill a store with a generated cluster; kinds that it does not serve are left out."""
    for kind, manifest in generate(scale, seed, now=now):
        if kind in store.collections:
            store.create(kind, manifest)
    store.settle()


def _manifests(mint: Mint, plan: Plan) -> Iterator[Json]:
    cluster = Cluster()
    yield from _nodes(mint, plan, cluster)
    yield from _classes(mint)
    yield from _namespaces(mint, plan)
    builder = Builder(mint, plan, cluster)
    yield from builder.databases()
    yield from builder.agents()
    yield from builder.components()
    yield from builder.batch()
    yield from builder.claims()
    yield from builder.policies()
    yield from builder.releases()


def _nodes(mint: Mint, plan: Plan, cluster: Cluster) -> Iterator[Json]:
    number = plan.counts["Node"]
    silent = max(1, number // _SILENT_NODES)
    for index in range(number):
        name, zone = f"node-{index}", _ZONES[index % len(_ZONES)]
        address = f"10.0.{index // 250}.{index % 250 + 1}"
        created = mint.ago(mint.age(30 * DAY, 200 * DAY))
        made = nodes.node(mint, name, zone=zone, address=address, created=created, beat=mint.ago(20))
        cluster.zones[name] = zone
        cluster.places.append(Place(name, address, ""))
        if index < silent:
            made = nodes.silent(made, mint.ago(20 * MINUTE))
            cluster.silent.add(name)
        elif index == silent:
            made = nodes.cordoned(made, mint.ago(90 * MINUTE))
            cluster.cordoned.add(name)
        yield made


def _classes(mint: Mint) -> Iterator[Json]:
    created = mint.ago(200 * DAY)
    yield storage.storage_class(
        mint, "standard", default=True, binding="WaitForFirstConsumer", created=created
    )
    yield storage.storage_class(mint, "fast", default=False, binding="Immediate", created=created)
    yield storage.storage_class(mint, "archive", default=False, binding="Immediate", created=created)
    yield network.ingress_class(mint, "nginx", default=True, created=created)
    yield network.ingress_class(mint, "internal", default=False, created=created)


def _namespaces(mint: Mint, plan: Plan) -> Iterator[Json]:
    for name, team in plan.namespaces:
        created = mint.ago(mint.age(20 * DAY, 190 * DAY))
        yield config.namespace_object(mint, name, team=team, created=created)
        yield config.default_account(mint, name, created=created)
        yield config.root_authority(mint, name, created=created)
