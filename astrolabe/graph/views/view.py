"""Follows a filter's part of the graph step by step: which nodes enter or leave, and which edges.

Membership may depend on neighbours (see `membership`). The view follows that, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Generator, Iterable, Iterator
from itertools import islice

from astrolabe.graph.reach import Reach
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, EdgeKey, leads
from astrolabe.graph.state.edge_types import ATTACHMENT_TYPES
from astrolabe.graph.state.graph import ReadableGraph, ServedGraph
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.membership import (
    Attachments,
    Membership,
    beside_moved,
    is_in_namespace,
    is_of_release,
)

#: Nodes processed per step while a view is built.
STEP = 100


class View:
    """The nodes that a filter keeps, and the edges between them.

    Call `update` for every batch that concerns it, after the graph has applied it. `build` takes in what was
    there before, in steps between which the graph may change. Until the view is `built`, nodes may be
    missing, and the results of `update` mean nothing.
    reached: what the filter's releases reach, whether kept or not; None if the filter names no release.
    turned: what entered or left `reached` in the latest step.
    """

    def __init__(self, graph: ServedGraph, filter: Filter) -> None:
        self.filter = filter
        self.built = False
        self.reached: Reach[str] | None = None
        self.turned: set[str] = set()
        self._graph = graph
        if filter.release:
            self.reached = Reach(Attachments(graph, filter))
        #: Nodes that may be reached and are not processed yet.
        self._waiting: list[str] = []
        #: A filter that only excludes keeps nearly all nodes. Then `_listed` has the others.
        self._inverse = filter.only_excludes
        self._looks_at_edges = filter.looks_at_edges
        self._listed: set[str] = set()

    @classmethod
    def at_once(cls, graph: ServedGraph, filter: Filter) -> View:
        """Build the whole view at once, however long it takes."""
        view = cls(graph, filter)
        for _ in view.build():
            pass
        return view

    def build(self) -> Iterator[int]:
        """Take in the current graph. Each step yields how many nodes it processed.

        `update` handles what changes meanwhile. It does no harm if a node is processed in both.
        """
        waiting, uids = self._waiting, iter(list(self._graph.nodes) if self.filter else ())
        while (chunk := list(islice(uids, STEP))) or waiting:
            if self.reached is None:
                self._take_in(chunk)
            else:
                waiting += [node.uid for node in self._present(chunk) if is_of_release(node, self.filter)]
                self.turned = self.reached.enter(waiting, 2 * STEP)  # twice: so that they do not pile up
                self._take_in(self.turned)
            yield STEP
        self.built = True

    def _present(self, uids: Iterable[str]) -> list[Node]:
        nodes = self._graph.nodes
        return [nodes[uid] for uid in uids if uid in nodes]

    def _take_in(self, uids: Iterable[str]) -> None:
        found = self._present(uids)
        if self._inverse:
            self._listed.update([node.uid for node in found if not self.filter.passes(node)])
        else:
            self._listed.update([node.uid for node in self._candidates(found) if self._keeps(node)])

    def __contains__(self, uid: object) -> bool:
        if self._inverse:
            return uid not in self._listed and uid in self._graph.nodes
        return uid in self._listed

    def __len__(self) -> int:
        return len(self._graph.nodes) - len(self._listed) if self._inverse else len(self._listed)

    def uids(self) -> Collection[str]:
        """Those of the nodes that are kept now, taken once: it stays as it is when they change.

        Copied by the interpreter itself: a millisecond or two at 100,000 nodes.
        """
        listed, nodes = self._listed, self._graph.nodes
        if not self._inverse:
            return set(listed)
        if not listed:
            return nodes.copy()
        kept = set(nodes)
        kept -= listed
        return kept

    def nodes(self) -> Iterator[Node]:
        nodes = self._graph.nodes
        if not self._inverse:
            return iter([nodes[uid] for uid in self._listed])
        return iter([node for uid, node in nodes.items() if uid not in self._listed])

    def edges(self) -> Iterator[Edge]:
        """The edges whose ends are both kept."""
        listed = self._listed
        if self._inverse:
            for edge in self._graph.edges():
                if not listed or (edge.source not in listed and edge.target not in listed):
                    yield edge
            return
        for uid in listed:
            for edge in self._graph.outgoing(uid):
                if edge.target in listed:
                    yield edge

    def update(self, changes: Changes, past: GraphAt) -> Changes:
        """The step as this view sees it; empty if it changes nothing in it.

        changes: of the step, at least all that concern this view (see `views`).
        past: the graph as it was before the step.
        """
        if not self.filter:
            return changes
        nodes = self._graph.nodes
        affected = self._affected(changes, past)
        was = self._was(past)
        held = {uid for uid in affected if was(uid)}
        kept = {uid for uid in affected if (node := nodes.get(uid)) is not None and self._keeps(node)}
        entered, left = kept - held, held - kept
        stayed = [node for node in changes.nodes_set if node.uid in kept and node.uid not in entered]
        edges_removed = self._edges_removed(changes, left, past)
        if self._inverse:
            self._listed -= affected
            self._listed |= {uid for uid in affected - kept if uid in nodes}
        else:
            self._listed -= left
            self._listed |= entered
        return Changes(
            nodes_set=[*[nodes[uid] for uid in entered], *stayed],
            edges_set=self._edges_set(changes, entered),
            edges_removed=edges_removed,
            nodes_removed=list(left),
        )

    def _was(self, past: GraphAt) -> Callable[[str], bool]:
        """Returns a function that says whether a node was kept before the current step."""
        listed = self._listed
        if not self._inverse:
            return listed.__contains__
        return lambda uid: uid not in listed and past.node(uid) is not None

    def since(self, past: GraphAt) -> Changes:
        """The difference from an earlier state. Its time is proportional to what changed since then."""
        steps = self.compare(past, self._graph, self)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                changes: Changes = end.value
                return changes

    def compare(
        self, past: GraphAt, now: ReadableGraph, members: Container[str]
    ) -> Generator[int, None, Changes]:
        """The same in steps. Each yields how many nodes and edges it processed.

        now: the graph, held still if it may change between the steps. members: what the view keeps of it.
        """
        was, changes = Membership(past, self.filter), Changes()
        affected = yield from self._affected_since(past, now)
        moved: set[str] = set()
        for count, uid in enumerate(affected, 1):
            keeps, held = uid in members, uid in was
            node = now.node(uid)
            if keeps and node is not None and (not held or past.node(uid) != node):
                changes.nodes_set.append(node)
            elif held and not keeps:
                changes.nodes_removed.append(uid)
            if keeps != held:
                moved.add(uid)
            if count % STEP == 0:
                yield STEP
        keys = yield from self._edges_since(past, now, moved)
        for count, key in enumerate(keys, 1):
            before, after = past.edge(key), now.edge(key)
            before = before if key[1] in was and key[2] in was else None
            after = after if key[1] in members and key[2] in members else None
            if after is not None and (before is None or before.field != after.field):
                changes.edges_set.append(after)
            elif after is None and before is not None:
                changes.edges_removed.append(key)
            if count % STEP == 0:
                yield STEP
        return changes

    # Membership

    def _candidates(self, found: Iterable[Node]) -> Iterable[Node]:
        """A cheap first selection of the nodes that may be members."""
        namespaces = self.filter.namespace
        if self.reached is not None:
            return found
        if namespaces:
            found = [node for node in found if not node.namespace or node.namespace in namespaces]
        for key, value in self.filter.selector.pinned():
            text = f'"{key}":"{value}"'  # neither may hold a character that JSON escapes
            found = [node for node in found if text in node.text]
        return found

    def _keeps(self, node: Node) -> bool:
        if self.reached is not None and node.uid not in self.reached:
            return False
        if not self.filter.passes(node) or not is_in_namespace(node, self._graph, self.filter):
            return False
        return not self._looks_at_edges or self.filter.relates(node, self._graph)

    def _affected(self, changes: Changes, past: GraphAt) -> set[str]:
        """Nodes whose membership this step may have changed."""
        affected = {node.uid for node in changes.nodes_set}
        affected.update(changes.nodes_removed)
        if self.filter.namespace or self._looks_at_edges:
            affected |= beside_moved(affected, past, self._graph)
            affected.update(_ends([*[edge.key for edge in changes.edges_set], *changes.edges_removed]))
        if self.reached is not None:
            self.turned = self._follow(self.reached, changes, affected)
            affected |= self.turned
        return affected

    def _follow(self, reach: Reach[str], changes: Changes, touched: set[str]) -> set[str]:
        targets = [edge.target for edge in changes.edges_set if edge.type in ATTACHMENT_TYPES]
        removed_edges = [
            (source, target)
            for kind, source, target in changes.edges_removed
            if kind in ATTACHMENT_TYPES and not leads(self._graph.outgoing(source), target, ATTACHMENT_TYPES)
        ]
        waiting = None if self.built else self._waiting
        return reach.update([*touched, *targets], removed_edges=removed_edges, waiting=waiting)

    def _affected_since(self, past: GraphAt, now: ReadableGraph) -> Generator[int, None, set[str]]:
        """Nodes whose membership may have changed since then.

        If a release no longer reaches a node, or reaches it only now, then something changed on the way: the
        node can be found from there along edges that did not change.
        """
        affected = set(past.nodes)
        if not self.filter.namespace and not self.filter.release and not self._looks_at_edges:
            return affected
        edges = iter(past.edges)
        while ends := list(_ends(islice(edges, STEP))):
            affected.update(ends)
            yield STEP
        if self.filter.namespace or self._looks_at_edges:
            uids = iter(past.nodes)
            while some := list(islice(uids, STEP)):
                affected |= beside_moved(some, past, now)
                yield STEP
        if self.filter.release:
            terrain, waiting, count = Attachments(now, self.filter), list(affected), 0
            while waiting:
                count += 1
                if count % STEP == 0:
                    yield STEP
                behind = [uid for uid in terrain.successors(waiting.pop()) if uid not in affected]
                affected.update(behind)
                waiting.extend(behind)
        return affected

    # Edges

    def _edges_set(self, changes: Changes, entered: set[str]) -> list[Edge]:
        """What clients do not have yet: changed edges, and all edges of nodes that entered."""
        found = {e.key: e for e in changes.edges_set if e.source in self and e.target in self}
        return list((found | self._within(entered, self.__contains__)).values())

    def _edges_removed(self, changes: Changes, left: set[str], past: GraphAt) -> list[EdgeKey]:
        """What clients must drop: removed edges between former members, and edges of nodes that left."""
        was = self._was(past)
        removed = {key: None for key in changes.edges_removed if was(key[1]) and was(key[2])}
        return [key for key in removed | self._within(left, was) if past.edge(key) is not None]

    def _within(self, uids: set[str], is_member: Callable[[str], bool]) -> dict[EdgeKey, Edge]:
        """The edges of these nodes whose ends are both members."""
        edges = [edge for uid in uids for edge in (*self._graph.outgoing(uid), *self._graph.incoming(uid))]
        return {edge.key: edge for edge in edges if is_member(edge.source) and is_member(edge.target)}

    def _edges_since(
        self, past: GraphAt, now: ReadableGraph, moved: set[str]
    ) -> Generator[int, None, dict[EdgeKey, None]]:
        """Edges that changed, and those of the nodes that entered or left."""
        keys = dict.fromkeys(past.edges)
        for count, uid in enumerate(moved, 1):
            if count % STEP == 0:
                yield STEP
            for state in (now, past):
                keys.update([(edge.key, None) for edge in (*state.outgoing(uid), *state.incoming(uid))])
        return keys


def _ends(keys: Iterable[EdgeKey]) -> Iterator[str]:
    for _, source, target in keys:
        yield source
        yield target
