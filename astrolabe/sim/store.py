"""The objects of the simulated cluster: each kind with its versions and its event log.

One writer and many readers in one event loop. An object is stored as the JSON bytes of its newest version,
encoded once. Lists and watches join those bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from astrolabe.kinds.builtin import builtin_kinds
from astrolabe.kinds.custom.crd import CRDS
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.kind import Kind
from astrolabe.sim.definitions import defined_by, served_as
from astrolabe.sim.event_kinds import CORE_EVENT
from astrolabe.sim.sorted_keys import SortedKeys

Json = dict[str, Any]

#: The order in which a real server writes the fields of ObjectMeta (Go's struct order).
_META = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_ENVELOPE = ("kind", "apiVersion", "metadata")


class StoreError(ValueError):
    """A write that a real server would refuse: unknown kind, missing object, version out of order."""


class Expired(Exception):
    """The requested version was compacted. `oldest` is the oldest version from which a watch can start."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"compacted up to {oldest}")
        self.oldest = oldest


class Item(msgspec.Struct, frozen=True, gc=False):
    """One version of one object.

    key: `namespace/name`, or the name alone when cluster-scoped; the order of lists.
    body: `{"metadata":{...},"spec":...}`, without kind and apiVersion, as list items are sent.
    meta_end: `body[:meta_end] + b"}"` is the object with its metadata only.
    """

    key: str
    revision: int
    body: bytes
    meta_end: int


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One change. `previous` is what it replaced; None when it was created."""

    type: str
    revision: int
    item: Item
    previous: Item | None = None


_revision_of = attrgetter("revision")


class Collection:
    """The newest versions of all objects of one kind, and the log of their changes.

    items: by key. gone: whether the kind is no longer served, so that its watches end.
    listeners: called, in the loop, after each change and each compaction.
    """

    def __init__(self, kind: Kind[Any], *, history: int) -> None:
        self.kind = kind
        self.items: dict[str, Item] = {}
        self.gone = False
        self.listeners: set[Callable[[], None]] = set()
        self.newest = 0
        self.oldest = 0
        self._dropped = 0
        self._keys: SortedKeys | None = None
        self._log: list[WatchEvent] = []
        self._history = history

    def keys(self) -> SortedKeys:
        """The keys in list order. They are kept sorted from the first call on."""
        if self._keys is None:
            self._keys = SortedKeys(sorted(self.items))
        return self._keys

    def since(self, revision: int, *, live: bool = False) -> Sequence[WatchEvent]:
        """The events after a version. Raises Expired if it was compacted.

        live: for an open watch that has sent everything up to that version: compaction does not affect it.
        """
        if revision < (self._dropped if live else self.oldest):
            raise Expired(self.oldest)
        return self._log[bisect_right(self._log, revision, key=_revision_of) :]

    def at(self, revision: int) -> CollectionAt:
        """The collection as it was at a version. Raises Expired."""
        return CollectionAt(self, reversed(self.since(revision)))

    def record(self, event: WatchEvent) -> None:
        """Apply an event and notify the listeners."""
        key = event.item.key
        gone = event.type == "DELETED"
        if gone:
            del self.items[key]
        else:
            self.items[key] = event.item
        if self._keys is not None and (gone or event.previous is None):
            (self._keys.remove if gone else self._keys.add)(key)
        self.newest = event.revision
        self._log.append(event)
        if len(self._log) >= 2 * self._history:
            self._drop(len(self._log) - self._history)
        self._tell()

    def compact(self, revision: int) -> None:
        """Forget every version before `revision`. Requests for them raise Expired."""
        self._drop(bisect_right(self._log, revision, key=_revision_of))
        self.oldest = max(self.oldest, revision)
        self._tell()

    def end(self) -> None:
        """The kind is no longer served."""
        self.gone = True
        self._tell()

    def restore(self, revision: int) -> None:
        """Return to a version, without telling watches. Raises Expired."""
        for event in reversed(self.since(revision)):
            if event.previous is None:
                del self.items[event.item.key]
            else:
                self.items[event.item.key] = event.previous
        del self._log[bisect_right(self._log, revision, key=_revision_of) :]
        self.newest = min(self.newest, revision)
        self._keys = None

    def _drop(self, count: int) -> None:
        if count:
            self._dropped = self._log[count - 1].revision
            self.oldest = max(self.oldest, self._dropped)
            del self._log[:count]

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()


class CollectionAt:
    """A collection at one version: the current objects with later events undone."""

    def __init__(self, collection: Collection, undone: Iterable[WatchEvent]) -> None:
        self._items = collection.items
        self._before: dict[str, Item | None] = {event.item.key: event.previous for event in undone}
        self.keys = collection.keys()
        if self._before:
            self.keys = self.keys.changed({key: item is not None for key, item in self._before.items()})

    def __getitem__(self, key: str) -> Item:
        item = self._before.get(key)
        return item if item is not None else self._items[key]


class ObjectStore:
    """All collections, with one growing resourceVersion, as in etcd.

    kinds: kinds to serve; by default all built-in ones. history: events that each kind keeps at least; older
        ones are compacted.
    clock: gives the creationTimestamp for manifests without one.
    """

    def __init__(
        self,
        kinds: Iterable[Kind[Any]] | None = None,
        *,
        history: int = 10_000,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        served = (*builtin_kinds(), CORE_EVENT) if kinds is None else kinds
        self._history = history
        self.collections = {kind.key: Collection(kind, history=history) for kind in served}
        #: How often definitions have changed what is served.
        self.served_version = 0
        self._definitions: dict[str, Definition] = {}
        self._clock = clock or (lambda: datetime.now(UTC))
        self._newest = 0
        self._settled = 0

    @property
    def kinds(self) -> list[Kind[Any]]:
        """The kinds that are served, in each of their versions."""
        served: list[Kind[Any]] = []
        for key, collection in self.collections.items():
            definition = self._definitions.get(key)
            served += (collection.kind,) if definition is None else served_as(definition)
        return served

    def define(self, manifest: Json) -> Item:
        """Create or update a CustomResourceDefinition: see `definitions.crd`. Its kind is served from now on.

        Existing objects stay. Raises StoreError.
        """
        name = manifest["metadata"]["name"]
        if CRDS.key not in self.collections:
            self.collections[CRDS.key] = Collection(CRDS, history=self._history)
        known = self.get(CRDS.key, "", name)
        if known is None:
            item = self.create(CRDS.key, manifest)
        else:
            known["metadata"].pop("resourceVersion")
            item = self.update(CRDS.key, {**manifest, "metadata": known["metadata"] | manifest["metadata"]})
        definition = defined_by(manifest)
        if definition is not None:
            self._serve(definition)
        return item

    def undefine(self, name: str) -> None:
        """Delete a CustomResourceDefinition with all objects of its kind. Raises StoreError."""
        manifest = self.get(CRDS.key, "", name)
        if manifest is None:
            raise StoreError(f"definition {name!r} does not exist")
        definition = defined_by(manifest)
        if definition is not None:
            for object in list(self.manifests(definition.id.key)):
                self.delete(definition.id.key, object)
        self.delete(CRDS.key, manifest)
        if definition is not None:
            self._definitions.pop(definition.id.key)
            self.collections.pop(definition.id.key).end()
            self.served_version += 1

    def _serve(self, definition: Definition) -> None:
        key = definition.id.key
        collection = self.collections.get(key)
        if collection is not None and collection.kind.namespaced is not definition.namespaced:
            raise StoreError("the scope of a definition cannot change: delete it first")
        if collection is None:
            collection = Collection(served_as(definition)[0], history=self._history)
            # The history of an earlier definition of this kind is lost.
            collection.newest = collection.oldest = self._newest
            self.collections[key] = collection
        self._definitions[key] = definition
        self.served_version += 1

    @property
    def revision(self) -> int:
        """The newest version of any object."""
        return self._newest

    def revision_of(self, kind: str) -> int:
        """The version up to which a kind is complete. Its lists and bookmarks carry it.

        It is the newest version of all, except while a recording is replayed kind by kind (see `settle`).
        """
        return max(self.collection(kind).newest, self._settled)

    def settle(self, revision: int | None = None) -> None:
        """Declare every kind complete up to a version (default: the newest)."""
        self._settled = self._newest = max(self._newest, revision or 0)

    def collection(self, kind: str) -> Collection:
        """The collection of a kind by its name. Raises StoreError."""
        try:
            return self.collections[kind]
        except KeyError:
            raise StoreError(f"kind {kind!r} is not served") from None

    def create(self, kind: str, manifest: Json) -> Item:
        """Add an object. Fields that a server assigns are assigned if the manifest lacks them.

        Keeps a given resourceVersion that is newer than all others of the kind. Raises StoreError.
        """
        collection, key = self._locate(kind, manifest)
        if key in collection.items:
            raise StoreError(f"{kind} {key!r} already exists")
        return self._write(collection, key, manifest, "ADDED")

    def update(self, kind: str, manifest: Json) -> Item:
        """Replace an object. Keeps a resourceVersion newer than the stored one. Raises StoreError."""
        collection, key = self._locate(kind, manifest)
        if key not in collection.items:
            raise StoreError(f"{kind} {key!r} does not exist")
        return self._write(collection, key, manifest, "MODIFIED")

    def delete(self, kind: str, manifest: Json) -> Item:
        """Remove an object. As in etcd, the removal has its own version. Raises StoreError.

        The DELETED event carries `manifest` if that has a uid, otherwise the stored object.
        """
        collection, key = self._locate(kind, manifest)
        if key not in collection.items:
            raise StoreError(f"{kind} {key!r} does not exist")
        complete = "uid" in manifest["metadata"]
        last = manifest if complete else msgspec.json.decode(collection.items[key].body)
        return self._write(collection, key, last, "DELETED")

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """A copy of a manifest (without kind and apiVersion), or None."""
        item = self.collection(kind).items.get(_key(namespace, name))
        return msgspec.json.decode(item.body) if item is not None else None

    def manifests(self, kind: str) -> Iterator[Json]:
        """Copies of all manifests of a kind, in no particular order."""
        for item in list(self.collection(kind).items.values()):
            yield msgspec.json.decode(item.body)

    def compact(self, revision: int | None = None) -> None:
        """Forget all versions before `revision` (default: the newest) of every kind."""
        for name, collection in self.collections.items():
            newest = self.revision_of(name)
            collection.compact(newest if revision is None else min(revision, newest))

    def restore(self, revision: int) -> None:
        """Go back to a version, like an etcd that is restored from a backup. Raises Expired."""
        for collection in self.collections.values():
            collection.restore(revision)
        self._newest = self._settled = min(self._newest, revision)

    def _locate(self, kind: str, manifest: Json) -> tuple[Collection, str]:
        collection = self.collection(kind)
        meta = manifest["metadata"]
        namespace = meta.get("namespace", "")
        if bool(namespace) != collection.kind.namespaced:
            raise StoreError(f"{kind} {meta['name']!r} is {'' if namespace else 'not '}in a namespace")
        return collection, _key(namespace, meta["name"])

    def _write(self, collection: Collection, key: str, manifest: Json, type: str) -> Item:
        previous = collection.items.get(key)
        given = int(manifest["metadata"].get("resourceVersion") or 0)
        stored = previous.revision if previous else 0
        revision = self._given(collection, given) if given > stored else self._next()
        meta = self._complete(manifest, revision, collection.kind)
        item = _encode(key, revision, meta, manifest)
        collection.record(WatchEvent(type, revision, item, previous))
        return item

    def _next(self) -> int:
        self._newest += 1
        self._settled = self._newest
        return self._newest

    def _given(self, collection: Collection, revision: int) -> int:
        if revision <= collection.newest:
            raise StoreError(f"version {revision} of {collection.kind.key} is not after {collection.newest}")
        self._newest = max(self._newest, revision)
        return revision

    def _complete(self, manifest: Json, revision: int, kind: Kind[Any]) -> Json:
        """The metadata with all fields that a server assigns."""
        meta: Json = manifest["metadata"]
        version = str(revision)
        if meta.get("resourceVersion") == version and "uid" in meta and "creationTimestamp" in meta:
            return meta
        assigned = {
            "uid": str(uuid5(NAMESPACE_URL, f"{kind.path}/{meta.get('namespace')}/{meta['name']}/{version}")),
            "creationTimestamp": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if "spec" in manifest:
            assigned["generation"] = 1  # type: ignore[assignment]  # counts changes of the spec
        full = {**assigned, **meta, "resourceVersion": version}
        return {name: full.pop(name) for name in _META if name in full} | full


def _key(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _encode(key: str, revision: int, meta: Json, manifest: Json) -> Item:
    start = b'{"metadata":' + msgspec.json.encode(meta)
    rest = {name: value for name, value in manifest.items() if name not in _ENVELOPE}
    end = b"," + msgspec.json.encode(rest)[1:] if rest else b"}"
    return Item(key, revision, start + end, len(start))
