"""The drawing: groups of nodes, and the links between groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from heapq import merge
from urllib.parse import quote

import msgspec

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import WORST_FIRST
from astrolabe.http.grafana.aggregation import Aggregation, choose
from astrolabe.http.grafana.subgraph import STEP, Subgraph
from astrolabe.kinds.kind import Layer


class DrawnGroup(msgspec.Struct, frozen=True):
    """One node of the drawing: one resource, or several.

    what: the kind of the resource or workload, or `Release`, `Namespace`, `All` (of one kind), `Cluster`.
    cluster: see `Node.cluster`.
    counts: members by status. worst: the member with the worst status.
    single: the resource, if the group is just that.
    """

    id: str
    what: str
    name: str
    namespace: str
    release: str
    layer: Layer
    counts: Counter[str]
    worst: Node
    single: Node | None = None
    cluster: str = ""


class DrawnLink(msgspec.Struct):
    """Edges of one type between two groups. field: of the first edge. count: the number of edges."""

    type: str
    source: str
    target: str
    field: tuple[str, ...]
    count: int = 0

    @property
    def id(self) -> str:
        """Grafana makes `url(#…<id>)` from it, for the arrowhead. Nothing in it may end a URL."""
        return quote(f"{self.type}:{self.source}:{self.target}", safe=":/")


class Drawing(msgspec.Struct, frozen=True):
    """aggregation: what is drawn as one node. groups: by id, in the order of layers and names."""

    aggregation: Aggregation
    groups: dict[str, DrawnGroup]
    links: list[DrawnLink]


def draw(
    part: Subgraph, *, limit: int, current: Aggregation, layers: Mapping[str, Layer]
) -> Generator[None, None, Drawing]:
    """Draw a subgraph with at most `limit` groups, in steps.

    current: the aggregation of the drawing before. layers: of each kind.
    """
    aggregation, keys, roots = yield from choose(part, limit=limit, current=current)
    members: dict[str, list[Node]] = {}
    key_of: dict[str, str] = {}
    for count, (node, key) in enumerate(zip(part.nodes, keys, strict=True)):
        if count % STEP == 0:
            yield
        members.setdefault(key, []).append(node)
        key_of[node.uid] = key
    groups = []
    for key, nodes in members.items():
        counts, worst = yield from _summarize(nodes)
        groups.append(_group(key, nodes, roots[nodes[0].uid], layers, counts=counts, worst=worst))
    groups.sort(
        key=lambda group: (group.cluster, group.namespace, group.release, group.what, group.name, group.id)
    )
    links = yield from _links(part.edges, key_of)
    return Drawing(aggregation=aggregation, groups={group.id: group for group in groups}, links=links)


def _order(group: DrawnGroup) -> tuple[str, ...]:
    return (group.cluster, group.namespace, group.release, group.what, group.name, group.id)


def _summarize(nodes: Sequence[Node]) -> Generator[None, None, tuple[Counter[str], Node]]:
    """The number of nodes by status, and the worst node."""
    counts, worst = Counter[str](), nodes[0]
    for begin in range(0, len(nodes), STEP):
        yield
        some = nodes[begin : begin + STEP]
        counts.update([node.status for node in some])
        worst = min(worst, *some, key=_worst_first)
    return counts, worst


def _worst_first(node: Node) -> tuple[int, str, str]:
    return WORST_FIRST.index(node.status), node.name, node.uid


def _group(
    key: str,
    nodes: Sequence[Node],
    root: Node,
    layers: Mapping[str, Layer],
    *,
    counts: Counter[str],
    worst: Node,
) -> DrawnGroup:
    scheme, colon, _ = key.partition(":")
    first = nodes[0]
    cluster = first.cluster
    if not colon:
        return DrawnGroup(
            id=key,
            what=root.kind,
            name=root.name,
            namespace=root.namespace,
            release=first.release,
            layer=_layer(root.kind, layers),
            counts=counts,
            worst=worst,
            single=first if len(nodes) == 1 and first.uid == key else None,
            cluster=cluster,
        )
    if scheme == "release":
        place, name = first.release_namespace, first.release
        return DrawnGroup(key, "Release", name, place, name, "workload", counts, worst, cluster=cluster)
    if scheme == "namespace":
        name = first.name if first.kind == NAMESPACE else first.namespace
        return DrawnGroup(key, "Namespace", name, name, "", "workload", counts, worst, cluster=cluster)
    if scheme == "cluster":
        return DrawnGroup(key, "Cluster", cluster, "", "", "cluster", counts, worst, cluster=cluster)
    layer = _layer(first.kind, layers)
    return DrawnGroup(key, "All", first.kind, "", "", layer, counts, worst, cluster=cluster)


def _layer(kind: str, layers: Mapping[str, Layer]) -> Layer:
    return layers.get(kind, "cluster")


def _links(edges: Sequence[Edge], keys: Mapping[str, str]) -> Generator[None, None, list[DrawnLink]]:
    links: dict[tuple[str, str, str], DrawnLink] = {}
    for count, edge in enumerate(edges):
        if count % STEP == 0:
            yield
        ends = (edge.type, keys[edge.source], keys[edge.target])
        if ends[1] == ends[2]:
            continue
        link = links.get(ends)
        if link is None:
            link = links[ends] = DrawnLink(*ends, field=edge.field)
        link.count += 1
    return (yield from _in_order(list(links.values())))


def _in_order(links: list[DrawnLink]) -> Generator[None, None, list[DrawnLink]]:
    stretches = []
    for begin in range(0, len(links), STEP):
        yield
        stretches.append(sorted(links[begin : begin + STEP], key=_id))
    ordered: list[DrawnLink] = []
    for link in merge(*stretches, key=_id):
        if len(ordered) % STEP == 0:
            yield
        ordered.append(link)
    return ordered


def _id(link: DrawnLink) -> str:
    return link.id
