"""Event: what of it is read, from both of its API groups. Events are no nodes, so this is no entry of the
catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from sys import intern
from typing import Any

import msgspec

from astrolabe.graph.state.identity import GroupKind
from astrolabe.graph.state.object_event import LONGEST_EVENT_MESSAGE, WARNING, ObjectEvent
from astrolabe.kinds.common import LONGEST_TIME, shortened
from astrolabe.kinds.manifest import LONGEST_NAME, Manifest, Projection
from astrolabe.kinds.watched import EventReader


class EventTarget(Projection):
    """core/v1 ObjectReference."""

    uid: str = ""


class EventSeries(Projection):
    count: int = 0
    last_observed_time: str | None = None


class EventSource(Projection):
    component: str = ""


class EventManifest(Manifest):
    """Event of events.k8s.io/v1 and of core/v1 at once: a field has a name in either or in both.

    Recorders of events.k8s.io set eventTime and series, older ones the timestamps and the count, which
    events.k8s.io shows as `deprecated...`.
    """

    type: str = ""
    reason: str = ""
    note: str = ""
    message: str = ""
    regarding: EventTarget | None = None
    involved_object: EventTarget | None = None
    series: EventSeries | None = None
    event_time: str | None = None
    count: int = 0
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    deprecated_count: int = 0
    deprecated_first_timestamp: str | None = None
    deprecated_last_timestamp: str | None = None
    reporting_controller: str = ""
    reporting_component: str = ""
    source: EventSource | None = None
    deprecated_source: EventSource | None = None


def read_event(event: EventManifest) -> ObjectEvent | None:
    """The Event of a manifest. None if it does not say by uid which object it regards."""
    target = event.regarding or event.involved_object
    if target is None or not target.uid:
        return None
    meta, series = event.metadata, event.series or EventSeries()
    old_source = event.source or event.deprecated_source or EventSource()
    source = event.reporting_controller or event.reporting_component or old_source.component
    began = (event.first_timestamp, event.deprecated_first_timestamp, event.event_time)
    seen = (series.last_observed_time, event.last_timestamp, event.deprecated_last_timestamp)
    first = min(_times(began), default="") or min(_times((meta.creation_timestamp,)), default="")
    return ObjectEvent(
        uid=meta.uid,
        namespace=intern(meta.namespace),
        regarding=shortened(target.uid, LONGEST_NAME),
        type=intern(event.type),
        reason=intern(shortened(event.reason, LONGEST_NAME)),
        message=shortened(event.note or event.message, LONGEST_EVENT_MESSAGE),
        source=intern(shortened(source, LONGEST_NAME)),
        count=max(1, series.count, event.count, event.deprecated_count),
        first=first,
        last=max((first, *_times(seen))),
    )


def _times(times: Iterable[str | None]) -> Iterable[str]:
    """Those that there are, to the second. The API writes them in UTC, some with microseconds."""
    for time in times:
        if time and len(time) <= LONGEST_TIME:
            yield f"{time[:19]}Z"


@dataclass(frozen=True, kw_only=True, eq=False)
class EventEntry:
    """Where Events are listed and watched, and how. Implements `kinds.watched.WatchedKind`.

    warnings_only: whether Normal ones are left out.
    """

    group: str
    version: str = "v1"
    warnings_only: bool = True
    name: str = "Event"
    plural: str = "events"
    metadata_only: bool = False

    @property
    def id(self) -> GroupKind:
        """Its identity."""
        return GroupKind(self.group, self.name)

    @property
    def key(self) -> str:
        """Its identity as one word, which is the same for both groups."""
        return self.id.key

    @property
    def path(self) -> str:
        """The API path of the collection over all namespaces."""
        return f"{self._root}/{self.plural}"

    def path_in(self, namespace: str) -> str:
        """The API path of the collection in one namespace."""
        return f"{self._root}/namespaces/{namespace}/{self.plural}"

    @property
    def _root(self) -> str:
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    @property
    def field_selector(self) -> str:
        """What the API server filters by, if it can."""
        return f"type={WARNING}" if self.warnings_only else ""

    @property
    def alternative(self) -> EventEntry | None:
        """Where to ask if this is not served or not permitted."""
        return replace(self, group="") if self.group else None

    @property
    def api_version(self) -> str:
        """`v1`, `events.k8s.io/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def event_decoder(self) -> msgspec.json.Decoder[Any]:
        """Decodes one line of a watch; see `Kind.event_decoder`."""
        line = msgspec.defstruct("EventLine", [("type", str), ("object", EventManifest)], gc=False)
        return msgspec.json.Decoder(line)

    def event_reader(self) -> EventReader:
        """See `WatchedKind`: it remembers nothing."""
        return self.event_decoder

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[EventManifest]:
        """Decodes one manifest."""
        return msgspec.json.Decoder(EventManifest)

    def facts(self, manifest: EventManifest) -> ObjectEvent | None:
        """The Event; None for one that is left out."""
        if self.warnings_only and manifest.type != WARNING:
            return None
        return read_event(manifest)


#: How to watch Warnings, and all Events.
WARNING_EVENTS = EventEntry(group="events.k8s.io")
ALL_EVENTS = EventEntry(group="events.k8s.io", warnings_only=False)
#: Both places in the API where Events are served.
EVENT_ENTRIES = (WARNING_EVENTS, replace(WARNING_EVENTS, group=""))
#: The kind in messages from the watches, in `/health` and in metrics.
EVENT = WARNING_EVENTS.key
