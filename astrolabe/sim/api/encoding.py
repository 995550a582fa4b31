"""Encodes objects, complete or metadata only: as list items, events and bookmarks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from astrolabe.kinds.kind import Kind
from astrolabe.sim.api.errors import not_acceptable, status_object
from astrolabe.sim.event_kinds import NEW_EVENT
from astrolabe.sim.events import as_new
from astrolabe.sim.store import Item

#: The fields beside metadata that Go writes for the empty object of a bookmark; none for other kinds. They
#: have nulls that no real object has. (Recorded from a 1.36 server.)
_POD_TEMPLATE = '"template":{"metadata":{},"spec":{"containers":null}}'
_REPLICATED = f'"spec":{{"replicas":0,"selector":null,{_POD_TEMPLATE}'
_EMPTY_FIELDS = {
    "CronJob": f'"spec":{{"schedule":"","jobTemplate":{{"metadata":{{}},"spec":{{{_POD_TEMPLATE}}}}}}},'
    '"status":{}',
    "DaemonSet": f'"spec":{{"selector":null,{_POD_TEMPLATE},"updateStrategy":{{}}}},"status":'
    '{"currentNumberScheduled":0,"numberMisscheduled":0,"desiredNumberScheduled":0,"numberReady":0}',
    "Deployment": _REPLICATED + ',"strategy":{}},"status":{}',
    "EndpointSlice": '"addressType":"","endpoints":null,"ports":null',
    "HorizontalPodAutoscaler": '"spec":{"scaleTargetRef":{"kind":"","name":""},"maxReplicas":0},'
    '"status":{"desiredReplicas":0,"currentMetrics":null}',
    "Ingress": '"spec":{},"status":{"loadBalancer":{}}',
    "IngressClass": '"spec":{}',
    "Job": f'"spec":{{{_POD_TEMPLATE}}},"status":{{}}',
    "Namespace": '"spec":{},"status":{}',
    "NetworkPolicy": '"spec":{"podSelector":{}}',
    "Node": '"spec":{},"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"machineID":"",'
    '"systemUUID":"","bootID":"","kernelVersion":"","osImage":"","containerRuntimeVersion":"",'
    '"kubeletVersion":"","kubeProxyVersion":"","operatingSystem":"","architecture":""}}',
    "PersistentVolume": '"spec":{},"status":{}',
    "PersistentVolumeClaim": '"spec":{"resources":{}},"status":{}',
    "Pod": '"spec":{"containers":null},"status":{}',
    "PodDisruptionBudget": '"spec":{},"status":'
    '{"disruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}',
    "ReplicaSet": _REPLICATED + '},"status":{"replicas":0}',
    "Service": '"spec":{},"status":{"loadBalancer":{}}',
    "StatefulSet": _REPLICATED
    + ',"serviceName":"","updateStrategy":{}},"status":{"replicas":0,"availableReplicas":0}',
    "StorageClass": '"provisioner":""',
}
_PARTIAL = "meta.k8s.io/v1"
_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True)
class ObjectEncoder:
    """Encodes objects of one kind as a request asked for them."""

    kind: Kind[Any]
    metadata_only: bool = False

    @property
    def _type(self) -> dict[str, str]:
        if self.metadata_only:
            return {"kind": "PartialObjectMetadata", "apiVersion": _PARTIAL}
        return {"kind": self.kind.name, "apiVersion": self.kind.api_version}

    @property
    def _head(self) -> bytes:
        """`{"kind":"Pod","apiVersion":"v1"` to which the rest of an object is joined."""
        return msgspec.json.encode(self._type)[:-1]

    def listed(self, items: Iterable[Item], metadata: dict[str, Any]) -> bytes:
        """A list response. Items of a typed list have no kind; metadata-only items do."""
        kind = self._type
        listed = {"kind": kind["kind"] + "List", "apiVersion": kind["apiVersion"], "metadata": metadata}
        head = msgspec.json.encode(listed)[:-1]
        bodies = [self.whole(item) if self.metadata_only else self._shown(item).body for item in items]
        return b"".join((head, b',"items":[', b",".join(bodies), b"]}\n"))

    def whole(self, item: Item) -> bytes:
        """One object with its kind, as in the response to GET."""
        if self.metadata_only:
            return b"".join((self._head, b",", item.body[1 : item.meta_end], b"}"))
        return b"".join((self._head, b",", self._shown(item).body[1:]))

    def _shown(self, item: Item) -> Item:
        """The object in the version of this kind."""
        return as_new(item) if self.kind is NEW_EVENT else item

    def event(self, type: str, item: Item) -> bytes:
        """A line of a watch."""
        return b"".join((b'{"type":"', type.encode(), b'","object":', self.whole(item), b"}\n"))

    def bookmark(self, revision: int, *, ends_initial_events: bool = False) -> bytes:
        """A BOOKMARK line: everything up to `revision` was sent."""
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if ends_initial_events:
            metadata["annotations"] = _INITIAL_EVENTS_END
        empty = "" if self.metadata_only else _EMPTY_FIELDS.get(self.kind.name, "")
        rest = msgspec.json.encode({"metadata": metadata})[1:-1] + (f",{empty}".encode() if empty else b"")
        return b"".join((b'{"type":"BOOKMARK","object":', self._head, b",", rest, b"}}\n"))


def expired_line(revision: int, oldest: int) -> bytes:
    """The ERROR line for a watch from an expired version, inside a 200 response."""
    status = status_object(410, "Expired", f"too old resource version: {revision} ({oldest})")
    return msgspec.json.encode({"type": "ERROR", "object": status}) + b"\n"


def negotiate_encoder(kind: Kind[Any], accept: str, *, listing: bool) -> ObjectEncoder:
    """The encoder for an Accept header. Raises StatusError (406) if it does not fit the request."""
    parameters = [part.strip() for part in accept.split(";")]
    wanted = next((part[3:].split(",")[0] for part in parameters if part.startswith("as=")), "")
    if not wanted.startswith("PartialObjectMetadata"):
        return ObjectEncoder(kind)
    if listing is not wanted.endswith("List"):
        found = f"*{kind.version}.{kind.name}"
        found = f"a list ({found}List)" if listing else f"not a list ({found})"
        raise not_acceptable(f"you requested {wanted}, but the requested object is {found}")
    return ObjectEncoder(kind, metadata_only=True)
