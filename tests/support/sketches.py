"""Small graphs by hand: nodes as they are served, and edges between them by `Kind/name`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import ujson

from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.problems import FoundProblem, describe
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node, parse_node

#: An hour before `NOW`.
LONG_AGO = "2026-01-01T00:00:00Z"
NOW = "2026-01-01T01:00:00Z"

_APPS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_VERSIONS = {
    **dict.fromkeys(_APPS, "apps/v1"),
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "StorageClass": "storage.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
_CLUSTER_SCOPED = frozenset(
    ("Node", "Namespace", "PersistentVolume", "StorageClass", "APIService", "ValidatingWebhookConfiguration")
)


def at(time: str) -> float:
    """An RFC 3339 time in seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()


def unresolved(type: str, kind: str, name: str, field: str, namespace: str = "shop") -> dict[str, str]:
    """A reference that leads nowhere."""
    found = {"type": type, "kind": kind, "name": name, "field": field}
    return {**found, "namespace": namespace} if namespace else found


def a_node(
    kind: str,
    name: str,
    status: str = "Ready",
    reason: str = "",
    message: str = "",
    *,
    namespace: str = "shop",
    uid: str = "",
    since: str = "",
    created: str = LONG_AGO,
    release: str = "",
    missing: Iterable[Mapping[str, str]] = (),
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    own: tuple[str, str, str] | None = None,
    warning: tuple[str, str, str] | None = None,
) -> Node:
    """A node. kind: with its group for a custom one. The uid is `Kind/name` unless given."""
    short, _, group = kind.partition(".")
    document: dict[str, Any] = {
        "status": status,
        "reason": reason or status,
        "message": message,
        "metadata": {**(metadata or {}), "creationTimestamp": created},
        "uid": uid or f"{short}/{name}",
        "name": name,
        "kind": short,
        "apiVersion": f"{group}/v1" if group else _VERSIONS.get(kind, "v1"),
        "namespace": "" if kind in _CLUSTER_SCOPED else namespace,
    }
    if since:
        document["since"] = since
    if release:
        document |= {"release": release, "releaseNamespace": namespace}
    if missing:
        document["unresolved"] = list(missing)
    if own is not None:
        document["own"] = dict(zip(("status", "reason", "message"), own, strict=True))
    if warning is not None:
        document["warning"] = dict(zip(("reason", "message", "since"), warning, strict=True))
    if labels:
        document["labels"] = dict(labels)
    return parse_node(ujson.dumps(document, escape_forward_slashes=False))


class Sketch:
    """A graph that is changed by hand."""

    def __init__(self) -> None:
        self.graph = ServedGraph("e")

    def set(self, *nodes: Node) -> Sketch:
        """These are so."""
        self.graph.load(Changes(nodes_set=list(nodes)))
        return self

    def link(self, *edges: str) -> Sketch:
        """`Service/web selects Pod/web-1`, with a field if a fourth word follows."""
        made = []
        for each in edges:
            source, type, target, *field = each.split(" ")
            made.append(Edge(type, source, target, tuple(field)))
        self.graph.load(Changes(edges_set=made))
        return self

    def causes(self) -> Causes:
        """What is wrong in it, worked out at once."""
        return Causes.at_once(self.graph, list(self.graph.nodes.values()))

    def told(self, now: str = NOW) -> list[str]:
        """Its problems in words, the worst first."""
        causes = self.causes()
        return [in_words(causes, problem) for problem in ranked(causes.problems(at(now)))]


def ranked(problems: Iterable[FoundProblem]) -> list[FoundProblem]:
    """The worst first."""
    return sorted(problems, key=lambda problem: problem.rank)


def in_words(causes: Causes, problem: FoundProblem) -> str:
    """`Error CrashLoopBackOff: Pod web-1, Pod web-2 > Deployment web, Service web`."""
    if problem.missing is not None:
        who = f"missing {problem.missing[0]} {problem.missing[2]}"
    else:
        who = ", ".join(_name(causes, uid) for uid in problem.members)
    affected = ", ".join(
        [
            *sorted(_name(causes, uid) for uid in problem.affected),
            *[f"missing {each[0]} {each[2]}" for each in problem.absent],
        ]
    )
    return f"{problem.status} {problem.reason}: {who}" + (f" > {affected}" if affected else "")


def _name(causes: Causes, uid: str) -> str:
    found = describe(causes, uid)
    return f"{found['kind']} {found['name']}"
