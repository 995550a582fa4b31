"""The visible part of a graph as a graph of its own, followed step by step.

Which nodes are visible depends on their kind and namespace alone, so a step costs what it changes, whatever
the size of the graph. An edge is visible if both of its ends are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.edge_types import INHERITANCE_TYPES
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.visible.redaction import redact
from astrolabe.graph.visible.visibility import NO_READS, Reads, Visibility

#: Nodes that are looked at in a step.
STEP = 100

_SECRET, _CONFIGMAP = "Secret", "ConfigMap"


class VisibleGraph:
    """Decides what of a graph is visible, and what changes of that. `shown` holds the visible part.

    `shown` changes only by what `enter`, `follow` and `become` return, which the owner applies to it.
    """

    def __init__(
        self,
        graph: ServedGraph,
        shown: ServedGraph,
        visibility: Visibility,
        reads: Reads = NO_READS,
    ) -> None:
        self.visibility = visibility
        self._graph = graph
        self._shown = shown
        self._reads = reads

    def enter(self) -> Iterator[Changes]:
        """The graph before the first step, a part at a time. It may change between two parts."""
        uids = iter(list(self._graph.nodes))
        while chunk := list(islice(uids, STEP)):
            yield self._looked_at(chunk)
        yield Changes(releases=self._releases(self._graph.releases))

    def follow(self, changes: Changes) -> Changes:
        """The visible part of a step that the graph has applied."""
        touched = dict.fromkeys([node.uid for node in changes.nodes_set])
        touched.update(dict.fromkeys(changes.nodes_removed))
        for edge in changes.edges_set:
            touched[edge.source] = touched[edge.target] = None
        for _, source, target in changes.edges_removed:
            touched[source] = touched[target] = None
        found = self._looked_at(touched, passes_on=True)
        found.edges_set += self._fresh(changes.edges_set, found)
        found.edges_removed += self._gone(changes.edges_removed, found)
        found.releases = self._releases(changes.releases)
        return found

    def become(self, visibility: Visibility) -> Iterator[Changes]:
        """What changes when other things are visible, as for `enter`. What may not be seen any more goes
        first."""
        before, self.visibility = self.visibility, visibility
        shown = self._shown.nodes.values()
        hidden = [node.uid for node in shown if not visibility.shows(node)]
        for begin in range(0, len(hidden), STEP):
            yield self._looked_at(hidden[begin : begin + STEP])
        if not (before.includes(visibility) and visibility.includes(before)):
            yield from self.enter()

    def _looked_at(self, uids: Iterable[str], *, passes_on: bool = False) -> Changes:
        """What changes when these nodes are shown as they are, with the edges of those that come or go.

        passes_on: whether others may have inherited what changes.
        """
        graph, shown, changes = self._graph, self._shown, Changes()
        entered: dict[str, None] = {}
        seen, waiting = {*uids}, [*uids]
        for uid in waiting:
            node = graph.nodes.get(uid)
            before = shown.nodes.get(uid)
            now = None
            if node is not None and self.visibility.shows(node):
                now = redact(node, graph, self.visibility, self._reads)
            if passes_on and _passed_on(before) != _passed_on(now):
                owned = [edge.target for edge in graph.outgoing(uid) if edge.type in INHERITANCE_TYPES]
                waiting += [each for each in owned if each not in seen]
                seen.update(owned)
            if now is None:
                if before is not None:
                    changes.nodes_removed.append(uid)
                continue
            if before is None:
                entered[uid] = None
            if before is None or before.text != now.text:
                changes.nodes_set.append(now)
        is_shown = self._shown_after(changes)
        changes.edges_set = list(self._edges_of(entered, is_shown).values())
        changes.edges_removed = self._edges_shown_of(changes.nodes_removed)
        return changes

    def _shown_after(self, changes: Changes) -> Callable[[str], bool]:
        """Whether a node will be shown once these changes are applied."""
        set_now = {node.uid for node in changes.nodes_set}
        left, nodes = frozenset(changes.nodes_removed), self._shown.nodes
        return lambda uid: uid in set_now or (uid in nodes and uid not in left)

    def _edges_of(self, entered: Iterable[str], is_shown: Callable[[str], bool]) -> dict[EdgeKey, Edge]:
        """The edges of nodes that enter, as far as their other ends are visible, too."""
        graph = self._graph
        return {
            edge.key: edge
            for uid in entered
            for edge in (*graph.outgoing(uid), *graph.incoming(uid))
            if is_shown(edge.source) and is_shown(edge.target)
        }

    def _edges_shown_of(self, left: Iterable[str]) -> list[EdgeKey]:
        """The edges of nodes that leave."""
        shown = self._shown
        return list(
            dict.fromkeys([edge.key for uid in left for edge in (*shown.outgoing(uid), *shown.incoming(uid))])
        )

    def _fresh(self, edges: Iterable[Edge], found: Changes) -> list[Edge]:
        """Those of the changed edges that are visible and not among what was found."""
        there = {edge.key for edge in found.edges_set}
        is_shown = self._shown_after(found)
        return [
            edge
            for edge in edges
            if edge.key not in there and is_shown(edge.source) and is_shown(edge.target)
        ]

    def _gone(self, keys: Iterable[EdgeKey], found: Changes) -> list[EdgeKey]:
        """Those of the removed edges that are shown and not among what was found."""
        there = {*found.edges_removed, *[edge.key for edge in found.edges_set]}
        return [key for key in keys if key not in there and self._shown.edge(key) is not None]

    def _releases(
        self, releases: dict[Release, HelmRevision] | dict[Release, HelmRevision | None]
    ) -> dict[Release, HelmRevision | None]:
        """What changes of the shown releases."""
        shown, found = self._shown.releases, {}
        for release, revision in releases.items():
            is_told = revision is not None and self._tells(release, revision, self.visibility)
            told = revision if is_told else None
            if told is not None or release in shown:
                found[release] = told
        return found

    @staticmethod
    def _tells(release: Release, revision: HelmRevision, visibility: Visibility) -> bool:
        """Whether the object may be seen in which Helm keeps the revision."""
        kind = _CONFIGMAP if revision.in_configmap else _SECRET
        return visibility.of(release.cluster).sees(kind, revision.kept_in or release.namespace)


def _passed_on(node: Node | None) -> tuple[str, str, str] | None:
    """What is shown of a node that others inherit."""
    return None if node is None else (node.release_namespace, node.release, node.chart)
