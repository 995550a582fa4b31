"""Nodes: healthy, cordoned or unreachable; and the pool in which pods run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import metadata
from astrolabe.sim.cluster.podstatus import Placement

Json = dict[str, Any]

_PRESSURES = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
_UNREACHABLE = ("NodeStatusUnknown", "Kubelet stopped posting node status.")


def node(factory: ObjectFactory, name: str, *, zone: str, address: str, created: str, beat: str) -> Json:
    """A ready node. beat: time of the last heartbeat."""
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/worker": "",
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
    }
    meta = metadata(
        factory, name, created=created, labels=labels, annotations={"node.alpha.kubernetes.io/ttl": "0"}
    )
    size = {"cpu": "16", "ephemeral-storage": "200Gi", "memory": "64Gi", "pods": "250"}
    status = {
        "capacity": size,
        "allocatable": size,
        "conditions": _conditions(beat, created),
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _info(factory),
    }
    meta["managedFields"] = [
        managed("kubelet", "v1", created, {"f:metadata": fields_of({"labels": labels})}),
        managed("kubelet", "v1", beat, {"f:status": {"f:conditions": {}}}, subresource="status"),
    ]
    return {"kind": "Node", "apiVersion": "v1", "metadata": meta, "spec": {}, "status": status}


def with_heartbeat(node: Json, beat: str) -> Json:
    """The node after a heartbeat: only lastHeartbeatTime differs."""
    conditions = [{**condition, "lastHeartbeatTime": beat} for condition in node["status"]["conditions"]]
    return {**node, "status": {**node["status"], "conditions": conditions}}


def unreachable(node: Json, at: str) -> Json:
    """The node without heartbeats: all conditions Unknown, tainted."""
    reason, message = _UNREACHABLE
    conditions = [
        {**condition, "status": "Unknown", "lastTransitionTime": at, "reason": reason, "message": message}
        for condition in node["status"]["conditions"]
    ]
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": at}
    spec = {**node["spec"], "taints": [taint]}
    return {**node, "spec": spec, "status": {**node["status"], "conditions": conditions}}


def cordoned(node: Json, at: str) -> Json:
    """The node, cordoned."""
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": at}
    return {**node, "spec": {**node["spec"], "unschedulable": True, "taints": [taint]}}


def uncordoned(node: Json) -> Json:
    return {
        **node,
        "spec": {key: value for key, value in node["spec"].items() if key not in ("unschedulable", "taints")},
    }


def is_schedulable(node: Json) -> bool:
    """Whether new pods may be bound to it."""
    return not node["spec"].get("taints")


def is_reachable(node: Json) -> bool:
    """Whether its kubelet sends heartbeats: the condition Ready is True."""
    conditions = node["status"]["conditions"]
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


class NodePool:
    """Where pods run: the nodes of a cluster.

    zones: node → zone. placements: of each node, without the address of a pod. unreachable: nodes without
    heartbeats.
    cordoned_nodes: nodes that accept no new pods; can be changed.
    """

    def __init__(self, factory: ObjectFactory, made: Sequence[Json]) -> None:
        self.factory = factory
        self.zones = {
            node["metadata"]["name"]: node["metadata"]["labels"].get("topology.kubernetes.io/zone", "")
            for node in made
        }
        self.placements = [
            Placement(node["metadata"]["name"], node["status"]["addresses"][0]["address"], "")
            for node in made
        ]
        self.cordoned_nodes = {node["metadata"]["name"] for node in made if not is_schedulable(node)}
        self.unreachable = {node["metadata"]["name"] for node in made if not is_reachable(node)}

    def pick(self) -> Placement:
        """A random schedulable node (any node if none is), with a new pod address."""
        for _ in range(20):
            placement = self.factory.rng.choice(self.placements)
            if placement.node not in self.cordoned_nodes:
                break
        return self.with_address(placement)

    def with_address(self, placement: Placement) -> Placement:
        """A node, with a new pod address."""
        return replace(placement, address=self.factory.address())

    def by_name(self, node: str) -> Placement:
        """The node with this name, with a new pod address."""
        return self.with_address(next(placement for placement in self.placements if placement.node == node))


def _conditions(beat: str, since: str) -> list[Json]:
    conditions = [
        {
            "type": type,
            "status": "False",
            "lastHeartbeatTime": beat,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        for type, (reason, message) in _PRESSURES.items()
    ]
    ready = {"reason": "KubeletReady", "message": "kubelet is posting ready status"}
    times = {"lastHeartbeatTime": beat, "lastTransitionTime": since}
    return [*conditions, {"type": "Ready", "status": "True", **times, **ready}]


def _info(factory: ObjectFactory) -> Json:
    return {
        "machineID": factory.digest()[:32],
        "systemUUID": factory.uid(),
        "bootID": factory.uid(),
        "kernelVersion": "6.6.87",
        "osImage": "Linux",
        "containerRuntimeVersion": "containerd://2.1.4",
        "kubeletVersion": "v1.36.0",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
