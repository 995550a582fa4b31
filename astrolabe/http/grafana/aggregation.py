"""What one node of the drawing represents: a resource, a workload, a release, a namespace, a kind, or a
cluster. Each of these is of one cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from itertools import chain
from math import inf
from typing import Literal, get_args

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.identity import NAMESPACE, qualified
from astrolabe.graph.state.node import Node
from astrolabe.http.grafana.subgraph import STEP, Subgraph

#: From the finest to the coarsest. Nodes with the same key are drawn as one.
Aggregation = Literal["resource", "workload", "release", "namespace", "kind", "cluster"]
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)

#: To a finer aggregation than before only with this much room, so that it does not go to and fro at the
#: limit.
ROOM = 0.8
#: The depth of owners, more than Kubernetes has: it ends cycles.
HIGHEST = 8


def choose(
    part: Subgraph, *, limit: int, current: Aggregation
) -> Generator[None, None, tuple[Aggregation, Sequence[str], dict[str, Node]]]:
    """The finest aggregation at which there are at most `limit` keys, the key of each node of the part, and
    the topmost owner of each; in steps. Kinds, which are few, are drawn whatever the limit; where there are
    several clusters, these are.

    current: the aggregation at which the same was drawn before.
    """
    if len(part.nodes) <= _bound("resource", limit, current):
        return "resource", [node.uid for node in part.nodes], {node.uid: node for node in part.nodes}
    roots = yield from find_roots(part)
    last = "cluster" if part.nodes[0].cluster else "kind"
    for aggregation in AGGREGATIONS[1:]:
        most = inf if aggregation == last else _bound(aggregation, limit, current)
        keys = yield from _keys(part.nodes, roots, _KEYS[aggregation], most)
        if keys is not None:
            return aggregation, keys, roots
    raise AssertionError("the last aggregation has no limit")


def find_roots(part: Subgraph) -> Generator[None, None, dict[str, Node]]:
    """The topmost owner of each node, by the node's uid, within its namespace. It may be the node itself."""
    nodes = dict(part.outside)
    for begin in range(0, len(part.nodes), STEP):
        yield
        nodes.update([(node.uid, node) for node in part.nodes[begin : begin + STEP]])
    owners: dict[str, Edge] = {}
    for count, edge in enumerate(chain(part.edges, part.owning)):
        if count % STEP == 0:
            yield
        target = nodes[edge.target]
        if part.belongs(edge, target) and nodes[edge.source].namespace == target.namespace:
            known = owners.get(edge.target)
            if known is None or (edge.field, edge.source) < (known.field, known.source):
                owners[edge.target] = edge
    roots: dict[str, Node] = {}
    for count, node in enumerate(part.nodes):
        if count % STEP == 0:
            yield
        roots[node.uid] = nodes[_climb(node.uid, owners)]
    return roots


def _climb(uid: str, owners: dict[str, Edge]) -> str:
    for _ in range(HIGHEST):
        edge = owners.get(uid)
        if edge is None:
            break
        uid = edge.source
    return uid


def _keys(
    nodes: Sequence[Node], roots: dict[str, Node], key: Callable[[Node, Node], str], most: float
) -> Generator[None, None, list[str] | None]:
    """The key of each node; None if there are more than `most` different keys."""
    keys: list[str] = []
    different: set[str] = set()
    for begin in range(0, len(nodes), STEP):
        yield
        some = [key(node, roots[node.uid]) for node in nodes[begin : begin + STEP]]
        different.update(some)
        if len(different) > most:
            return None
        keys += some
    return keys


def _bound(aggregation: Aggregation, limit: int, current: Aggregation) -> float:
    return limit if AGGREGATIONS.index(aggregation) >= AGGREGATIONS.index(current) else ROOM * limit


def _by_workload(_: Node, root: Node) -> str:
    return root.uid


def _by_release(node: Node, root: Node) -> str:
    if not node.release:
        return root.uid
    return f"release:{qualified(node.cluster, f'{node.release_namespace}/{node.release}')}"


def _by_namespace(node: Node, root: Node) -> str:
    namespace = node.name if node.kind == NAMESPACE else node.namespace
    return f"namespace:{qualified(node.cluster, namespace)}" if namespace else _by_kind(node, root)


def _by_kind(node: Node, _: Node) -> str:
    return f"kind:{qualified(node.cluster, node.kind)}"


def _by_cluster(node: Node, _: Node) -> str:
    return f"cluster:{node.cluster}"


_KEYS: dict[Aggregation, Callable[[Node, Node], str]] = {
    "workload": _by_workload,
    "release": _by_release,
    "namespace": _by_namespace,
    "kind": _by_kind,
    "cluster": _by_cluster,
}
