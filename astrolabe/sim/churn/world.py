"""The cluster as churn sees it: manifests with kinds, owners, and the pods that Services select.

Incidents stay as they are: churn neither picks their objects nor uses their nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.names import INCIDENT
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.podstatus import ENDED, has_ended
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.store import ObjectStore, StoreError
from astrolabe.sim.troubles import report

Json = dict[str, Any]

#: A process that runs over many steps. After each write it yields the number of steps to wait.
Process = Generator[int, None, None]


class ObjectGone(Exception):
    """An object that a process needs was deleted. The process ends."""


class _IndexedOwner(msgspec.Struct, gc=False):
    uid: str


class _IndexedMeta(msgspec.Struct, gc=False):
    name: str
    namespace: str = ""
    ownerReferences: list[_IndexedOwner] = []


class _IndexedSpec(msgspec.Struct, gc=False):
    selector: Any = None


class _IndexedStatus(msgspec.Struct, gc=False):
    phase: str = ""


class _IndexedFields(msgspec.Struct, gc=False):
    metadata: _IndexedMeta
    spec: _IndexedSpec = msgspec.field(default_factory=_IndexedSpec)
    status: _IndexedStatus = msgspec.field(default_factory=_IndexedStatus)


_DECODER = msgspec.json.Decoder(_IndexedFields)


class World:
    """Reads and writes the store, and keeps the indexes that churn needs.

    node_pool: the nodes. factory: makes uids, names and timestamps. ended: keys of ended pods, in the order
    in which they ended; `initial_ended` is their number at the start.
    """

    def __init__(self, store: ObjectStore, factory: ObjectFactory) -> None:
        self.store = store
        self.factory = factory
        self.recorder = EventRecorder(store)
        self.pool = NodePool(
            factory,
            [node for node in self.all("Node") if not node["metadata"]["name"].startswith(INCIDENT)],
        )
        self.ended: dict[str, None] = {}
        self._owned: dict[tuple[str, str], dict[str, None]] = {}
        self._selectors: dict[str, dict[str, dict[str, str]]] = {}
        for name, collection in store.collections.items():
            for item in collection.items.values():
                self._index(name, item.key, _DECODER.decode(item.body))
        self.initial_ended = len(self.ended)

    @property
    def now(self) -> str:
        return self.factory.ago()

    def keys(self, kind: str) -> list[str]:
        """All keys of a kind, in order."""
        return self.store.collection(kind).keys().within("")

    def pick(self, kind: str) -> Json | None:
        """A random object of a kind; None if there is none, or if it belongs to an incident."""
        keys = self.store.collection(kind).keys()
        if not len(keys):
            return None
        key = self.factory.rng.choice(keys)
        return None if key.startswith(INCIDENT) else self.read(kind, key)

    def all(self, kind: str, namespace: str = "") -> Iterable[Json]:
        for key in self.store.collection(kind).keys().within(namespace):
            yield self.require(kind, key)

    def read(self, kind: str, key: str) -> Json | None:
        """A copy of a manifest with kind and apiVersion; None if it does not exist."""
        collection = self.store.collection(kind)
        item = collection.items.get(key)
        if item is None:
            return None
        return {"kind": kind, "apiVersion": collection.kind.api_version, **msgspec.json.decode(item.body)}

    def require(self, kind: str, key: str) -> Json:
        """As `read`, but raises ObjectGone if it does not exist."""
        manifest = self.read(kind, key)
        if manifest is None:
            raise ObjectGone(f"{kind} {key}")
        return manifest

    def owned(self, owner: Json, kind: str) -> list[Json]:
        """The objects of a kind that an object owns, oldest first."""
        keys = self._owned.get((kind, owner["metadata"]["uid"]), {})
        return [manifest for key in keys if (manifest := self.read(kind, key)) is not None]

    def require_owned(self, owner: Json, kind: str) -> list[Json]:
        """As `owned`, but raises ObjectGone if there are none."""
        found = self.owned(owner, kind)
        if not found:
            raise ObjectGone(f"{kind} of {owner['kind']} {owner['metadata']['name']}")
        return found

    def services_of(self, namespace: str, labels: Json) -> list[str]:
        """The keys of the Services that select pods with these labels."""
        known = self._selectors.get(namespace, {})
        return [key for key, selector in known.items() if selector.items() <= labels.items()]

    def create(self, manifest: Json) -> None:
        item = self.store.create(manifest["kind"], manifest)
        self._index(manifest["kind"], item.key, _DECODER.decode(item.body))

    def update(self, manifest: Json) -> None:
        """Write a new version of an object. Raises ObjectGone."""
        try:
            item = self.store.update(manifest["kind"], manifest)
        except StoreError as error:
            raise ObjectGone(str(error)) from error
        if manifest["kind"] == "Pod":
            report(self.recorder, self.store, "Pod", manifest, self.factory.now)
            if has_ended(manifest):
                self.ended[item.key] = None

    def delete(self, manifest: Json) -> None:
        """Delete an object. Raises ObjectGone."""
        kind, meta = manifest["kind"], manifest["metadata"]
        try:
            item = self.store.delete(kind, manifest)
        except StoreError as error:
            raise ObjectGone(str(error)) from error
        for owner in meta.get("ownerReferences", ()):
            self._disown((kind, owner["uid"]), item.key)
        if kind == "Pod":
            self.ended.pop(item.key, None)
        if kind == "Service":
            self._selectors.get(meta["namespace"], {}).pop(item.key, None)

    def _disown(self, owner: tuple[str, str], key: str) -> None:
        keys = self._owned.get(owner, {})
        keys.pop(key, None)
        if not keys:
            self._owned.pop(owner, None)

    def _index(self, kind: str, key: str, fields: _IndexedFields) -> None:
        for owner in fields.metadata.ownerReferences:
            self._owned.setdefault((kind, owner.uid), {})[key] = None
        if kind == "Pod" and fields.status.phase in ENDED and not key.startswith(INCIDENT):
            self.ended[key] = None
        if kind == "Service" and fields.spec.selector:
            self._selectors.setdefault(fields.metadata.namespace, {})[key] = fields.spec.selector


def key_of(manifest: Json) -> str:
    """The key of a namespaced object in the store."""
    return f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"


_TRIES = 12


@dataclass(frozen=True)
class ScenarioRun:
    """A scenario about to run. scopes: the objects that it locks; each is in one scenario at a time."""

    scopes: tuple[str, ...]
    process: Process


#: Picks an object and returns a run; None if no object fits at the moment.
Scenario = Callable[[World], ScenarioRun | None]


def pick(world: World, kind: str, suits: Callable[[Json], bool]) -> Json | None:
    """A random object of a kind that fits; None if a few attempts found none."""
    for _ in range(_TRIES):
        found = world.pick(kind)
        if found is not None and suits(found):
            return found
    return None


def scope_of(manifest: Json) -> str:
    return f"{manifest['kind']}/{key_of(manifest)}"


def is_healthy(workload: Json) -> bool:
    """Whether a workload has all its replicas ready."""
    wanted = workload["spec"].get("replicas", 0)
    return bool(wanted) and workload["status"].get("readyReplicas", 0) == wanted
