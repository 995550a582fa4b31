"""One resource with everything that it is linked to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.responses.shared import array


def detail(graph: ServedGraph, node: Node) -> Iterator[str]:
    """The document of a node with its edges in this graph."""
    nodes = graph.nodes
    head = encode({"epoch": graph.epoch, "seq": graph.seq, "node": node.document()})[:-1]
    tail = encode({"unresolved": node.document().get("unresolved", [])})[1:]
    out = [(edge, nodes[edge.target]) for edge in graph.outgoing(node.uid)]
    into = [(edge, nodes[edge.source]) for edge in graph.incoming(node.uid)]
    return chain(
        (f'{head},"edges":{{"out":',),
        array(_edge(edge, other) for edge, other in out),
        (',"in":',),
        array(_edge(edge, other) for edge, other in into),
        (f"}},{tail}",),
    )


def events_json(events: Sequence[ObjectEvent]) -> str:
    """The Events about a resource as JSON, without what the resource says."""
    shown: list[dict[str, Any]] = [
        {
            "type": event.type,
            "reason": event.reason,
            "message": event.message,
            "count": event.count,
            "first": event.first,
            "last": event.last,
            "source": event.source,
        }
        for event in events
    ]
    return f"[{','.join(map(encode, shown))}]"


def identity(node: Node) -> dict[str, str]:
    """The name and status of a node."""
    return {
        "uid": node.uid,
        "kind": node.kind,
        "namespace": node.namespace,
        "name": node.name,
        **({"cluster": node.cluster} if node.cluster else {}),
        "status": node.status,
    }


def _edge(edge: Edge, other: Node) -> dict[str, Any]:
    return {
        "type": edge.type,
        "from": edge.source,
        "to": edge.target,
        "field": edge.field,
        "other": identity(other),
    }
