"""`/api/v1/resources`: a flat list in the format that existing clients read."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from typing import Any

from astrolabe.age import age
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.shared import array
from astrolabe.http.rest.documents import kept
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot

#: Keys of a node's metadata that a resource has, too, if the node has them.
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


def resources(hub: Hub, _: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
    """The filtered nodes as resources, with their current age."""
    now = time()
    return array(resource(node.document(), now) for node in kept(hub, snapshot))


def resource(document: dict[str, Any], now: float) -> dict[str, Any]:
    """The resource of a node's document. now: seconds since 1970."""
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
    if "cluster" in document:
        shown["cluster"] = document["cluster"]
    if "ownerReferences" in document:
        shown["ownerReferences"] = document["ownerReferences"]
    return shown
