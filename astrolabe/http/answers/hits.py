"""The best hits of a search, and how many there are.

REST and agents give this answer.
"""

from __future__ import annotations

from heapq import nsmallest
from typing import Any

from astrolabe.graph.search.hits import hit_order
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter
from astrolabe.http.answers.resource import identity
from astrolabe.http.responses.shared import stretches
from astrolabe.http.source import GraphSource
from astrolabe.timeslice import Lane, in_slices


async def find_hits(source: GraphSource, filter: Filter, limit: int) -> dict[str, Any]:
    """`{"total","hits"}`: of what a filter keeps, the best first. Raises Refusal if too many are in use."""
    hub = source.hub
    nodes: list[Node] = (await hub.snapshot(filter)).nodes if filter else list(hub.graph.nodes.values())
    order, best = hit_order(filter.search), list[Node]()
    async for stretch in in_slices(stretches(nodes) if limit else (), Lane.ANSWER):
        best = nsmallest(limit, [*best, *stretch], key=order)
    return {"total": len(nodes), "hits": list(map(_hit, best))}


def _hit(node: Node) -> dict[str, object]:
    document = node.document()
    return {
        **identity(node),
        "reason": document["reason"],
        "message": document.get("message", ""),
        "release": node.release,
    }
