"""Events of the simulated cluster: their form in two API groups, a recorder, and their expiry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from astrolabe.graph.state.object_event import NORMAL, WARNING
from astrolabe.kinds.event import EVENT
from astrolabe.kinds.kind import Kind
from astrolabe.sim.store import Item, ObjectStore

Json = dict[str, Any]

#: Seconds after its last change at which an API server deletes an Event (`--event-ttl`).
TTL = 3600.0

_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "count": "deprecatedCount",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "source": "deprecatedSource",
    "reportingComponent": "reportingController",
}


def as_new(item: Item) -> Item:
    """An Event of the core group as events.k8s.io/v1 shows it."""
    start, manifest = item.body[: item.meta_end], msgspec.json.decode(item.body)
    del manifest["metadata"]
    rest = msgspec.json.encode({_NAMES.get(key, key): value for key, value in manifest.items()})
    return Item(item.key, item.revision, start + (b"," + rest[1:] if manifest else b"}"), item.meta_end)


class EventRecorder:
    """Emits Events like client-go's recorder: a repetition increments the count of the existing Event.

    store: nothing is emitted if it serves neither Events nor the kind of the object.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        #: (uid of the object, type, reason, message) → namespace and name of the Event.
        self._names: dict[tuple[str, str, str, str], tuple[str, str]] = {}

    def warn(self, kind: Kind[Any], object: Json, reason: str, message: str, **more: Any) -> None:
        """Emit a Warning. See `emit`."""
        self.emit(kind, object, WARNING, reason, message, **more)

    def note(self, kind: Kind[Any], object: Json, reason: str, message: str, **more: Any) -> None:
        """Emit a Normal Event. See `emit`."""
        self.emit(kind, object, NORMAL, reason, message, **more)

    def emit(
        self,
        kind: Kind[Any],
        object: Json,
        type: str,
        reason: str,
        message: str,
        *,
        source: str,
        now: datetime,
        times: int = 1,
    ) -> None:
        """Emit an Event about an object. source: the component. times: how often it has happened."""
        if EVENT not in self._store.collections:
            return
        meta, at = object["metadata"], now.strftime("%Y-%m-%dT%H:%M:%SZ")
        key = (meta["uid"], type, reason, message)
        known = self._names.get(key)
        before = self._store.get(EVENT, *known) if known is not None else None
        if before is not None:
            before.update(count=before["count"] + times, lastTimestamp=at)
            self._store.update(EVENT, before)
            return
        namespace = meta.get("namespace", "default")
        name = f"{meta['name']}.{self._store.revision:016x}"
        self._names[key] = namespace, name
        target = {
            "kind": kind.name,
            "namespace": meta.get("namespace"),
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": kind.api_version,
        }
        manifest = {
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at},
            "involvedObject": {field: value for field, value in target.items() if value},
            "reason": reason,
            "message": message,
            "source": {"component": source},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": times,
            "type": type,
            "eventTime": None,
            "reportingComponent": source,
            "reportingInstance": "",
        }
        self._store.create(EVENT, manifest)

    def expire(self, now: datetime, ttl: float = TTL) -> int:
        """Delete the Events that were last seen more than `ttl` seconds ago. Returns how many."""
        if EVENT not in self._store.collections:
            return 0
        oldest = (now - timedelta(seconds=ttl)).strftime("%Y-%m-%dT%H:%M:%SZ")
        old = [event for event in self._store.manifests(EVENT) if seen_at(event) < oldest]
        for event in old:
            self._store.delete(EVENT, event)
        names = {(event["metadata"]["namespace"], event["metadata"]["name"]) for event in old}
        self._names = {key: name for key, name in self._names.items() if name not in names}
        return len(old)


def seen_at(event: Mapping[str, Any]) -> str:
    """When an Event was last seen."""
    series = event.get("series") or {}
    seen: str = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"]["creationTimestamp"]
    )
    return seen


def of_the_core_group(event: Json) -> Json:
    """An Event of events.k8s.io/v1 as it is stored."""
    names = {new: old for old, new in _NAMES.items()}
    return {names.get(key, key): value for key, value in event.items()}
