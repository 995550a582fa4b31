"""`/api/v1/resources`: the flat shape that existing clients read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from time import time
from typing import Any

from astrolabe.graph.graph import Graph
from astrolabe.graph.links import OWNS
from astrolabe.graph.node import Node
from astrolabe.http.bodies import array
from astrolabe.http.hub import Hub
from astrolabe.http.query import Question

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

_OWNER_FIELD = "metadata.ownerReferences"

Owners = list[dict[str, str]]


def resources(hub: Hub, question: Question) -> Iterator[str]:
    """The filtered nodes as resources, with their age as it is now."""
    found = [(node, owners_of(node, hub.graph)) for node in hub.view(question.filter).nodes()]
    now = time()
    return array(resource(node.document(), owners, now) for node, owners in found)


def owners_of(node: Node, graph: Graph) -> Owners:
    """What the node's ownerReferences name, as far as it is in the graph."""
    return [
        {"kind": graph.nodes[edge.source].kind, "name": graph.nodes[edge.source].name}
        for edge in graph.into(node.uid)
        if edge.type == OWNS and any(field.startswith(_OWNER_FIELD) for field in edge.field)
    ]


def resource(document: dict[str, Any], owners: Owners, now: float) -> dict[str, Any]:
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
    if owners:
        shown["ownerReferences"] = owners
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
