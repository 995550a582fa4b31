"""The served graph and the expected graph for a set of manifests, as documents that compare by ==."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.graph import selector as selectors
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.kinds.kind import Kind
from tests.support.kinds import KINDS
from tests.support.oracle import Expected

Json = dict[str, Any]

#: nodes: by uid. edges: "type from to" → fields, sorted. releases: "namespace/name" → [revision, status].
Summary = dict[str, dict[str, Any]]


def expect(
    manifests: Iterable[tuple[Kind[Any], Iterable[Json]]],
    label_selector: str = "",
    *,
    scopes: Mapping[str, Collection[str]] | None = None,
    kinds: Sequence[Kind[Any]] = KINDS,
) -> Summary:
    """What has to be served when these are all manifests, by kind.

    scopes: the namespaces in which each kind is watched; None: all kinds, everywhere. kinds: all that are
    watched.
    """
    listed = [
        kind.facts(kind.decoder.decode(msgspec.json.encode(item)))
        for kind, items in manifests
        for item in items
    ]
    roots = selectors.parse(label_selector) if label_selector else None
    synced = {kind.key: {""} for kind in kinds} if scopes is None else scopes
    expected = Expected(
        listed,
        [kind.rules for kind in kinds],
        roots=roots,
        synced={name: set(namespaces) for name, namespaces in synced.items()},
    )
    nodes = {}
    for uid, facts in expected.nodes.items():
        status, release = expected.status(uid), expected.releases[uid]
        nodes[uid] = {
            "node": f"{facts.kind.partition('.')[0]} {facts.namespace}/{facts.name}",
            "status": [status.severity, status.reason, status.message, status.since],
            "release": f"{release.namespace}/{release.name}" if release else "",
            "chart": expected.charts[uid],
            "metadata": {**facts.metadata, **(expected.extra(uid) or {})},
            "unresolved": [link.field for link in expected.unresolved[uid]],
        }
    edges = {" ".join(key): sorted(field) for key, field in expected.edges.items()}
    releases = {f"{r.namespace}/{r.name}": list(entry) for r, entry in expected.revisions().items()}
    return {"nodes": nodes, "edges": edges, "releases": releases}


def summarize(graph: ServedGraph) -> Summary:
    """A graph of the server."""
    releases = {f"{r.namespace}/{r.name}": [e.revision, e.status] for r, e in graph.releases.items()}
    return {
        "nodes": {uid: _node(node.document()) for uid, node in graph.nodes.items()},
        "edges": {" ".join(edge.key): sorted(edge.field) for edge in graph.edges()},
        "releases": releases,
    }


def summarize_answers(graph: Json, releases: Iterable[Json]) -> Summary:
    """What `/api/v1/graph` and `/api/v1/releases?detail=true` answer; of the latter what has a revision."""
    return {
        "nodes": {node["uid"]: _node(node) for node in graph["nodes"]},
        "edges": {f"{e['type']} {e['from']} {e['to']}": sorted(e["field"]) for e in graph["edges"]},
        "releases": {
            f"{release['namespace']}/{release['name']}": [release["revision"], release["status"]]
            for release in releases
            if release.get("revision") is not None
        },
    }


def _node(document: Mapping[str, Any]) -> Json:
    release = document.get("release")
    return {
        "node": f"{document['kind']} {document.get('namespace', '')}/{document['name']}",
        "status": [
            document["status"],
            document["reason"],
            document.get("message", ""),
            document.get("since"),
        ],
        "release": f"{document.get('releaseNamespace', '')}/{release}" if release else "",
        "chart": document.get("chart", ""),
        "metadata": document["metadata"],
        "unresolved": [entry["field"] for entry in document.get("unresolved", [])],
    }


def within(summary: Summary, namespaces: Collection[str]) -> Summary:
    """What is in these namespaces, these themselves, the edges of all that, and the releases of them that
    have resources."""
    nodes = {uid: node for uid, node in summary["nodes"].items() if _place(node["node"]) in namespaces}
    edges = {key: fields for key, fields in summary["edges"].items() if nodes.keys() & key.split()[1:]}
    named = {node["release"] for node in nodes.values()}
    releases = {name: entry for name, entry in summary["releases"].items() if name in named}
    return {"nodes": nodes, "edges": edges, "releases": releases}


def _place(node: str) -> str:
    """The namespace of a resource; a Namespace is in itself."""
    kind, _, path = node.partition(" ")
    namespace, _, name = path.partition("/")
    return name if kind == "Namespace" else namespace


def differences(found: Summary, expected: Summary) -> list[str]:
    """One line for each thing that is not as expected, for people."""
    lines = []
    for part in ("nodes", "edges", "releases"):
        for key in sorted(found[part].keys() | expected[part].keys()):
            one, other = found[part].get(key), expected[part].get(key)
            if one != other:
                lines.append(f"{part} {key}: served {one}, expected {other}")
    return lines
