"""Custom kinds and objects come, change and go together: the edges are what the rules say, read independently.

`make fuzz` runs many seeds: ASTROLABE_FUZZ_SEEDS="1-50".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from astrolabe.kinds.kind import is_custom
from astrolabe.sim.definitions import crd
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.kinds.custom import oracle
from tests.support.custom_references import GRANT, NAMESPACES, EdgeKey, Manifests, Writer, rule_of, uid
from tests.support.kinds import WATCHED
from tests.support.odd import seeds
from tests.test_custom_resources import Running, running, until

Json = dict[str, Any]

#: Kinds of Kubernetes that are referred to.
TARGETS = (
    *(
        "Secret",
        "ConfigMap",
        "Service",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "Deployment",
        "Pod",
        "Ingress",
    ),
    "StorageClass",
)
#: Kinds with a rule in one world, beside those that they refer to.
HOLDERS = 9
WITHOUT_RULE = ("Thing.example.com", "Widget.example.com")
RESTS, STEPS = 4, 70


class Churn:
    """Random definitions and objects of some kinds."""

    def __init__(self, store: ObjectStore, random: Random) -> None:
        self.store = store
        self.random = random
        ruled = sorted({each["kind"] for each in oracle.documents() if "*" not in each["kind"]})
        kinds = {*random.sample(ruled, HOLDERS), GRANT, *WITHOUT_RULE}
        for kind in sorted(kinds):
            kinds.update(random.sample(sorted(_ends(kind)), min(3, len(_ends(kind)))))
        self.kinds = sorted(kinds)
        groups = [(kind, store.collection(kind).kind.group) for kind in TARGETS]
        self.writer = Writer(random, [*groups, *[tuple(kind.split(".", 1)) for kind in self.kinds]])  # type: ignore[misc]
        for name in NAMESPACES:
            self.put("Namespace", name, "")

    def step(self) -> None:
        kind = self.random.choice(self.kinds)
        if kind not in self.store.collections:
            self.define(kind)
            return
        match self.random.randrange(40):
            case 0:
                self.store.undefine(_definition(kind))
            case 1:
                is_in_namespaces = self.store.collection(kind).kind.namespaced
                self.store.undefine(_definition(kind))
                self.define(kind, "Cluster" if is_in_namespaces else "Namespaced")
            case 2:
                is_in_namespaces = self.store.collection(kind).kind.namespaced
                self.define(kind, "Namespaced" if is_in_namespaces else "Cluster")
            case 3:
                self.put("Namespace", self.random.choice(NAMESPACES), "")
            case 4 | 5 | 6 | 7 | 8:
                some = self.random.choice((kind, kind, *TARGETS))
                there = list(self.store.manifests(some))
                if there:
                    self.store.delete(some, self.random.choice(there))
            case _:
                some = self.random.choice((kind, kind, kind, self.random.choice(TARGETS)))
                self.put(some, self.writer.name(), self.random.choice(NAMESPACES))

    def define(self, kind: str, scope: str = "") -> None:
        name, group = kind.split(".", 1)
        rule = rule_of(kind)
        usual = "Cluster" if rule["kind"] != "*" and rule.get("scope") == "cluster" else "Namespaced"
        versions = list(rule.get("versions") or ["v1"])
        if self.random.random() < 0.4:
            versions = [*versions, self.random.choice(("v1alpha9", "v9"))]
        self.random.shuffle(versions)
        self.store.define(crd(name, group, scope=scope or usual, versions=versions))

    def put(self, kind: str, name: str, namespace: str) -> None:
        body = self.writer.body(kind) if is_custom(kind) else {}
        written = body.pop("metadata", {})
        labels = {"app": self.writer.name(), "team": self.writer.name()} | written.get("labels", {})
        meta: Json = {**written, "name": name, "labels": labels}
        if self.store.collection(kind).kind.namespaced:
            meta["namespace"] = namespace
        known = self.store.get(kind, meta.get("namespace", ""), name)
        if known is None:
            self.store.create(kind, {"metadata": meta, **body})
        else:
            kept = {key: known["metadata"][key] for key in ("uid", "creationTimestamp")}
            self.store.update(kind, {"metadata": kept | meta, **body})

    def custom(self) -> list[str]:
        """The kinds that are served."""
        return [kind.key for kind in self.store.kinds if is_custom(kind.key)]

    def edges(self) -> set[EdgeKey]:
        """What there has to be."""
        kinds = [*self.custom(), *TARGETS, "Namespace"]
        by_kind = {kind: list(self.store.manifests(kind)) for kind in kinds}
        namespaced = {kind: self.store.collection(kind).kind.namespaced for kind in kinds}
        return Manifests(by_kind, namespaced).edges({kind: rule_of(kind) for kind in self.custom()})


def _ends(kind: str) -> set[str]:
    """The custom kinds that the rule of a kind names."""
    ends: set[str] = set()
    for reference in rule_of(kind).get("references") or ():
        to = reference["to"]
        for end in to if isinstance(to, list) else [to]:
            if "." in end and end.partition(".")[2] not in (*oracle.BUILT_IN_GROUPS, "*"):
                ends.add(end)
    return ends


def _definition(kind: str) -> str:
    name, group = kind.split(".", 1)
    return f"{name.lower()}s.{group}"


def served(site: Running, kinds: Sequence[str]) -> set[EdgeKey]:
    """The edges that objects of these kinds have, but for those of owners."""
    graph = site.source.hub.graph
    custom = {node.uid for node in graph.nodes.values() if node.kind in kinds}
    return {edge.key for edge in graph.edges() if edge.source in custom or edge.target in custom}


@pytest.mark.parametrize("seed", seeds())
async def test_edges_equal_the_rules_whenever_the_cluster_is_quiet(seed: int) -> None:
    async with Simulator() as simulator:
        churn = Churn(simulator.store, Random(seed))
        for _ in range(STEPS):  # some are there before it begins
            churn.step()
        async with running(simulator, custom_resources=("*",)) as site:
            for rest in range(RESTS):
                for _ in range(STEPS if rest else 0):
                    churn.step()
                    await asyncio.sleep(churn.random.choice((0, 0, 0, 0.002, 0.02)))
                await rested(site, churn)


async def rested(site: Running, churn: Churn) -> None:
    kinds = churn.custom()
    wanted = {*kinds, *[kind.key for kind in WATCHED]}
    await until(lambda: set(site.source.catalogue.keys) == wanted)
    expected = churn.edges()
    try:
        await until(lambda: served(site, kinds) == expected)
    except TimeoutError:
        found = served(site, kinds)
        names = {
            uid(each): f"{kind} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}"
            for kind in (*kinds, *TARGETS)
            for each in churn.store.manifests(kind)
        }
        lines = [
            f"{word}: {type} {names.get(source)} → {names.get(target)}"
            for word, some in (("missing", expected - found), ("extra", found - expected))
            for type, source, target in sorted(some)
        ]
        raise AssertionError("\n".join(lines)) from None
