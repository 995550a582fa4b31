"""`Incidents`: instructive incidents beside the generated cluster, each in a namespace `incident-…`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from astrolabe.graph.state.identity import GroupKind
from astrolabe.sim.cluster import incident_others as others
from astrolabe.sim.cluster import incident_pods as pods
from astrolabe.sim.cluster.factory import NOW, ObjectFactory
from astrolabe.sim.cluster.incident_parts import BROKEN, IncidentSpace, StandingTrouble
from astrolabe.sim.cluster.incident_rollout import EndlessRollout
from astrolabe.sim.cluster.names import INCIDENT
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.store import ObjectStore
from astrolabe.sim.troubles import TROUBLED, troubles_of

Json = dict[str, Any]

#: Seconds between two reports of everything that is still wrong. Events expire after an hour.
_AGAIN = 60.0

#: The incidents, by the suffix of their namespace.
_INCIDENTS: Mapping[str, Callable[[IncidentSpace], None]] = {
    "image-tag": pods.image_tag,
    "missing-secret": pods.missing_secret,
    "missing-key": pods.missing_key,
    "out-of-memory": pods.out_of_memory,
    "liveness-probe": pods.liveness,
    "init-container": pods.init_container,
    "storage-class": pods.storage_class,
    "node-selector": pods.node_selector,
    "lost-node": pods.lost_node,
    "service-selector": others.selector,
    "ingress-port": others.ingress_port,
    "certificate": others.certificate,
    "quota": others.quota,
    "webhook": others.webhook,
    "stuck-namespace": others.namespace,
    "no-metrics": others.autoscaler,
    "no-eviction": others.budget,
    "failed-run": others.cron_job,
}

#: Namespaces that look like incidents and are none.
_TWINS: Mapping[str, Callable[[IncidentSpace], None]] = {
    "twin-retry": others.retrying_job,
    "twin-suspended": others.suspended,
    "twin-zero": others.scaled_to_zero,
}


class Incidents:
    """Adds the incidents to a store with a generated cluster, and keeps them as they are.

    The same store, seed and time give the same objects. Kinds that the store does not serve are left out.
    """

    def __init__(self, store: ObjectStore, seed: int, *, now: datetime = NOW) -> None:
        self._store = store
        self._recorder = EventRecorder(store)
        factory = ObjectFactory(random.Random(f"incidents {seed}"), now, stream=2)
        nodes = sorted(store.manifests("Node"), key=lambda node: str(node["metadata"]["name"]))
        pool = NodePool(factory, nodes)
        spaces = []
        for name, build in {**_INCIDENTS, **_TWINS}.items():
            space = IncidentSpace(pool, INCIDENT + name)
            build(space)
            spaces.append(space)
        self._rollout = EndlessRollout(IncidentSpace(pool, INCIDENT + "twin-rollout"))
        spaces.append(self._rollout.space)
        for space in spaces:
            for manifest in space.manifests:
                self._create(manifest)
        store.settle()
        self._warnings = [warned for space in spaces for warned in self._of(space)]
        for warned in self._warnings:
            self._report(warned, now - timedelta(seconds=BROKEN), times=warned.trouble.times)
        self.again(now)

    def again(self, now: datetime) -> None:
        """Report every incident again, and replace the pod of the endless rollout."""
        for warned in self._warnings:
            self._report(warned, now, times=1)
        for gone, made in self._rollout.again(now):
            if gone is not None:
                self._store.delete("Pod", gone)
            self._store.create("Pod", made)

    async def run(self) -> None:
        """Call `again` at intervals, until cancelled."""
        while True:
            await asyncio.sleep(_AGAIN)
            self.again(datetime.now(UTC))

    def _create(self, manifest: Json) -> None:
        key = GroupKind.of(manifest["apiVersion"], manifest["kind"]).key
        if key in self._store.collections:
            self._store.create(key, manifest)

    def _of(self, space: IncidentSpace) -> list[StandingTrouble]:
        """The Warnings that follow from its objects, and those that were added."""
        told = [
            StandingTrouble(manifest, trouble)
            for manifest in space.manifests
            if manifest["kind"] in TROUBLED
            for trouble in troubles_of(manifest["kind"], manifest, self._store)
        ]
        return told + space.warnings

    def _report(self, warned: StandingTrouble, now: datetime, *, times: int) -> None:
        manifest, trouble = warned
        kind = self._store.collection(manifest["kind"]).kind
        self._recorder.warn(
            kind, manifest, trouble.reason, trouble.message, source=trouble.source, now=now, times=times
        )
