"""Incidents: Of APIs, runs and what cannot go, and several causes at once."""

from __future__ import annotations

from tests.incidents.made import (
    APP,
    MADE,
    MadeCluster,
    condition,
    running,
    waiting,
)
from tests.incidents.registry import case

_CRASH = {"exitCode": 1, "reason": "Error"}


_LOST = condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")


_DISCOVERY = (
    "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
    "metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1"
)


@case("Error NotFound: missing Secret creds > Job nightly-1, Pod nightly-1-a")
def run_without_its_secret(c: MadeCluster) -> None:
    c.add(
        "CronJob",
        "nightly",
        spec={"schedule": "0 0 * * *"},
        status={"lastScheduleTime": MADE, "active": [{"kind": "Job", "name": "nightly-1"}]},
    )
    c.add(
        "Job",
        "nightly-1",
        owner="CronJob/nightly",
        spec={"completions": 1},
        status={"active": 1, "startTime": MADE},
    )
    env = [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "p"}}}]
    spec = {"containers": [{**APP, "env": env}]}
    c.pod(
        "nightly-1-a",
        waiting("CreateContainerConfigError", 'secret "creds" not found', spec=spec),
        owner="Job/nightly-1",
    )
    c.warn("Pod/nightly-1-a", "Failed", 'Error: secret "creds" not found')


@case(
    "Error CrashLoopBackOff: Pod metrics-0 > APIService v1beta1.metrics.k8s.io, Deployment metrics, "
    "EndpointSlice metrics-x, Namespace old, ReplicaSet metrics-5d, Service metrics"
)
def namespace_that_cannot_go_for_want_of_an_api(c: MadeCluster) -> None:
    c.add(
        "APIService",
        "v1beta1.metrics.k8s.io",
        spec={
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "service": {"namespace": "shop", "name": "metrics"},
        },
        status={
            "conditions": [
                condition(
                    "Available",
                    "False",
                    "MissingEndpoints",
                    'endpoints for service/metrics in "shop" have no addresses with port name "https"',
                )
            ]
        },
    )
    c.workload("metrics", waiting("CrashLoopBackOff", "back-off", last=_CRASH))
    c.add(
        "Namespace",
        "old",
        meta={"deletionTimestamp": MADE},
        spec={"finalizers": ["kubernetes"]},
        status={
            "phase": "Terminating",
            "conditions": [
                condition("NamespaceDeletionDiscoveryFailure", "True", "DiscoveryFailed", _DISCOVERY)
            ],
        },
    )


@case("Pending Terminating: Widget held > Namespace old")
def namespace_that_waits_for_a_custom_resource(c: MadeCluster) -> None:
    said = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    c.add(
        "Namespace",
        "old",
        meta={"deletionTimestamp": MADE},
        spec={"finalizers": ["kubernetes"]},
        status={
            "phase": "Terminating",
            "conditions": [
                condition("NamespaceDeletionContentFailure", "False", "ContentDeleted", ""),
                condition(
                    "NamespaceContentRemaining",
                    "True",
                    "SomeResourcesRemain",
                    "Some resources are remaining: widgets.example.com has 1 resource instances",
                ),
                condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", said),
            ],
        },
    )
    c.namespace = "old"
    c.custom(
        "Widget.example.com",
        "held",
        meta={"deletionTimestamp": MADE, "finalizers": ["example.com/hold"]},
        spec={},
        status={"conditions": [condition("Ready", "True", "Ready", "")]},
    )


@case("Pending Terminating: Pod web-0")
def pod_that_does_not_end(c: MadeCluster) -> None:
    old = running(meta={"deletionTimestamp": "2026-01-01T00:42:00Z", "deletionGracePeriodSeconds": 30})
    c.workload("web", old, running(), replicas=1)


@case("Error FailedGetPodsMetric: HorizontalPodAutoscaler web")
def autoscaler_without_custom_metrics(c: MadeCluster) -> None:
    c.workload("web", running())
    said = "the HPA was unable to compute the replica count: unable to get metric requests_per_second: unable to fetch metrics from custom metrics API: the server could not find the metric requests_per_second for pods"
    c.autoscaler(
        "web",
        [
            condition("AbleToScale", "True", "SucceededGetScale", ""),
            condition("ScalingActive", "False", "FailedGetPodsMetric", said),
        ],
    )
    c.warn("HorizontalPodAutoscaler/web", "FailedGetPodsMetric", said)


@case("Error FailedGetResourceMetric: HorizontalPodAutoscaler web")
def autoscaler_of_pods_without_requests(c: MadeCluster) -> None:
    c.workload("web", running())
    said = "the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container app of Pod web-0"
    c.autoscaler(
        "web",
        [
            condition("AbleToScale", "True", "SucceededGetScale", ""),
            condition("ScalingActive", "False", "FailedGetResourceMetric", said),
        ],
    )


@case("Error NotFound: missing ConfigMap conf > Deployment web, Pod web-1, ReplicaSet web-new")
def rollout_that_lacks_a_config_map(c: MadeCluster) -> None:
    c.workload(
        "web",
        running(),
        conditions=[
            condition(
                "Progressing",
                "False",
                "ProgressDeadlineExceeded",
                'ReplicaSet "web-new" has timed out progressing.',
            )
        ],
    )
    labels = {"app": "web", "pod-template-hash": "new"}
    c.add(
        "ReplicaSet",
        "web-new",
        owner="Deployment/web",
        meta={"labels": labels, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        spec={"replicas": 1, "selector": {"matchLabels": labels}},
        status={"replicas": 1},
    )
    spec = {"containers": [{**APP, "envFrom": [{"configMapRef": {"name": "conf"}}]}]}
    c.pod(
        "web-1",
        waiting("CreateContainerConfigError", 'configmap "conf" not found', spec=spec),
        owner="ReplicaSet/web-new",
        labels=labels,
    )


@case(
    "Error FailedCreate: ReplicaSet web-5d > Deployment web",
    "Error ImagePullBackOff: Pod web-0 > EndpointSlice web-x, Service web",
)
def quota_and_an_image_at_once(c: MadeCluster) -> None:
    said = (
        'pods "web-5d-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1'
    )
    c.workload(
        "web",
        waiting("ImagePullBackOff", 'Back-off pulling image "shop/app:9": not found'),
        replicas=2,
        failure=said,
    )


@case(
    "Error CrashLoopBackOff: Pod rules-0 > Deployment rules, Deployment web, EndpointSlice rules-x, Ingress web, "
    "ReplicaSet rules-5d, ReplicaSet web-5d, Service rules, Service web, ValidatingWebhookConfiguration rules",
    "Error NotFound: missing Secret web-tls > Ingress web",
)
def webhook_of_another_namespace_and_a_certificate(c: MadeCluster) -> None:
    said = 'Internal error occurred: failed calling webhook "v.rules": failed to call webhook: Post "https://rules.infra.svc:443/validate?timeout=10s": no endpoints available for service "rules"'
    c.workload("web", failure=said)
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    c.add("IngressClass", "nginx")
    c.add(
        "Ingress",
        "web",
        spec={
            "ingressClassName": "nginx",
            "tls": [{"secretName": "web-tls"}],
            "rules": [{"http": {"paths": [{"backend": backend}]}}],
        },
    )
    c.into("infra")
    called = {"service": {"namespace": "infra", "name": "rules"}}
    c.add(
        "ValidatingWebhookConfiguration",
        "rules",
        webhooks=[{"name": "v.rules", "failurePolicy": "Fail", "clientConfig": called}],
    )
    c.workload("rules", waiting("CrashLoopBackOff", "back-off", last=_CRASH))


@case(
    "Error NodeStatusUnknown: Node n2 > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web",
    "Error CrashLoopBackOff: Pod web-1 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web",
)
def lost_node_and_a_crash_elsewhere(c: MadeCluster) -> None:
    c.node("n2", _LOST)
    old = running(ready=False, meta={"deletionTimestamp": "2026-01-01T00:50:00Z"}, spec={"nodeName": "n2"})
    c.workload("web", old, waiting("CrashLoopBackOff", "back-off", last=_CRASH), replicas=1)
    c.warn("Pod/web-0", "NodeNotReady", "Node is not ready")
