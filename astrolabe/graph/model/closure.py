"""Which records are in the graph: all, or the label selector's roots and what they reach.

Helm does not label Pods, ReplicaSets, EndpointSlices or PersistentVolumes. A selector that each kind had to
match would lose exactly what people look for.
"""

from __future__ import annotations

from collections.abc import Iterable

from astrolabe.graph.model.edge_edit import EdgeEdit
from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.record import Record
from astrolabe.graph.reach import Reach
from astrolabe.graph.state.edge import EdgeKey, connects, each_edge
from astrolabe.graph.state.edge_types import CLOSURE_TYPES
from astrolabe.graph.state.identity import NAMESPACE


class _ClosureEdges:
    """Implements `reach.Traversable` over records and closure edges."""

    def __init__(self, linker: Linker) -> None:
        self._linker = linker

    def is_root(self, item: Record) -> bool:
        return item.root

    def admits(self, item: Record) -> bool:
        return self._linker.find(item.uid) is item

    def successors(self, item: Record) -> list[Record]:
        if item.closure_ends:
            return []
        uids = [edge.target for edge in each_edge(item.outgoing) if edge.type in CLOSURE_TYPES]
        return [record for record in map(self._linker.find, uids) if record is not None]

    def predecessors(self, item: Record) -> Iterable[Record]:
        for edge in each_edge(item.incoming):
            if edge.type in CLOSURE_TYPES:
                record = self._linker.find(edge.source)
                if record is not None and not record.closure_ends:
                    yield record


class Closure:
    """The members: what the roots reach, and the Namespaces of these."""

    def __init__(self, linker: Linker) -> None:
        self._linker = linker
        self._reach: Reach[Record] = Reach(_ClosureEdges(linker))
        self._population: dict[str, int] = {}

    def __contains__(self, record: Record) -> bool:
        if record in self._reach:
            return True
        return record.kind == NAMESPACE and record.name in self._population

    def settle(self, touched: set[Record], edges: dict[EdgeKey, EdgeEdit]) -> set[Record]:
        """Follow the changed records and edges. Returns the records that may have entered or left."""
        touched = set(touched)
        removed_edges = []
        for key, edge in edges.items():
            if key[0] not in CLOSURE_TYPES or edge.source.closure_ends:
                continue
            if edge.now is not None and (target := self._linker.find(key[2])) is not None:
                touched.add(target)
            if not connects(edge.source.outgoing, key[1], key[2], CLOSURE_TYPES):
                removed_edges.append((edge.source, edge.target))
        flipped = self._reach.update(touched, removed_edges=removed_edges)
        return flipped | self._populate(flipped) | {r for r in touched if r.kind == NAMESPACE}

    def _populate(self, flipped: set[Record]) -> set[Record]:
        """Count the members of each namespace. Returns the Namespaces that became used or unused."""
        moved = set()
        for record in flipped:
            if not record.namespace:
                continue
            before = self._population.get(record.namespace, 0)
            after = before + (1 if record in self._reach else -1)
            if after:
                self._population[record.namespace] = after
            else:
                del self._population[record.namespace]
            if not before or not after:
                moved.add(record.namespace)
        return {record for name in moved for record in self._linker.named(NAMESPACE, "", name)}
