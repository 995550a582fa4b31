"""Incidents: Of Nodes, volumes, schedulers and quotas."""

from __future__ import annotations

from typing import Any

from tests.incidents.made import (
    APP,
    MADE,
    MadeCluster,
    condition,
    mounting_data,
    running,
    unscheduled,
    waiting,
)
from tests.incidents.registry import PVCSPEC, case

Json = dict[str, Any]


_WEB = "Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"


_LOST = condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")


def _stateful_set(c: MadeCluster, name: str, replicas: int, ready: int, *, claim: str = "") -> None:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [APP]}}
    spec: Json = {
        "replicas": replicas,
        "serviceName": name,
        "selector": {"matchLabels": {"app": name}},
        "template": template,
        "updateStrategy": {"type": "RollingUpdate"},
    }
    if claim:
        spec["volumeClaimTemplates"] = [{"metadata": {"name": claim}, "spec": PVCSPEC}]
    c.add(
        "StatefulSet",
        name,
        spec=spec,
        status={
            "replicas": 1,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": 1,
            "updatedReplicas": 1,
            "currentRevision": "r",
            "updateRevision": "r",
        },
    )


@case("Error NodeStatusUnknown: Node n2 > EndpointSlice db-x, Pod db-0, Service db, StatefulSet db")
def node_lost_with_a_volume(c: MadeCluster) -> None:
    c.node("n2", _LOST)
    _stateful_set(c, "db", 1, 0, claim="data")
    c.claim("data-db-0")
    gone = running(ready=False, meta={"deletionTimestamp": "2026-01-01T00:50:00Z"})
    c.pod(
        "db-0",
        {**gone, "spec": mounting_data(node="n2", claim="data-db-0")},
        owner="StatefulSet/db",
        labels={"app": "db"},
    )
    c.warn("Pod/db-0", "NodeNotReady", "Node is not ready")
    c.service("db", [("db-0", False)], clusterIP="None")


@case(
    f"Error NodeStatusUnknown: Node n2 > {_WEB.replace('EndpointSlice web-x', 'EndpointSlice web-x, Pod web-0, Pod web-1')}"
)
def node_lost_and_the_new_pod_waits_for_its_volume(c: MadeCluster) -> None:
    c.node("n2", _LOST)
    c.claim("data")
    old = running(ready=False, meta={"deletionTimestamp": "2026-01-01T00:50:00Z"})
    c.workload(
        "web",
        {**old, "spec": mounting_data(node="n2", claim="data")},
        waiting("ContainerCreating", spec=mounting_data(node="n1", claim="data")),
        replicas=1,
    )
    c.warn("Pod/web-0", "NodeNotReady", "Node is not ready")
    said = 'Multi-Attach error for volume "pv-data" Volume is already used by pod(s) web-0'
    c.warn("Pod/web-1", "FailedAttachVolume", said)


@case(f"Error ContainerCreating: Pod web-0 > {_WEB}")
def volume_that_cannot_be_attached(c: MadeCluster) -> None:
    c.claim("data")
    said = "rpc error: code = Internal desc = Could not attach volume: instance has too many volumes"
    spec = mounting_data(node="n1")
    c.workload("web", waiting("ContainerCreating", spec=spec), template=spec)
    c.warn("Pod/web-0", "FailedAttachVolume", f'AttachVolume.Attach failed for volume "pv-data" : {said}')


@case("Error KubeletNotReady: Node n2 > DaemonSet agent, Pod agent-b")
def node_whose_network_is_not_ready(c: MadeCluster) -> None:
    said = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
    c.node("n2", condition("Ready", "False", "KubeletNotReady", said))
    c.daemon_set(ready=1)
    c.pod("agent-a", running(), owner="DaemonSet/agent", labels={"app": "agent"})
    c.pod(
        "agent-b",
        waiting("ContainerCreating", spec={"nodeName": "n2"}),
        owner="DaemonSet/agent",
        labels={"app": "agent"},
    )
    c.warn(
        "Pod/agent-b",
        "NetworkNotReady",
        "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady",
    )


@case(f"Error KubeletNotReady: Node n2 > {_WEB.replace('ReplicaSet', 'Pod web-0, ReplicaSet')}")
def node_not_ready_with_disk_pressure(c: MadeCluster) -> None:
    c.node(
        "n2",
        condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure"),
        condition(
            "Ready", "False", "KubeletNotReady", "PLEG is not healthy: pleg was last seen active 5m0s ago"
        ),
    )
    c.workload("web", running(ready=False, spec={"nodeName": "n2"}))
    c.warn("Pod/web-0", "NodeNotReady", "Node is not ready")


@case("Pending ProvisioningFailed: PersistentVolumeClaim data-db-0 > Pod db-0, Service db, StatefulSet db")
def stateful_set_that_waits_for_its_first_volume(c: MadeCluster) -> None:
    c.add("StorageClass", "late", provisioner="csi.example", volumeBindingMode="WaitForFirstConsumer")
    _stateful_set(c, "db", 3, 0, claim="data")
    c.claim("data-db-0", "Pending", storageClassName="late")
    said = 'failed to provision volume with StorageClass "late": rpc error: code = ResourceExhausted desc = quota of disks is used up'
    c.warn("PersistentVolumeClaim/data-db-0", "ProvisioningFailed", said)
    pod = unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    pod["status"]["conditions"][0] |= {
        "reason": "SchedulerError",
        "message": 'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded',
    }
    c.pod(
        "db-0",
        {**pod, "spec": mounting_data(node="", claim="data-db-0")},
        owner="StatefulSet/db",
        labels={"app": "db"},
    )
    c.warn(
        "Pod/db-0",
        "FailedScheduling",
        'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded',
    )
    c.service("db", [], clusterIP="None")


@case(f"Error Pending: Pod web-0 > {_WEB}")
def volume_in_another_zone(c: MadeCluster) -> None:
    c.claim("data")
    said = "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    c.workload("web", {**unscheduled(said), "spec": mounting_data(node="")})
    c.warn("Pod/web-0", "FailedScheduling", said)


@case(f"Error Pending: Pod web-0 > {_WEB}")
def all_nodes_are_cordoned(c: MadeCluster) -> None:
    said = "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    c.workload("web", unscheduled(said))
    c.warn("Pod/web-0", "FailedScheduling", said)


@case("Error ImagePullBackOff: Pod agent-b > DaemonSet agent")
def daemon_set_on_one_bad_node(c: MadeCluster) -> None:
    c.node("n2")
    c.daemon_set(ready=1)
    c.pod("agent-a", running(), owner="DaemonSet/agent", labels={"app": "agent"})
    c.pod(
        "agent-b",
        waiting(
            "ImagePullBackOff",
            'Back-off pulling image "shop/agent:1": dial tcp: lookup registry.example: no such host',
            spec={"nodeName": "n2"},
        ),
        owner="DaemonSet/agent",
        labels={"app": "agent"},
    )


@case("Error FailedCreate: DaemonSet agent")
def daemon_set_beyond_its_quota(c: MadeCluster) -> None:
    c.add(
        "DaemonSet",
        "agent",
        spec={
            "selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [APP]}},
        },
        status={
            "desiredNumberScheduled": 2,
            "currentNumberScheduled": 0,
            "updatedNumberScheduled": 0,
            "numberAvailable": 0,
            "numberReady": 0,
            "numberUnavailable": 2,
        },
    )
    said = 'Error creating: pods "agent-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1'
    c.warn("DaemonSet/agent", "FailedCreate", said)


@case("Error NotFound: missing ServiceAccount runner > Service db, StatefulSet db")
def stateful_set_without_its_service_account(c: MadeCluster) -> None:
    _stateful_set(c, "db", 1, 0)
    c.manifests()[-1]["spec"]["template"]["spec"]["serviceAccountName"] = "runner"
    c.manifests()[-1]["status"] |= {"replicas": 0, "currentReplicas": 0, "updatedReplicas": 0}
    said = 'Create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: error looking up service account shop/runner: serviceaccount "runner" not found'
    c.warn("StatefulSet/db", "FailedCreate", said)
    c.service("db", [], clusterIP="None")


@case("Error CrashLoopBackOff: Pod web-0 > " + _WEB)
def container_that_completes_again_and_again(c: MadeCluster) -> None:
    c.workload("web", waiting("CrashLoopBackOff", "back-off", last={"exitCode": 0, "reason": "Completed"}))


@case(f"Error Pending: Pod web-0 > {_WEB}")
def ports_of_all_nodes_are_taken(c: MadeCluster) -> None:
    said = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    c.workload("web", unscheduled(said))


@case(f"Error Pending: Pod web-0 > {_WEB}")
def scheduler_that_does_not_exist(c: MadeCluster) -> None:
    pod = {"spec": {"nodeName": "", "schedulerName": "gone"}, "status": {"phase": "Pending"}}
    c.workload("web", pod)


@case("Error Init:0/1: Pod web-0 > " + _WEB)
def init_container_that_waits(c: MadeCluster) -> None:
    p = waiting("PodInitializing")
    p["status"]["initContainerStatuses"] = [
        {
            "name": "wait",
            "ready": False,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": MADE}},
        }
    ]
    p["spec"] = {"initContainers": [{"name": "wait", "image": "m"}], "containers": [APP]}
    c.workload("web", p)
