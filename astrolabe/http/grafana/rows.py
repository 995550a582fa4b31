"""The rows of Grafana's node graph: flat objects with fixed keys; missing values are null.

What the panel makes of each: grafana.com/docs, "Node graph", "Data API".
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, PENDING, READY, SEVERITIES, UNKNOWN
from astrolabe.http.grafana.drawing import Drawing, DrawnGroup, DrawnLink
from astrolabe.http.grafana.subgraph import STEP
from astrolabe.kinds.kind import Layer

#: Grafana's colour for each status.
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


class PanelField(msgspec.Struct, frozen=True):
    """One column. type: `string` or `number`. title: as the panel shows it. color: of an arc."""

    name: str
    type: str
    title: str = ""
    color: str = ""


NODE_FIELDS = (
    PanelField("id", "string"),
    PanelField("title", "string", "Name"),
    PanelField("subTitle", "string", "Kind"),
    PanelField("mainStat", "string", "Reason"),
    PanelField("secondaryStat", "string", "Ready"),
    PanelField("color", "string"),
    PanelField("icon", "string"),
    PanelField("nodeRadius", "number"),
    *[PanelField(f"arc__{level.lower()}", "number", level, COLOURS[level]) for level in SEVERITIES],
    PanelField("detail__namespace", "string", "Namespace"),
    PanelField("detail__kind", "string", "Kind"),
    PanelField("detail__release", "string", "Release"),
    PanelField("detail__message", "string", "Message"),
    PanelField("detail__since", "string", "Since"),
    PanelField("detail__cluster", "string", "Cluster"),
    PanelField("fixedX", "number"),
    PanelField("fixedY", "number"),
)

EDGE_FIELDS = (
    PanelField("id", "string"),
    PanelField("source", "string"),
    PanelField("target", "string"),
    PanelField("mainStat", "string", "Type"),
    PanelField("color", "string"),
    PanelField("thickness", "number"),
    PanelField("strokeDasharray", "string"),
    PanelField("detail__type", "string", "Type"),
    PanelField("detail__field", "string", "Field"),
)

Row = dict[str, Any]


def node_row(group: DrawnGroup, position: tuple[int, int]) -> Row:
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
        **{f"arc__{level.lower()}": group.counts[level] / total for level in SEVERITIES},
        "detail__namespace": group.namespace or None,
        "detail__kind": group.what,
        "detail__release": group.release or None,
        "detail__message": message,
        "detail__since": worst.get("since"),
        "detail__cluster": group.cluster or None,
        "fixedX": position[0],
        "fixedY": position[1],
    }


def edge_row(link: DrawnLink, drawing: Drawing) -> Row:
    """One edge, in the colour of its target's status: the source depends on the target."""
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
    """Ready and desired replicas, or the number of restarts."""
    metadata = document["metadata"]
    replicas = metadata.get("replicas")
    if replicas is not None:
        return f"{replicas['ready']}/{replicas['desired']}"
    restarts = metadata.get("restartCount", 0)
    return f"{restarts} restarts" if restarts else None


def _trouble(status: str, reason: str) -> str | None:
    return None if status == READY else reason


class Rows(msgspec.Struct, frozen=True):
    """The rows of one response. complete: whether they are exactly the current drawing."""

    nodes: Sequence[Row]
    edges: Sequence[Row]
    complete: bool = True


def overlap(before: Rows, now: Rows) -> Generator[None, None, Rows]:
    """The rows of a response that may be read together with `before`, in steps.

    The Infinity plugin sends two requests, for nodes and for edges, and an edge without its end crashes the
    panel. So the edges of a response lead only to nodes that the response before it had, too, and a node
    stays one response longer than its edges. Then nodes and edges may come from either of two responses, in
    any order.
    """
    known = {node["id"] for node in before.nodes}
    needed: set[str] = set()
    for some in _stretches(before.edges):
        yield
        needed.update([end for edge in some for end in (edge["source"], edge["target"])])
    needed.difference_update([node["id"] for node in now.nodes])
    lingering = [node for node in before.nodes if node["id"] in needed]
    edges: list[Row] = []
    for some in _stretches(now.edges):
        yield
        edges += [edge for edge in some if edge["source"] in known and edge["target"] in known]
    complete = now.complete and not lingering and len(edges) == len(now.edges)
    return Rows(nodes=[*now.nodes, *lingering], edges=edges, complete=complete)


def _stretches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for begin in range(0, len(rows), STEP):
        yield rows[begin : begin + STEP]
