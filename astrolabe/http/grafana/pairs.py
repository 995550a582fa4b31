"""Two answers that a panel reads as one.

Infinity asks twice, for the nodes and for the edges, and an edge whose end is missing crashes the panel.
So the edges of an answer lead only to nodes that the answer before it had already, and a node stays for
one answer longer than the edges to it: then the two may be of either, in either order.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from astrolabe.http.grafana.rows import Row


class Rows(msgspec.Struct, frozen=True):
    """The rows of one answer. complete: whether they are all that there is, and no more."""

    nodes: Sequence[Row]
    edges: Sequence[Row]
    complete: bool = True


def overlap(before: Rows, now: Rows) -> Rows:
    """What is answered so soon after `before` that it may be read together with it."""
    known = {node["id"] for node in before.nodes}
    present = {node["id"] for node in now.nodes}
    needed = {end for edge in before.edges for end in (edge["source"], edge["target"])}
    lingering = [node for node in before.nodes if node["id"] in needed - present]
    edges = [edge for edge in now.edges if edge["source"] in known and edge["target"] in known]
    complete = now.complete and not lingering and len(edges) == len(now.edges)
    return Rows(nodes=[*now.nodes, *lingering], edges=edges, complete=complete)
