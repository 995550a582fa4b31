"""A filter's part of the graph, followed step by step: who enters, who leaves, which edges come along.

Membership may depend on neighbours (see `membership`): that is followed, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge, EdgeKey, leads
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.history import Past
from astrolabe.graph.membership import (
    ATTACHMENT_TYPES,
    Attachments,
    Membership,
    beside_moved,
    is_in_namespace,
    is_of_release,
)
from astrolabe.graph.node import Node
from astrolabe.graph.reach import Reach


class View:
    """The nodes that a filter keeps, and the edges between them.

    Must be told of every step that concerns it, after the graph has taken it (`update`).
    reached: what the filter's releases reach, whether kept or not; None when it names no release.
    turned: what the latest step took into `reached` or out of it.
    """

    def __init__(self, graph: Graph, filter: Filter) -> None:
        self.filter = filter
        self.reached: Reach[str] | None = None
        self.turned: set[str] = set()
        self._graph = graph
        if filter.release:
            self.reached = Reach(Attachments(graph, filter))
            self.reached.update([n.uid for n in graph.nodes.values() if is_of_release(n, filter)])
        self._members = {node.uid for node in self._candidates() if self._keeps(node)} if filter else set()

    def __contains__(self, uid: object) -> bool:
        return uid in self._members if self.filter else uid in self._graph.nodes

    def __len__(self) -> int:
        return len(self._members) if self.filter else len(self._graph.nodes)

    def nodes(self) -> Iterator[Node]:
        nodes = self._graph.nodes
        return iter([nodes[uid] for uid in self._members]) if self.filter else iter(nodes.values())

    def edges(self) -> Iterator[Edge]:
        """The edges of which both ends are kept."""
        if not self.filter:
            yield from self._graph.edges()
            return
        members = self._members
        for uid in members:
            for edge in self._graph.out(uid):
                if edge.target in members:
                    yield edge

    def update(self, changes: Changes, past: Past) -> Changes:
        """The step as this view sees it; empty when it changes nothing of it.

        changes: of the step, at least all that concern this view (see `views`).
        past: the graph as it was before the step.
        """
        if not self.filter:
            return changes
        nodes = self._graph.nodes
        affected = self._affected(changes, past)
        kept = {uid for uid in affected if (node := nodes.get(uid)) is not None and self._keeps(node)}
        entered = kept - self._members
        left = (affected & self._members) - kept
        stayed = [node for node in changes.nodes_set if node.uid in kept and node.uid not in entered]
        edges_removed = self._edges_removed(changes, left, past)
        self._members -= left
        self._members |= entered
        return Changes(
            nodes_set=[*[nodes[uid] for uid in entered], *stayed],
            edges_set=self._edges_set(changes, entered),
            edges_removed=edges_removed,
            nodes_removed=list(left),
        )

    def since(self, past: Past) -> Changes:
        """What is different from how the view was then. Costs what has changed since, and around it."""
        graph, was = self._graph, Membership(past, self.filter)
        affected = self._affected_since(past)
        kept = {uid for uid in affected if uid in self}
        held = {uid for uid in affected if uid in was}
        changed = {uid for uid in kept & held if past.node(uid) != graph.node(uid)}
        changes = Changes(
            nodes_set=[graph.nodes[uid] for uid in (kept - held) | changed],
            nodes_removed=list(held - kept),
        )
        for key in self._edges_since(past, kept ^ held):
            before, now = past.edge(key), graph.edge(key)
            before = before if key[1] in was and key[2] in was else None
            now = now if key[1] in self and key[2] in self else None
            if now is not None and (before is None or before.field != now.field):
                changes.edges_set.append(now)
            elif now is None and before is not None:
                changes.edges_removed.append(key)
        return changes

    # Membership

    def _candidates(self) -> Iterable[Node]:
        """A superset of the members that costs little to find: most nodes are not even looked at twice."""
        nodes, namespaces = self._graph.nodes, self.filter.namespace
        if self.reached is not None:
            return [nodes[uid] for uid in self.reached]
        found: Iterable[Node] = nodes.values()
        if namespaces:
            found = [node for node in found if not node.namespace or node.namespace in namespaces]
        for key, value in self.filter.selector.pinned():
            text = f'"{key}":"{value}"'  # neither may hold a character that JSON escapes
            found = [node for node in found if text in node.text]
        return found

    def _keeps(self, node: Node) -> bool:
        if self.reached is not None and node.uid not in self.reached:
            return False
        return self.filter.passes(node) and is_in_namespace(node, self._graph, self.filter)

    def _affected(self, changes: Changes, past: Past) -> set[str]:
        """Nodes whose membership this step may have changed."""
        affected = {node.uid for node in changes.nodes_set}
        affected.update(changes.nodes_removed)
        if self.filter.namespace:
            affected |= beside_moved(affected, past, self._graph)
            affected.update(_ends([*[edge.key for edge in changes.edges_set], *changes.edges_removed]))
        if self.reached is not None:
            self.turned = self._follow(self.reached, changes, affected)
            affected |= self.turned
        return affected

    def _follow(self, reach: Reach[str], changes: Changes, touched: set[str]) -> set[str]:
        targets = [edge.target for edge in changes.edges_set if edge.type in ATTACHMENT_TYPES]
        cut = [
            (source, target)
            for kind, source, target in changes.edges_removed
            if kind in ATTACHMENT_TYPES and not leads(self._graph.out(source), target, ATTACHMENT_TYPES)
        ]
        return reach.update([*touched, *targets], cut=cut)

    def _affected_since(self, past: Past) -> set[str]:
        """Nodes whose membership may have changed since then.

        A node that a release reaches no more, or only now, lies behind something that changed, along
        edges that did not: else it would be reached as it was.
        """
        affected = set(past.nodes)
        if not self.filter.namespace and not self.filter.release:
            return affected
        affected.update(_ends(past.edges))
        if self.filter.namespace:
            affected |= beside_moved(past.nodes, past, self._graph)
        if self.filter.release:
            terrain, waiting = Attachments(self._graph, self.filter), list(affected)
            while waiting:
                behind = [uid for uid in terrain.successors(waiting.pop()) if uid not in affected]
                affected.update(behind)
                waiting.extend(behind)
        return affected

    # Edges

    def _edges_set(self, changes: Changes, entered: set[str]) -> list[Edge]:
        """What the client does not hold as it is: changed edges, and all of those who entered."""
        members = self._members
        found = {e.key: e for e in changes.edges_set if e.source in members and e.target in members}
        return list((found | self._within(entered)).values())

    def _edges_removed(self, changes: Changes, left: set[str], past: Past) -> list[EdgeKey]:
        """What the client held: edges between former members that are gone, or of which an end left."""
        members = self._members
        gone = {key: None for key in changes.edges_removed if key[1] in members and key[2] in members}
        return [key for key in gone | self._within(left) if past.edge(key) is not None]

    def _within(self, uids: set[str]) -> dict[EdgeKey, Edge]:
        """The edges of these nodes of which both ends are members."""
        members = self._members
        edges = [edge for uid in uids for edge in (*self._graph.out(uid), *self._graph.into(uid))]
        return {edge.key: edge for edge in edges if edge.source in members and edge.target in members}

    def _edges_since(self, past: Past, moved: set[str]) -> dict[EdgeKey, None]:
        """Edges that changed, and those of the nodes that entered or left."""
        keys = dict.fromkeys(past.edges)
        for uid in moved:
            for state in (self._graph, past):
                keys.update([(edge.key, None) for edge in (*state.out(uid), *state.into(uid))])
        return keys


def _ends(keys: Iterable[EdgeKey]) -> Iterator[str]:
    for _, source, target in keys:
        yield source
        yield target
