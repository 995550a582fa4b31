"""Incidents: Of Gateways and routes, operators and what they scale."""

from __future__ import annotations

from typing import Any

from tests.incidents.made import (
    MadeCluster,
    condition,
    running,
    waiting,
)
from tests.incidents.registry import case

Json = dict[str, Any]


_CRASH = {"exitCode": 1, "reason": "Error"}


def webhook(c: MadeCluster, policy: str = "Fail") -> None:
    """A webhook whose Service is `rules` of this namespace."""
    called = {"service": {"namespace": c.namespace, "name": "rules", "path": "/validate"}}
    c.add(
        "ValidatingWebhookConfiguration",
        "rules",
        webhooks=[{"name": "v.rules", "failurePolicy": policy, "clientConfig": called}],
    )


def _gateway(c: MadeCluster, *conditions: Json, class_name: str = "envoy") -> None:
    c.custom(
        "Gateway.gateway.networking.k8s.io",
        "public",
        spec={
            "gatewayClassName": class_name,
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
        status={"conditions": [*conditions]},
    )
    accepted = condition("Accepted", "True", "Accepted", "")
    c.custom(
        "GatewayClass.gateway.networking.k8s.io",
        "envoy",
        cluster=True,
        spec={"controllerName": "gateway.example/controller"},
        status={"conditions": [accepted]},
    )


def _route(c: MadeCluster, backend: Json, *conditions: Json) -> None:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}
    parents = [{"parentRef": parent, "controllerName": "x", "conditions": [*conditions]}]
    c.custom(
        "HTTPRoute.gateway.networking.k8s.io",
        "web",
        spec={"parentRefs": [parent], "rules": [{"backendRefs": [backend]}]},
        status={"parents": parents if conditions else []},
    )


_PROGRAMMED = (
    condition("Accepted", "True", "Accepted", ""),
    condition("Programmed", "True", "Programmed", ""),
)


_ACCEPTED = condition("Accepted", "True", "Accepted", "Route is accepted")


@case("Error RefNotPermitted: HTTPRoute web")
def route_without_a_grant(c: MadeCluster) -> None:
    _gateway(c, *_PROGRAMMED)
    said = "Backend ref to Service data/db not permitted by any ReferenceGrant"
    _route(
        c,
        {"name": "db", "namespace": "data", "port": 80},
        _ACCEPTED,
        condition("ResolvedRefs", "False", "RefNotPermitted", said),
    )
    c.into("data")
    c.workload("db", running())


@case("Error NotFound: missing Service gone > HTTPRoute web")
def route_without_its_service(c: MadeCluster) -> None:
    _gateway(c, *_PROGRAMMED)
    _route(
        c,
        {"name": "gone", "port": 80},
        _ACCEPTED,
        condition("ResolvedRefs", "False", "BackendNotFound", 'service "gone" not found'),
    )


@case(
    "Error CrashLoopBackOff: Pod web-0 > Deployment web, EndpointSlice web-x, HTTPRoute web, ReplicaSet web-5d, "
    "Service web"
)
def route_whose_service_is_down(c: MadeCluster) -> None:
    _gateway(c, *_PROGRAMMED)
    c.crashing()
    _route(c, {"name": "web", "port": 80}, _ACCEPTED, condition("ResolvedRefs", "True", "ResolvedRefs", ""))


@case(
    "Pending NotFound: missing GatewayClass.gateway.networking.k8s.io nginx > Gateway public, HTTPRoute web"
)
def gateway_of_a_class_that_does_not_exist(c: MadeCluster) -> None:
    since = "1970-01-01T00:00:00Z"
    _gateway(
        c,
        condition("Accepted", "Unknown", "Pending", "Waiting for controller", since),
        condition("Programmed", "Unknown", "Pending", "Waiting for controller", since),
        class_name="nginx",
    )
    c.workload("web", running())
    _route(c, {"name": "web", "port": 80})


@case("Error NoMatchingListenerHostname: HTTPRoute web")
def route_that_fits_no_listener(c: MadeCluster) -> None:
    _gateway(c, *_PROGRAMMED)
    c.workload("web", running())
    _route(
        c,
        {"name": "web", "port": 80},
        condition("Accepted", "False", "NoMatchingListenerHostname", "No listener hostname matches"),
        condition("ResolvedRefs", "True", "ResolvedRefs", ""),
    )


@case(
    "Error CrashLoopBackOff: Pod operator-0 > CustomResourceDefinition widgets.example.com, Deployment operator, "
    "EndpointSlice operator-x, ReplicaSet operator-5d, Service operator"
)
def conversion_that_nobody_does(c: MadeCluster) -> None:
    client = {"service": {"namespace": "shop", "name": "operator", "path": "/convert"}}
    c.add(
        "CustomResourceDefinition",
        "widgets.example.com",
        spec={
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True}],
            "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client}},
        },
        status={
            "conditions": [
                condition("NamesAccepted", "True", "NoConflicts", ""),
                condition("Established", "True", "InitialNamesAccepted", ""),
            ]
        },
    )
    c.crashing("operator")


@case("Error CrashLoopBackOff: Pod web-canary-0 > EndpointSlice web-x, ReplicaSet web-canary, Rollout web")
def rollout_whose_canary_crashes(c: MadeCluster) -> None:
    c.custom(
        "Rollout.argoproj.io",
        "web",
        version="v1alpha1",
        spec={
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"canary": {"steps": []}},
        },
        status={
            "phase": "Degraded",
            "message": 'ProgressDeadlineExceeded: ReplicaSet "web-canary" has timed out progressing.',
            "replicas": 2,
            "updatedReplicas": 1,
            "availableReplicas": 1,
            "currentPodHash": "canary",
        },
    )
    for name, pod in (
        ("web-stable", running()),
        ("web-canary", waiting("CrashLoopBackOff", "back-off", last=_CRASH)),
    ):
        labels = {"app": "web", "rollouts-pod-template-hash": name.removeprefix("web-")}
        ready = 1 if pod.get("ready") else 0
        c.add(
            "ReplicaSet",
            name,
            owner="Rollout/web",
            meta={"labels": labels},
            spec={"replicas": 1, "selector": {"matchLabels": labels}},
            status={"replicas": 1, "readyReplicas": ready, "availableReplicas": ready},
        )
        c.pod(f"{name}-0", pod, owner=f"ReplicaSet/{name}", labels=labels)
    c.service("web", [("web-stable-0", True), ("web-canary-0", False)])


@case("Error NotFound: missing Deployment gone > ScaledObject web")
def scaled_object_without_its_target(c: MadeCluster) -> None:
    said = "ScaledObject doesn't have correct scaleTargetRef specification"
    c.custom(
        "ScaledObject.keda.sh",
        "web",
        version="v1alpha1",
        spec={"scaleTargetRef": {"name": "gone"}, "triggers": [{"type": "cron"}]},
        status={"conditions": [condition("Ready", "False", "ScaledObjectCheckFailed", said)]},
    )


@case()
def well_webhook_that_may_fail(c: MadeCluster) -> None:
    webhook(c, "Ignore")
    c.workload("rules", replicas=0, conditions=[])


@case()
def well_preview_that_is_scaled_to_zero(c: MadeCluster) -> None:
    c.workload("web", running())
    c.workload("preview", replicas=0, conditions=[])


@case()
def well_route_with_a_canary_of_no_weight(c: MadeCluster) -> None:
    _gateway(c, *_PROGRAMMED)
    c.workload("web", running())
    c.workload("canary", replicas=0, conditions=[])
    _route(c, {"name": "web", "port": 80}, _ACCEPTED, condition("ResolvedRefs", "True", "ResolvedRefs", ""))
    route = c.manifests()[-1]
    route["spec"]["rules"][0]["backendRefs"].append({"name": "canary", "port": 80, "weight": 0})
