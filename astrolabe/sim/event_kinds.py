"""The kind Event as the simulator serves it: one collection in two API groups.

A leaf, because the store, the encoder and the handler need it.
"""

from __future__ import annotations

from astrolabe.kinds.common import always_ready
from astrolabe.kinds.event import EVENT, EventManifest
from astrolabe.kinds.kind import Kind


def _kind(group: str) -> Kind[EventManifest]:
    return Kind(
        name=EVENT,
        group=group,
        version="v1",
        plural="events",
        layer="cluster",
        short_names=("ev",),
        manifest=EventManifest,
        status=always_ready,
    )


#: The kind in its two groups. Objects are stored as those of the core group.
CORE_EVENT = _kind("")
NEW_EVENT = _kind("events.k8s.io")
