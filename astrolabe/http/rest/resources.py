"""`/api/v1/resources`: the flat shape that existing clients read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from time import time
from typing import Any

from astrolabe.http.query import Question
from astrolabe.http.responses.json import array
from astrolabe.http.rest.documents import kept
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import Snapshot

#: Keys of a node's metadata that stand in a resource, where the node has them.
METADATA = (
    "image",
    "nodeName",
    "restartCount",
    "replicas",
    "volumeName",
    "claimRef",
    "targetPods",
    "mountedPVCs",
    "usedConfigMaps",
    "usedSecrets",
    "serviceAccountName",
)


def resources(hub: Hub, _: Question, taken: Snapshot | None) -> Iterator[str]:
    """The filtered nodes as resources, with their age as it is now."""
    now = time()
    return array(resource(node.document(), now) for node in kept(hub, taken))


def resource(document: dict[str, Any], now: float) -> dict[str, Any]:
    """The resource that a node's document shows at this time (seconds since 1970)."""
    metadata = document["metadata"]
    created = metadata.get("creationTimestamp", "")
    shown = {
        "uid": document["uid"],
        "name": document["name"],
        "namespace": document.get("namespace", ""),
        "kind": document["kind"],
        "apiVersion": document["apiVersion"],
        "status": document["status"],
        "reason": document["reason"],
        "message": document.get("message", ""),
        "chart": document.get("chart", ""),
        "release": document.get("release", ""),
        "age": age(created, now),
        "creationTimestamp": created,
    }
    shown.update({key: metadata[key] for key in METADATA if key in metadata})
    if "ownerReferences" in document:
        shown["ownerReferences"] = document["ownerReferences"]
    return shown


def age(created: str, now: float) -> str:
    """The time since an RFC 3339 time in its largest unit, as kubectl shows it; "" when it is none.

    >>> age("2026-01-01T00:00:00Z", 1767225600 + 3 * 3600 + 59)
    '3h'
    """
    try:
        seconds = int(now - datetime.fromisoformat(created).timestamp())
    except ValueError:
        return ""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{max(seconds, 0)}s"
