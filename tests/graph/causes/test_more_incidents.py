"""More causes: releases, runs, custom resources, several at a time, and what is only beginning."""

from __future__ import annotations

from astrolabe.graph.state.node import Node
from tests.graph.causes.test_incidents import BEHIND, CRASH, MINUTES_5, SECONDS_20, exposed
from tests.support.sketches import NOW, Sketch, a_node, at, unresolved


def test_a_failed_helm_release_is_reported_until_a_newer_revision_succeeds() -> None:
    def revision(version: int, status: str) -> Node:
        labels = {"owner": "helm", "name": "cart", "version": str(version), "status": status}
        return a_node("Secret", f"sh.helm.release.v1.cart.v{version}", labels=labels)

    failed = Sketch().set(revision(1, "superseded"), revision(2, "failed"))
    assert failed.told() == ["Error ReleaseFailed: Secret sh.helm.release.v1.cart.v2"]
    assert failed.set(revision(3, "deployed")).told() == []


def test_independent_causes_are_several_problems() -> None:
    sketch = exposed(a_node("Pod", "web-1", *CRASH, metadata={"nodeName": "n1"}))
    sketch.set(a_node("Pod", "web-2", "Error", "ImagePullBackOff", "not found", metadata={"nodeName": "n1"}))
    sketch.link("ReplicaSet/web-1 owns Pod/web-2", "Service/web selects Pod/web-2")
    assert sketch.told() == [
        f"Error CrashLoopBackOff: Pod web-1 > {BEHIND}",
        f"Error ImagePullBackOff: Pod web-2 > {BEHIND}",
    ]


def test_circular_causes_terminate() -> None:
    sketch = Sketch().set(
        a_node("Claim.example.com", "a", "Error", "Waiting"),
        a_node("Claim.example.com", "b", "Error", "Waiting"),
    )
    sketch.link("Claim/a uses Claim/b", "Claim/b uses Claim/a")
    assert sketch.told() == ["Error Waiting: Claim a > Claim b"]


def test_a_service_whose_only_pod_is_on_a_lost_node_is_affected() -> None:
    sketch = Sketch().set(
        a_node("Node", "n1", "Error", "NodeStatusUnknown"),
        a_node("Pod", "db-0", "Pending", "Terminating", since=SECONDS_20, metadata={"nodeName": "n1"}),
        a_node("Service", "db", "Pending", "NoMatchingPods", "The only pod that it selects is not alive"),
    )
    sketch.link("Service/db selects Pod/db-0", "Pod/db-0 runs-on Node/n1 spec.nodeName")
    assert sketch.told() == ["Error NodeStatusUnknown: Node n1 > Pod db-0, Service db"]


def test_a_service_of_a_stateful_set_that_may_not_create_pods_is_affected() -> None:
    message = 'create Pod db-0 failed: pods "db-0" is forbidden: RuntimeClass "gvisor" not found'
    lost = unresolved(
        "uses-class", "RuntimeClass", "gvisor", "spec.template.spec.runtimeClassName", namespace=""
    )
    labels = {"podLabels": {"app": "db", "tier": "back"}}
    sketch = Sketch().set(
        a_node("StatefulSet", "db", "Error", "FailedCreate", message, missing=[lost], metadata=labels),
        a_node("Service", "db", "Pending", "NoMatchingPods", metadata={"selector": {"app": "db"}}),
    )
    assert sketch.told() == ["Error NotFound: missing RuntimeClass gvisor > Service db, StatefulSet db"]


def test_a_custom_resources_complaint_about_its_input_is_explained_by_the_input() -> None:
    source = a_node("GitRepository.source.toolkit.fluxcd.io", "repo", "Error", "GitOperationFailed", "denied")
    applied = a_node("Kustomization.kustomize.toolkit.fluxcd.io", "app", "Error", "ArtifactFailed")
    sketch = Sketch().set(source, applied, a_node("Pod", "web-1", *CRASH))
    sketch.link("Kustomization/app uses GitRepository/repo", "Kustomization/app manages Pod/web-1")
    assert sketch.told() == [
        "Error GitOperationFailed: GitRepository repo > Kustomization app",
        "Error CrashLoopBackOff: Pod web-1",
    ]


def test_an_application_is_not_degraded_by_workloads_scaled_to_zero() -> None:
    sketch = Sketch().set(
        a_node("Application.argoproj.io", "shop", "Error", "Degraded"),
        a_node("Deployment", "web", "Ready", "ScaledToZero", metadata={"podLabels": {"app": "web"}}),
        a_node("ReplicaSet", "web-1", "Ready", "ScaledToZero", "Scaled to zero (0/0)"),
        a_node("Service", "web", "Pending", "NoMatchingPods", metadata={"selector": {"app": "web"}}),
    )
    sketch.link(
        "Application/shop manages Service/web",
        "Application/shop manages Deployment/web",
        "Deployment/web owns ReplicaSet/web-1",
    )
    assert sketch.told() == ["Error Degraded: Application shop"]


def test_a_deployment_that_repeats_its_replica_set_is_affected() -> None:
    message = 'pods "web-1-" is forbidden: exceeded quota: team'
    sketch = Sketch().set(
        a_node("Deployment", "web", "Error", "FailedCreate", message),
        a_node("ReplicaSet", "web-1", "Error", "FailedCreate", message),
    )
    sketch.link("Deployment/web owns ReplicaSet/web-1")
    assert sketch.told() == ["Error FailedCreate: ReplicaSet web-1 > Deployment web"]


def test_a_failed_run_is_reported_while_the_next_one_fails_too() -> None:
    sketch = Sketch().set(
        a_node("CronJob", "n", "Error", "LastRunFailed", own=("Ready", "Ready", "")),
        a_node("Job", "n-1", "Error", "BackoffLimitExceeded", created="2026-01-01T00:10:00Z"),
        a_node("Job", "n-2", "Error", "CrashLoopBackOff", own=("Pending", "Running", "")),
        a_node("Pod", "n-2-a", *CRASH, metadata={"nodeName": "n1"}),
    )
    sketch.link("CronJob/n owns Job/n-1", "CronJob/n owns Job/n-2", "Job/n-2 owns Pod/n-2-a")
    assert sketch.told() == [
        "Error BackoffLimitExceeded: Job n-1 > CronJob n",
        "Error CrashLoopBackOff: Pod n-2-a > Job n-2",
    ]


def test_finished_pods_are_history_even_if_their_owner_is_invisible() -> None:
    over = {"phase": "Failed", "owner": "ReplicaSet/web-1"}
    assert Sketch().set(a_node("Pod", "web-0", "Error", "Evicted", metadata=over)).told() == []
    run = {"phase": "Failed", "owner": "Workflow/build"}
    assert Sketch().set(a_node("Pod", "run-0", "Error", "Error", metadata=run)).told() == [
        "Error Error: Pod run-0"
    ]


def test_an_ingress_may_lack_a_service_and_a_secret() -> None:
    lost = [
        unresolved("routes-to", "Service", "web", "spec.rules[0].http.paths[0].backend.service"),
        unresolved("uses-secret", "Secret", "tls", "spec.tls[0].secretName"),
    ]
    sketch = Sketch().set(
        a_node("Ingress", "www", "Error", "BackendMissing", "Service not found: web", missing=lost)
    )
    assert sketch.told() == [
        "Error NotFound: missing Secret tls > Ingress www",
        "Error NotFound: missing Service web > Ingress www",
    ]


def test_a_custom_resource_with_unknown_status_is_not_a_problem() -> None:
    monitor = a_node("ServiceMonitor.monitoring.coreos.com", "web", "Unknown", "NoStatus")
    assert Sketch().set(monitor).told() == []
    assert len(Sketch().set(monitor).causes().register.words) == 0


def test_a_certificate_being_issued_is_not_a_problem() -> None:
    def cluster(since: str) -> Sketch:
        lost = unresolved("uses-secret", "Secret", "tls", "spec.tls[0].secretName")
        makes = unresolved("makes", "Secret", "tls", "spec.secretName")
        return Sketch().set(
            a_node("Ingress", "www", "Error", "TLSSecretMissing", missing=[lost]),
            a_node("Certificate.cert-manager.io", "www", "Pending", "Issuing", since=since, missing=[makes]),
        )

    assert cluster(SECONDS_20).told() == []
    assert cluster("2026-01-01T00:30:00Z").told() == [
        "Error Issuing: Certificate www > Ingress www, missing Secret tls"
    ]


def test_objects_applied_together_may_arrive_one_by_one() -> None:
    def ingress(created: str) -> Sketch:
        lost = unresolved("routes-to", "Service", "web", "spec.rules[0].http.paths[0].backend.service")
        return Sketch().set(
            a_node("Ingress", "www", "Error", "BackendMissing", created=created, missing=[lost])
        )

    assert ingress(SECONDS_20).told() == []
    assert ingress(MINUTES_5).told() == ["Error NotFound: missing Service web > Ingress www"]


def test_a_joining_node_is_not_a_problem() -> None:
    def node(created: str) -> Sketch:
        return Sketch().set(a_node("Node", "n", "Error", "KubeletNotReady", "cni plugin", created=created))

    assert node(SECONDS_20).told() == []
    assert node(MINUTES_5).told("2026-01-01T01:05:00Z") == ["Error KubeletNotReady: Node n"]


def test_control_planes_do_not_hide_that_all_other_nodes_are_lost() -> None:
    message = "0/5 nodes are available: 5 node(s) had untolerated taint(s)."
    sketch = exposed(a_node("Pod", "web-1", "Pending", "Pending", message), down=False)
    for name in ("n-1", "n-2"):
        sketch.set(a_node("Node", name, "Error", "NodeStatusUnknown"))
    assert sketch.told() == ["Error NodeStatusUnknown: Node n-1, Node n-2 > Pod web-1"]


def test_the_scheduler_is_quoted_once() -> None:
    said = "0/3 nodes are available: 3 Insufficient cpu."
    warning = (
        "FailedScheduling",
        f"{said} preemption: 0/3 nodes are available: 3 No victims found.",
        MINUTES_5,
    )
    sketch = exposed(a_node("Pod", "web-1", "Pending", "Pending", said, warning=warning))
    (problem,) = sketch.causes().problems(at(NOW))
    assert problem.message == said
