"""Node, Namespace."""

from __future__ import annotations

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.common import condition
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata

_ROLE_PREFIX = "node-role.kubernetes.io/"


class NodeSpec(Projection):
    unschedulable: bool | None = None


class NodeInfo(Projection):
    kubelet_version: str = ""


class NodeStatus(Projection):
    conditions: Items[Condition] | None = None
    node_info: NodeInfo | None = None


class NodeManifest(Manifest):
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


def _node_status(node: NodeManifest) -> Status:
    """The kubelet's own word; `,SchedulingDisabled` is appended to the reason as kubectl does."""
    spec, status = node.spec or NodeSpec(), node.status or NodeStatus()
    level, reason, deciding = _judge(status.conditions or [])
    if spec.unschedulable:
        reason += ",SchedulingDisabled"
    if deciding is None:
        return Status(level, reason, "The node has not reported yet")
    return Status(level, reason, deciding.message, deciding.last_transition_time)


def _judge(conditions: list[Condition]) -> tuple[str, str, Condition | None]:
    """Level, reason and the condition that decides; a node under pressure still reports that it is ready."""
    ready = condition(conditions, "Ready")
    if ready is None:
        return UNKNOWN, "Unknown", None
    if ready.status != "True":
        return ERROR, ready.reason or "NotReady", ready
    for each in conditions:
        if each.type.endswith("Pressure") and each.status == "True":
            return ERROR, each.reason or each.type, each
    return READY, "Ready", ready


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
    namespaced=False,
    optional=True,
)


class NamespaceStatus(Projection):
    phase: str = "Active"


class Namespace(Manifest):
    status: NamespaceStatus | None = None


def _namespace_status(namespace: Namespace) -> Status:
    phase = (namespace.status or NamespaceStatus()).phase
    if phase == "Terminating":
        return Status(PENDING, phase, phase)
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
    namespaced=False,
)
