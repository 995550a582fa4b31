"""Follows a graph and knows what is broken in it, and why."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from math import inf

from astrolabe.graph.causes import register as places
from astrolabe.graph.causes.arcs import Arc, Item, reached_from, roots_of
from astrolabe.graph.causes.complaints import Complaint
from astrolabe.graph.causes.explaining import SLICE, CauseFinder
from astrolabe.graph.causes.grouping import GroupKey, group_of, holder_of
from astrolabe.graph.causes.problems import FoundProblem, build, due_alone
from astrolabe.graph.causes.register import Register
from astrolabe.graph.causes.words import Words
from astrolabe.graph.state.edge_types import MOUNTS, OWNS, RUNS_ON
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import READY

#: Nodes taken in per step.
STEP = 50
#: Complaints of a Pod that may wait for the place of another one, or for its volume.
_IN_PLACE_OF_OTHERS = frozenset((Complaint.UNSCHEDULED, Complaint.MOUNT))


class Causes:
    """The causes in one graph. The graph may be a part of another one, or a past one.

    `take` says what changed; the problems are made again when they are asked for, those that a change
    concerns.
    """

    def __init__(self, graph: ReadableGraph) -> None:
        self.graph = graph
        self.register = Register()
        self.arcs: dict[Item, tuple[Arc, ...]] = {}
        self.explainer = CauseFinder(graph, self.register, self.arcs)
        self.effects: dict[Item, dict[Item, None]] = {}
        self._stale: dict[Item, None] = {}
        self._group_of: dict[Item, GroupKey] = {}
        self._groups: dict[GroupKey, dict[Item, None]] = {}
        self._problems: dict[GroupKey, FoundProblem] = {}
        self._remade: dict[GroupKey, None] = {}

    @classmethod
    def at_once(cls, graph: ReadableGraph, nodes: Iterable[Node]) -> Causes:
        """All of a graph at once, however long it takes."""
        causes = cls(graph)
        for _ in causes.begin(nodes):
            pass
        return causes

    def begin(self, nodes: Iterable[Node]) -> Iterator[None]:
        """Take in the current graph, in steps. `take` may be called between them."""
        waiting: list[Item] = []
        for count, node in enumerate(nodes, 1):
            if places.is_of_interest(node):
                self.register.take(node.uid, self.graph.node(node.uid))
                waiting.append(node.uid)
            if count % STEP == 0:
                yield
        for start in range(0, len(waiting), STEP):
            self._explain(dict.fromkeys(waiting[start : start + STEP]))
            yield

    def take(self, touched: Iterable[str], adopted: Iterable[str] = ()) -> None:
        """Follow a change. touched: the uids of nodes that were set or removed, and of both ends of edges
        that were. adopted: those that gained or lost an owner."""
        adopted = list(adopted)
        self._regroup_below(adopted)
        dirty: dict[Item, None] = {}
        for uid in adopted:
            lost = _lost_node(self.arcs.get(uid, ()))
            if lost:
                self._move_stranded(uid, lost, lost, dirty)
        for uid in touched:
            node = self.graph.node(uid)
            if uid in self.register or (node is not None and places.is_of_interest(node)):
                dirty[uid] = None
            elif uid not in self.effects and node is not None:
                continue
            self._note(uid, node, dirty)
        self._explain(dirty)

    def _regroup_below(self, uids: Iterable[str]) -> None:
        """What these own, directly or not, belongs to another owner at the top."""
        waiting = list(uids)
        seen = set(waiting)
        while waiting:
            uid = waiting.pop()
            if uid in self.register:
                self._stale[uid] = None
            below = [edge.target for edge in self.graph.outgoing(uid) if edge.type == OWNS]
            waiting += [target for target in below if target not in seen]
            seen.update(below)

    def _note(self, uid: str, node: Node | None, dirty: dict[Item, None]) -> None:
        """Take in a node, and mark those that may be explained otherwise now."""
        for each, before, now in self.register.take(uid, node):
            dirty[each] = None
            dirty.update(dict.fromkeys(self.effects.get(each, ())))
            for words in (before, now):
                if words is not None:
                    self._mark_beside(words, before, now, dirty)
            for edge in self.graph.incoming(each):
                if edge.source in self.register:
                    dirty[edge.source] = None

    def _mark_beside(
        self, words: Words, before: Words | None, now: Words | None, dirty: dict[Item, None]
    ) -> None:
        """Mark those that no edge leads from, though they may be explained by this node."""
        complaint = self.register.complaints.get(words.uid) or Complaint.TERMINATING
        dirty.update(dict.fromkeys(self.register.dependents_of(words, complaint)))
        dirty.update(dict.fromkeys(each.missing for each in words.unresolved if each.missing in self.effects))
        for edge in self.graph.outgoing(words.uid):
            if edge.type in (MOUNTS, OWNS) and edge.target in self.register:
                dirty[edge.target] = None

    def _explain(self, dirty: dict[Item, None]) -> None:
        """Explain these again, and all nodes whose explanations depend on theirs."""
        while dirty:
            item = next(iter(dirty))
            del dirty[item]
            arcs = self._arcs_of(item)
            before = self.arcs.get(item, ())
            self._mark(item)
            if arcs == before:
                continue
            self._set(item, before, arcs, dirty)
            self._mark(item)

    def _arcs_of(self, item: Item) -> tuple[Arc, ...]:
        if isinstance(item, str):
            return self.explainer.arcs_of(item)
        return self.explainer.arcs_of_missing(item) if item in self.effects else ()

    def _set(
        self, item: Item, before: tuple[Arc, ...], arcs: tuple[Arc, ...], dirty: dict[Item, None]
    ) -> None:
        for arc in before:
            effects = self.effects[arc.target]
            del effects[item]
            if not effects:
                del self.effects[arc.target]
            self._stale[arc.target] = None
        for arc in arcs:
            is_new = arc.target not in self.effects
            self.effects.setdefault(arc.target, {})[item] = None
            if is_new and not isinstance(arc.target, str):
                dirty[arc.target] = None
        if arcs:
            self.arcs[item] = arcs
        else:
            self.arcs.pop(item, None)
        if isinstance(item, str):
            self._follow_stranded(item, before, arcs, dirty)
            self._follow_slice(item, before, arcs, dirty)

    def _follow_slice(
        self, uid: str, before: tuple[Arc, ...], arcs: tuple[Arc, ...], dirty: dict[Item, None]
    ) -> None:
        """A slice explains its Service only while something explains the slice."""
        node = self.graph.node(uid)
        if bool(before) != bool(arcs) and node is not None and node.kind == SLICE:
            for edge in self.graph.incoming(uid):
                if edge.source in self.register:
                    dirty[edge.source] = None

    def _follow_stranded(
        self, uid: str, before: tuple[Arc, ...], arcs: tuple[Arc, ...], dirty: dict[Item, None]
    ) -> None:
        """A Pod is on a lost Node: others of its owner wait in its place."""
        was, now = _lost_node(before), _lost_node(arcs)
        if was != now:
            self._move_stranded(uid, was, now, dirty)

    def _move_stranded(self, uid: str, was: str, now: str, dirty: dict[Item, None]) -> None:
        stranded = self.explainer.stranded
        if was:
            for owner in [owner for owner, nodes in stranded.items() if uid in nodes.get(was, ())]:
                self._leave(owner, was, uid, dirty)
        owner_now = self.explainer.owner_of(uid)
        if now and owner_now is not None:
            nodes = stranded.setdefault(owner_now, {})
            if now not in nodes:
                self._mark_waiting(owner_now, dirty)
            nodes.setdefault(now, {})[uid] = None

    def _leave(self, owner: str, node: str, uid: str, dirty: dict[Item, None]) -> None:
        nodes = self.explainer.stranded[owner]
        del nodes[node][uid]
        if not nodes[node]:
            del nodes[node]
            self._mark_waiting(owner, dirty)
        if not nodes:
            del self.explainer.stranded[owner]

    def _mark_waiting(self, owner: str, dirty: dict[Item, None]) -> None:
        for edge in self.graph.outgoing(owner):
            if edge.type == OWNS and self.register.complaints.get(edge.target) in _IN_PLACE_OF_OTHERS:
                dirty[edge.target] = None

    def _mark(self, item: Item) -> None:
        """Note that what these roots explain may have changed."""
        self._stale.update(dict.fromkeys(roots_of(self.arcs, item)))

    # Problems

    def refresh(self) -> Iterator[None]:
        """Make the problems again that changed, in steps. `take` must not be called between them."""
        groups: dict[GroupKey, None] = {}
        stale, self._stale = list(self._stale), {}
        for count, item in enumerate(stale, 1):
            before, now = self._group_of.get(item), group_of(self, item) if self._is_root(item) else None
            groups.update((group, None) for group in (before, now) if group is not None)
            if before != now:
                self._regroup(item, before, now)
            if count % STEP == 0:
                yield
        for group in groups:
            self._remade[group] = None
            roots = self._groups.get(group)
            if roots:
                self._problems[group] = build(self, group, roots)
            else:
                self._problems.pop(group, None)
            yield

    def _regroup(self, item: Item, before: GroupKey | None, now: GroupKey | None) -> None:
        if before is not None:
            del self._group_of[item]
            members = self._groups[before]
            del members[item]
            if not members:
                del self._groups[before]
        if now is not None:
            self._group_of[item] = now
            self._groups.setdefault(now, {})[item] = None

    def _is_root(self, item: Item) -> bool:
        exists = item in self.register if isinstance(item, str) else item in self.effects
        return exists and item in roots_of(self.arcs, item)

    def affected_by(self, items: Iterable[Item]) -> dict[Item, None]:
        """All that these explain, directly or not."""
        return reached_from(self.effects, items)

    def found(self) -> Iterable[FoundProblem]:
        """All findings as of the last `refresh`, those that are no problem yet among them."""
        return self._problems.values()

    def problems(self, now: float) -> list[FoundProblem]:
        """The problems at this time, in seconds since 1970; in no particular order."""
        for _ in self.refresh():
            pass
        return self.standing(now)

    def standing(self, now: float) -> list[FoundProblem]:
        """The problems at this time as of the last `refresh`, without members that are not stuck yet."""
        return [self.grown(problem, now) for problem in self._problems.values() if problem.due <= now]

    def take_remade(self) -> dict[GroupKey, None]:
        """The groups of the findings that were made again or are gone since this was asked last."""
        remade, self._remade = self._remade, {}
        return remade

    def grown(self, problem: FoundProblem, now: float) -> FoundProblem:
        """A problem as it is at this time: without members that are not stuck yet."""
        if not problem.young(now):
            return problem
        told = zip(problem.members, problem.dues, strict=True)
        stuck = [uid for uid, due in told if due <= now or due_alone(self, uid) <= now]
        return build(self, problem.group, stuck) if stuck else problem

    def next_change_at(self, now: float) -> float:
        """When something becomes a problem or joins one, if nothing changes; infinity: never."""
        dues = [due for problem in self._problems.values() for due in (problem.due, *problem.dues)]
        return min([due for due in dues if due > now], default=inf)

    def lingers(self, problem: FoundProblem, standing: Container[GroupKey]) -> bool:
        """Whether what had a problem that stands no more is still not well, and no other that stands is known
        to be the cause."""
        holder = holder_of(problem.group)
        uid = self.register.find(holder) if holder is not None else None
        if uid is None or self.register.words[uid].status == READY:
            return False
        if self.register.complaints[uid] is Complaint.INTENDED:
            return False
        return not any(self.group_at(root) in standing for root in roots_of(self.arcs, uid))

    def group_at(self, item: Item) -> GroupKey | None:
        """The group of a root."""
        return self._group_of.get(item)

    def problem(self, group: GroupKey) -> FoundProblem | None:
        """The finding of a group."""
        return self._problems.get(group)


def _lost_node(arcs: tuple[Arc, ...]) -> str:
    return next(
        (arc.target for arc in arcs if arc.type == RUNS_ON and arc.field and isinstance(arc.target, str)), ""
    )
