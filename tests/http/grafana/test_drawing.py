"""Whatever is drawn with whatever limit: nothing is left out, nothing dangles, and the limit holds."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import MOUNTS, OWNS, SELECTS
from astrolabe.graph.state.node import parse_node
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.http.grafana.aggregation import Aggregation
from astrolabe.http.grafana.drawing import draw
from astrolabe.http.grafana.rows import edge_row, node_row
from astrolabe.http.grafana.subgraph import Subgraph
from tests.support.steps import finish
from tests.support.worlds import KINDS

LEVEL: st.SearchStrategy[Aggregation] = st.sampled_from(
    ["resource", "workload", "release", "namespace", "kind"]
)


@st.composite
def parts(draw_one: st.DrawFn) -> Subgraph:
    """Some nodes of a few kinds, namespaces and releases, and edges between any of them."""
    nodes = []
    for number in range(draw_one(st.integers(1, 25))):
        kind = draw_one(st.sampled_from(sorted(KINDS)))
        namespace = "" if KINDS[kind][1] else draw_one(st.sampled_from(["a", "b"]))
        release = draw_one(st.sampled_from(["", "r", "s"]))
        document = {
            "uid": f"n{number}",
            "kind": kind,
            "name": f"n{number}",
            "namespace": namespace,
            "status": draw_one(st.sampled_from(SEVERITIES)),
            "reason": "",
            "release": release,
            "releaseNamespace": namespace if release else "",
            "metadata": {},
        }
        nodes.append(parse_node(encode(document)))
    uids = st.sampled_from([node.uid for node in nodes])
    ends = draw_one(st.sets(st.tuples(st.sampled_from([OWNS, SELECTS, MOUNTS]), uids, uids), max_size=40))
    return Subgraph(
        nodes=nodes, edges=[Edge(type, source, target, ("spec",)) for type, source, target in sorted(ends)]
    )


@given(parts(), st.integers(1, 30), LEVEL)
def test_drawings_are_complete_and_consistent(part: Subgraph, limit: int, current: Aggregation) -> None:
    drawing = finish(draw(part, limit=limit, current=current, layers={}))
    groups = drawing.groups
    assert len(groups) <= limit or drawing.aggregation == "kind"
    counted = sum([group.counts for group in groups.values()], Counter[str]())
    assert counted == Counter([node.status for node in part.nodes])
    rows = [node_row(group, (0, 0)) for group in groups.values()]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert sum([row[f"arc__{aggregation.lower()}"] for aggregation in SEVERITIES]) == pytest.approx(1)
    edges = [edge_row(link, drawing) for link in drawing.links]
    assert len({edge["id"] for edge in edges}) == len(edges)
    assert {end for edge in edges for end in (edge["source"], edge["target"])} <= set(groups)
    inside = sum([link.count for link in drawing.links])
    assert inside <= len(part.edges)
    assert drawing.aggregation != "resource" or inside == len([e for e in part.edges if e.source != e.target])
