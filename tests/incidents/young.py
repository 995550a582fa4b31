"""Incidents: What is only just beginning, beside what is stuck in the same way."""

from __future__ import annotations

from tests.incidents.made import APP, JUST_NOW, MADE, MadeCluster, condition, running, unscheduled, waiting
from tests.incidents.registry import case

_NO_METRICS = (
    "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics "
    "for resource cpu: no metrics returned from resource metrics API"
)


def _autoscaler(c: MadeCluster, created: str) -> None:
    able = condition("AbleToScale", "True", "SucceededGetScale", "", created)
    active = condition("ScalingActive", "False", "FailedGetResourceMetric", _NO_METRICS, created)
    c.workload("web", running(since=created), created=created)
    c.autoscaler("web", [able, active], created=created)


@case()
def well_autoscaler_without_metrics_yet(c: MadeCluster) -> None:
    _autoscaler(c, JUST_NOW)


@case("Error FailedGetResourceMetric: HorizontalPodAutoscaler web")
def autoscaler_without_metrics(c: MadeCluster) -> None:
    _autoscaler(c, MADE)


_FULL = "0/3 nodes are available: 3 Insufficient cpu."


@case("Error Pending: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web")
def young_beside_what_is_stuck_for_want_of_room(c: MadeCluster) -> None:
    c.workload("web", unscheduled(_FULL))
    young = unscheduled(_FULL, since=JUST_NOW, created=JUST_NOW)
    c.workload("new", young, created=JUST_NOW, conditions=[])


@case(
    "Error Pending: Pod new-0, Pod web-0 > Deployment new, Deployment web, EndpointSlice new-x,"
    " EndpointSlice web-x, ReplicaSet new-5d, ReplicaSet web-5d, Service new, Service web"
)
def young_pod_of_a_workload_that_is_stuck(c: MadeCluster) -> None:
    c.workload("web", unscheduled(_FULL))
    c.workload("new", unscheduled(_FULL, since=JUST_NOW, created=JUST_NOW))


def _reading_secret(c: MadeCluster, created: str) -> None:
    env = [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}]
    spec = {"containers": [{**APP, "env": env}]}
    pod = waiting("CreateContainerConfigError", 'secret "db" not found', spec=spec, created=created)
    c.workload("web", pod, template=spec, created=created, conditions=[])


@case()
def well_pod_whose_secret_is_applied_after_it(c: MadeCluster) -> None:
    _reading_secret(c, JUST_NOW)


@case(
    "Error NotFound: missing Secret db > Deployment web, EndpointSlice web-x, Pod web-0, ReplicaSet web-5d, Service web"
)
def pod_whose_secret_is_not_applied(c: MadeCluster) -> None:
    _reading_secret(c, "2026-01-01T00:58:50Z")


@case()
def well_custom_resource_that_is_applied_before_what_it_needs(c: MadeCluster) -> None:
    said = "could not get provider client: SecretStore is not ready"
    c.custom(
        "ExternalSecret.external-secrets.io",
        "db",
        created=JUST_NOW,
        spec={"secretStoreRef": {"kind": "SecretStore", "name": "vault"}, "target": {"name": "db"}},
        status={"conditions": [condition("Ready", "False", "SecretSyncedError", said, JUST_NOW)]},
    )
    c.custom("SecretStore.external-secrets.io", "vault", created=JUST_NOW, spec={}, status={})


def _budget(c: MadeCluster) -> None:
    c.add(
        "PodDisruptionBudget",
        "web",
        spec={"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
        status={
            "currentHealthy": 1,
            "desiredHealthy": 2,
            "expectedPods": 2,
            "disruptionsAllowed": 0,
            "conditions": [condition("DisruptionAllowed", "False", "InsufficientPods", "", JUST_NOW)],
        },
    )


@case()
def well_budget_while_a_container_is_restarted(c: MadeCluster) -> None:
    c.workload("web", running(), running(ready=False, since=JUST_NOW), replicas=2, conditions=[])
    _budget(c)


@case()
def well_autoscaler_that_missed_one_measurement(c: MadeCluster) -> None:
    c.workload("web", running())
    able = condition("AbleToScale", "True", "SucceededGetScale", "")
    c.autoscaler(
        "web", [able, condition("ScalingActive", "False", "FailedGetResourceMetric", _NO_METRICS, JUST_NOW)]
    )


@case()
def well_metrics_while_their_server_is_replaced(c: MadeCluster) -> None:
    c.add(
        "APIService",
        "v1beta1.metrics.k8s.io",
        spec={
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "service": {"namespace": "shop", "name": "metrics"},
        },
        status={
            "conditions": [condition("Available", "False", "MissingEndpoints", "no addresses", JUST_NOW)]
        },
    )
    c.workload(
        "metrics", running(ready=False, since=JUST_NOW, created=JUST_NOW), conditions=[], created=JUST_NOW
    )
    c.workload("web", running())
    said = f"{_NO_METRICS}: the server is currently unable to handle the request (get pods.metrics.k8s.io)"
    able = condition("AbleToScale", "True", "SucceededGetScale", "")
    c.autoscaler(
        "web", [able, condition("ScalingActive", "False", "FailedGetResourceMetric", said, JUST_NOW)]
    )


@case()
def well_creation_while_a_webhook_is_replaced(c: MadeCluster) -> None:
    called = {"service": {"namespace": "shop", "name": "rules"}}
    hooks = [{"name": "v.rules", "failurePolicy": "Fail", "clientConfig": called}]
    c.add("ValidatingWebhookConfiguration", "rules", webhooks=hooks)
    c.workload(
        "rules", running(ready=False, since=JUST_NOW, created=JUST_NOW), conditions=[], created=JUST_NOW
    )
    said = (
        'Internal error occurred: failed calling webhook "v.rules": failed to call webhook: '
        'Post "https://rules.shop.svc:443/v?timeout=10s": no endpoints available for service "rules"'
    )
    c.workload("web", failure=said, conditions=[], created=JUST_NOW)
