"""Which cause is named: small graphs, each with what an operator would say, and its healthy twin."""

from __future__ import annotations

import pytest

from astrolabe.graph.state.node import Node
from tests.support.sketches import Sketch, a_node, unresolved

MINUTES_5 = "2026-01-01T00:54:30Z"
SECONDS_20 = "2026-01-01T00:59:40Z"
EXPOSED = (
    "Ingress/web routes-to Service/web spec.rules[0].http.paths[0].backend.service",
    "Service/web selects Pod/web-1 spec.selector",
    "Deployment/web owns ReplicaSet/web-1 metadata.ownerReferences[0]",
    "ReplicaSet/web-1 owns Pod/web-1 metadata.ownerReferences[0]",
)


def exposed(pod: Node, *, down: bool = True) -> Sketch:
    """A Deployment with this Pod, behind a Service and an Ingress. down: whether these say so."""
    bad = "Error" if down else "Ready"
    sketch = Sketch().set(
        a_node("Ingress", "web", bad, "BackendUnavailable" if down else "Ready"),
        a_node("Service", "web", bad, "NoReadyEndpoints" if down else "Ready"),
        a_node("Deployment", "web", "Error" if down else "Ready", "ProgressDeadlineExceeded"),
        a_node("ReplicaSet", "web-1", "Pending" if down else "Ready", "Progressing"),
        pod,
    )
    return sketch.link(*EXPOSED)


BEHIND = "Deployment web, Ingress web, ReplicaSet web-1, Service web"
CRASH = ("Error", "CrashLoopBackOff", "container app keeps ending: OOMKilled (exit code 137)")


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        ("Error", "ImagePullBackOff", 'Back-off pulling image "shop/web:2": not found'),
        ("Error", "InvalidImageName", 'Failed to apply default image tag "Shop/Web": invalid reference'),
        CRASH,
        ("Error", "Init:CrashLoopBackOff", "container migrate keeps ending: Error (exit code 3)"),
        ("Error", "CreateContainerConfigError", "couldn't find key token in Secret shop/api"),
        ("Error", "RunContainerError", 'exec: "serve": executable file not found in $PATH'),
    ],
)
def test_a_pod_whose_status_explains_itself_is_the_cause(status: str, reason: str, message: str) -> None:
    sketch = exposed(a_node("Pod", "web-1", status, reason, message, metadata={"nodeName": "n1"}))
    assert sketch.told() == [f"Error {reason}: Pod web-1 > {BEHIND}"]


def test_the_healthy_twin_has_no_problem() -> None:
    assert exposed(a_node("Pod", "web-1"), down=False).told() == []


def test_an_object_that_does_not_exist_is_the_cause() -> None:
    lost = unresolved("uses-secret", "Secret", "api", "spec.containers[app].env[T].valueFrom.secretKeyRef")
    pod = a_node(
        "Pod", "web-1", "Error", "CreateContainerConfigError", 'secret "api" not found', missing=[lost]
    )
    assert exposed(pod).told() == [
        "Error NotFound: missing Secret api > Deployment web, Ingress web, Pod web-1, ReplicaSet web-1, Service web"
    ]


@pytest.mark.parametrize(
    ("reason", "message", "told"),
    [
        (
            "ImagePullBackOff",
            "pull access denied, repository may require authorization",
            "missing Secret pull",
        ),
        ("ImagePullBackOff", 'Back-off pulling image "shop/web:2"', "missing Secret pull"),
        ("ImagePullBackOff", "manifest for shop/web:2 not found: manifest unknown", "Pod web-1"),
        ("CrashLoopBackOff", "container app keeps ending: Error (exit code 1)", "Pod web-1"),
    ],
)
def test_a_missing_pull_secret_explains_only_refused_images(reason: str, message: str, told: str) -> None:
    lost = unresolved("uses-secret", "Secret", "pull", "spec.imagePullSecrets[0]")
    pod = a_node("Pod", "web-1", "Error", reason, message, missing=[lost], metadata={"nodeName": "n1"})
    assert exposed(pod).told()[0].split(" > ")[0].partition(": ")[2] == told


def test_a_missing_pull_secret_does_not_explain_a_bad_image() -> None:
    def told(fault: str) -> str:
        message = f"{fault}; it names the imagePullSecret my-credentials, which does not exist"
        lost = unresolved("uses-secret", "Secret", "my-credentials", "spec.imagePullSecrets[my-credentials]")
        pod = a_node("Pod", "web-1", "Error", "ErrImagePull", message, missing=[lost])
        return exposed(pod).told()[0].partition(" > ")[0]

    assert told("shop/web:2: not found") == "Error ErrImagePull: Pod web-1"
    assert told("x509: certificate signed by unknown authority") == "Error ErrImagePull: Pod web-1"
    assert told("shop/web:2: 401 Unauthorized") == "Error NotFound: missing Secret my-credentials"


def test_a_missing_pull_secret_does_not_explain_a_pod_that_waits_for_a_volume() -> None:
    lost = unresolved("uses-secret", "Secret", "pull", "spec.imagePullSecrets[0]")
    warning = ("FailedAttachVolume", "Multi-Attach error for volume pv-1", MINUTES_5)
    pod = a_node(
        "Pod",
        "web-1",
        "Pending",
        "ContainerCreating",
        created=MINUTES_5,
        missing=[lost],
        warning=warning,
        metadata={"nodeName": "n1"},
    )
    assert exposed(pod).told() == [f"Error ContainerCreating: Pod web-1 > {BEHIND}"]


def test_a_lost_node_is_the_cause_of_pods_that_are_unready_or_stuck() -> None:
    lost = a_node("Node", "n1", "Error", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    pod = a_node("Pod", "web-1", "Pending", "Terminating", since=SECONDS_20, metadata={"nodeName": "n1"})
    waiting = a_node("Pod", "web-2", "Pending", "Pending", "0/3 nodes are available: 3 Too many pods.")
    sketch = exposed(pod).set(lost, waiting)
    sketch.link("Pod/web-1 runs-on Node/n1 spec.nodeName", "ReplicaSet/web-1 owns Pod/web-2")
    assert sketch.told() == [
        "Error NodeStatusUnknown: Node n1 > Deployment web, Ingress web, Pod web-1, Pod web-2, ReplicaSet web-1, "
        "Service web"
    ]


def test_a_lost_node_is_the_cause_of_a_pod_waiting_for_an_attached_volume() -> None:
    def told(message: str) -> list[str]:
        lost = a_node("Node", "n1", "Error", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        pod = a_node("Pod", "web-1", "Pending", "Terminating", since=SECONDS_20, metadata={"nodeName": "n1"})
        warning = ("FailedAttachVolume", message, "2026-01-01T00:30:00Z")
        waiting = a_node(
            "Pod", "web-2", "Pending", "ContainerCreating", warning=warning, metadata={"nodeName": "n2"}
        )
        sketch = exposed(pod).set(waiting, lost)
        return sketch.link(
            "ReplicaSet/web-1 owns Pod/web-2", "Pod/web-1 runs-on Node/n1 spec.nodeName"
        ).told()

    behind = "Deployment web, Ingress web, Pod web-1"
    elsewhere = 'Multi-Attach error for volume "pv-1" Volume is already used by pod(s) web-1'
    assert told(elsewhere) == [
        f"Error NodeStatusUnknown: Node n1 > {behind}, Pod web-2, ReplicaSet web-1, Service web"
    ]
    assert told('AttachVolume.Attach failed for volume "pv-1": disk not found') == [
        f"Error NodeStatusUnknown: Node n1 > {behind}, ReplicaSet web-1, Service web",
        "Error ContainerCreating: Pod web-2 > Deployment web, ReplicaSet web-1",
    ]


def test_pressure_on_a_node_does_not_explain_a_missing_key() -> None:
    pod = a_node(
        "Pod", "web-1", "Error", "CreateContainerConfigError", "couldn't find key token in Secret api"
    )
    node = a_node("Node", "n1", "Error", "KubeletHasDiskPressure", "kubelet has disk pressure")
    sketch = exposed(pod).set(node).link("Pod/web-1 runs-on Node/n1 spec.nodeName")
    assert sketch.told() == [
        f"Error CreateContainerConfigError: Pod web-1 > {BEHIND}",
        "Error KubeletHasDiskPressure: Node n1",
    ]


def test_lost_nodes_of_one_pool_are_one_problem() -> None:
    sketch = Sketch()
    for name in ("gpu-1", "gpu-2", "edge-1"):
        sketch.set(a_node("Node", name, "Error", "NodeStatusUnknown", labels={"pool": name.split("-")[0]}))
    assert sketch.told() == [
        "Error NodeStatusUnknown: Node edge-1",
        "Error NodeStatusUnknown: Node gpu-1, Node gpu-2",
    ]


def test_unschedulable_pods_are_reported_after_five_minutes() -> None:
    message = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."

    def pods(since: str) -> Sketch:
        return exposed(
            a_node("Pod", "web-1", "Pending", "Pending", message, created=since, since=since), down=False
        )

    assert pods(SECONDS_20).told() == []
    assert pods(MINUTES_5).told() == ["Pending Pending: Pod web-1"]


def test_pods_without_room_are_one_problem() -> None:
    message = "0/3 nodes are available: 3 Insufficient cpu."
    sketch = Sketch()
    for name in ("a", "b"):
        sketch.set(a_node("Pod", name, "Pending", "Pending", message), a_node("ReplicaSet", name))
        sketch.link(f"ReplicaSet/{name} owns Pod/{name}")
    assert sketch.told() == ["Pending Pending: Pod a, Pod b"]


def test_losing_all_nodes_explains_unschedulable_pods() -> None:
    message = "0/2 nodes are available: 2 node(s) had untolerated taint(s)."
    sketch = exposed(a_node("Pod", "web-1", "Pending", "Pending", message), down=False)
    for name in ("n-1", "n-2"):
        sketch.set(a_node("Node", name, "Error", "NodeStatusUnknown"))
    assert sketch.told() == ["Error NodeStatusUnknown: Node n-1, Node n-2 > Pod web-1"]


def test_a_claim_without_its_class_keeps_a_pod_from_being_scheduled() -> None:
    message = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    lost = unresolved("uses-class", "StorageClass", "fast", "spec.storageClassName", namespace="")
    claim = a_node("PersistentVolumeClaim", "data", "Pending", "Pending", missing=[lost])
    sketch = exposed(a_node("Pod", "web-1", "Pending", "Pending", message)).set(claim)
    sketch.link("Pod/web-1 mounts PersistentVolumeClaim/data spec.volumes[data]")
    assert sketch.told() == [
        "Error NotFound: missing StorageClass fast > Deployment web, Ingress web, PersistentVolumeClaim data, "
        "Pod web-1, ReplicaSet web-1, Service web"
    ]


def test_a_claim_waiting_for_its_first_consumer_is_not_a_cause() -> None:
    message = "0/3 nodes are available: 3 Insufficient memory."
    claim = a_node(
        "PersistentVolumeClaim", "data", "Pending", "WaitForFirstConsumer", "waiting for first consumer"
    )
    sketch = exposed(a_node("Pod", "web-1", "Pending", "Pending", message), down=False).set(claim)
    assert Sketch().set(claim).told() == []
    sketch.link("Pod/web-1 mounts PersistentVolumeClaim/data spec.volumes[data]")
    assert sketch.told() == ["Pending Pending: Pod web-1 > PersistentVolumeClaim data"]


def test_a_refused_creation_is_reported_by_the_controller() -> None:
    message = (
        'pods "web-1-" is forbidden: exceeded quota: team, requested: pods=1, used: pods=9, limited: pods=9'
    )
    sketch = Sketch().set(
        a_node("Deployment", "web", "Error", "ProgressDeadlineExceeded"),
        a_node("ReplicaSet", "web-1", "Error", "FailedCreate", message, labels={"app": "web"}),
        a_node("Service", "web", "Pending", "NoMatchingPods", metadata={"selector": {"app": "web"}}),
        a_node("Service", "other", "Ready"),
    )
    sketch.link("Deployment/web owns ReplicaSet/web-1")
    assert sketch.told() == ["Error FailedCreate: ReplicaSet web-1 > Deployment web, Service web"]


def test_a_missing_service_account_is_the_cause_in_workloads_that_name_it() -> None:
    lost = unresolved("uses-sa", "ServiceAccount", "runner", "spec.template.spec.serviceAccountName")
    message = 'pods "web-1-" is forbidden: error looking up service account shop/runner: not found'
    sketch = Sketch().set(
        a_node("Deployment", "web", "Error", "ProgressDeadlineExceeded", missing=[lost]),
        a_node("ReplicaSet", "web-1", "Error", "FailedCreate", message),
    )
    sketch.link("Deployment/web owns ReplicaSet/web-1")
    assert sketch.told() == [
        "Error NotFound: missing ServiceAccount runner > Deployment web, ReplicaSet web-1"
    ]


def test_an_unreachable_webhook_is_the_cause() -> None:
    message = 'failed calling webhook "v": Post "https://rules.policy.svc:443/v": no endpoints available'
    sketch = Sketch().set(
        a_node("Deployment", "web", "Error", "ProgressDeadlineExceeded"),
        a_node("ReplicaSet", "web-1", "Error", "FailedCreate", message),
        a_node("Service", "rules", "Pending", "NoMatchingPods", namespace="policy"),
        a_node("ValidatingWebhookConfiguration", "v", "Error", "WebhookUnavailable"),
    )
    sketch.link(
        "Deployment/web owns ReplicaSet/web-1", "ValidatingWebhookConfiguration/v calls Service/rules"
    )
    assert sketch.told() == [
        "Error NoMatchingPods: Service rules > Deployment web, ReplicaSet web-1, ValidatingWebhookConfiguration v"
    ]


def test_a_service_that_selects_nothing_is_reported_after_a_grace_period() -> None:
    def services(created: str) -> Sketch:
        ingress = a_node("Ingress", "web")
        service = a_node("Service", "web", "Pending", "NoMatchingPods", created=created)
        return Sketch().set(ingress, service).link("Ingress/web routes-to Service/web")

    assert services(SECONDS_20).told() == []
    assert services("2026-01-01T00:00:00Z").told() == ["Pending NoMatchingPods: Service web > Ingress web"]


def test_a_service_of_a_workload_scaled_to_zero_is_empty_on_purpose() -> None:
    sketch = Sketch().set(
        a_node("Deployment", "web", "Ready", "ScaledToZero", labels={"app": "web"}),
        a_node("Service", "web", "Pending", "NoMatchingPods", metadata={"selector": {"app": "web"}}),
    )
    assert sketch.told() == []


@pytest.mark.parametrize(
    "node",
    [
        a_node("Deployment", "web", "Pending", "Paused"),
        a_node("Job", "once", "Pending", "Suspended"),
        a_node("Job", "once", "Pending", "Running", since="2026-01-01T00:00:00Z"),
        a_node("CronJob", "nightly", "Ready", "Suspended"),
        a_node("Deployment", "web", "Pending", "Progressing", "Partially ready (1/2)"),
        a_node("DaemonSet", "agent", "Pending", "Progressing"),
        a_node("PersistentVolume", "pv", "Pending", "Released"),
        a_node("Pod", "gated", "Pending", "SchedulingGated"),
        a_node(
            "Pod", "young", "Pending", "ContainerCreating", created=SECONDS_20, metadata={"nodeName": "n"}
        ),
        a_node("Pod", "going", "Pending", "Terminating", since=SECONDS_20),
        a_node("Pod", "done", "Ready", "Completed", metadata={"phase": "Succeeded"}),
    ],
    ids=lambda node: f"{node.kind} {node.name}",
)
def test_intended_or_recent_states_are_not_problems(node: Node) -> None:
    assert Sketch().set(node).told() == []


def test_evicted_pods_of_a_running_workload_are_history() -> None:
    evicted = a_node("Pod", "web-0", "Error", "Evicted", "low on memory", metadata={"phase": "Failed"})
    sketch = exposed(a_node("Pod", "web-1"), down=False).set(evicted).link("ReplicaSet/web-1 owns Pod/web-0")
    assert sketch.told() == []
    assert Sketch().set(evicted).told() == ["Error Evicted: Pod web-0"]


def test_a_failed_job_is_a_problem_and_a_retrying_one_is_not() -> None:
    def jobs(*status: str) -> Sketch:
        failed = a_node("Pod", "once-a", "Error", "Error", "exit code 4", metadata={"phase": "Failed"})
        return Sketch().set(a_node("Job", "once", *status), failed).link("Job/once owns Pod/once-a")

    assert jobs("Pending", "Running").told() == []
    assert jobs("Ready", "Completed").told() == []
    assert jobs("Error", "BackoffLimitExceeded").told() == ["Error Error: Pod once-a > Job once"]


def test_an_old_run_that_failed_is_history_and_the_newest_is_the_cause() -> None:
    def runs(*status: str) -> Sketch:
        sketch = Sketch().set(
            a_node("CronJob", "nightly", *status),
            a_node("Job", "n-1", "Error", "BackoffLimitExceeded", created="2026-01-01T00:10:00Z"),
            a_node("Job", "n-2", "Error", "DeadlineExceeded", created="2026-01-01T00:20:00Z"),
        )
        return sketch.link("CronJob/nightly owns Job/n-1", "CronJob/nightly owns Job/n-2")

    assert runs("Ready", "Ready").told() == []
    assert runs("Error", "LastRunFailed").told() == ["Error DeadlineExceeded: Job n-2 > CronJob nightly"]


def test_a_stuck_namespace_waits_for_its_finalizers() -> None:
    sketch = Sketch().set(
        a_node(
            "Namespace",
            "shop",
            "Pending",
            "Terminating",
            "held by hold.example.com",
            since="2026-01-01T00:30:00Z",
        ),
        a_node(
            "ConfigMap",
            "lock",
            "Pending",
            "Terminating",
            "held by hold.example.com",
            since="2026-01-01T00:30:00Z",
        ),
    )
    assert sketch.told() == ["Pending Terminating: ConfigMap lock > Namespace shop"]


def test_an_autoscaler_without_its_api_is_the_cause_or_the_api_is() -> None:
    message = "unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
    autoscaler = a_node("HorizontalPodAutoscaler", "web", "Error", "FailedGetResourceMetric", message)
    assert Sketch().set(autoscaler).told() == ["Error FailedGetResourceMetric: HorizontalPodAutoscaler web"]
    api = a_node("APIService", "v1beta1.metrics.k8s.io", "Error", "MissingEndpoints")
    sketch = Sketch().set(autoscaler, api, a_node("Service", "metrics", "Error", "NoReadyEndpoints"))
    sketch.link("APIService/v1beta1.metrics.k8s.io calls Service/metrics")
    assert sketch.told() == [
        "Error NoReadyEndpoints: Service metrics > APIService v1beta1.metrics.k8s.io, HorizontalPodAutoscaler web"
    ]


def test_a_certificate_that_is_not_issued_is_traced_to_its_challenge() -> None:
    lost = unresolved("uses-secret", "Secret", "www-tls", "spec.tls[0].secretName")
    makes = unresolved("makes", "Secret", "www-tls", "spec.secretName")
    sketch = Sketch().set(
        a_node("Ingress", "www", "Error", "TLSSecretMissing", missing=[lost]),
        a_node("Certificate.cert-manager.io", "www", "Pending", "DoesNotExist", missing=[makes]),
        a_node("CertificateRequest.cert-manager.io", "www-1", "Pending", "Pending"),
        a_node("Order.acme.cert-manager.io", "www-1", "Pending", "pending"),
        a_node("Challenge.acme.cert-manager.io", "www-1", "Error", "pending", "Waiting for DNS-01: 403"),
    )
    sketch.link(
        "Certificate/www owns CertificateRequest/www-1",
        "CertificateRequest/www-1 owns Order/www-1",
        "Order/www-1 owns Challenge/www-1",
    )
    assert sketch.told() == [
        "Error pending: Challenge www-1 > Certificate www, CertificateRequest www-1, Ingress www, Order www-1, "
        "missing Secret www-tls"
    ]
