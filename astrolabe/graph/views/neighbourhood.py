"""The nodes within so many edges of some others, as far as a limit allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from heapq import nsmallest
from itertools import islice

import msgspec

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import WORST_FIRST

#: Edges that are followed per step.
STEP = 200
#: How bad a status is; one that a newer server stored is worst.
_RANKS = {status: rank for rank, status in enumerate(WORST_FIRST)}


class AskedNeighbourhood(msgspec.Struct, frozen=True):
    """What is asked for. focus: uids. types: of the edges that are followed; none: all.

    depth: how many edges away a node may be, in either direction. limit: the number of nodes.
    """

    focus: tuple[str, ...]
    depth: int = 2
    types: frozenset[str] = frozenset()
    limit: int = 500


class Neighbourhood(msgspec.Struct):
    """What is in it. The focus is, whatever the limit; then come the nearest, of these the worst, then by
    name.

    nodes: by uid, in this order. edges: between them, of the types.
    beyond: by kind, the nodes that are near enough, next to one that is kept, and have no room.
    watched: a step that touches none of these uids changes nothing.
    """

    nodes: dict[str, Node]
    edges: list[Edge]
    beyond: Counter[str]
    watched: set[str]


def explore(graph: ReadableGraph, asked: AskedNeighbourhood) -> Generator[None, None, Neighbourhood]:
    """Find it in steps, between which the graph must not change.

    The time is proportional to the edges of the nodes that are kept: those beyond the limit lead no further.
    """
    found = Neighbourhood({}, [], Counter(), set(asked.focus))
    nodes = found.nodes
    outmost = []
    for uid in dict.fromkeys(asked.focus):
        if (node := graph.node(uid)) is not None:
            nodes[uid] = node
            outmost.append(uid)
    for _ in range(asked.depth):
        if not outmost:
            break
        outmost = yield from _one_further(graph, asked, found, outmost)
    for uid in nodes:
        edges = iter(graph.outgoing(uid))
        while some := list(islice(edges, STEP)):
            found.edges += [each for each in some if each.target in nodes and _follows(each, asked)]
            yield
    return found


def _one_further(
    graph: ReadableGraph, asked: AskedNeighbourhood, found: Neighbourhood, outmost: Iterable[str]
) -> Generator[None, None, list[str]]:
    """Take in the neighbours of the outmost nodes. Returns those that are kept."""
    room = max(0, asked.limit - len(found.nodes))
    best: list[tuple[tuple[int, str, str, str], Node]] = []
    for uid in outmost:
        ends = _ends(graph, uid, asked)
        while some := list(islice(ends, STEP)):
            fresh = [end for end in dict.fromkeys(some) if end not in found.watched]
            found.watched.update(fresh)
            came = [node for end in fresh if (node := graph.node(end)) is not None]
            found.beyond.update([node.kind for node in came])
            best = nsmallest(room, [*best, *[(_rank(node), node) for node in came]], key=_first)
            yield
    found.nodes.update([(node.uid, node) for _, node in best])
    found.beyond.subtract([node.kind for _, node in best])
    return [node.uid for _, node in best]


def _ends(graph: ReadableGraph, uid: str, asked: AskedNeighbourhood) -> Iterator[str]:
    for edge in graph.outgoing(uid):
        if _follows(edge, asked):
            yield edge.target
    for edge in graph.incoming(uid):
        if _follows(edge, asked):
            yield edge.source


def _follows(edge: Edge, asked: AskedNeighbourhood) -> bool:
    return not asked.types or edge.type in asked.types


def _rank(node: Node) -> tuple[int, str, str, str]:
    return _RANKS.get(node.status, 0), node.name, node.kind, node.uid


def _first(ranked: tuple[tuple[int, str, str, str], Node]) -> tuple[int, str, str, str]:
    return ranked[0]


def neighbourhood(graph: ReadableGraph, asked: AskedNeighbourhood) -> Neighbourhood:
    """Find it at once, however long it takes."""
    steps = explore(graph, asked)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Neighbourhood = end.value
            return found
