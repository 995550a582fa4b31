"""The shortest paths between two nodes."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.graph import ReadableGraph

#: Limits: paths in an answer, nodes visited, and edges looked at in one step.
MOST_WAYS = 10
MOST_VISITED = 200_000
STEP = 500

#: Types over which ways lead unless others are chosen: those that pictures show.
USUAL_TYPES = frozenset(each.name for each in EDGE_TYPES.values() if not each.hidden)

#: The edges from one end to the other; an edge may be walked against its direction.
Way = list[Edge]


def find_ways(
    graph: ReadableGraph, start: str, end: str, types: Collection[str]
) -> Generator[None, None, list[Way]]:
    """All shortest paths, at most `MOST_WAYS`, in steps; empty if there is none."""
    before: dict[str, list[Edge]] = {start: []}
    level = [start]
    looked = 0
    while level and end not in before and len(before) < MOST_VISITED:
        found: dict[str, list[Edge]] = {}
        for uid in level:
            for edge, other in _steps_from(graph, uid, types):
                if other not in before:
                    found.setdefault(other, []).append(edge)
                looked += 1
                if looked % STEP == 0:
                    yield
        before.update(found)
        level = list(found)
    if end not in before or start == end:
        return []
    ways = [list(reversed(way)) for way, _ in zip(_back(before, start, end), range(MOST_WAYS), strict=False)]
    return sorted(ways, key=lambda way: [edge.key for edge in way])


def _steps_from(graph: ReadableGraph, uid: str, types: Collection[str]) -> Iterator[tuple[Edge, str]]:
    for edge in graph.outgoing(uid):
        if edge.type in types:
            yield edge, edge.target
    for edge in graph.incoming(uid):
        if edge.type in types:
            yield edge, edge.source


def _back(before: dict[str, list[Edge]], start: str, end: str) -> Iterator[Way]:
    """The ways from the end back to the start."""
    waiting: list[tuple[str, Way]] = [(end, [])]
    while waiting:
        uid, way = waiting.pop()
        if uid == start:
            yield way
            continue
        for edge in before[uid]:
            other = edge.source if edge.target == uid else edge.target
            waiting.append((other, [*way, edge]))
