"""All that is said of a graph, as plain values: as it is served, and as it must be."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.graph import Graph
from tests.support.oracle import Expected


def summarize_expected(expected: Expected) -> dict[str, Any]:
    nodes = {}
    for uid, facts in expected.nodes.items():
        status, release = expected.status(uid), expected.releases[uid]
        nodes[uid] = {
            "node": f"{facts.kind} {facts.namespace}/{facts.name}",
            "status": [status.level, status.reason, status.message, status.since],
            "release": f"{release.namespace}/{release.name}" if release else "",
            "chart": expected.charts[uid],
            "metadata": {**facts.metadata, **(expected.extra(uid) or {})},
            "unresolved": [link.field for link in expected.unresolved[uid]],
        }
    edges = {" ".join(key): sorted(field) for key, field in expected.edges.items()}
    releases = {f"{r.namespace}/{r.name}": list(entry) for r, entry in expected.revisions().items()}
    return {"nodes": nodes, "edges": edges, "releases": releases}


def summarize(graph: Graph) -> dict[str, Any]:
    nodes = {}
    for uid, node in graph.nodes.items():
        document = node.document()
        nodes[uid] = {
            "node": f"{node.kind} {node.namespace}/{node.name}",
            "status": [node.status, document["reason"], document.get("message", ""), document.get("since")],
            "release": f"{node.release_namespace}/{node.release}" if node.release else "",
            "chart": node.chart,
            "metadata": document["metadata"],
            "unresolved": [entry["field"] for entry in document.get("unresolved", [])],
        }
    edges = {" ".join(edge.key): sorted(edge.field) for edge in graph.edges()}
    releases = {f"{r.namespace}/{r.name}": [e.revision, e.status] for r, e in graph.releases.items()}
    return {"nodes": nodes, "edges": edges, "releases": releases}
