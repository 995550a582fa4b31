"""Two responses that a panel reads as one.

The Infinity plugin sends two requests, for nodes and for edges, and an edge without its end crashes the
panel. So the edges of a response lead only to nodes that the response before it had, too, and a node stays
one response longer than its edges. Then nodes and edges may come from either of two responses, in any order.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import msgspec

from astrolabe.http.grafana.rows import Row
from astrolabe.http.grafana.subgraph import STEP


class Rows(msgspec.Struct, frozen=True):
    """The rows of one response. complete: whether they are exactly the current drawing."""

    nodes: Sequence[Row]
    edges: Sequence[Row]
    complete: bool = True


def overlap(before: Rows, now: Rows) -> Generator[None, None, Rows]:
    """The rows of a response that may be read together with `before`, in steps."""
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
