"""What a node says of itself, as far as causes are looked for in it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from astrolabe.graph.state.identity import OWN_GROUPS
from astrolabe.graph.state.node import Node

#: Kinds whose objects make Pods that a Service may select.
WORKLOADS = frozenset(
    ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")
)


class Missing(NamedTuple):
    """An object that does not exist. kind: by its key. cluster: that of the object that names it."""

    kind: str
    namespace: str
    name: str
    cluster: str = ""


class UnresolvedReference(msgspec.Struct, frozen=True, gc=False):
    """A reference that leads nowhere. kind: by its key, see `GroupKind.key`. cluster: of its holder."""

    type: str
    kind: str
    name: str
    field: str = ""
    namespace: str = ""
    cluster: str = ""

    @property
    def missing(self) -> Missing:
        """The objects that it names."""
        return Missing(self.kind, self.namespace, self.name, self.cluster)


class ToldWarning(msgspec.Struct, frozen=True, gc=False):
    """The newest Warning about an object."""

    reason: str = ""
    message: str = ""
    since: str = ""


class _Own(msgspec.Struct, frozen=True, gc=False):
    status: str = ""
    reason: str = ""
    message: str = ""


class _ReadMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    creation_timestamp: Any = ""
    node_name: Any = ""
    service_type: Any = ""
    phase: Any = ""
    owner: Any = ""
    selector: Any = None
    pod_labels: Any = None
    static_pod: Any = False
    empty_dirs: Any = None


class _Text(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The part of a node's text that is read here."""

    reason: str = ""
    message: str = ""
    since: str = ""
    api_version: str = ""
    kind: str = ""
    own: _Own | None = None
    warning: ToldWarning | None = None
    unresolved: list[UnresolvedReference] = []
    metadata: _ReadMetadata = _ReadMetadata()


_DECODER = msgspec.json.Decoder(_Text)


class Words(msgspec.Struct, frozen=True, gc=False):
    """One node that is not well, or may be the cause of another's trouble.

    key: of its kind. shown_kind, group: as its manifest has them.
    own_status, own_reason, own_message: by its own manifest alone. status, reason, message: as served.
    owner: of a Pod, `Kind/name` of what controls it, whether that can be seen or not. is_static: it only
    shows a Pod that a kubelet runs from a file. empty_dirs: its volumes that go with it.
    since, created: seconds since 1970; 0 when not told. cluster: see `Node.cluster`.
    labels: of a workload, those of its Pods.
    """

    uid: str
    key: str
    shown_kind: str
    group: str
    namespace: str
    name: str
    release: str
    release_namespace: str
    status: str
    reason: str
    message: str
    own_status: str
    own_reason: str
    own_message: str
    since: float = 0.0
    created: float = 0.0
    since_text: str = ""
    created_text: str = ""
    warning: ToldWarning | None = None
    unresolved: tuple[UnresolvedReference, ...] = ()
    node_name: str = ""
    service_type: str = ""
    phase: str = ""
    owner: str = ""
    selector: tuple[tuple[str, str], ...] = ()
    labels: frozenset[tuple[str, str]] = frozenset()
    is_static: bool = False
    empty_dirs: tuple[str, ...] = ()
    cluster: str = ""

    @property
    def all_words(self) -> str:
        """Everything that is said about it, as one text to search."""
        parts = [self.own_message, self.message]
        if self.warning is not None:
            parts += [self.warning.reason, self.warning.message]
        return "\n".join(parts)


def read_words(node: Node) -> Words:
    """The words of a node. An odd text gives empty words, never an exception."""
    try:
        text = _DECODER.decode(node.text)
    except msgspec.DecodeError:
        text = _Text()
    own, metadata = text.own, text.metadata
    group = text.api_version.rpartition("/")[0]
    created_text = _word(metadata.creation_timestamp)
    # The Gateway API's conditions begin as of 1970: nothing is so since before it was made.
    since_text = text.since
    if since_text and seconds(since_text) < seconds(created_text):
        since_text = created_text
    return Words(
        uid=node.uid,
        key=node.kind,
        shown_kind=text.kind or node.kind,
        group=group,
        namespace=node.namespace,
        name=node.name,
        release=node.release,
        release_namespace=node.release_namespace,
        status=node.status,
        reason=text.reason,
        message=text.message,
        own_status=own.status if own is not None else node.status,
        own_reason=own.reason if own is not None else text.reason,
        own_message=own.message if own is not None else text.message,
        since=seconds(since_text),
        since_text=since_text,
        created=seconds(created_text),
        created_text=created_text,
        warning=text.warning,
        unresolved=_references(text.unresolved, node.cluster),
        node_name=_word(metadata.node_name),
        service_type=_word(metadata.service_type),
        phase=_word(metadata.phase),
        owner=_word(metadata.owner),
        selector=_pairs(metadata.selector),
        labels=frozenset(_pairs(metadata.pod_labels or node.labels()) if node.kind in WORKLOADS else ()),
        is_static=metadata.static_pod is True,
        empty_dirs=_list(metadata.empty_dirs),
        cluster=node.cluster,
    )


def _references(found: list[UnresolvedReference], cluster: str) -> tuple[UnresolvedReference, ...]:
    if cluster:
        found = [msgspec.structs.replace(each, cluster=cluster) for each in found]
    return tuple(found)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return ()
    return tuple(sorted((key, text) for key, text in value.items() if isinstance(text, str)))


def seconds(time: str) -> float:
    """An RFC 3339 time in seconds since 1970; 0 if it is not one."""
    if not time:
        return 0.0
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0


def is_custom(key: str) -> bool:
    """Whether a kind is not one of Kubernetes' own."""
    _, dot, group = key.partition(".")
    return bool(dot) and group not in OWN_GROUPS


_NUMBERS = re.compile(r"\d+")


def without_numbers(text: str) -> str:
    """A text without its numbers, so that a message that repeats with other counts stays the same."""
    return _NUMBERS.sub("#", text)
