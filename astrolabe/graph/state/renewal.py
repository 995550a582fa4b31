"""A graph made anew from what another one says, whose indices disagree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ApplyError, Graph

#: Nodes that are taken over in one step.
STEP = 100


class Renewal:
    """Of the graph to which a batch could not be applied. Nodes, and edges by their source, are what whoever
    reads it was told; all else is worked out from these. Then it takes the batch, or what can be taken of it.

    graph: the new one, when the steps are over. The old one must stay as it is meanwhile.
    """

    def __init__(self, graph: Graph, batch: Batch) -> None:
        self.graph = Graph(batch.epoch, batch.since)
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
        """Take what of the batch can be taken, one by one; the graph is closed all the same."""
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
