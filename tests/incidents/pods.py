"""Incidents: Of Pods and what keeps them from running, and of what may not be created."""

from __future__ import annotations

from tests.incidents.made import (
    APP,
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


@case(
    "Error NotFound: missing Secret regcred > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web"
)
def pull_secret_missing(c: MadeCluster) -> None:
    msg = 'Back-off pulling image "priv/app:1": ErrImagePull: failed to authorize: 401 Unauthorized'
    spec = {"imagePullSecrets": [{"name": "regcred"}], "containers": [APP]}
    c.workload("web", waiting("ImagePullBackOff", msg, spec=spec), template=spec)


@case(
    "Error NotFound: missing Secret creds > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web"
)
def secret_volume_missing(c: MadeCluster) -> None:
    spec = {"containers": [APP], "volumes": [{"name": "s", "secret": {"secretName": "creds"}}]}
    c.workload("web", waiting("ContainerCreating", spec=spec), template=spec)
    c.warn("Pod/web-0", "FailedMount", 'MountVolume.SetUp failed for volume "s" : secret "creds" not found')


@case(
    "Error ContainerCreating: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"
)
def configmap_key_missing_volume(c: MadeCluster) -> None:
    spec = {
        "containers": [APP],
        "volumes": [
            {"name": "c", "configMap": {"name": "conf", "items": [{"key": "a.yml", "path": "a.yml"}]}}
        ],
    }
    c.add("ConfigMap", "conf")
    c.workload("web", waiting("ContainerCreating", spec=spec), template=spec)
    c.warn(
        "Pod/web-0",
        "FailedMount",
        'MountVolume.SetUp failed for volume "c" : configmap references non-existent config key: a.yml',
    )


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"
)
def crash_exit(c: MadeCluster) -> None:
    c.workload(
        "web",
        waiting(
            "CrashLoopBackOff",
            "back-off 5m0s restarting failed container=app",
            last={"exitCode": 1, "reason": "Error"},
        ),
    )


@case("Error Running: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web")
def readiness_fails(c: MadeCluster) -> None:
    c.workload("web", running(ready=False))
    c.warn("Pod/web-0", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")


@case("Pending Running: Pod db-0 > EndpointSlice db-x, Service db, StatefulSet db")
def readiness_fails_statefulset(c: MadeCluster) -> None:
    c.add(
        "StatefulSet",
        "db",
        spec={
            "replicas": 1,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [APP]}},
        },
        status={"replicas": 1, "currentRevision": "r", "updateRevision": "r", "updatedReplicas": 1},
    )
    c.pod("db-0", running(ready=False), owner="StatefulSet/db", labels={"app": "db"})
    c.warn("Pod/db-0", "Unhealthy", "Readiness probe failed: timeout")
    c.service("db", [("db-0", False)], clusterIP="None")


@case("Error NotFound: missing Service nosuch > Ingress web")
def backend_missing(c: MadeCluster) -> None:
    c.add(
        "Ingress",
        "web",
        spec={
            "ingressClassName": "nginx",
            "rules": [
                {"http": {"paths": [{"backend": {"service": {"name": "nosuch", "port": {"number": 80}}}}]}}
            ],
        },
    )
    c.add("IngressClass", "nginx")


@case("Pending NotFound: missing IngressClass nginx-internal > Ingress web")
def ingress_class_missing(c: MadeCluster) -> None:
    c.workload("web", running())
    c.add(
        "Ingress",
        "web",
        spec={
            "ingressClassName": "nginx-internal",
            "rules": [
                {"http": {"paths": [{"backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}
            ],
        },
    )


@case(
    "Error FailedBinding: PersistentVolumeClaim data > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web"
)
def pvc_without_default_class(c: MadeCluster) -> None:
    c.add("PersistentVolumeClaim", "data", spec=PVCSPEC, status={"phase": "Pending"})
    c.warn(
        "PersistentVolumeClaim/data",
        "FailedBinding",
        "no persistent volumes available for this claim and no storage class is set",
    )
    spec = mounting_data(node="")
    c.workload(
        "web",
        {
            **unscheduled("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
            "spec": spec,
        },
        template=spec,
    )


@case(
    "Error NotFound: missing PersistentVolumeClaim data > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web"
)
def pvc_missing(c: MadeCluster) -> None:
    spec = mounting_data(node="")
    c.workload(
        "web",
        {**unscheduled('0/3 nodes are available: persistentvolumeclaim "data" not found.'), "spec": spec},
        template=spec,
    )


@case(
    "Error ProvisioningFailed: PersistentVolumeClaim data > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web"
)
def provisioner_fails(c: MadeCluster) -> None:
    c.add("StorageClass", "fast", provisioner="x")
    c.add(
        "PersistentVolumeClaim",
        "data",
        spec={**PVCSPEC, "storageClassName": "fast"},
        status={"phase": "Pending"},
    )
    c.warn(
        "PersistentVolumeClaim/data",
        "ProvisioningFailed",
        'failed to provision volume with StorageClass "fast": quota exceeded for disks',
    )
    spec = mounting_data(node="")
    c.workload(
        "web",
        {
            **unscheduled("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
            "spec": spec,
        },
        template=spec,
    )


@case(
    "Error ContainerCreating: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web"
)
def multi_attach(c: MadeCluster) -> None:
    c.add(
        "PersistentVolume",
        "pv",
        spec={"claimRef": {"namespace": "shop", "name": "data", "uid": "PersistentVolumeClaim/data"}},
        status={"phase": "Bound"},
    )
    c.add("PersistentVolumeClaim", "data", spec={**PVCSPEC, "volumeName": "pv"}, status={"phase": "Bound"})
    spec = {"containers": [APP], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    c.workload("web", waiting("ContainerCreating", spec=spec), template=spec)
    c.warn(
        "Pod/web-0",
        "FailedAttachVolume",
        'Multi-Attach error for volume "pv" Volume is already used by pod(s) old-0',
    )


@case("Error Pending: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web")
def taint(c: MadeCluster) -> None:
    c.workload("web", unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint(s)."))


@case("Error Pending: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web")
def insufficient(c: MadeCluster) -> None:
    c.workload("web", unscheduled("0/1 nodes are available: 1 Insufficient cpu."))


@case("Error KubeletHasInsufficientMemory: Node n2 > Pod web-old")
def node_memory_pressure_evicted(c: MadeCluster) -> None:
    c.node(
        "n2",
        condition(
            "MemoryPressure",
            "True",
            "KubeletHasInsufficientMemory",
            "kubelet has insufficient memory available",
        ),
        condition("Ready", "True", "KubeletReady", ""),
    )
    c.workload("web", running())
    c.leftover("Evicted", "The node was low on resource: memory.", spec={"nodeName": "n2"})


@case("Error FailedCreate: StatefulSet db > Service db")
def quota_statefulset(c: MadeCluster) -> None:
    c.add(
        "ResourceQuota",
        "team",
        spec={"hard": {"pods": "1"}},
        status={"hard": {"pods": "1"}, "used": {"pods": "1"}},
    )
    c.add(
        "StatefulSet",
        "db",
        spec={
            "replicas": 2,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [APP]}},
        },
        status={"replicas": 0},
    )
    c.service("db", [], clusterIP="None")
    c.warn(
        "StatefulSet/db",
        "FailedCreate",
        'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1',
    )


@case("Error FailedCreate: ReplicaSet web-5d > Deployment web, Service web")
def limitrange(c: MadeCluster) -> None:
    c.workload(
        "web",
        failure='pods "web-5d-x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi',
    )


@case("Error FailedCreate: ReplicaSet web-5d > Deployment web, Service web")
def webhook_denies(c: MadeCluster) -> None:
    c.workload("web", failure='admission webhook "policy.example" denied the request: image not signed')


@case(
    "Error NotFound: missing Service rules > Deployment web, ReplicaSet web-5d, Service web, ValidatingWebhookConfiguration rules"
)
def webhook_service_missing(c: MadeCluster) -> None:
    c.add(
        "ValidatingWebhookConfiguration",
        "rules",
        webhooks=[
            {
                "name": "pods.rules.example",
                "failurePolicy": "Fail",
                "clientConfig": {"service": {"namespace": "shop", "name": "rules"}},
            }
        ],
    )
    c.workload(
        "web",
        failure='Internal error occurred: failed calling webhook "pods.rules.example": failed to call webhook: Post "https://rules.shop.svc:443/validate?timeout=10s": service "rules" not found',
    )


@case(
    "Error CrashLoopBackOff: Pod rules-0 > Deployment rules, Deployment web, EndpointSlice rules-x, ReplicaSet rules-5d, ReplicaSet web-5d, Service rules, Service web, ValidatingWebhookConfiguration rules"
)
def webhook_crashes(c: MadeCluster) -> None:
    c.add(
        "ValidatingWebhookConfiguration",
        "rules",
        webhooks=[
            {
                "name": "pods.rules.example",
                "failurePolicy": "Fail",
                "clientConfig": {"service": {"namespace": "shop", "name": "rules"}},
            }
        ],
    )
    c.workload("rules", waiting("CrashLoopBackOff", "back-off", last={"exitCode": 2, "reason": "Error"}))
    c.workload(
        "web",
        failure='Internal error occurred: failed calling webhook "pods.rules.example": failed to call webhook: Post "https://rules.shop.svc:443/validate?timeout=10s": no endpoints available for service "rules"',
    )


@case("Pending Terminating: PersistentVolumeClaim data")
def pvc_terminating_in_use(c: MadeCluster) -> None:
    c.add(
        "PersistentVolumeClaim",
        "data",
        spec=PVCSPEC,
        status={"phase": "Bound"},
        meta={"deletionTimestamp": MADE, "finalizers": ["kubernetes.io/pvc-protection"]},
    )
    spec = mounting_data(node="n1")
    c.workload("web", running(spec=spec), template=spec)


@case("Pending Terminating: Pod stuck")
def pod_finalizer(c: MadeCluster) -> None:
    c.workload("web", running())
    c.pod("stuck", running(meta={"deletionTimestamp": MADE, "finalizers": ["example.com/hold"]}))


@case("Error NotFound: missing Deployment nosuch > HorizontalPodAutoscaler web")
def hpa_target_missing(c: MadeCluster) -> None:
    c.autoscaler(
        "nosuch",
        [
            condition(
                "AbleToScale",
                "False",
                "FailedGetScale",
                'the HPA controller was unable to get the target\'s current scale: deployments.apps "nosuch" not found',
            )
        ],
    )


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, PodDisruptionBudget web, ReplicaSet web-5d, Service web"
)
def pdb_insufficient(c: MadeCluster) -> None:
    c.workload("web", waiting("CrashLoopBackOff", "back-off", last={"exitCode": 1, "reason": "Error"}))
    c.add(
        "PodDisruptionBudget",
        "web",
        spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        status={
            "currentHealthy": 0,
            "desiredHealthy": 1,
            "disruptionsAllowed": 0,
            "conditions": [condition("DisruptionAllowed", "False", "InsufficientPods", "")],
        },
    )


@case("Error ImagePullBackOff: Pod web-1 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d")
def rollout_stuck(c: MadeCluster) -> None:
    c.workload(
        "web", running(), waiting("ImagePullBackOff", 'Back-off pulling image "a": not found'), replicas=2
    )


@case("Error Error: Pod once-a, Pod once-b, Pod once-c > Job once")
def job_failed(c: MadeCluster) -> None:
    c.add(
        "Job",
        "once",
        spec={"completions": 1},
        status={
            "failed": 3,
            "conditions": [
                condition(
                    "Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
                )
            ],
        },
    )
    for n in "abc":
        c.pod("once-" + n, finished("Failed", code=4), owner="Job/once")


@case("Error DeadlineExceeded: Job once")
def job_deadline(c: MadeCluster) -> None:
    c.add(
        "Job",
        "once",
        spec={"completions": 1},
        status={
            "failed": 1,
            "conditions": [
                condition(
                    "Failed", "True", "DeadlineExceeded", "Job was active longer than specified deadline"
                )
            ],
        },
    )
