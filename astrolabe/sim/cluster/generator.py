"""The cluster itself: all manifests of a plan, consistent with one another."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from astrolabe.sim.cluster import estate
from astrolabe.sim.cluster.components import component
from astrolabe.sim.cluster.mint import NOW, Mint
from astrolabe.sim.cluster.plan import plan
from astrolabe.sim.cluster.runs import Runs
from astrolabe.sim.cluster.site import Site
from astrolabe.sim.cluster.stateful import agent, database
from astrolabe.sim.store import Store

Json = dict[str, Any]

_FIRST_REVISION = 1_000


def generate(scale: float, seed: int, *, now: datetime = NOW) -> Iterator[tuple[str, Json]]:
    """(kind, manifest) of every object of a cluster; 1.0 is large (see `census`), 0.01 a small company's.

    Same scale, seed and moment: same bytes. resourceVersions grow in the order of the objects, owners before
    what they own. Manifests share parts with one another: they are not to be changed.
    """
    mint = Mint(random.Random(seed), now)
    for revision, manifest in enumerate(_manifests(mint, scale), start=_FIRST_REVISION):
        manifest["metadata"]["resourceVersion"] = str(revision)
        yield manifest["kind"], manifest


def load(store: Store, scale: float, seed: int, *, now: datetime = NOW) -> None:
    """Fill a store with a generated cluster; kinds that it does not serve are left out."""
    for kind, manifest in generate(scale, seed, now=now):
        if kind in store.collections:
            store.create(kind, manifest)
    store.settle()


def _manifests(mint: Mint, scale: float) -> Iterator[Json]:
    decided = plan(scale, mint.rng)
    nodes = estate.all_nodes(mint, decided.counts["Node"])
    site = Site(mint, nodes)
    yield from nodes
    yield from estate.classes(mint)
    yield from estate.namespaces(mint, decided)
    for part, replicas in decided.databases:
        yield from database(site, part, replicas)
    for part in decided.agents:
        yield from agent(site, part)
    for one in decided.components:
        yield from component(site, one)
    yield from Runs(site, decided).manifests()
    yield from estate.loose_claims(mint, decided)
    yield from estate.policies(mint, decided)
    yield from estate.releases(mint, decided)
