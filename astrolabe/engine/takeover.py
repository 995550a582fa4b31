"""How a new writer turns a restored graph into the current one without publishing everything again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.cluster_part import ServedPart
from astrolabe.graph.state.edge import Edge

#: The kind in which Helm stores its releases.
SECRET = "Secret"


class Takeover:
    """Keeps the restored graph until all required kinds are synced, and then publishes the difference.

    A served node that the model does not know is removed only if its kind was listed. If the kind cannot be
    listed, its nodes and their edges stay until it can.

    served: returns the served graph, or what of it belongs to the writer.
    lists: whether all resources of a kind in a namespace are known. By default, what `readiness` says.
    """

    def __init__(
        self,
        model: Model,
        readiness: ReadinessTracker,
        served: Callable[[], ServedPart],
        *,
        lists: Callable[[str, str], bool] | None = None,
    ) -> None:
        self._model = model
        self._readiness = readiness
        self._lists = lists or readiness.is_listed
        self._served = served
        self._kept: set[str] = set()
        #: The kind and namespace of those that the last difference kept.
        self._kept_scopes: set[tuple[str, str]] = set()
        self._released = False

    @property
    def is_due(self) -> bool:
        """Whether to publish the difference now: no kind that it waits for is still listing.

        And again once more is known of what was kept: a comparison looks at every node.
        """
        if self._released:
            return any(self._lists(kind, namespace) for kind, namespace in self._kept_scopes)
        return not self._readiness.awaited()

    @property
    def is_done(self) -> bool:
        """Whether the served graph equals the model, so that ordinary commits suffice from now on."""
        return self._released and not self._kept_scopes

    def filter_changes(self, changes: Changes) -> Changes:
        """What to publish of a commit of the model.

        Nothing until the difference is published. Afterwards all changes, plus the removal of kept edges
        whose node is removed.
        """
        if not self._released:
            return Changes()
        graph = self._served()
        removed = set(changes.edges_removed)
        for uid in changes.nodes_removed:
            removed.update([edge.key for edge in chain(graph.outgoing(uid), graph.incoming(uid))])
        self._kept.difference_update([node.uid for node in changes.nodes_set])
        changes.edges_removed = list(removed)
        return changes

    def replace_model(self, model: Model) -> bool:
        """Use a rebuilt model from now on. Returns whether to publish the difference again."""
        self._model = model
        return self._released

    def difference(self) -> Iterator[Changes | None]:
        """The difference between the served graph and the model, computed node by node.

        Yields None after each node, and finally all changes. The model must not change meanwhile.
        """
        graph, changes = self._served(), Changes()
        self._kept = set()
        self._kept_scopes = set()
        for gathering in (
            self._changed_nodes(graph, changes),
            self._removed_nodes(graph, changes),
            self._removed_edges(graph, changes),
        ):
            yield from gathering
        self._compare_releases(graph, changes)
        self._released = True
        yield changes

    def _changed_nodes(self, graph: ServedPart, changes: Changes) -> Iterator[None]:
        """Collect nodes and edges that are new or different, node by node."""
        for node in self._model.nodes():
            served = graph.node(node.uid)
            if served is None or served.text != node.text:
                changes.nodes_set.append(node)
            else:
                self._model.adopt(served)
            changes.edges_set += [
                edge for edge in self._model.edges(node.uid) if graph.edge(edge.key) != edge
            ]
            yield

    def _removed_nodes(self, graph: ServedPart, changes: Changes) -> Iterator[None]:
        """Collect served nodes that the model does not know: to remove or to keep, node by node."""
        for served in graph.each_node():
            if served is not None and self._model.node(served.uid) is None:
                if self._lists(served.kind, served.namespace):
                    changes.nodes_removed.append(served.uid)
                else:
                    self._kept.add(served.uid)
                    self._kept_scopes.add((served.kind, served.namespace))
            yield

    def _removed_edges(self, graph: ServedPart, changes: Changes) -> Iterator[None]:
        """Collect served edges that the model does not know, node by node. Edges of kept nodes stay."""
        for node in graph.each_node():
            if node is not None:
                known = {edge.key for edge in self._model.edges(node.uid)}
                changes.edges_removed += [
                    edge.key
                    for edge in graph.outgoing(node.uid)
                    if edge.key not in known and self._is_stale(edge)
                ]
            yield

    def _is_stale(self, edge: Edge) -> bool:
        """Whether to remove an edge that the model does not know: both ends are known, or one is removed."""
        unkept = [end for end in (edge.source, edge.target) if end not in self._kept]
        return len(unkept) == 2 or any(self._model.node(end) is None for end in unkept)

    def _compare_releases(self, graph: ServedPart, changes: Changes) -> None:
        known = self._model.releases()
        for release, revision in known.items():
            if graph.releases.get(release) != revision:
                changes.releases[release] = revision
        for release in graph.releases:
            if release not in known and self._lists(SECRET, release.namespace):
                changes.releases[release] = None


def knows_all(kind: str, namespace: str) -> bool:
    """Every object of every kind is known."""
    return True
