"""Incidents: Of Jobs, Services, Nodes, APIs and releases; and what is no problem."""

from __future__ import annotations

from tests.incidents.made import (
    APP,
    JUST_NOW,
    MADE,
    MadeCluster,
    condition,
    finished,
    mounting_data,
    running,
    unscheduled,
    waiting,
)
from tests.incidents.registry import PVCSPEC, case


@case("Error Error: Pod nightly-1-a > CronJob nightly, Job nightly-1")
def cronjob_failing(c: MadeCluster) -> None:
    c.add("CronJob", "nightly", spec={"schedule": "0 0 * * *"}, status={"lastScheduleTime": MADE})
    c.add(
        "Job",
        "nightly-1",
        owner="CronJob/nightly",
        spec={"completions": 1},
        status={
            "failed": 1,
            "conditions": [
                condition(
                    "Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
                )
            ],
        },
    )
    c.pod("nightly-1-a", finished("Failed", code=3), owner="Job/nightly-1")


@case("Error ImagePullBackOff: Pod once-a > Job once")
def job_image(c: MadeCluster) -> None:
    c.add("Job", "once", spec={"completions": 1}, status={"active": 1, "startTime": MADE})
    c.pod("once-a", waiting("ImagePullBackOff", "not found"), owner="Job/once")


@case("Error CrashLoopBackOff: Pod agent-b > DaemonSet agent")
def daemonset_crash(c: MadeCluster) -> None:
    c.daemon_set(ready=1)
    c.pod("agent-a", running(), owner="DaemonSet/agent", labels={"app": "agent"})
    c.pod(
        "agent-b",
        waiting("CrashLoopBackOff", "back-off", last={"exitCode": 1, "reason": "Error"}),
        owner="DaemonSet/agent",
        labels={"app": "agent"},
    )


@case(
    "Error ContainerCreating: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"
)
def sandbox_fails(c: MadeCluster) -> None:
    c.workload("web", waiting("ContainerCreating"))
    c.warn("Pod/web-0", "FailedCreatePodSandBox", 'Failed to create pod sandbox: plugin type="calico" failed')


@case("Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d")
def sidecar_crash(c: MadeCluster) -> None:
    p = waiting("CrashLoopBackOff", "back-off", last={"exitCode": 1, "reason": "Error"})
    c.workload("web", p, running(), replicas=2)


@case("Error NoReadyEndpoints: Service ext")
def manual_endpoints(c: MadeCluster) -> None:
    c.add("Service", "ext", spec={"ports": [{"port": 5432}]}, status={})
    c.add(
        "EndpointSlice",
        "ext-1",
        meta={"labels": {"kubernetes.io/service-name": "ext"}},
        addressType="IPv4",
        ports=[{"port": 5432}],
        endpoints=[{"addresses": ["192.0.2.1"], "conditions": {"ready": False}}],
    )


@case("Error NoSuchTargetPort: Service web")
def target_port(c: MadeCluster) -> None:
    c.workload("web", running(), serve=False)
    c.add(
        "Service",
        "web",
        spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        status={},
    )
    c.add(
        "EndpointSlice",
        "web-x",
        meta={"labels": {"kubernetes.io/service-name": "web"}},
        addressType="IPv4",
        ports=[],
        endpoints=[
            {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": "web-0", "namespace": "shop", "uid": "Pod/web-0"},
            }
        ],
    )


@case(
    "Error ImagePullBackOff: Pod metrics-0 > APIService v1beta1.metrics.k8s.io, Deployment metrics, EndpointSlice metrics-x, HorizontalPodAutoscaler web, ReplicaSet metrics-5d, Service metrics"
)
def apiservice_down(c: MadeCluster) -> None:
    c.add(
        "APIService",
        "v1beta1.metrics.k8s.io",
        spec={"service": {"namespace": "shop", "name": "metrics"}},
        status={
            "conditions": [
                condition(
                    "Available",
                    "False",
                    "MissingEndpoints",
                    "endpoints for service/metrics in shop have no addresses",
                )
            ]
        },
    )
    c.workload("metrics", waiting("ImagePullBackOff", "not found"))
    c.autoscaler(
        "web",
        [
            condition("AbleToScale", "True", "", ""),
            condition(
                "ScalingActive",
                "False",
                "FailedGetResourceMetric",
                "failed to get cpu utilization: unable to fetch metrics from resource metrics API: the server is currently unable to handle the request (get pods.metrics.k8s.io)",
            ),
        ],
    )
    c.workload("web", running())


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, HorizontalPodAutoscaler web, ReplicaSet web-5d, Service web"
)
def hpa_pods_not_ready(c: MadeCluster) -> None:
    c.workload("web", waiting("CrashLoopBackOff", "back-off", last={"exitCode": 1, "reason": "Error"}))
    c.autoscaler(
        "web",
        [
            condition("AbleToScale", "True", "", ""),
            condition(
                "ScalingActive",
                "False",
                "FailedGetResourceMetric",
                "the HPA was unable to compute the replica count: failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)",
            ),
        ],
    )


@case("Error NotFound: missing PriorityClass high > Deployment web, ReplicaSet web-5d, Service web")
def priority_class_missing(c: MadeCluster) -> None:
    c.workload(
        "web",
        template={"containers": [APP], "priorityClassName": "high"},
        failure='pods "web-5d-x" is forbidden: no PriorityClass with name high was found',
    )


@case("Error ReleaseFailed: Secret sh.helm.release.v1.cart.v2")
def helm_failed(c: MadeCluster) -> None:
    for v, s in ((1, "superseded"), (2, "failed")):
        c.add(
            "Secret",
            f"sh.helm.release.v1.cart.v{v}",
            type="helm.sh/release.v1",
            meta={"labels": {"owner": "helm", "name": "cart", "version": str(v), "status": s}},
        )


@case()
def well_rollout(c: MadeCluster) -> None:
    c.workload(
        "web",
        running(),
        running(ready=False, since=JUST_NOW, created=JUST_NOW),
        replicas=2,
        conditions=[condition("Progressing", "True", "ReplicaSetUpdated", "")],
    )


@case()
def well_recreate(c: MadeCluster) -> None:
    c.workload(
        "web",
        waiting("ContainerCreating", since=JUST_NOW, created=JUST_NOW),
        created=JUST_NOW,
        conditions=[condition("Progressing", "True", "ReplicaSetUpdated", "")],
    )


@case()
def well_young_unscheduled(c: MadeCluster) -> None:
    c.workload(
        "web",
        unscheduled("0/1 nodes are available: 1 Insufficient cpu.", JUST_NOW, created=JUST_NOW),
        created=JUST_NOW,
        conditions=[condition("Progressing", "True", "NewReplicaSetCreated", "")],
    )


@case()
def well_zero(c: MadeCluster) -> None:
    c.workload("web", replicas=0, conditions=[])


@case()
def well_suspended(c: MadeCluster) -> None:
    c.add(
        "Job",
        "j",
        spec={"suspend": True},
        status={"conditions": [condition("Suspended", "True", "JobSuspended", "")]},
    )
    c.add("CronJob", "c", spec={"schedule": "* * * * *", "suspend": True}, status={})


@case()
def well_evicted(c: MadeCluster) -> None:
    c.workload("web", running())
    c.leftover("Evicted", "The node was low on resource: memory.")


@case()
def well_job_done_after_retry(c: MadeCluster) -> None:
    c.add(
        "Job",
        "once",
        spec={"completions": 1},
        status={"failed": 1, "succeeded": 1, "conditions": [condition("Complete", "True", "", "")]},
    )
    c.pod("once-a", finished("Failed", code=4), owner="Job/once")
    c.pod("once-b", finished("Succeeded", code=0), owner="Job/once")


@case()
def well_wffc(c: MadeCluster) -> None:
    c.add("StorageClass", "late", provisioner="x", volumeBindingMode="WaitForFirstConsumer")
    c.add(
        "PersistentVolumeClaim",
        "data",
        spec={**PVCSPEC, "storageClassName": "late"},
        status={"phase": "Pending"},
    )


@case(
    "Error Pending: Pod web-0 > Deployment web, EndpointSlice web-x, PersistentVolumeClaim data, ReplicaSet web-5d, Service web"
)
def wffc_pod_unschedulable(c: MadeCluster) -> None:
    c.add("StorageClass", "late", provisioner="x", volumeBindingMode="WaitForFirstConsumer")
    c.add(
        "PersistentVolumeClaim",
        "data",
        spec={**PVCSPEC, "storageClassName": "late"},
        status={"phase": "Pending"},
    )
    spec = mounting_data(node="")
    c.workload(
        "web", {**unscheduled("0/1 nodes are available: 1 Insufficient memory."), "spec": spec}, template=spec
    )


@case(
    "Error Init:CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"
)
def init_crash(c: MadeCluster) -> None:
    p = waiting("PodInitializing")
    p["status"]["initContainerStatuses"] = [
        {
            "name": "migrate",
            "ready": False,
            "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {
                "terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-01T00:58:00Z"}
            },
        }
    ]
    p["spec"] = {"initContainers": [{"name": "migrate", "image": "m"}], "containers": [APP]}
    c.workload("web", p)


@case("Pending LoadBalancerPending: Service web")
def loadbalancer(c: MadeCluster) -> None:
    c.workload("web", running(), serve=False)
    c.service("web", [("web-0", True)], type="LoadBalancer")


@case("Error NodeStatusUnknown: Node n2 > DaemonSet agent, Pod agent-b")
def node_lost_daemonset_only(c: MadeCluster) -> None:
    c.node("n2", condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."))
    c.daemon_set(ready=1)
    c.pod("agent-a", running(), owner="DaemonSet/agent")
    c.pod("agent-b", {**running(ready=False), "spec": {"nodeName": "n2"}}, owner="DaemonSet/agent")


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"
)
def liveness(c: MadeCluster) -> None:
    c.workload("web", waiting("CrashLoopBackOff", "back-off", last={"exitCode": 143, "reason": "Error"}))
    c.warn("Pod/web-0", "Unhealthy", "Liveness probe failed: Get http://10.0.0.1: connection refused")


@case("Pending Running: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web")
def running_then_unready_now(c: MadeCluster) -> None:
    c.workload(
        "web",
        running(ready=False, since=JUST_NOW),
        conditions=[condition("Progressing", "True", "NewReplicaSetAvailable", "")],
    )
    c.warn("Pod/web-0", "Unhealthy", "Readiness probe failed: 503")


@case()
def well_one_of_two_unready_now(c: MadeCluster) -> None:
    c.workload(
        "web",
        running(),
        running(ready=False, since=JUST_NOW),
        replicas=2,
        conditions=[condition("Progressing", "True", "NewReplicaSetAvailable", "")],
    )


@case()
def well_drained_single(c: MadeCluster) -> None:
    c.workload(
        "web",
        running(meta={"deletionTimestamp": JUST_NOW}),
        waiting("ContainerCreating", since=JUST_NOW, created=JUST_NOW),
        replicas=1,
        conditions=[condition("Progressing", "True", "NewReplicaSetAvailable", "")],
    )


@case()
def well_paused(c: MadeCluster) -> None:
    c.workload("web", running(), conditions=[])


@case()
def well_cordoned(c: MadeCluster) -> None:
    c.node("n9", condition("Ready", "True", "KubeletReady", ""), unschedulable=True)


@case()
def well_restarted_once(c: MadeCluster) -> None:
    p = running()
    p["status"]["containerStatuses"][0]["lastState"] = {
        "terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:45:00Z"}
    }
    p["status"]["containerStatuses"][0]["restartCount"] = 1
    c.workload("web", p)


@case()
def well_externalname(c: MadeCluster) -> None:
    c.add("Service", "ext", spec={"type": "ExternalName", "externalName": "db.example.com"}, status={})
