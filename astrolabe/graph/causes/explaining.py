"""Finds what explains one node: along its edges, by its references, and by what its words speak of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from astrolabe.graph.causes import register as places
from astrolabe.graph.causes.arcs import Arc, Item
from astrolabe.graph.causes.complaints import Complaint
from astrolabe.graph.causes.explanations import (
    called_services,
    explaining_references,
    explains,
    named_groups,
    named_release,
    rows_of,
    says_it_waited,
    says_volume_is_elsewhere,
    speaks_of_volumes,
    verdict_of,
)
from astrolabe.graph.causes.graces import is_finished
from astrolabe.graph.causes.register import Register, makers_place
from astrolabe.graph.causes.words import WORKLOADS, Missing, UnresolvedReference, Words, is_custom
from astrolabe.graph.state.edge_types import (
    BINDS,
    CALLS,
    GOVERNED_BY,
    MANAGES,
    MOUNTS,
    OWNS,
    RUNS_ON,
    SELECTS,
)
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.identity import Release, qualified
from astrolabe.graph.state.status import ERROR, PENDING, READY

#: Nodes that are well and that no Pod may be on: schedulers do not tell their taint from that of a lost one.
MOST_CONTROL_PLANES = 3
#: Only lists what serves; never a cause.
SLICE = "EndpointSlice"

#: Kinds for which a Pod that is over still counts: its end is their result.
_JUDGED_BY_ENDS = frozenset(("Job", "CronJob"))


class CauseFinder:
    """Explains the nodes of a register.

    stranded: by owner, the lost Nodes on which Pods of it are, each with these Pods.
    """

    def __init__(
        self, graph: ReadableGraph, register: Register, arcs: Mapping[Item, tuple[Arc, ...]]
    ) -> None:
        self._graph = graph
        self._arcs = arcs
        self._register = register
        self.stranded: dict[str, dict[str, dict[str, None]]] = {}

    def arcs_of(self, uid: str) -> tuple[Arc, ...]:
        """What explains this node; empty if it is its own cause, or well."""
        words = self._register.words.get(uid)
        if words is None:
            return ()
        complaint = self._register.complaints[uid]
        if words.status == READY and complaint is Complaint.INTENDED:
            return ()
        arcs: dict[Item, Arc] = {}
        for arc in self._along_edges(words, complaint):
            arcs.setdefault(arc.target, arc)
        if words.key == "CronJob" and len(arcs) > 1:
            arcs = self._newest(arcs)
        for arc in self._by_words(words, complaint):
            arcs.setdefault(arc.target, arc)
        if not (arcs and words.key in WORKLOADS and complaint is Complaint.WAITING):
            for reference in explaining_references(words, complaint, *self._of_owner(words, complaint)):
                arc = Arc(reference.missing, reference.type, (reference.field,))
                arcs.setdefault(arc.target, arc)
        arcs.pop(uid, None)
        return tuple(arcs.values())

    def arcs_of_missing(self, missing: Missing) -> tuple[Arc, ...]:
        """What should have made an object that does not exist."""
        return tuple(Arc(uid, "makes") for uid in sorted(self._register.at(makers_place(missing))))

    def owner_of(self, uid: str) -> str | None:
        """The owner, by uid; of several, the first."""
        return min([edge.source for edge in self._graph.incoming(uid) if edge.type == OWNS], default=None)

    def is_leftover(self, words: Words) -> bool:
        """Whether it is over and its owner says whether that matters."""
        if not is_finished(words):
            return False
        owner = self.owner_of(words.uid)
        if owner is None:
            return words.owner.partition("/")[0] in WORKLOADS
        if words.key != "Job":
            return True
        node = self._graph.node(owner)
        return node is not None and node.kind == "CronJob"

    def _along_edges(self, words: Words, complaint: Complaint) -> Iterator[Arc]:
        rows = rows_of(words, complaint)
        if not rows:
            return
        known, complaints = self._register.words, self._register.complaints
        for edge in self._graph.outgoing(words.uid):
            target = known.get(edge.target)
            if target is None or target.status == READY:
                continue
            if target.key == SLICE and edge.target not in self._arcs:
                continue  # it only counts endpoints: the Service says more
            cause = complaints[edge.target]
            for row in rows:
                if edge.type in row.types and explains(row, cause) and _counts(words, target, edge.type):
                    yield Arc(edge.target, edge.type, edge.field)
                    break

    def _newest(self, arcs: Mapping[Item, Arc]) -> dict[Item, Arc]:
        """The last one of several failed Jobs: a later one says more."""
        words = self._register.words

        def age(item: Item) -> tuple[float, float, str]:
            if not isinstance(item, str):
                return (0.0, 0.0, "")
            return (words[item].created, words[item].since, item)

        last = max(arcs, key=age)
        return {last: arcs[last]}

    def _of_owner(self, words: Words, complaint: Complaint) -> tuple[UnresolvedReference, ...]:
        """The unresolved references of the workload whose Pods cannot be created."""
        if complaint is not Complaint.CREATE:
            return ()
        owner = self.owner_of(words.uid)
        found = self._register.words.get(owner) if owner is not None else None
        return found.unresolved if found is not None else ()

    def _by_words(self, words: Words, complaint: Complaint) -> Iterator[Arc]:
        if complaint is Complaint.EMPTY:
            yield from self._workloads_behind(words)
        elif complaint is Complaint.UNSCHEDULED:
            yield from self._nodes_behind(words)
        elif complaint is Complaint.MOUNT and says_volume_is_elsewhere(words):
            yield from self._nodes_of_others(words)
        elif complaint is Complaint.CONSUMER:
            yield from self._pods_waiting(words, Complaint.UNSCHEDULED)
        elif words.key == "PersistentVolumeClaim" and complaint is Complaint.WAITING:
            yield from self._first_consumers(words)
        elif complaint is Complaint.TERMINATING:
            yield from self._holding(words)
        elif complaint is Complaint.HELM:
            # What was so before has not kept one from ending that is still under way.
            after = words.created if words.status == PENDING else -1.0
            release = Release(words.release_namespace, words.release, words.cluster)
            yield from self._of_release(release, after=after)
        elif (named := named_release(words)) and says_it_waited(words):
            yield from self._of_release(Release(*named, words.cluster))
        said = words.all_words
        if "https://" in said:
            yield from self._called(said, words.cluster)
        if words.key == "HorizontalPodAutoscaler" or words.key == "Namespace" or is_custom(words.key):
            yield from self._api_services(said, words.cluster)

    def _workloads_behind(self, service: Words) -> Iterator[Arc]:
        """The workloads whose Pods the Service would select."""
        for edge in self._graph.incoming(service.uid):
            if edge.type == GOVERNED_BY and edge.source in self._register:
                yield Arc(edge.source, GOVERNED_BY, edge.field)
        if not service.selector:
            return
        for uid in self._register.at((places.IDLE, qualified(service.cluster, service.namespace))):
            words = self._register.words[uid]
            if words.key != "CronJob" and words.labels.issuperset(service.selector):
                yield Arc(uid, SELECTS, ("spec.selector",))

    def _nodes_behind(self, pod: Words) -> Iterator[Arc]:
        """Nodes that are lost: those of which the scheduler speaks, and those on which Pods of the same owner
        are, whose place it should take."""
        yield from self._nodes_of_others(pod)
        lost = self._register.at((places.LOST_NODES, pod.cluster))
        verdict = verdict_of(pod.own_message) or verdict_of(pod.message) if lost else None
        if verdict is None or verdict.others or not verdict.tainted:
            return
        if len(lost) + MOST_CONTROL_PLANES >= verdict.tainted:
            for uid in lost:
                yield Arc(uid, RUNS_ON)

    def _nodes_of_others(self, pod: Words) -> Iterator[Arc]:
        """Lost nodes on which Pods of the same owner are: these keep their place, and their volumes."""
        for uid in self.stranded.get(self.owner_of(pod.uid) or "", ()):
            yield Arc(uid, RUNS_ON)

    def _first_consumers(self, claim: Words) -> Iterator[Arc]:
        """A claim may wait until its Pod is scheduled: one that waits for something else than its volumes."""
        if claim.warning is not None or claim.unresolved:
            return
        for arc in self._pods_waiting(claim, Complaint.UNSCHEDULED):
            assert isinstance(arc.target, str)
            if not speaks_of_volumes(self._register.words[arc.target]):
                yield arc

    def _pods_waiting(self, claim: Words, complaint: Complaint) -> Iterator[Arc]:
        for edge in self._graph.incoming(claim.uid):
            if edge.type == MOUNTS and self._register.complaints.get(edge.source) is complaint:
                yield Arc(edge.source, MOUNTS, edge.field)

    def _holding(self, words: Words) -> Iterator[Arc]:
        """What else is being deleted and must go before."""
        complaints = self._register.complaints
        if words.key == "Namespace":
            for uid in self._register.at((places.TERMINATING, qualified(words.cluster, words.name))):
                yield Arc(uid, "contains")
        for edge in self._graph.outgoing(words.uid):
            if edge.type == OWNS and complaints.get(edge.target) is Complaint.TERMINATING:
                yield Arc(edge.target, OWNS, edge.field)
        yield from self._pods_waiting(words, Complaint.TERMINATING)
        if words.key == "PersistentVolume":
            for edge in self._graph.incoming(words.uid):
                if edge.type == BINDS and complaints.get(edge.source) is Complaint.TERMINATING:
                    yield Arc(edge.source, BINDS, edge.field)

    def _of_release(self, release: Release, *, after: float = -1.0) -> Iterator[Arc]:
        """The error of a Helm release, and since when."""
        where = qualified(release.cluster, f"{release.namespace}/{release.name}")
        for uid in self._register.at((places.RELEASE, where)):
            if self._register.words[uid].since > after:
                yield Arc(uid, "releases")

    def _called(self, said: str, cluster: str) -> Iterator[Arc]:
        register = self._register
        for namespace, name in called_services(said):
            named = Missing("Service", namespace, name, cluster)
            service = register.find(named)
            if service is not None and register.complaints[service] is not Complaint.BALANCER:
                yield Arc(service, CALLS)
            for uid in register.at((places.CALLERS, cluster)):
                if any(each.missing == named for each in register.words[uid].unresolved):
                    yield Arc(uid, CALLS)

    def _api_services(self, said: str, cluster: str) -> Iterator[Arc]:
        found = self._register.at((places.API_SERVICES, cluster))
        groups = named_groups(said) if found else ()
        for uid in found:
            if self._register.words[uid].name.partition(".")[2] in groups:
                yield Arc(uid, "asks")


def _counts(effect: Words, cause: Words, type: str) -> bool:
    """Whether the state of something matters to the one who looks at it.

    A Pod that is over counts only for those who are judged by its end. What is only being rolled out, or runs
    once more, has not made anybody fail.
    """
    if cause.key == "Pod" and is_finished(cause):
        return effect.key in _JUDGED_BY_ENDS or (is_custom(effect.key) and effect.status == ERROR)
    if effect.status != ERROR or cause.status != PENDING:
        return True
    if effect.key == "CronJob":
        return False
    return type != MANAGES or 0.0 < cause.since <= effect.since
