"""The rows of Grafana's node graph: flat objects that always have the same keys, null where there is nothing.

What the panel makes of each: grafana.com/docs, "Node graph", "Data API".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, LEVELS, PENDING, READY, UNKNOWN
from astrolabe.http.grafana.drawing import Drawing, Group, Link
from astrolabe.kinds.kind import Layer

#: Of each status, as Grafana names its colours.
COLOURS: Mapping[str, str] = {READY: "green", PENDING: "yellow", ERROR: "red", UNKNOWN: "gray"}

#: Names of Grafana's icons.
ICONS: Mapping[Layer, str] = {
    "ingress": "globe",
    "service": "sitemap",
    "workload": "layer-group",
    "run": "process",
    "pod": "cube",
    "configuration": "file-alt",
    "storage": "database",
    "policy": "shield",
    "cluster": "cog",
}

#: Pixels; of one resource, and of the largest group.
RADIUS, LARGEST = 36, 56


class Field(msgspec.Struct, frozen=True):
    """One column. type: `string` or `number`. title: as the panel shows it. color: of an arc."""

    name: str
    type: str
    title: str = ""
    color: str = ""


NODE_FIELDS = (
    Field("id", "string"),
    Field("title", "string", "Name"),
    Field("subTitle", "string", "Kind"),
    Field("mainStat", "string", "Reason"),
    Field("secondaryStat", "string", "Ready"),
    Field("color", "string"),
    Field("icon", "string"),
    Field("nodeRadius", "number"),
    *[Field(f"arc__{level.lower()}", "number", level, COLOURS[level]) for level in LEVELS],
    Field("detail__namespace", "string", "Namespace"),
    Field("detail__kind", "string", "Kind"),
    Field("detail__release", "string", "Release"),
    Field("detail__message", "string", "Message"),
    Field("detail__since", "string", "Since"),
    Field("fixedX", "number"),
    Field("fixedY", "number"),
)

EDGE_FIELDS = (
    Field("id", "string"),
    Field("source", "string"),
    Field("target", "string"),
    Field("mainStat", "string", "Type"),
    Field("color", "string"),
    Field("thickness", "number"),
    Field("strokeDasharray", "string"),
    Field("detail__type", "string", "Type"),
    Field("detail__field", "string", "Field"),
)

Row = dict[str, Any]


def node_row(group: Group, position: tuple[int, int]) -> Row:
    """One node. position: its x and y in pixels."""
    worst = group.worst.document()
    total = group.counts.total()
    reason, message = worst["reason"], worst.get("message") or None
    single = group.single is not None
    if not single and message is not None:
        message = f"{group.worst.kind} {group.worst.name}: {message}"
    return {
        "id": group.id,
        "title": group.name,
        "subTitle": group.what if single else f"{group.what} of {total}",
        "mainStat": reason if single else f"{group.counts[READY]}/{total} ready",
        "secondaryStat": _replicas(worst) if single else _trouble(group.worst.status, reason),
        "color": COLOURS[group.worst.status],
        "icon": ICONS[group.layer],
        "nodeRadius": RADIUS if single else min(RADIUS + 4 + total // 5, LARGEST),
        **{f"arc__{level.lower()}": group.counts[level] / total for level in LEVELS},
        "detail__namespace": group.namespace or None,
        "detail__kind": group.what,
        "detail__release": group.release or None,
        "detail__message": message,
        "detail__since": worst.get("since"),
        "fixedX": position[0],
        "fixedY": position[1],
    }


def edge_row(link: Link, drawing: Drawing) -> Row:
    """One edge; it has the colour of what is wrong at its end: everything depends on what it points at."""
    end = drawing.groups[link.target].worst.status
    return {
        "id": link.id,
        "source": link.source,
        "target": link.target,
        "mainStat": link.type if link.count == 1 else f"{link.type} ×{link.count}",
        "color": None if end == READY else COLOURS[end],
        "thickness": min(link.count, 6),
        "strokeDasharray": None if link.type == OWNS else "6 3",
        "detail__type": link.type,
        "detail__field": ", ".join(link.field),
    }


def _replicas(document: Row) -> str | None:
    """What there is of what there should be, or how often its containers were restarted."""
    metadata = document["metadata"]
    replicas = metadata.get("replicas")
    if replicas is not None:
        return f"{replicas['ready']}/{replicas['desired']}"
    restarts = metadata.get("restartCount", 0)
    return f"{restarts} restarts" if restarts else None


def _trouble(status: str, reason: str) -> str | None:
    return None if status == READY else reason
