"""`/api/v1/unresolved`: references to objects that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import Any

from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.http.answers.resource import identity
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.shared import array, stretches
from astrolabe.http.rest.documents import kept
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot

#: Nodes whose references are read in one step.
STEP = 100

#: What is missing: edge type, kind, namespace, name.
_Missing = tuple[str, str, str, str]


def unresolved(hub: Hub, _: QueryParams, snapshot: ViewSnapshot | None) -> Iterator[str]:
    """Every unresolved reference, with the node that holds it.

    A workload does not repeat what its Pods report: the template names the same missing object.
    """
    return _unresolved(hub.graph, kept(hub, snapshot))


def _unresolved(graph: ServedGraph, nodes: list[Node]) -> Iterator[str]:
    found: list[list[Node]] = []
    for stretch in stretches(nodes):
        found.append(sorted([node for node in stretch if node.unresolved], key=_order))
        yield ""
    holders = list(merge(*found, key=_order))
    below: dict[str, set[_Missing]] = {}
    for number, node in enumerate(holders):
        if number % STEP == 0:
            yield ""
        _note(graph, node, below)
    yield from array(
        {**identity(node), "reference": reference}
        for node in holders
        for reference in _references(node)
        if _missing(reference) not in below.get(node.uid, ())
    )


def _note(graph: ServedGraph, node: Node, below: dict[str, set[_Missing]]) -> None:
    """Note what the node lacks for everything that owns it, directly or not."""
    missing: list[_Missing] = []
    rising, seen = [node.uid], {node.uid}
    while rising:
        uid = rising.pop()
        for edge in graph.incoming(uid):
            if edge.type == OWNS and edge.source not in seen:
                missing = missing or [_missing(reference) for reference in _references(node)]
                below.setdefault(edge.source, set()).update(missing)
                seen.add(edge.source)
                rising.append(edge.source)


def _references(node: Node) -> list[dict[str, Any]]:
    references: list[dict[str, Any]] = node.document()["unresolved"]
    return references


def _missing(reference: dict[str, Any]) -> _Missing:
    return reference["type"], reference["kind"], reference.get("namespace", ""), reference["name"]


def _order(node: Node) -> tuple[str, str, str]:
    return node.namespace, node.kind, node.name
