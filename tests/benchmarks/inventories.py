"""The pipeline from the lines of watches to a served graph, for one object that lists thousands of others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.assembly import create_engine
from astrolabe.engine.inbox import Replace, Scope
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.kind import Kind
from astrolabe.kube.decoder import ListWatchDecoder
from astrolabe.kube.health import WatchHealth
from astrolabe.settings import Settings
from tests.support.kinds import KINDS

Json = dict[str, Any]


def entry(kind: str, group: str, version: str) -> Kind[Any]:
    """The entry of a kind whose rule ships."""
    served = ServedVersion(version, (), True)
    definition = Definition(group=group, kind=kind, plural=f"{kind.lower()}s", versions=(served,))
    return entry_of(definition, RuleBook.shipped())


APPLICATION = entry("Application", "argoproj.io", "v1alpha1")
KUSTOMIZATION = entry("Kustomization", "kustomize.toolkit.fluxcd.io", "v1")
CONFIGMAP = next(kind for kind in KINDS if kind.name == "ConfigMap")


def meta(name: str, **more: Any) -> Json:
    return {
        "name": name,
        "namespace": "shop",
        "uid": f"u-{name}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **more,
    }


def application(names: Iterable[str]) -> Json:
    """An Application of Argo CD that lists these ConfigMaps, as its controller writes them."""
    resources = [
        {
            "version": "v1",
            "kind": "ConfigMap",
            "namespace": "shop",
            "name": name,
            "status": "Synced",
            "health": {"status": "Healthy"},
        }
        for name in names
    ]
    status = {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}, "resources": resources}
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    return {"metadata": meta("app", labels=labels), "spec": {"project": "default"}, "status": status}


def kustomization(names: Iterable[str]) -> Json:
    """A Kustomization of Flux that lists them."""
    entries = [{"id": f"shop_{name}__ConfigMap", "v": "v1"} for name in names]
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    return {"metadata": meta("app", labels=labels), "status": {"inventory": {"entries": entries}}}


def line(type: str, manifest: Json) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": type, "object": manifest}, separators=(",", ":")).encode()


class Pipeline:
    """batches: all that was published."""

    def __init__(self, kinds: Sequence[Kind[Any]], *, selector: str = "") -> None:
        catalogue = Catalogue([*KINDS, *kinds])
        readiness = ReadinessTracker([Scope(kind.key) for kind in catalogue])
        self.graph = ServedGraph("e")
        self.batches: list[Batch] = []
        self.rebuilding = False
        self._bus = MemoryBus(self)
        settings = Settings(label_selector=selector, batch_window=0.0)
        self.engine = create_engine(
            settings, catalogue, self._bus, readiness, epoch="e", served=lambda: self.graph
        )
        self._decoders = {
            kind.key: ListWatchDecoder(kind, self.engine, health=WatchHealth(kind.key, ""), clock=lambda: 0.0)
            for kind in catalogue
        }
        self._moved = asyncio.Event()

    def receive(self, batch: Batch) -> None:
        self.graph.apply(batch)
        self.batches.append(batch)
        self._moved.set()

    def replace(self, graph: ServedGraph) -> None:
        raise AssertionError("the graph holds all that is published")

    async def synced(self) -> None:
        """Every kind has been listed, and has nothing yet."""
        for kind in self._decoders:
            await self.engine.put(Replace(kind, "", []))

    async def tell(self, kind: Kind[Any], lines: list[bytes]) -> None:
        """These lines came from the watch of a kind."""
        await self._decoders[kind.key].decode_lines(lines)

    async def until_edges(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.graph.edge_count != count:
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def pipeline(*kinds: Kind[Any], selector: str = "") -> AsyncIterator[Pipeline]:
    """Run one."""
    running = Pipeline(kinds, selector=selector)
    task = asyncio.create_task(running.engine.run(), name="engine")
    try:
        await running.synced()
        yield running
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
