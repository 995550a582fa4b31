"""From a restored graph to the cluster's: what a new writer publishes instead of everything anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from astrolabe.engine.readiness import Readiness
from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge
from astrolabe.graph.graph import Graph
from astrolabe.graph.model import Model

#: In which Helm keeps its releases: which there are is known once these are listed.
SECRET = "Secret"


class Takeover:
    """The served graph is the one that was restored until all required kinds are synced. Then the
    difference is published at once.

    What is served and not known goes, but only where its kind was listed: of a kind that cannot be listed
    now, the nodes stay as they were, with their edges, until it is. served: the graph that is served.
    lists: whether it is known which resources of a kind there are in a namespace; as `readiness` says.
    """

    def __init__(
        self,
        model: Model,
        readiness: Readiness,
        served: Callable[[], Graph],
        *,
        lists: Callable[[str, str], bool] | None = None,
    ) -> None:
        self._model = model
        self._readiness = readiness
        self._lists = lists or readiness.is_listed
        self._served = served
        self._kept: set[str] = set()
        self._released = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to publish the difference: nothing that could still be told is waited for."""
        return not self._readiness.still_listing()

    @property
    def is_done(self) -> bool:
        """Whether what is served is what the model says, from now on by itself."""
        return self._released and not self._kept

    def filter_changes(self, changes: Changes) -> Changes:
        """What to publish of a commit of the model: nothing before the difference; then all of it, and that
        the kept edges of what is removed go as well."""
        if not self._released:
            return Changes()
        graph = self._served()
        removed = set(changes.edges_removed)
        for uid in changes.nodes_removed:
            removed.update([edge.key for edge in chain(graph.out(uid), graph.into(uid))])
        self._kept.difference_update([node.uid for node in changes.nodes_set])
        changes.edges_removed = list(removed)
        return changes

    def replace_model(self, model: Model) -> bool:
        """This is the model from now on, made anew. Returns whether the difference to it has to follow."""
        self._model = model
        return self._released

    def difference(self) -> Iterator[Changes | None]:
        """All that the served graph has to become what is known, gathered node by node: None after each, then
        all of it at once. The model must stay as it is meanwhile."""
        graph, changes = self._served(), Changes()
        self._kept = set()
        for gathering in (
            self._changed_nodes(graph, changes),
            self._removed_nodes(graph, changes),
            self._removed_edges(graph, changes),
        ):
            yield from gathering
        self._compare_releases(graph, changes)
        self._released = True
        yield changes

    def _changed_nodes(self, graph: Graph, changes: Changes) -> Iterator[None]:
        """What is known, and served otherwise or not at all; node by node."""
        for node in self._model.nodes():
            served = graph.nodes.get(node.uid)
            if served is None or served.text != node.text:
                changes.nodes_set.append(node)
            else:
                self._model.adopt(served)
            changes.edges_set += [
                edge for edge in self._model.edges(node.uid) if graph.edge(edge.key) != edge
            ]
            yield

    def _removed_nodes(self, graph: Graph, changes: Changes) -> Iterator[None]:
        """What is served and not known: gone, or kept; node by node."""
        for uid, served in graph.nodes.items():
            if self._model.node(uid) is None:
                if self._lists(served.kind, served.namespace):
                    changes.nodes_removed.append(uid)
                else:
                    self._kept.add(uid)
            yield

    def _removed_edges(self, graph: Graph, changes: Changes) -> Iterator[None]:
        """The edges that are served and not known, unless they may be; node by node."""
        for uid in graph.nodes:
            known = {edge.key for edge in self._model.edges(uid)}
            changes.edges_removed += [
                edge.key for edge in graph.out(uid) if edge.key not in known and self._is_stale(edge)
            ]
            yield

    def _is_stale(self, edge: Edge) -> bool:
        """Whether an edge that is not known is gone: both its ends are known, or one of them is gone."""
        unkept = [end for end in (edge.source, edge.target) if end not in self._kept]
        return len(unkept) == 2 or any(self._model.node(end) is None for end in unkept)

    def _compare_releases(self, graph: Graph, changes: Changes) -> None:
        known = self._model.releases()
        for release, revision in known.items():
            if graph.releases.get(release) != revision:
                changes.releases[release] = revision
        for release in graph.releases:
            if release not in known and self._lists(SECRET, release.namespace):
                changes.releases[release] = None
