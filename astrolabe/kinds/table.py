"""The table of kinds: the one list from which watches, RBAC rules, metrics and documents are derived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from astrolabe.graph.links import EDGE_TYPES
from astrolabe.kinds.batch import CRONJOB, JOB
from astrolabe.kinds.cluster import NAMESPACE, NODE
from astrolabe.kinds.configuration import CONFIGMAP, SECRET, SERVICE_ACCOUNT
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.network import INGRESS, INGRESS_CLASS, NETWORK_POLICY
from astrolabe.kinds.pod_entry import POD
from astrolabe.kinds.policy import POD_DISRUPTION_BUDGET, horizontal_pod_autoscaler
from astrolabe.kinds.service import ENDPOINT_SLICE, SERVICE
from astrolabe.kinds.storage import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS
from astrolabe.kinds.workloads import DAEMONSET, DEPLOYMENT, REPLICASET, STATEFULSET


class UnknownKind(ValueError):
    """A name that is no kind of the table; the message lists those that are."""


class TableError(ValueError):
    """The table contradicts itself; the message says where. A fault of the program, not of its input."""


# In the order in which they are listed at the start: what is referred to comes before what refers to it,
# owners before what they own, so that a reference mostly finds its target there and is resolved once. And
# what a status is judged by comes before what is judged: a Service that is listed when all Pods and
# EndpointSlices are known is judged once, and not all Services at one moment again.
_TARGETS: tuple[Kind[Any], ...] = (
    NAMESPACE,
    NODE,
    STORAGE_CLASS,
    INGRESS_CLASS,
    PERSISTENT_VOLUME,
    SECRET,
    CONFIGMAP,
    SERVICE_ACCOUNT,
    PERSISTENT_VOLUME_CLAIM,
    DEPLOYMENT,
    STATEFULSET,
    DAEMONSET,
    REPLICASET,
    CRONJOB,
    JOB,
    POD,
    ENDPOINT_SLICE,
    SERVICE,
    INGRESS,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
)

#: Every kind that Astrolabe knows. An autoscaler may scale any of the others.
KINDS: tuple[Kind[Any], ...] = (*_TARGETS, horizontal_pod_autoscaler(_TARGETS))

KINDS_BY_NAME: Mapping[str, Kind[Any]] = MappingProxyType({kind.name: kind for kind in KINDS})


def choose(names: Sequence[str]) -> tuple[Kind[Any], ...]:
    """The kinds of these names, in the order of the table; all of them when no name is given.

    Raises UnknownKind.
    """
    for name in names:
        if name not in KINDS_BY_NAME:
            raise UnknownKind(f"unknown kind {name!r}, the kinds are: {', '.join(KINDS_BY_NAME)}")
    return tuple(kind for kind in KINDS if kind.name in names) if names else KINDS


def verify(kinds: Sequence[Kind[Any]]) -> None:
    """Raise TableError unless the kinds are distinct and speak only of edge types and kinds that exist."""
    _verify_distinct(kinds)
    names = {kind.name for kind in kinds}
    for kind in kinds:
        for edge_type, target in (*kind.makes, *((read.type, read.kind) for read in kind.reads)):
            if edge_type not in EDGE_TYPES:
                raise TableError(f"{kind.name} speaks of an unknown edge type: {edge_type}")
            if target not in names:
                raise TableError(f"{kind.name} speaks of an unknown kind: {target}")
    _verify_acyclic(kinds)


def _verify_distinct(kinds: Sequence[Kind[Any]]) -> None:
    seen: dict[object, str] = {}
    for kind in kinds:
        for key in (kind.name, (kind.group, kind.plural)):
            if key in seen:
                raise TableError(f"{kind.name} and {seen[key]} are both {key}")
            seen[key] = kind.name


def _verify_acyclic(kinds: Sequence[Kind[Any]]) -> None:
    reads = {kind.name: {read.kind for read in kind.reads} for kind in kinds}
    while reads:
        settled = [name for name, read in reads.items() if not read & reads.keys()]
        if not settled:
            raise TableError(f"derived statuses read one another in a circle: {', '.join(sorted(reads))}")
        for name in settled:
            del reads[name]
