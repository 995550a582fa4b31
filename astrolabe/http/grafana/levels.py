"""How much is drawn as one: resources, workloads, releases, namespaces, kinds."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Literal, get_args

from astrolabe.graph.edge import Edge
from astrolabe.graph.facts import NAMESPACE
from astrolabe.graph.node import Node
from astrolabe.http.grafana.part import Part, belongs

#: From the finest to the coarsest. At each, a node is drawn with all that have the same key.
Level = Literal["resource", "workload", "release", "namespace", "kind"]
LEVELS: tuple[Level, ...] = get_args(Level)

#: To a finer level than before only with this much room, so that it does not go to and fro at the limit.
ROOM = 0.8
#: Nodes or edges that are looked at in one step.
STEP = 500
#: Owners above one another, more than Kubernetes has: a circle ends there.
HIGHEST = 8


def choose(
    part: Part, *, limit: int, current: Level
) -> Generator[None, None, tuple[Level, Sequence[str], dict[str, Node]]]:
    """The finest level at which there are at most `limit` keys, the key of each node of the part, and the
    topmost owner of each; in steps. Kinds, which are few, are drawn whatever the limit.

    current: the level at which the same was drawn before.
    """
    uids = [node.uid for node in part.nodes]
    if len(uids) <= _bound("resource", limit, current):
        return "resource", uids, {node.uid: node for node in part.nodes}
    roots = yield from find_roots(part)
    for level in LEVELS[1:]:
        keys = yield from _keys(part.nodes, roots, _KEYS[level])
        if level == "kind" or len(set(keys)) <= _bound(level, limit, current):
            return level, keys, roots
    raise AssertionError("kinds are the last level")


def find_roots(part: Part) -> Generator[None, None, dict[str, Node]]:
    """By uid of each node of the part its topmost owner in its own namespace, which may be itself."""
    nodes = {**part.outside, **{node.uid: node for node in part.nodes}}
    owners: dict[str, Edge] = {}
    for count, edge in enumerate([*part.edges, *part.owning]):
        if count % STEP == 0:
            yield
        target = nodes[edge.target]
        if belongs(edge, target) and nodes[edge.source].namespace == target.namespace:
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
    nodes: Sequence[Node], roots: dict[str, Node], key: Callable[[Node, Node], str]
) -> Generator[None, None, list[str]]:
    keys: list[str] = []
    for count, node in enumerate(nodes):
        if count % STEP == 0:
            yield
        keys.append(key(node, roots[node.uid]))
    return keys


def _bound(level: Level, limit: int, current: Level) -> float:
    return limit if LEVELS.index(level) >= LEVELS.index(current) else ROOM * limit


def _by_workload(_: Node, root: Node) -> str:
    return root.uid


def _by_release(node: Node, root: Node) -> str:
    return f"release:{node.release_namespace}/{node.release}" if node.release else root.uid


def _by_namespace(node: Node, root: Node) -> str:
    namespace = node.name if node.kind == NAMESPACE else node.namespace
    return f"namespace:{namespace}" if namespace else _by_kind(node, root)


def _by_kind(node: Node, _: Node) -> str:
    return f"kind:{node.kind}"


_KEYS: dict[Level, Callable[[Node, Node], str]] = {
    "workload": _by_workload,
    "release": _by_release,
    "namespace": _by_namespace,
    "kind": _by_kind,
}
