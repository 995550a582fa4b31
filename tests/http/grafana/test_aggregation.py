"""How much is drawn as one."""

from typing import Any

import msgspec
import pytest

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import ENDPOINTS, OWNS
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.http.grafana.aggregation import Aggregation, choose, find_roots
from astrolabe.http.grafana.subgraph import Subgraph, gather
from tests.support.kinds import CATALOGUE
from tests.support.steps import finish
from tests.support.worlds import only, shop


def a_node(uid: str, kind: str, namespace: str = "shop", release: str = "") -> Node:
    return Node(
        uid=uid,
        kind=kind,
        name=uid,
        namespace=namespace,
        status="Ready",
        release=release,
        release_namespace=namespace if release else "",
        chart="",
        unresolved=False,
        text="",
    )


def owns(source: str, target: str, field: str = "metadata.ownerReferences[0].uid") -> Edge:
    return Edge(OWNS, source, target, (field,))


#: Two releases in two namespaces, a node of the cluster, and a pod of nobody: twelve in all.
PART = Subgraph(
    nodes=[
        a_node("web", "Deployment", release="front"),
        a_node("web-1", "ReplicaSet", release="front"),
        *[a_node(f"web-1-{number}", "Pod", release="front") for number in range(3)],
        a_node("db", "StatefulSet", release="front"),
        a_node("db-0", "Pod", release="front"),
        a_node("worker", "Deployment", "jobs", release="back"),
        a_node("lone", "Pod"),
        a_node("shop", "Namespace", ""),
        a_node("node-1", "Node", ""),
        a_node("node-2", "Node", ""),
    ],
    edges=[
        owns("web", "web-1"),
        *[owns("web-1", f"web-1-{number}") for number in range(3)],
        owns("db", "db-0"),
        owns("node-1", "lone"),  # of another scope: a mirror pod is none of a workload's
    ],
)

LIMITS: list[tuple[int, Aggregation, int]] = [
    (12, "resource", 12),
    (11, "workload", 7),
    (7, "workload", 7),
    (6, "release", 6),
    (5, "namespace", 3),
    (3, "namespace", 3),
    (2, "kind", 6),
]


@pytest.mark.parametrize(("limit", "aggregation", "count"), LIMITS)
def test_the_finest_level_that_keeps_the_limit_is_chosen(
    limit: int, aggregation: Aggregation, count: int
) -> None:
    chosen, keys, _ = finish(choose(PART, limit=limit, current="resource"))
    assert (chosen, len(set(keys)), len(keys)) == (aggregation, count, len(PART.nodes))


def test_grouped_nodes() -> None:
    _, keys, _ = finish(choose(PART, limit=7, current="resource"))
    assert dict(zip([node.uid for node in PART.nodes], keys, strict=True)) == {
        "web": "web",
        "web-1": "web",
        "web-1-0": "web",
        "web-1-1": "web",
        "web-1-2": "web",
        "db": "db",
        "db-0": "db",
        "worker": "worker",
        "lone": "lone",
        "shop": "shop",
        "node-1": "node-1",
        "node-2": "node-2",
    }
    _, keys, _ = finish(choose(PART, limit=6, current="resource"))
    assert sorted(set(keys)) == [
        "lone",
        "node-1",
        "node-2",
        "release:jobs/back",
        "release:shop/front",
        "shop",
    ]
    _, keys, _ = finish(choose(PART, limit=5, current="resource"))
    assert sorted(set(keys)) == ["kind:Node", "namespace:jobs", "namespace:shop"]


@pytest.mark.parametrize(("limit", "aggregation"), [(12, "workload"), (14, "workload"), (15, "resource")])
def test_a_finer_level_needs_headroom(limit: int, aggregation: Aggregation) -> None:
    chosen, _, _ = finish(choose(PART, limit=limit, current="workload"))
    assert chosen == aggregation


def test_owners_in_a_circle_end_somewhere() -> None:
    part = Subgraph(nodes=[a_node("a", "Pod"), a_node("b", "Pod")], edges=[owns("a", "b"), owns("b", "a")])
    assert set(finish(find_roots(part))) == {"a", "b"}


def test_the_first_of_several_owners_counts() -> None:
    nodes = [a_node(uid, "Pod") for uid in "abc"]
    edges = [owns("b", "c", "metadata.ownerReferences[1].uid"), owns("a", "c")]
    roots = finish(find_roots(Subgraph(nodes=nodes, edges=edges)))
    assert roots["c"].uid == "a"


def test_a_slice_is_grouped_with_its_service_without_its_pods() -> None:
    nodes = [a_node("web", "Service"), a_node("web-x", "EndpointSlice"), a_node("web-1", "Pod")]
    edges = [
        Edge(ENDPOINTS, "web", "web-x", ("label",)),
        Edge(ENDPOINTS, "web-x", "web-1", ("targetRef",), 1),
    ]
    roots = finish(
        find_roots(
            Subgraph(nodes=nodes, edges=edges, inherits={"EndpointSlice": frozenset((OWNS, ENDPOINTS))})
        )
    )
    assert {uid: root.uid for uid, root in roots.items()} == {"web": "web", "web-x": "web", "web-1": "web-1"}


async def test_a_filtered_graph_knows_owners_outside_the_filter() -> None:
    hub = shop().hub
    part = finish(gather(hub.graph, await hub.snapshot(only(kind="Pod")), CATALOGUE, whole=False))
    roots: dict[str, Any] = finish(find_roots(part))
    assert {uid: root.uid for uid, root in roots.items()} == {
        "pod-web-1-abc": "deployment-web",
        "pod-lone": "pod-lone",
    }
    assert sorted(part.outside) == ["deployment-web", "replicaset-web-1"]
    assert finish(gather(hub.graph, await hub.snapshot(EVERYTHING), CATALOGUE, whole=True)).outside == {}


def test_nothing_of_two_clusters_is_drawn_as_one() -> None:
    """They have the same releases, namespaces and kinds."""
    names = ("dev", "prod")
    nodes = [
        msgspec.structs.replace(node, uid=f"{name}/{node.uid}", cluster=name)
        for name in names
        for node in PART.nodes
    ]
    edges = [
        Edge(edge.type, f"{name}/{edge.source}", f"{name}/{edge.target}", edge.field)
        for name in names
        for edge in PART.edges
    ]
    part = Subgraph(nodes=nodes, edges=edges)
    for limit, aggregation, count in LIMITS[:-1]:
        level, keys, _ = finish(choose(part, limit=2 * limit, current=aggregation))
        assert (level, len(set(keys))) == (aggregation, 2 * count)
    level, keys, _ = finish(choose(part, limit=1, current="cluster"))
    assert (level, set(keys)) == ("cluster", {"cluster:dev", "cluster:prod"})
