"""Generates a cluster: all manifests of a plan, consistent with each other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from astrolabe.sim.cluster import inventory
from astrolabe.sim.cluster.components import component
from astrolabe.sim.cluster.factory import NOW, ObjectFactory
from astrolabe.sim.cluster.jobs import PlannedJobs
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.plan import plan
from astrolabe.sim.cluster.stateful import agent, database
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.store import ObjectStore
from astrolabe.sim.troubles import report_all

Json = dict[str, Any]

_FIRST_REVISION = 1_000


def generate(scale: float, seed: int, *, now: datetime = NOW) -> Iterator[tuple[str, Json]]:
    """(kind, manifest) of every object of a cluster. Scale 1.0 is a large cluster (see
    `plan.object_counts`), 0.01 that of a small company.

    The same scale, seed and time give the same bytes. resourceVersions grow in the order of the objects,
    owners first. Manifests share parts with each other and must not be modified.
    """
    factory = ObjectFactory(random.Random(seed), now)
    for revision, manifest in enumerate(_manifests(factory, scale), start=_FIRST_REVISION):
        manifest["metadata"]["resourceVersion"] = str(revision)
        yield manifest["kind"], manifest


def load(store: ObjectStore, scale: float, seed: int, *, now: datetime = NOW) -> None:
    """Fill a store with a generated cluster, without the kinds that the store does not serve.

    Events report everything that fails in it.
    """
    for kind, manifest in generate(scale, seed, now=now):
        if kind in store.collections:
            store.create(kind, manifest)
    store.settle()
    report_all(EventRecorder(store), store, now)


def _manifests(factory: ObjectFactory, scale: float) -> Iterator[Json]:
    decided = plan(scale, factory.rng)
    nodes = inventory.all_nodes(factory, decided.counts["Node"])
    pool = NodePool(factory, nodes)
    yield from nodes
    yield from inventory.classes(factory)
    yield from inventory.namespaces(factory, decided)
    for app, replicas in decided.databases:
        yield from database(pool, app, replicas)
    for app in decided.agents:
        yield from agent(pool, app)
    for one in decided.components:
        yield from component(pool, one)
    yield from PlannedJobs(pool, decided).manifests()
    yield from inventory.unbound_claims(factory, decided)
    yield from inventory.policies(factory, decided)
    yield from inventory.releases(factory, decided)
