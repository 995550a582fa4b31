"""A problem: one cause with all that it breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from astrolabe.graph.causes.arcs import Arc, Item, order_of, roots_of
from astrolabe.graph.causes.complaints import Complaint
from astrolabe.graph.causes.explanations import verdict_of
from astrolabe.graph.causes.graces import due_by_effect, due_of, due_of_empty
from astrolabe.graph.causes.grouping import GroupKey, is_shared
from astrolabe.graph.causes.words import WORKLOADS, Missing, ToldWarning, Words, seconds
from astrolabe.graph.state.edge_types import ROUTES_TO, USES
from astrolabe.graph.state.identity import Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import ERROR, PENDING, READY, WORST_FIRST

if TYPE_CHECKING:
    from astrolabe.graph.causes.causes import Causes

#: The sort key of a problem: severity, reach, age, and what makes it unique.
Rank = tuple[int, int, float, GroupKey]

#: Members, affected nodes in a list, and entries that are named; the counts are always exact.
MOST_NAMED = 100
NOT_FOUND = "NotFound"

#: What a user of the cluster notices: requests from outside, and what runs by the clock.
#: Characters of a clause that two texts do not share by chance.
_TELLING = 20

_ENTRY_KINDS = frozenset(("Ingress", "CronJob"))
_ROUTE_SUFFIX = "Route"
_EXPOSED = frozenset(("LoadBalancer", "NodePort"))


#: The API groups of Kubernetes' own kinds that are referred to by name, where they are not of the core group.
GROUPS = {
    "APIService": "apiregistration.k8s.io",
    "ClusterRole": "rbac.authorization.k8s.io",
    "CronJob": "batch",
    "CustomResourceDefinition": "apiextensions.k8s.io",
    "DaemonSet": "apps",
    "Deployment": "apps",
    "DeviceClass": "resource.k8s.io",
    "EndpointSlice": "discovery.k8s.io",
    "HorizontalPodAutoscaler": "autoscaling",
    "Ingress": "networking.k8s.io",
    "IngressClass": "networking.k8s.io",
    "Job": "batch",
    "NetworkPolicy": "networking.k8s.io",
    "PodDisruptionBudget": "policy",
    "PriorityClass": "scheduling.k8s.io",
    "ReplicaSet": "apps",
    "ResourceClaim": "resource.k8s.io",
    "ResourceClaimTemplate": "resource.k8s.io",
    "Role": "rbac.authorization.k8s.io",
    "RuntimeClass": "node.k8s.io",
    "StatefulSet": "apps",
    "StorageClass": "storage.k8s.io",
    "VolumeAttachment": "storage.k8s.io",
    "VolumeAttributesClass": "storage.k8s.io",
}


class FoundProblem(msgspec.Struct, frozen=True, gc=False):
    """One problem, or what becomes one at `due` (seconds since 1970) if nothing changes.

    members: uids of the nodes that are the cause. missing: the object that does not exist, which is the
    cause. affected: uids, by kind and name. absent: what does not exist because of the cause.
    path: from an entry to the cause: (uid or missing, the arc by which it leads on).
    dues: from when on each of the members is one by itself, where that matters.
    names: the names of the nodes that it mentions, by uid. Some may be gone when it ends.
    """

    group: GroupKey
    status: str
    reason: str
    message: str
    since: str
    due: float
    members: tuple[str, ...]
    missing: Missing | None
    affected: tuple[str, ...]
    absent: tuple[Missing, ...]
    kinds: dict[str, int]
    entries: tuple[str, ...]
    releases: tuple[Release, ...]
    namespaces: tuple[str, ...]
    path: tuple[tuple[Item, Arc | None], ...]
    dues: tuple[float, ...] = ()
    names: dict[str, dict[str, Any]] = {}

    def young(self, now: float) -> bool:
        """Whether some of its members are not stuck yet."""
        return any(now < due < inf for due in self.dues)

    @property
    def namespace(self) -> str:
        """Of the cause, or if that is of the cluster, of all that is concerned if this is in one."""
        if self.missing is not None and self.missing.namespace:
            return self.missing.namespace
        return self.namespaces[0] if len(self.namespaces) == 1 else ""

    @property
    def cluster(self) -> str:
        """Of the cause, where there are several."""
        if self.missing is not None:
            return self.missing.cluster
        name: str = self.names[self.members[0]].get("cluster", "")
        return name

    @property
    def reach(self) -> int:
        """How far it is felt: entries count most, then workloads."""
        return len(self.entries) * 1000 + sum([self.kinds.get(kind, 0) for kind in WORKLOADS])

    @property
    def rank(self) -> Rank:
        """Its place among others: by severity, then reach, then age."""
        return (WORST_FIRST.index(self.status), -self.reach, seconds(self.since) or inf, self.group)


def build(causes: Causes, group: GroupKey, roots: Iterable[Item]) -> FoundProblem:
    """The problem of these roots, which are one group."""
    members = _without_history(
        causes, _sorted_words(causes, [each for each in roots if isinstance(each, str)])
    )
    missing = next((root for root in roots if not isinstance(root, str)), None)
    start: list[Item] = [words.uid for words in members] + ([missing] if missing is not None else [])
    reached = causes.affected_by(start)
    affected = _with_callers(causes, start, [uid for uid in reached if isinstance(uid, str)])
    concerned = [*[words.uid for words in members], *affected]
    nodes = sorted(
        _nodes(causes, affected), key=lambda node: (node.kind, node.namespace, node.name, node.uid)
    )
    absent = tuple(sorted(item for item in reached if not isinstance(item, str)))
    told = [causes.register.words[uid] for uid in affected if uid in causes.register]
    reason, message, since = _headline(causes, members, missing, told)
    entries = tuple(sorted(uid for uid in concerned if is_entry(causes, uid)))
    path = _path(causes, start, affected)
    named = [
        *[words.uid for words in members[:MOST_NAMED]],
        *entries[:MOST_NAMED],
        *[item for item, _ in path],
    ]
    return FoundProblem(
        group=group,
        status=_worst([*[words.status for words in members], *[words.status for words in told]]),
        reason=reason,
        message=message,
        since=since,
        due=_due(causes, members, told),
        members=tuple(words.uid for words in members),
        missing=missing,
        affected=tuple(node.uid for node in nodes),
        absent=absent,
        kinds=dict(
            sorted(Counter([*[node.kind for node in nodes], *[each.kind for each in absent]]).items())
        ),
        entries=entries,
        releases=tuple(sorted(_releases(causes, concerned))),
        namespaces=tuple(sorted(_namespaces(causes, concerned, missing))),
        path=path,
        dues=_dues(causes, members) if is_shared(group) else (),
        names={item: describe(causes, item) for item in named if isinstance(item, str)},
    )


def _sorted_words(causes: Causes, uids: Iterable[str]) -> list[Words]:
    known = causes.register.words
    # Of runs that failed, what ended says more than its owner.
    return sorted(
        [known[uid] for uid in uids],
        key=lambda words: (words.key != "Pod", words.namespace, words.name, words.uid),
    )


def _without_history(causes: Causes, members: list[Words]) -> list[Words]:
    """Without what is over and breaks nothing, if others are left."""
    leftover = causes.explainer.is_leftover
    kept = [words for words in members if words.uid in causes.effects or not leftover(words)]
    return kept or members


def _worst(statuses: Iterable[str]) -> str:
    worst = min(statuses, key=WORST_FIRST.index, default=PENDING)
    return PENDING if worst == READY else worst


def _dues(causes: Causes, members: list[Words]) -> tuple[float, ...]:
    complaints, explainer = causes.register.complaints, causes.explainer
    return tuple(
        due_of(words, complaints[words.uid], leftover=explainer.is_leftover(words)) for words in members
    )


def due_alone(causes: Causes, uid: str) -> float:
    """From when on this root is a problem by itself or by what it breaks."""
    known = causes.register.words
    told = [known[each] for each in causes.affected_by([uid]) if isinstance(each, str) and each in known]
    return _due(causes, [known[uid]], told)


def _due(causes: Causes, members: list[Words], told: list[Words]) -> float:
    complaints, explainer = causes.register.complaints, causes.explainer
    root = members[0] if members else None
    root_complaint = complaints[root.uid] if root is not None else Complaint.OWN
    begun = [*_dues(causes, members)]
    for effect in told:
        complaint = complaints[effect.uid]
        leftover = explainer.is_leftover(effect)
        if effect.status != ERROR and root_complaint is not Complaint.INTENDED:
            due = due_of(effect, complaint, leftover=leftover)
            is_empty = complaint is Complaint.EMPTY and root is not None
            begun.append(due_of_empty(effect, [*members, *told]) if is_empty else due)
        if not leftover:
            begun.append(due_by_effect(effect, complaint, root=root, root_complaint=root_complaint))
    return min(begun, default=inf)


def _headline(
    causes: Causes, members: list[Words], missing: Missing | None, told: list[Words]
) -> tuple[str, str, str]:
    """Reason, message, and since when."""
    if missing is not None:
        kind, namespace, name, _ = missing
        where = f" in namespace {namespace}" if namespace else ""
        first = min([words.since_text for words in told if words.since_text], default="")
        return (
            NOT_FOUND,
            f'{kind.partition(".")[0]} "{name}" does not exist{where}{_asked(told, missing)}',
            first,
        )
    words = members[0]
    since = min([each.since_text for each in members if each.since_text], default="")
    if not since and words.warning is not None:
        since = words.warning.since
    reason, message = words.reason, words.message
    if words.status == READY and words.unresolved:
        reference = words.unresolved[0]
        reason, message = NOT_FOUND, f'{reference.kind} "{reference.name}" does not exist'
    if causes.register.complaints[words.uid] is Complaint.INTENDED:
        message += _needed(told)
    warning = words.warning
    if warning is not None and _adds(warning, message):
        message = f"{message}; {warning.reason}: {warning.message}" if message else warning.message
    return reason, message, since or words.created_text


def _needed(told: list[Words]) -> str:
    """Why it is a problem that someone wants it so."""
    broken = [words for words in told if words.status == ERROR]
    first = min(broken, key=lambda each: (each.key, each.namespace, each.name, each.uid), default=None)
    return f", but {first.key.partition('.')[0]} {first.name} needs it" if first is not None else ""


def _adds(warning: ToldWarning, message: str) -> bool:
    """Whether an Event says more than the status: not the same with other words before it.

    Controllers and kubelets put "Error creating: ", "Error: " or 'Failed to pull image "…": ' before it.
    That a container is started again only later (BackOff) is what the status says.
    """
    if not message or not warning.message:
        return bool(warning.message)
    if warning.reason == "FailedScheduling" and verdict_of(message) is not None:
        return False  # it goes on only with what preemption would not help
    clauses = warning.message.split(": ")
    ends = (": ".join(clauses[start:]) for start in range(len(clauses)))
    return warning.reason != "BackOff" and not any(
        end in message for end in ends if len(end) >= _TELLING or end == warning.message
    )


def _asked(told: list[Words], missing: Missing) -> str:
    for words in sorted(told, key=lambda each: (each.namespace, each.name, each.key, each.uid)):
        for reference in words.unresolved:
            if reference.missing == missing:
                return f": {words.shown_kind} {words.name} asks for it ({reference.field})"
    return ""


def _with_callers(causes: Causes, start: Iterable[Item], affected: list[str]) -> list[str]:
    """And what sends requests to a Service or Gateway that does not answer, whatever it says of itself."""
    register, graph = causes.register, causes.graph
    found = dict.fromkeys(affected)
    for uid in [*[item for item in start if isinstance(item, str)], *affected]:
        words = register.words.get(uid)
        if words is None or not _is_down(words, register.complaints[uid]):
            continue
        for edge in graph.incoming(uid):
            source = graph.node(edge.source)
            if source is None or edge.source in start:
                continue
            if edge.type == ROUTES_TO or (edge.type == USES and _is_route(source.kind)):
                found.setdefault(edge.source)
    return list(found)


def _is_down(words: Words, complaint: Complaint) -> bool:
    if words.key == "Service":
        return complaint is Complaint.EMPTY or words.status == ERROR
    return words.key.startswith("Gateway.") and words.status == ERROR


def _is_route(kind: str) -> bool:
    return kind.partition(".")[0].endswith(_ROUTE_SUFFIX)


def is_entry(causes: Causes, uid: str) -> bool:
    """Whether a user of the cluster notices when it fails."""
    node = causes.graph.node(uid)
    if node is None:
        return False
    if node.kind == "Service":
        words = causes.register.words.get(uid)
        return words is not None and words.service_type in _EXPOSED
    return node.kind in _ENTRY_KINDS or _is_route(node.kind)


def _releases(causes: Causes, uids: Iterable[str]) -> set[Release]:
    nodes = _nodes(causes, uids)
    return {Release(node.release_namespace, node.release, node.cluster) for node in nodes if node.release}


def _namespaces(causes: Causes, uids: Iterable[str], missing: Missing | None) -> set[str]:
    found = {node.namespace for node in _nodes(causes, uids)}
    if missing is not None:
        found.add(missing.namespace)
    return found - {""}


def _nodes(causes: Causes, uids: Iterable[str]) -> Iterator[Node]:
    for uid in uids:
        node = causes.graph.node(uid)
        if node is not None:
            yield node


def others_beside(causes: Causes, problem: FoundProblem) -> set[GroupKey]:
    """The groups of other roots of what a problem affects."""
    found: set[GroupKey] = set()
    for uid in problem.affected:
        if len(causes.arcs.get(uid, ())) > 1:
            for root in roots_of(causes.arcs, uid):
                other = causes.group_at(root)
                if other is not None and other != problem.group:
                    found.add(other)
    return found


def _path(causes: Causes, start: list[Item], affected: list[str]) -> tuple[tuple[Item, Arc | None], ...]:
    """The path from the nearest entry to the cause; only the cause if there is no entry."""
    way: dict[Item, Arc] = {}
    seen = set(start)
    waiting = list(start)
    ready = {uid: None for uid in affected if uid not in causes.register}
    for item in waiting:
        if isinstance(item, str) and item not in start and is_entry(causes, item):
            return _back(item, way)
        for effect in sorted(causes.effects.get(item, ()), key=order_of):
            if effect not in seen:
                seen.add(effect)
                way[effect] = next(arc for arc in causes.arcs[effect] if arc.target == item)
                waiting.append(effect)
        if ready and isinstance(item, str):
            for edge in sorted(causes.graph.incoming(item), key=lambda edge: edge.key):
                if edge.source in ready and edge.source not in seen and edge.type in (ROUTES_TO, USES):
                    seen.add(edge.source)
                    way[edge.source] = Arc(item, edge.type, edge.field)
                    waiting.append(edge.source)
    return ((start[0], None),)


def _back(entry: Item, way: dict[Item, Arc]) -> tuple[tuple[Item, Arc | None], ...]:
    steps: list[tuple[Item, Arc | None]] = []
    here: Item = entry
    while here in way:
        arc = way[here]
        steps.append((here, arc))
        here = arc.target
    steps.append((here, None))
    return tuple(steps)


def describe(causes: Causes, item: Item) -> dict[str, Any]:
    """The identity of an item."""
    if not isinstance(item, str):
        kind, _, group = item.kind.partition(".")
        return {
            "kind": kind,
            "group": group or GROUPS.get(kind, ""),
            "namespace": item.namespace,
            "name": item.name,
            **_cluster(item.cluster),
            "missing": True,
        }
    node = causes.graph.node(item)
    words = causes.register.words.get(item)
    if node is None:
        return {"kind": "", "group": "", "namespace": "", "name": "", "uid": item}
    kind, group = (words.shown_kind, words.group) if words is not None else kind_and_group(node)
    return {
        "kind": kind,
        "group": group,
        "namespace": node.namespace,
        "name": node.name,
        **_cluster(node.cluster),
        "uid": item,
        "status": node.status,
    }


def _cluster(name: str) -> dict[str, str]:
    return {"cluster": name} if name else {}


def tell_release(release: Release) -> dict[str, str]:
    """A Helm release as a JSON object."""
    return {"namespace": release.namespace, "name": release.name, **_cluster(release.cluster)}


def kind_and_group(node: Node) -> tuple[str, str]:
    """As a node's manifest has them."""
    kind, _, group = node.kind.partition(".")
    if group:
        return kind, group
    found = node.text.find('"apiVersion":"')
    version = node.text[found + 14 : node.text.find('"', found + 14)] if found >= 0 else ""
    return kind, version.rpartition("/")[0]
