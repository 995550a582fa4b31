"""Node, Namespace."""

from __future__ import annotations

import re

import msgspec

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import ATTACHES
from astrolabe.graph.state.status import ERROR, READY, UNKNOWN, Status
from astrolabe.kinds.common import condition, labels_of, tell_finalizers, terminating
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Name, Projection
from astrolabe.kinds.metadata import Metadata

_ROLE_PREFIX = "node-role.kubernetes.io/"


class NodeSpec(Projection):
    provider_id: str = msgspec.field(default="", name="providerID")
    unschedulable: bool | None = None


class NodeInfo(Projection):
    kubelet_version: str = ""


class AttachedVolume(Projection):
    name: str = ""


class NodeStatus(Projection):
    volumes_attached: Items[AttachedVolume] | None = None
    conditions: Items[Condition] | None = None
    node_info: NodeInfo | None = None


class NodeManifest(Manifest):
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


def _node_status(node: NodeManifest) -> Status:
    """The kubelet's own word; `,SchedulingDisabled` is appended to the reason as kubectl does."""
    spec, status = node.spec or NodeSpec(), node.status or NodeStatus()
    judged = _judge(status.conditions or [])
    if spec.unschedulable:
        return msgspec.structs.replace(judged, reason=f"{judged.reason},SchedulingDisabled")
    return judged


def _judge(conditions: list[Condition]) -> Status:
    """A node in trouble still reports that it is ready."""
    ready = condition(conditions, "Ready")
    if ready is None:
        return Status(UNKNOWN, "Unknown", "The node has not reported yet")
    since = ready.last_transition_time
    if ready.status != "True":
        return Status(ERROR, ready.reason or "NotReady", ready.message, since)
    troubles = [each for each in conditions if _is_trouble(each)]
    if not troubles:
        return Status(READY, "Ready", ready.message, since)
    first = troubles[0]
    message = "; ".join([_tell(each) for each in troubles])
    return Status(ERROR, first.reason or first.type, message, first.last_transition_time)


#: Ends of the names of conditions that are True when all is well: NetworkingReady of EKS, EtcdIsVoter of k3s.
#: All others name a trouble, as those of Kubernetes and of node-problem-detector do: also what is Scheduled.
_GOOD = re.compile(
    r"(?<!Not)(?:Ready|Healthy|Available|Voter|Succeeded|OK|Ok|Up|UpToDate|Synced|Synchronized|Initialized"
    r"|Connected|Reachable|Registered|Established|Installed|Configured|Compliant|Valid|Online)$"
)
#: Of these, those that need not hold: a member of etcd that learns is well.
_MAY_BE_FALSE = re.compile(r"(?:Voter|Succeeded)$")


def _is_trouble(condition: Condition) -> bool:
    if condition.type == "Ready":
        return False
    if _GOOD.search(condition.type):
        return condition.status == "False" and not _MAY_BE_FALSE.search(condition.type)
    return condition.status == "True"


def _tell(trouble: Condition) -> str:
    """Its own words, with its name unless the reason has it."""
    if trouble.type in trouble.reason:
        return trouble.message
    return f"{trouble.type}: {trouble.message}" if trouble.message else trouble.type


class NodeMetadata(Metadata):
    roles: list[str] = []
    kubelet_version: str = ""
    unschedulable: bool | None = None


def _node_metadata(node: NodeManifest) -> NodeMetadata:
    spec, status = node.spec or NodeSpec(), node.status or NodeStatus()
    labels = node.metadata.labels or {}
    roles = [label.removeprefix(_ROLE_PREFIX) for label in labels if label.startswith(_ROLE_PREFIX)]
    return NodeMetadata(
        roles=sorted(role for role in roles if role),
        kubelet_version=status.node_info.kubelet_version if status.node_info is not None else "",
        unschedulable=bool(spec.unschedulable),
    )


#: What kubelet puts before the name of a CSI volume: `kubernetes.io/csi/<driver>^<handle>`.
_CSI_PREFIX = "kubernetes.io/csi/"


def _node_links(node: NodeManifest) -> list[Ref]:
    """The volumes attached to it, according to the Node. Driver and handle identify each."""
    attached = (node.status or NodeStatus()).volumes_attached
    return [
        Ref(
            ATTACHES,
            "PersistentVolume",
            "",
            volume.name.removeprefix(_CSI_PREFIX),
            "status.volumesAttached",
            optional=True,
            reverse=True,
        )
        for volume in attached or ()
        if volume.name.startswith(_CSI_PREFIX)
    ]


def _node_aliases(node: NodeManifest) -> tuple[str, ...]:
    """The name that its cloud has for it: that of a Machine is of its own."""
    provider_id = node.spec.provider_id if node.spec is not None else ""
    return (provider_id,) if provider_id else ()


NODE = Kind(
    name="Node",
    group="",
    version="v1",
    plural="nodes",
    layer="cluster",
    column=5,
    short_names=("no",),
    mark="node",
    manifest=NodeManifest,
    status=_node_status,
    metadata=_node_metadata,
    shows=NodeMetadata,
    links=_node_links,
    makes=((ATTACHES, "PersistentVolume"),),
    aliases=_node_aliases,
    closure_ends=lambda _: True,
    namespaced=False,
    optional=True,
)


class NamespaceSpec(Projection):
    """`finalizers` has "kubernetes" until the content is deleted."""

    finalizers: Items[Name] | None = None


class NamespaceStatus(Projection):
    phase: str = "Active"
    conditions: Items[Condition] | None = None


class Namespace(Manifest):
    spec: NamespaceSpec | None = None
    status: NamespaceStatus | None = None


#: Conditions of the namespace controller about a deletion that is stuck, the cause first.
_HOLDING = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceFinalizersRemaining",
    "NamespaceContentRemaining",
)


def _tell_deletion(namespace: Namespace) -> str:
    """Word by word what the namespace controller says, and whose finalizers it has."""
    spec, status = namespace.spec or NamespaceSpec(), namespace.status or NamespaceStatus()
    told = [condition(status.conditions, type) for type in _HOLDING]
    parts = [each.message or each.reason for each in told if each is not None and each.status == "True"]
    finalizers = [*(namespace.metadata.finalizers or ()), *(spec.finalizers or ())]
    parts.append(tell_finalizers([each for each in finalizers if each != "kubernetes"]))
    return ". ".join([part.rstrip(".") for part in parts if part]) or "Its content is being deleted"


def _namespace_status(namespace: Namespace) -> Status:
    phase = (namespace.status or NamespaceStatus()).phase
    if phase == "Terminating":
        return terminating(namespace.metadata, _tell_deletion(namespace))
    return Status(READY, phase, phase)


NAMESPACE = Kind(
    name="Namespace",
    group="",
    version="v1",
    plural="namespaces",
    layer="cluster",
    column=7,
    short_names=("ns",),
    manifest=Namespace,
    status=_namespace_status,
    deletion=_tell_deletion,
    selectable=labels_of,
    namespaced=False,
)
