"""Rebuilds a graph whose indices disagree, from its nodes and edges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ApplyError, ServedGraph

#: Nodes copied per step.
STEP = 100


class Renewal:
    """Rebuilds a graph to which a batch could not be applied. Nodes, and edges by source, are what clients
    were told; everything else is derived from them. Then the batch is applied, or as much of it as possible.

    graph: the new graph, complete after the last step. The old one must not change meanwhile.
    """

    def __init__(self, graph: ServedGraph, batch: Batch) -> None:
        self.graph = ServedGraph(batch.epoch, batch.since)
        self._old = graph
        self._batch = batch

    def steps(self) -> Iterator[None]:
        """Work, in steps."""
        old, new = self._old, self.graph
        nodes = iter(old.nodes.values())
        while some := list(islice(nodes, STEP)):
            new.load(Changes(nodes_set=some))
            yield
        for uid in old.nodes:
            new.load(Changes(edges_set=[edge for edge in old.outgoing(uid) if edge.target in old.nodes]))
            yield
        new.load(Changes(releases=dict(old.releases)))
        yield
        try:
            new.apply(self._batch)
        except ApplyError:
            yield from self._take_singly()

    def _take_singly(self) -> Iterator[None]:
        """Apply the changes one by one, and skip those that fail. Both ends of each edge still exist."""
        new, changes = self.graph, self._batch.changes
        for change in _singly(changes):
            ends = [end for edge in change.edges_set for end in (edge.source, edge.target)]
            held = [uid for uid in change.nodes_removed if new.outgoing(uid) or new.incoming(uid)]
            if not held and all(end in new.nodes for end in ends):
                with suppress(ApplyError):
                    new.load(change)
            yield
        new.seq = self._batch.seq


def _singly(changes: Changes) -> Iterator[Changes]:
    yield from (Changes(nodes_set=[node]) for node in changes.nodes_set)
    yield from (Changes(edges_set=[edge]) for edge in changes.edges_set)
    yield from (Changes(edges_removed=[key]) for key in changes.edges_removed)
    yield from (Changes(nodes_removed=[uid]) for uid in changes.nodes_removed)
    yield Changes(releases=changes.releases)
