"""What would happen if something failed, went, or were drained: worked out from edges, changing nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from astrolabe.graph.causes.evictions import OVER, Drain, Eviction
from astrolabe.graph.causes.words import is_custom, read_words
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import (
    ATTACHES,
    BINDS,
    CALLS,
    CLAIMS,
    ENDPOINTS,
    MOUNTS,
    OWNS,
    ROUTES_TO,
    RUNS_ON,
    SELECTS,
    USES,
    USES_CLASS,
    USES_CONFIGMAP,
    USES_SECRET,
    USES_SERVICE_ACCOUNT,
)
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import READY

ACTIONS = ("fail", "delete", "drain", "cordon", "restart")
#: Actions that only a Node has.
OF_NODES = ("drain", "cordon")


class Level(IntEnum):
    """How hard something is hit.

    LOSES_COPY: its other copies continue. DEGRADES: it continues with less. STOPS: it stops working.
    """

    NONE = 0
    LOSES_COPY = 1
    DEGRADES = 2
    STOPS = 3


class Blocked(NamedTuple):
    """Something that prevents the action. why: a sentence."""

    uid: str
    why: str


class Impact(NamedTuple):
    """levels: uids by level. later: what fails when it is started again. blocks: what is in the way."""

    levels: Mapping[Level, list[str]]
    later: list[str]
    blocks: list[Blocked]
    evictions: list[Eviction]


#: Types whose target is needed only at the start. A running source continues without it.
_ASKED = frozenset((USES_CONFIGMAP, USES_SECRET, USES_SERVICE_ACCOUNT, USES_CLASS))
#: Kinds that only watch. If they lose what they watch, nobody loses anything.
_BYSTANDERS = frozenset(
    ("PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "Node", NAMESPACE)
)
_COPIES = frozenset(("ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "ReplicationController"))
#: Kinds whose Pods are replaced a few at a time. Of fewer Pods than this, the default of a Deployment, 25 %
#: unavailable, is none (apps/v1 RollingUpdateDeployment: rounded down).
_ROLLED, _SURGING = frozenset(("Deployment", "StatefulSet", "DaemonSet")), 4
_RUNS = frozenset(("Job", "CronJob"))
_KEPT = frozenset(("ConfigMap", "Secret", "ServiceAccount", "StorageClass", "PriorityClass", "RuntimeClass"))


class ImpactStudy:
    """One question about one node. `run` works it out in steps."""

    def __init__(self, graph: ReadableGraph, target: Node, action: str, nodes: Iterable[Node] = ()) -> None:
        """nodes: all of the graph, which only the end of a Namespace asks for."""
        self._graph = graph
        self._target = target
        self._action = action
        self._nodes = nodes
        self._levels: dict[str, Level] = {}
        self._later: dict[str, None] = {}
        self._blocks: dict[str, Blocked] = {}
        self._evictions: list[Eviction] = []

    def run(self) -> Iterator[None]:
        """Work it out, in steps."""
        stopped = yield from self._begin()
        waiting = dict.fromkeys(stopped)
        for uid in waiting:
            self._levels[uid] = Level.STOPS
        while waiting:
            uid = next(iter(waiting))
            del waiting[uid]
            for edge in self._graph.incoming(uid):
                level = self._level_of(edge)
                if level > self._levels.get(edge.source, Level.NONE):
                    self._levels[edge.source] = level
                    waiting[edge.source] = None
            yield

    def result(self) -> Impact:
        """What was found, without the target itself."""
        levels: dict[Level, list[str]] = {
            level: [] for level in (Level.STOPS, Level.DEGRADES, Level.LOSES_COPY)
        }
        for uid, level in self._levels.items():
            if uid != self._target.uid:
                levels[level].append(uid)
        return Impact(levels, list(self._later), list(self._blocks.values()), self._evictions)

    # What stops at once

    def _begin(self) -> Generator[None, None, list[str]]:
        target, action = self._target, self._action
        if action == "cordon":
            return []
        if target.kind == "Node":
            return (yield from self._of_drain()) if action == "drain" else self._of_node()
        if target.kind == NAMESPACE and action == "delete":
            found = []
            for count, node in enumerate(self._nodes, 1):
                if node.namespace == target.name and node.cluster == target.cluster:
                    found.append(node.uid)
                if count % 1000 == 0:
                    yield
            return [target.uid, *found]
        if target.kind in _KEPT:
            self._note_askers()
            return self._broken_now()
        if target.kind == "PersistentVolumeClaim" and action == "delete":
            return self._of_claim()
        if target.kind == "PersistentVolume" and action == "delete":
            return self._of_volume()
        if action == "restart":
            return self._of_restart()
        return self._owned_by(target.uid) if action == "delete" else [target.uid]

    def _of_node(self) -> list[str]:
        alive = [pod for pod in self._pods_here() if _is_alive(pod)]
        alive.sort(key=lambda pod: (pod.namespace, pod.name))
        for pod in alive:
            self._note_volumes(pod)
        return [self._target.uid, *[pod.uid for pod in alive]]

    def _of_drain(self) -> Generator[None, None, list[str]]:
        ending = set()
        for count, node in enumerate(self._nodes, 1):
            is_here = node.kind == NAMESPACE and node.cluster == self._target.cluster
            if is_here and read_words(node).reason == "Terminating":
                ending.add(node.name)
            if count % 1000 == 0:
                yield
        pods = {pod.uid: pod for pod in self._pods_here()}
        gone = []
        for each in Drain(self._graph, ending).ask(pods.values()):
            self._evictions.append(each)
            pod = pods[each.pod]
            if each.outcome in ("refused", "blocked"):
                self._blocks[each.pod] = Blocked(each.pod, each.why)
            elif each.outcome == "evicted" and _is_alive(pod):
                gone.append(each.pod)
                self._note_volumes(pod)
        return gone

    def _pods_here(self) -> list[Node]:
        edges = [edge for edge in self._graph.incoming(self._target.uid) if edge.type == RUNS_ON]
        return [pod for edge in edges if (pod := self._node(edge.source)) is not None]

    def _note_volumes(self, pod: Node) -> None:
        """A volume that is attached to the Node must be detached before the Pod can start elsewhere."""
        for edge in self._graph.outgoing(pod.uid):
            if edge.type == MOUNTS and self._is_attached(edge.target):
                why = f"its volume is attached to Node {self._target.name}"
                self._blocks[edge.target] = Blocked(edge.target, why)

    def _is_attached(self, claim: str) -> bool:
        for edge in self._graph.outgoing(claim):
            if edge.type == BINDS:
                for attached in self._graph.outgoing(edge.target):
                    if attached.type == ATTACHES and attached.target == self._target.uid:
                        return True
        return False

    def _of_claim(self) -> list[str]:
        users = [edge.source for edge in self._graph.incoming(self._target.uid) if edge.type == MOUNTS]
        alive = [
            pod
            for uid in users
            if (pod := self._node(uid)) is not None and pod.kind == "Pod" and _is_alive(pod)
        ]
        for pod in alive:
            self._blocks[pod.uid] = Blocked(
                pod.uid, "it uses the claim, which goes only when the Pod is gone"
            )
            self._later[pod.uid] = None
        return [] if alive else [self._target.uid]

    def _of_volume(self) -> list[str]:
        """As of a claim that is used: Kubernetes lets a volume go after the claim that is bound to it."""
        claims = [edge.source for edge in self._graph.incoming(self._target.uid) if edge.type == BINDS]
        for uid in claims:
            why = "it is bound to the volume, which goes only when the claim is gone"
            self._blocks[uid] = Blocked(uid, why)
        return [] if claims else [self._target.uid]

    def _note_askers(self) -> None:
        """The resources that need it at their next start: Pods, and the workloads that make them."""
        waiting = [edge.source for edge in self._graph.incoming(self._target.uid) if edge.type in _ASKED]
        for uid in waiting:
            node = self._node(uid)
            if node is None or uid in self._later or (node.kind == "Pod" and not _is_alive(node)):
                continue
            if node.kind != "Ingress":
                self._later[uid] = None
            waiting += [edge.source for edge in self._graph.incoming(uid) if edge.type == OWNS]

    def _broken_now(self) -> list[str]:
        """An Ingress reads its certificate all the time."""
        for edge in self._graph.incoming(self._target.uid):
            node = self._node(edge.source)
            if edge.type == USES_SECRET and node is not None and node.kind == "Ingress":
                self._levels[edge.source] = Level.DEGRADES
        return []

    def _of_restart(self) -> list[str]:
        """As `kubectl rollout restart` does it: a few Pods at a time, and of a small Deployment none before
        there is another. What asks for something that is missing does not come back."""
        target, owned = self._target, self._owned_by(self._target.uid)
        nodes = [node for uid in owned if (node := self._node(uid)) is not None]
        for node in nodes:
            if node.unresolved and any(each.type in _ASKED for each in read_words(node).unresolved):
                self._later[node.uid] = None
        pods = [node.uid for node in nodes if node.kind == "Pod" and _is_alive(node)]
        strategy = target.document()["metadata"].get("strategy", "") if target.kind in _ROLLED else "Recreate"
        if strategy == "Recreate":
            return owned
        if strategy == "OnDelete" or (target.kind == "Deployment" and len(pods) < _SURGING):
            return []
        return pods[:1]

    def _owned_by(self, uid: str) -> list[str]:
        """It and all that it owns, which goes with it."""
        found = [uid]
        seen = {uid}
        for each in found:
            owned = [edge.target for edge in self._graph.outgoing(each) if edge.type == OWNS]
            found += [target for target in owned if target not in seen]
            seen.update(owned)
        return found

    # What follows

    def _level_of(self, edge: Edge) -> Level:
        """How the source of an edge is hit, now that its target is."""
        source = self._node(edge.source)
        if source is None or source.kind in _BYSTANDERS:
            return Level.NONE
        hit = self._levels[edge.target]
        if source.kind in _COPIES:
            return self._of_copies(source.uid) if edge.type == OWNS else Level.NONE
        if source.kind in _RUNS:
            return Level.DEGRADES if edge.type == OWNS and hit is Level.STOPS else Level.NONE
        if edge.type in (SELECTS, ENDPOINTS):
            return self._of_endpoints(source.uid)
        if edge.type == ROUTES_TO:
            return self._of_backends(source.uid)
        if edge.type in (RUNS_ON, MOUNTS, BINDS, CALLS, CLAIMS):
            return Level.STOPS if hit is Level.STOPS else Level.NONE
        if is_custom(source.kind):
            return self._of_custom(edge, hit)
        return Level.NONE

    def _of_copies(self, uid: str) -> Level:
        """A controller: by the Pods that are left, its own or those of its ReplicaSets."""
        left, lost = self._copies(uid)
        if not lost:
            return Level.NONE
        return Level.LOSES_COPY if left else Level.STOPS

    def _copies(self, uid: str) -> tuple[int, int]:
        left = lost = 0
        for edge in self._graph.outgoing(uid):
            node = self._node(edge.target) if edge.type == OWNS else None
            if node is None:
                continue
            if node.kind == "Pod":
                if self._levels.get(node.uid) is Level.STOPS:
                    lost += 1
                elif node.status == READY and _is_alive(node):
                    left += 1
            elif node.kind == "ReplicaSet":
                more_left, more_lost = self._copies(node.uid)
                left, lost = left + more_left, lost + more_lost
        return left, lost

    def _of_endpoints(self, uid: str) -> Level:
        """A Service or slice: by the ready Pods that are left; without a selector, by what its slices are."""
        edges = [edge for edge in self._graph.outgoing(uid) if edge.type in (SELECTS, ENDPOINTS)]
        has_selector = any(edge.type == SELECTS for edge in edges)
        left = lost = False
        for edge in edges:
            node = self._node(edge.target)
            if node is None or (node.kind != "Pod" and has_selector):
                continue
            level = self._levels.get(node.uid, Level.NONE)
            lost = lost or level > Level.LOSES_COPY
            left = left or (level < Level.STOPS and node.status == READY and _is_alive(node))
        if not lost:
            return Level.NONE
        return Level.DEGRADES if left else Level.STOPS

    def _of_backends(self, uid: str) -> Level:
        hits = [
            self._levels.get(edge.target, Level.NONE)
            for edge in self._graph.outgoing(uid)
            if edge.type == ROUTES_TO
        ]
        if hits and all(hit is Level.STOPS for hit in hits):
            return Level.STOPS
        return Level.DEGRADES if any(hits) else Level.NONE

    def _of_custom(self, edge: Edge, hit: Level) -> Level:
        if edge.type == USES:
            return Level.STOPS if hit is Level.STOPS else Level.DEGRADES
        if edge.type == OWNS:
            node = self._node(edge.target)
            if node is not None and node.kind == "Pod":
                left, _ = self._copies(edge.source)
                return Level.DEGRADES if left else Level.STOPS
        return Level.DEGRADES

    def _node(self, uid: str) -> Node | None:
        return self._graph.node(uid)


def _is_alive(pod: Node) -> bool:
    """Whether a Pod is not over."""
    return pod.kind != "Pod" or '"phase":"' not in pod.text or read_words(pod).phase not in OVER
