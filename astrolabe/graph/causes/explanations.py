"""Which cause can explain which effect: the tables, and nothing else.

An effect whose words say why is explained only by what these words speak of. One that only waits is
explained by what it needs. A row that is not here explains nothing: pressure on a Node is no reason for a
missing key of a Secret, and a missing pull secret is none for a Pod that waits for a volume.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from astrolabe.graph.causes.complaints import Complaint
from astrolabe.graph.causes.words import WORKLOADS, UnresolvedReference, Words, is_custom
from astrolabe.graph.state.edge_types import (
    BINDS,
    CALLS,
    CLAIMS,
    EDGE_TYPES,
    ENDPOINTS,
    GOVERNED_BY,
    MAKES,
    MANAGES,
    MOUNTS,
    OWNS,
    ROUTES_TO,
    RUNS_ON,
    SCALES,
    SELECTS,
    USES,
    USES_CLASS,
    USES_CONFIGMAP,
    USES_SECRET,
    USES_SERVICE_ACCOUNT,
)
from astrolabe.graph.state.status import READY

C = Complaint

#: (reference, words of its holder, their class, the whole text) → whether it can cause that.
_Check = Callable[[UnresolvedReference, Words, Complaint, str], bool]

#: What a custom resource may say of others, whatever kinds these are.
_NEEDS = frozenset(each.name for each in EDGE_TYPES.values() if each.needs)

_VOLUMES = re.compile(r"volume|[Cc]laim|resourceclaim", re.IGNORECASE)
_ELSEWHERE = re.compile(r"Multi-Attach|already (?:used by|exclusively attached)")
_ACCESS = re.compile(
    r"unauthori[sz]ed|denied|authenti|authori[sz]|forbidden|credential|no basic auth|\b40[13]\b",
    re.IGNORECASE,
)
#: The registry or the runtime says what is wrong with the image itself.
_IMAGE_FAULT = re.compile(
    r"not found|NotFound|manifest unknown|no such host|timeout|refused|invalid reference|toomanyrequests"
    r"|no match for platform|x509|certificate",
    re.IGNORECASE,
)


class EdgeRow(NamedTuple):
    """An effect with one of these complaints may be explained along these edges by what has one of those.

    kinds: of the effect; empty for any. causes: complaints of the target; empty for any. says: what the
    effect's words must speak of.
    """

    kinds: frozenset[str]
    effects: frozenset[Complaint]
    types: frozenset[str]
    causes: frozenset[Complaint] = frozenset()
    not_causes: frozenset[Complaint] = frozenset()
    says: re.Pattern[str] | None = None


def _set(*values: str) -> frozenset[str]:
    return frozenset(values)


_POD = _set("Pod")
_CLAIM = "PersistentVolumeClaim"
_WAITING = frozenset((C.WAITING,))
_HARMLESS = frozenset((C.INTENDED,))

EDGE_ROWS = (
    EdgeRow(
        _POD, frozenset((C.MOUNT, C.STARTING)), _set(MOUNTS, CLAIMS), not_causes=frozenset((C.CONSUMER,))
    ),
    EdgeRow(
        _POD,
        frozenset((C.UNSCHEDULED,)),
        _set(MOUNTS, CLAIMS),
        not_causes=frozenset((C.CONSUMER,)),
        says=_VOLUMES,
    ),
    EdgeRow(
        _POD,
        frozenset((C.STARTING, C.MOUNT, C.UNREADY, C.TERMINATING)),
        _set(RUNS_ON),
        frozenset((C.NODE_LOST,)),
    ),
    EdgeRow(_POD, frozenset((C.EVICTED,)), _set(RUNS_ON), frozenset((C.NODE_LOST, C.PRESSURE))),
    EdgeRow(WORKLOADS, _WAITING, _set(OWNS), not_causes=_HARMLESS),
    EdgeRow(WORKLOADS, frozenset((C.CREATE,)), _set(OWNS), frozenset((C.CREATE,))),
    EdgeRow(_set("Service"), frozenset((C.WAITING, C.EMPTY)), _set(ENDPOINTS, SELECTS), not_causes=_HARMLESS),
    EdgeRow(_set("EndpointSlice"), _WAITING, _set(ENDPOINTS), not_causes=_HARMLESS),
    EdgeRow(
        _set("Ingress"),
        _WAITING,
        _set(ROUTES_TO),
        not_causes=frozenset((C.BALANCER,)),
    ),
    EdgeRow(_set("PodDisruptionBudget"), _WAITING, _set(SELECTS), not_causes=_HARMLESS),
    EdgeRow(_set("HorizontalPodAutoscaler"), _WAITING, _set(SCALES)),
    EdgeRow(_set("PersistentVolumeClaim"), _WAITING, _set(BINDS, USES_CLASS)),
    EdgeRow(
        _set(
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "APIService",
            "CustomResourceDefinition",
        ),
        _WAITING,
        _set(CALLS),
    ),
)

#: Rows of custom resources, of any kind.
CUSTOM_ROW = EdgeRow(
    frozenset(), _WAITING, _NEEDS - {MANAGES}, not_causes=frozenset((C.INTENDED, C.BALANCER, C.CONSUMER))
)

#: Tools that apply objects judge their health. To them, it does not matter if a Service has endpoints.
MANAGER_ROW = EdgeRow(
    frozenset(),
    _WAITING,
    _set(MANAGES),
    not_causes=frozenset((C.INTENDED, C.BALANCER, C.CONSUMER, C.EMPTY)),
)

#: Words about its own input are those of what it reads, if that has failed.
INPUT_ROW = EdgeRow(
    frozenset(),
    frozenset((C.OWN,)),
    _set(USES, USES_SECRET, USES_CONFIGMAP, USES_CLASS, CALLS),
    not_causes=frozenset((C.INTENDED, C.BALANCER, C.CONSUMER)),
)

_BY_KIND: dict[str, list[EdgeRow]] = {}
for _row in EDGE_ROWS:
    for _kind in _row.kinds:
        _BY_KIND.setdefault(_kind, []).append(_row)


def rows_of(words: Words, complaint: Complaint) -> list[EdgeRow]:
    """The rows that may explain this effect along its edges."""
    rows = [CUSTOM_ROW, MANAGER_ROW, INPUT_ROW] if is_custom(words.key) else _BY_KIND.get(words.key, [])
    fitting = [row for row in rows if complaint in row.effects]
    return [row for row in fitting if row.says is None or row.says.search(words.all_words)]


def explains(row: EdgeRow, cause: Complaint) -> bool:
    """Whether something with this complaint can explain an effect of the row."""
    return cause not in row.not_causes and (not row.causes or cause in row.causes)


def speaks_of_volumes(words: Words) -> bool:
    """Whether it says that it waits for volumes or claims."""
    return _VOLUMES.search(words.all_words) is not None


def says_volume_is_elsewhere(words: Words) -> bool:
    """Whether it says that another node still has its volume."""
    return _ELSEWHERE.search(words.all_words) is not None


_LACKS_SEVERAL = frozenset((*WORKLOADS, "Ingress"))
_USED = _set(USES_CONFIGMAP, USES_SECRET)
_PULL = "imagePullSecrets"
_POD_NEEDS = _set(USES_CONFIGMAP, USES_SECRET, USES_SERVICE_ACCOUNT, USES_CLASS, MOUNTS, CLAIMS)
_VOLUME_FIELDS = "volumes["


def explaining_references(
    words: Words, complaint: Complaint, *others: UnresolvedReference
) -> Iterator[UnresolvedReference]:
    """The unresolved references of a node, or of its owner (others), that can cause what it says."""
    references = (*words.unresolved, *others)
    if not references or complaint is C.CRASH or (words.key == _CLAIM and complaint is C.OWN):
        return  # a claim that lost its volume says so itself
    said = words.all_words
    # A pull secret is named whenever it is missing, which is harmless while images come without.
    named = [
        each
        for each in references
        if _is_named(each, said) and (_PULL not in each.field or _can_cause(each, words, complaint, said))
    ]
    # An Ingress or a workload may lack several objects, and its words speak of one.
    if named and not (words.key in _LACKS_SEVERAL and complaint is C.WAITING):
        yield from named
        return
    yield from (each for each in words.unresolved if _can_cause(each, words, complaint, said))


def _is_named(reference: UnresolvedReference, said: str) -> bool:
    return re.search(_naming(reference), said) is not None


def _naming(reference: UnresolvedReference) -> str:
    """Matches its name, and no longer one."""
    return rf"(?<![\w.-]){re.escape(reference.name)}(?![\w-])"


def _can_cause(reference: UnresolvedReference, words: Words, complaint: Complaint, said: str) -> bool:
    if is_custom(words.key):
        return complaint in (C.WAITING, C.OWN) and reference.type not in (MAKES, MANAGES)
    check = _REFERENCES.get(words.key)
    return check is not None and check(reference, words, complaint, said)


def _of_pod(reference: UnresolvedReference, words: Words, complaint: Complaint, said: str) -> bool:
    is_pull_secret = _PULL in reference.field
    if complaint is C.IMAGE:
        said = re.sub(_naming(reference), "", said)  # it may be called after credentials
        return is_pull_secret and (bool(_ACCESS.search(said)) or not _IMAGE_FAULT.search(said))
    if is_pull_secret:
        return False
    if complaint is C.CONFIG:
        return reference.type in _USED and "not found" not in said and "find key" not in said
    if complaint is C.MOUNT:
        return _VOLUME_FIELDS in reference.field and "not found" not in said and "non-existent" not in said
    if complaint is C.STARTING:
        return reference.type in _POD_NEEDS and (words.warning is None or reference.type == USES_CLASS)
    return complaint is C.UNSCHEDULED and reference.type in (MOUNTS, CLAIMS) and bool(_VOLUMES.search(said))


def _of_ingress(reference: UnresolvedReference, _: Words, complaint: Complaint, __: str) -> bool:
    if reference.type == USES_CLASS:
        return "ingressClassName" in reference.field
    return complaint is C.WAITING and reference.type in (ROUTES_TO, USES_SECRET)


def _of_stateful_set(reference: UnresolvedReference, words: Words, complaint: Complaint, said: str) -> bool:
    if reference.type == GOVERNED_BY:
        return complaint is C.DANGLING
    return _of_workload(reference, words, complaint, said)


def _of_workload(reference: UnresolvedReference, _: Words, complaint: Complaint, __: str) -> bool:
    return complaint is C.WAITING and reference.type in _POD_NEEDS and _PULL not in reference.field


def _any_of(*types: str) -> _Check:
    return lambda reference, _, complaint, __: complaint in (C.WAITING, C.OWN) and reference.type in types


_REFERENCES: Mapping[str, _Check] = {
    "Pod": _of_pod,
    "Ingress": _of_ingress,
    "StatefulSet": _of_stateful_set,
    "Deployment": _of_workload,
    "DaemonSet": _of_workload,
    "ReplicaSet": _of_workload,
    "ReplicationController": _of_workload,
    "Job": _of_workload,
    "HorizontalPodAutoscaler": _any_of(SCALES),
    "PersistentVolumeClaim": lambda reference, _, complaint, __: (
        complaint is C.WAITING and reference.type == USES_CLASS
    ),
    "ValidatingWebhookConfiguration": _any_of(CALLS),
    "MutatingWebhookConfiguration": _any_of(CALLS),
    "APIService": _any_of(CALLS),
    "CustomResourceDefinition": _any_of(CALLS),
}

#: Of nodes that are Ready: a reference that leads nowhere and breaks what they are for.
DANGLING = {"Ingress": USES_CLASS, "StatefulSet": GOVERNED_BY}


def is_dangling(words: Words) -> bool:
    """Whether a Ready node has such a reference."""
    return words.status == READY and any(
        _REFERENCES[words.key](each, words, C.DANGLING, "") for each in words.unresolved
    )


class SchedulerVerdict(NamedTuple):
    """What a scheduler says of all nodes: how many there are, and how many are passed over for what."""

    total: int
    tainted: int
    cordoned: int
    others: int


_TOTAL = re.compile(r"\b0/(\d+) nodes are available")
_COUNTS = re.compile(r"(\d+) (?:node\(s\) )?([^,.]+)")


def verdict_of(message: str) -> SchedulerVerdict | None:
    """What the scheduler's message says; None if it is not from the scheduler."""
    total = _TOTAL.search(message)
    if total is None:
        return None
    tainted = cordoned = others = 0
    text = message[total.end() :].partition("preemption:")[0].partition(". no new claims")[0]
    for count, why in _COUNTS.findall(text):
        if "taint" in why:
            tainted += int(count)
        elif "unschedulable" in why:
            cordoned += int(count)
        else:
            others += int(count)
    return SchedulerVerdict(int(total[1]), tainted, cordoned, others)


_IN_CLUSTER = re.compile(r"https://([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b")
_METRICS = re.compile(r"\(?(?:get|list) [\w./*-]+?\.((?:custom\.|external\.)?metrics\.k8s\.io)")
_RELEASE = re.compile(r"\brelease ([a-z0-9-]+)/([a-z0-9.-]+)")
_IN_TIME = re.compile(r"\btime[ds]? ?out|deadline exceeded|not ready", re.IGNORECASE)
_GROUP = re.compile(r"\b([a-z0-9-]+(?:\.[a-z0-9-]+)+)/v\d\w*")


def called_services(said: str) -> Iterator[tuple[str, str]]:
    """The (namespace, name) of the Services that the message of a refused request names."""
    for name, namespace in _IN_CLUSTER.findall(said):
        yield namespace, name


def named_groups(said: str) -> Iterable[str]:
    """The API groups that the message names."""
    return {*_METRICS.findall(said), *_GROUP.findall(said)}


def named_release(words: Words) -> tuple[str, str] | None:
    """The (namespace, name) of the Helm release that failed, according to a custom resource."""
    if words.status == READY or not is_custom(words.key):
        return None
    found = _RELEASE.search(words.own_message)
    return (found[1], found[2].rstrip(".")) if found is not None else None


def says_it_waited(words: Words) -> bool:
    """Whether it timed out waiting for something to become ready."""
    return _IN_TIME.search(words.own_message) is not None
