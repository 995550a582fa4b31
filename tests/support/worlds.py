"""A small handmade cluster: facts go into a real model, and its batches into a served hub."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from astrolabe.engine.inbox import Scope
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import Assessment, ClusterInfo, StateTracker, assess_watches
from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import equality
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import BINDS, MOUNTS, OWNS, SELECTS, USES_CONFIGMAP
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node, parse_node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.settings import Limits
from tests.support.kinds import CATALOGUE
from tests.support.sources import FixedSource

#: Where each kind that a small cluster needs is served; True: it is cluster-scoped.
KINDS: Mapping[str, tuple[str, bool]] = {
    "Namespace": ("v1", True),
    "Pod": ("v1", False),
    "Service": ("v1", False),
    "ConfigMap": ("v1", False),
    "PersistentVolumeClaim": ("v1", False),
    "PersistentVolume": ("v1", True),
    "Deployment": ("apps/v1", False),
    "ReplicaSet": ("apps/v1", False),
}
CLUSTER = ClusterInfo("shop", "kind-shop", "https://10.0.0.1:6443")
CREATED = "2026-01-01T00:00:00Z"
EPOCH = "3f2a"


def facts(
    kind: str,
    name: str,
    *,
    namespace: str = "shop",
    uid: str = "",
    status: Status | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    links: tuple[Link, ...] = (),
    release: str = "",
    chart: str = "",
    revision: HelmRevision | None = None,
) -> Facts:
    """What a manifest would tell. The uid is `<kind>-<name>` in lower case unless given."""
    place = "" if KINDS[kind][1] else namespace
    return Facts(
        kind=kind,
        uid=uid or f"{kind}-{name}".lower(),
        name=name,
        namespace=place,
        labels=dict(labels or {}),
        status=status or Status(READY, "Ready"),
        metadata={"creationTimestamp": CREATED, **(metadata or {})},
        links=links,
        release=Release(namespace, release) if release else None,
        chart=chart,
        selectable=dict(labels or {}),
        revision=revision,
    )


class World:
    """A model and the hub that serves what it commits.

    limits: of what the hub remembers.
    """

    def __init__(self, epoch: str = EPOCH, limits: Limits | None = None) -> None:
        self.model = Model(
            [
                Rules(kind=kind, api_version=version, namespaced=not cluster)
                for kind, (version, cluster) in KINDS.items()
            ]
        )
        self.hub = Hub(ServedGraph(epoch), limits)
        self.readiness = ReadinessTracker([Scope(kind) for kind in KINDS])
        #: The Events that are kept, by the uid of their object; None: they are unknown.
        self.events: dict[str, list[ObjectEvent] | None] = {}

    def set(self, *changed: Facts) -> None:
        """These are so from now on: one batch."""
        for each in changed:
            self.model.upsert(each)
        self.commit()

    def remove(self, *uids: str) -> None:
        """These are gone: one batch."""
        for uid in uids:
            self.model.remove(uid)
        self.commit()

    def state_tracker(self) -> StateTracker:
        """How far what is served may be trusted, as its readiness says."""

        def look() -> Assessment:
            return assess_watches(
                self.readiness,
                (),
                count=self.model.count,
                restored=False,
                now=0.0,
            )

        return StateTracker(look, CLUSTER, clock=time.monotonic, time=time.time)

    def source(self, catalogue: Catalogue = CATALOGUE) -> FixedSource:
        """What the front doors serve of it."""
        return FixedSource(
            hub=self.hub,
            catalogue=catalogue,
            readiness=self.readiness,
            state=self.state_tracker(),
            counted=self.model.count,
            kept=lambda uid: self.events.get(uid, []),
        )

    def sync(self) -> None:
        """All kinds are known completely."""
        for kind in KINDS:
            self.model.set_synced(kind, "", True)
            self.readiness.report(kind, "", "synced")
        self.commit()

    def commit(self) -> None:
        """What has changed in the model reaches the hub."""
        if changes := self.model.commit():
            self.send(changes)

    def send(self, changes: Changes) -> None:
        """The next batch, whatever the model says."""
        graph = self.hub.graph
        self.hub.receive(Batch(graph.epoch, graph.seq + 1, changes))


def only(**query: str) -> Filter:
    """The filter of this query."""
    return parse_query({name: [value] for name, value in query.items()}, FilterRules.of(KINDS))


def shop() -> World:
    """One release in `shop` (web, its pod crashing, its claim and volume) and a bare pod in `other`."""
    world = World()
    pod_links = (
        RefByUid(
            OWNS, "replicaset-web-1", "ReplicaSet", "shop", "web-1", "metadata.ownerReferences[0].uid", True
        ),
        Ref(MOUNTS, "PersistentVolumeClaim", "shop", "data", "spec.volumes[data].persistentVolumeClaim"),
        Ref(USES_CONFIGMAP, "ConfigMap", "shop", "absent", "spec.containers[app].envFrom[0].configMapRef"),
    )
    world.set(
        facts("Namespace", "shop"),
        facts("Namespace", "other"),
        facts(
            "Deployment",
            "web",
            release="shop-app",
            chart="web-1.2.3",
            labels={"app": "web"},
            status=Status(PENDING, "Progressing", "No replicas ready (0/1)", "2026-01-02T00:00:00Z"),
            metadata={"replicas": {"desired": 1, "current": 1, "ready": 0, "available": 0}},
        ),
        facts(
            "ReplicaSet",
            "web-1",
            links=(
                RefByUid(
                    OWNS,
                    "deployment-web",
                    "Deployment",
                    "shop",
                    "web",
                    "metadata.ownerReferences[0].uid",
                    True,
                ),
            ),
        ),
        facts(
            "Pod",
            "web-1-abc",
            labels={"app": "web"},
            status=Status(ERROR, "CrashLoopBackOff", "back-off 5m0s restarting failed container"),
            metadata={
                "image": "shop/web:7",
                "nodeName": "worker-1",
                "restartCount": 4,
                "mountedPVCs": ["data"],
            },
            links=pod_links,
        ),
        facts(
            "Service",
            "web",
            release="shop-app",
            chart="web-1.2.3",
            links=(Select(SELECTS, "Pod", "shop", equality({"app": "web"}), "spec.selector"),),
            metadata={"targetPods": ["web-1-abc"]},
        ),
        facts(
            "PersistentVolumeClaim",
            "data",
            metadata={"volumeName": "pv-1"},
            links=(Ref(BINDS, "PersistentVolume", "", "pv-1", "spec.volumeName"),),
        ),
        facts(
            "PersistentVolume",
            "pv-1",
            metadata={
                "claimRef": {
                    "kind": "PersistentVolumeClaim",
                    "namespace": "shop",
                    "name": "data",
                    "uid": "persistentvolumeclaim-data",
                }
            },
        ),
        facts("Pod", "lone", namespace="other", labels={"app": "lone"}),
    )
    world.sync()
    return world


def crowd(size: int, *, epoch: str = EPOCH, limits: Limits | None = None) -> World:
    """A world with this many pods in twenty namespaces, two edges each, in one batch and without a model."""
    world = World(epoch, limits)
    nodes = [a_pod(number) for number in range(size)]
    edges = [
        Edge(MOUNTS, node.uid, nodes[(number * 7 + step) % size].uid, ("spec.volumes[data]",))
        for number, node in enumerate(nodes)
        for step in (1, 3)
    ]
    world.send(Changes(nodes_set=nodes, edges_set=edges))
    return world


def a_pod(number: int, status: str = READY, message: str = "Pod is running") -> Node:
    """One node of a crowd, about 450 bytes of text."""
    document = {
        "status": status,
        "reason": "Running",
        "message": message,
        "release": "crowd",
        "releaseNamespace": f"ns-{number % 20}",
        "metadata": {
            "creationTimestamp": CREATED,
            "nodeName": f"worker-{number % 50}",
            "podIP": "10.0.0.1",
            "image": "registry.internal/shop/web:1.2.3",
            "restartCount": 0,
            "ready": "1/1",
        },
        "uid": f"00000000-0000-4000-8000-{number:012d}",
        "name": f"web-{number}",
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": f"ns-{number % 20}",
    }
    return parse_node(encode(document))
