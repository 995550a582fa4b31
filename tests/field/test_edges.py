"""Every way in which manifests of an API server make an edge, with the fields that say why, and what makes none."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.graph.model.model import Model
from tests.kinds.support import read
from tests.support.kinds import KINDS, KINDS_BY_NAME

Json = dict[str, Any]


def made(who: str, *, namespace: str = "shop", meta: Json | None = None, **parts: Any) -> Json:
    """who: `Kind name`, which is its uid."""
    kind, _, name = who.partition(" ")
    place = {"namespace": namespace} if KINDS_BY_NAME[kind].namespaced else {}
    created = {"creationTimestamp": "2026-11-01T00:00:00Z"}
    return {"kind": kind, "metadata": {"name": name, "uid": who, **place, **created, **(meta or {})}, **parts}


def owned(by: str, version: str = "v1") -> Json:
    kind, _, name = by.partition(" ")
    return {"ownerReferences": [{"apiVersion": version, "kind": kind, "name": name, "uid": by}]}


def named(*names: str, kind: str) -> list[Json]:
    return [made(f"{kind} {name}") for name in names]


def labelled(**labels: str) -> Json:
    return {"labels": labels}


def container(name: str, **parts: Any) -> Json:
    return {"name": name, "image": "web:1", **parts}


REF = "valueFrom"
POD_SPEC: Json = {
    "containers": [
        container(
            "app",
            env=[
                {"name": "A", REF: {"configMapKeyRef": {"name": "env", "key": "a"}}},
                {"name": "B", REF: {"secretKeyRef": {"name": "keys", "key": "b"}}},
            ],
            envFrom=[{"configMapRef": {"name": "all"}}, {"secretRef": {"name": "every"}}],
        )
    ],
    "initContainers": [container("init", envFrom=[{"configMapRef": {"name": "all"}}])],
    "ephemeralContainers": [container("debug", env=[{"name": "C", REF: {"secretKeyRef": {"name": "keys"}}}])],
    "imagePullSecrets": [{"name": "pull"}],
    "volumes": [
        {"name": "cfg", "configMap": {"name": "files"}},
        {"name": "sec", "secret": {"secretName": "hidden"}},
        {
            "name": "mix",
            "projected": {"sources": [{"configMap": {"name": "part"}}, {"secret": {"name": "piece"}}]},
        },
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        {"name": "csi", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "publish"}}},
        {"name": "az", "azureFile": {"secretName": "azure", "shareName": "s"}},
    ],
    "serviceAccountName": "runner",
    "nodeName": "node-1",
    "priorityClassName": "high",
    "runtimeClassName": "gvisor",
    "resourceClaims": [{"name": "gpu", "resourceClaimName": "device"}],
}
POD = made("Pod web-1", spec=POD_SPEC, status={"phase": "Running"}, meta=labelled(app="web", tier="front"))
EPHEMERAL = made("PersistentVolumeClaim web-1-tmp", meta=owned("Pod web-1"), spec={})
NEEDS = [
    *named("env", "all", "files", "part", kind="ConfigMap"),
    *named("keys", "every", "pull", "hidden", "piece", "publish", "azure", kind="Secret"),
    made("PersistentVolumeClaim data", spec={"volumeName": "pv"}),
    EPHEMERAL,
    made("ServiceAccount runner", secrets=[{"name": "keys"}], imagePullSecrets=[{"name": "pull"}]),
    made("Node node-1"),
    made("PriorityClass high"),
    made("RuntimeClass gvisor"),
    made("ResourceClaim device", spec={"devices": {"requests": []}}),
]
WHERE = "spec.containers[app]"

#: The objects, and the edges that they make: type, from, to, fields.
CASES: dict[str, tuple[list[Json], set[tuple[str, ...]]]] = {
    "a pod": (
        [POD, *NEEDS],
        {
            ("uses-configmap", "Pod web-1", "ConfigMap env", f"{WHERE}.env[A].valueFrom.configMapKeyRef"),
            ("uses-secret", "Pod web-1", "Secret every", f"{WHERE}.envFrom[1].secretRef"),
            (
                "uses-configmap",
                "Pod web-1",
                "ConfigMap all",
                f"{WHERE}.envFrom[0].configMapRef",
                "spec.initContainers[init].envFrom[0].configMapRef",
            ),
            (
                "uses-secret",
                "Pod web-1",
                "Secret keys",
                f"{WHERE}.env[B].valueFrom.secretKeyRef",
                "spec.ephemeralContainers[debug].env[C].valueFrom.secretKeyRef",
            ),
            ("uses-secret", "Pod web-1", "Secret pull", "spec.imagePullSecrets[pull]"),
            ("uses-configmap", "Pod web-1", "ConfigMap files", "spec.volumes[cfg].configMap"),
            ("uses-secret", "Pod web-1", "Secret hidden", "spec.volumes[sec].secret"),
            (
                "uses-configmap",
                "Pod web-1",
                "ConfigMap part",
                "spec.volumes[mix].projected.sources[0].configMap",
            ),
            ("uses-secret", "Pod web-1", "Secret piece", "spec.volumes[mix].projected.sources[1].secret"),
            ("uses-secret", "Pod web-1", "Secret publish", "spec.volumes[csi].csi.nodePublishSecretRef"),
            ("uses-secret", "Pod web-1", "Secret azure", "spec.volumes[az].azureFile"),
            (
                "mounts",
                "Pod web-1",
                "PersistentVolumeClaim data",
                "spec.volumes[data].persistentVolumeClaim",
            ),
            ("mounts", "Pod web-1", "PersistentVolumeClaim web-1-tmp", "spec.volumes[tmp].ephemeral"),
            ("owns", "Pod web-1", "PersistentVolumeClaim web-1-tmp", "metadata.ownerReferences[0].uid"),
            ("uses-sa", "Pod web-1", "ServiceAccount runner", "spec.serviceAccountName"),
            ("runs-on", "Pod web-1", "Node node-1", "spec.nodeName"),
            ("uses-class", "Pod web-1", "PriorityClass high", "spec.priorityClassName"),
            ("uses-class", "Pod web-1", "RuntimeClass gvisor", "spec.runtimeClassName"),
            ("claims", "Pod web-1", "ResourceClaim device", "spec.resourceClaims[gpu].resourceClaimName"),
            ("uses-secret", "ServiceAccount runner", "Secret keys", "secrets[keys]"),
            ("uses-secret", "ServiceAccount runner", "Secret pull", "imagePullSecrets[pull]"),
        },
    ),
    "a claim of the pod's name that another made": (
        [
            made("Pod web-1", spec={"volumes": [{"name": "tmp", "ephemeral": {}}]}),
            made("PersistentVolumeClaim web-1-tmp", spec={}),
        ],
        set(),
    ),
    "what selects": (
        [
            POD,
            made("Pod back", meta=labelled(app="web", tier="back")),
            made("Pod far", namespace="far", meta=labelled(app="web", tier="front")),
            made("Service web", spec={"selector": {"app": "web", "tier": "front"}}),
            made("Service none", spec={"selector": {}}),
            made("Service nil", spec={}),
            made("Service alias", spec={"type": "ExternalName", "selector": {"app": "web"}}),
            made(
                "PodDisruptionBudget some",
                spec={
                    "selector": {
                        "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["back"]}]
                    }
                },
            ),
            made("PodDisruptionBudget all", spec={"selector": {}}),
            made("PodDisruptionBudget none", spec={}),
            made("NetworkPolicy all", spec={"podSelector": {}}),
        ],
        {
            ("selects", "Service web", "Pod web-1", "spec.selector"),
            ("selects", "PodDisruptionBudget some", "Pod web-1", "spec.selector"),
            ("selects", "PodDisruptionBudget all", "Pod web-1", "spec.selector"),
            ("selects", "PodDisruptionBudget all", "Pod back", "spec.selector"),
            ("selects", "NetworkPolicy all", "Pod web-1", "spec.podSelector"),
            ("selects", "NetworkPolicy all", "Pod back", "spec.podSelector"),
        },
    ),
    "a workload without pods is not selected": (
        [
            made("Service web", spec={"selector": {"app": "web"}}),
            made(
                "Deployment web",
                spec={"replicas": 0, "template": {"metadata": {"labels": {"app": "web"}}}},
            ),
        ],
        set(),
    ),
    "slices": (
        [
            made("Service web", spec={}),
            made("Pod a", status={"podIP": "10.0.0.1"}),
            made("Pod b", status={"podIP": "10.0.0.2"}),
            made(
                "EndpointSlice by-hand",
                meta=labelled(**{"kubernetes.io/service-name": "web"}),
                endpoints=[
                    {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "a", "uid": "Pod a"}},
                    {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "b"}},
                    {"addresses": ["10.0.0.2"]},
                    {"addresses": ["10.0.0.3"], "targetRef": {"kind": "Node", "name": "a", "uid": "Pod b"}},
                ],
            ),
            made("EndpointSlice stray", endpoints=[{"addresses": ["10.0.0.1"]}]),
        ],
        {
            (
                "endpoints",
                "Service web",
                "EndpointSlice by-hand",
                "metadata.labels[kubernetes.io/service-name]",
            ),
            ("endpoints", "EndpointSlice by-hand", "Pod a", "endpoints[0].targetRef"),
            ("endpoints", "EndpointSlice by-hand", "Pod b", "endpoints[1].targetRef"),
        },
    ),
    "an ingress": (
        [
            *named("web", "rest", kind="Service"),
            made("Secret tls"),
            made("IngressClass nginx"),
            made(
                "Ingress www",
                spec={
                    "ingressClassName": "nginx",
                    "defaultBackend": {"service": {"name": "rest", "port": {"number": 80}}},
                    "rules": [
                        {"host": "a.example", "http": {"paths": [{"backend": {"service": {"name": "web"}}}]}},
                        {"host": "b.example", "http": {"paths": [{"backend": {"service": {"name": "web"}}}]}},
                    ],
                    "tls": [{"hosts": ["a.example"]}, {"secretName": "tls"}],
                },
            ),
            made("Ingress old", meta={"annotations": {"kubernetes.io/ingress.class": "nginx"}}, spec={}),
        ],
        {
            ("routes-to", "Ingress www", "Service rest", "spec.defaultBackend.service.name"),
            (
                "routes-to",
                "Ingress www",
                "Service web",
                "spec.rules[0].http.paths[0].backend.service.name",
                "spec.rules[1].http.paths[0].backend.service.name",
            ),
            ("uses-secret", "Ingress www", "Secret tls", "spec.tls[1].secretName"),
            ("uses-class", "Ingress www", "IngressClass nginx", "spec.ingressClassName"),
            (
                "uses-class",
                "Ingress old",
                "IngressClass nginx",
                "metadata.annotations[kubernetes.io/ingress.class]",
            ),
        },
    ),
    "claims and volumes": (
        [
            made(
                "StorageClass std",
                meta={"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            ),
            made("PersistentVolumeClaim both", spec={"volumeName": "pv-both", "storageClassName": ""}),
            made(
                "PersistentVolume pv-both",
                spec={
                    "claimRef": {"namespace": "shop", "name": "both", "uid": "PersistentVolumeClaim both"},
                    "csi": {
                        "driver": "d",
                        "volumeHandle": "h",
                        "nodeStageSecretRef": {"namespace": "shop", "name": "stage"},
                    },
                },
                status={"phase": "Bound"},
            ),
            made("PersistentVolumeClaim again", spec={}),
            made(
                "PersistentVolume pv-old",
                spec={
                    "storageClassName": "std",
                    "claimRef": {"namespace": "shop", "name": "again", "uid": "before"},
                },
                status={"phase": "Released"},
            ),
            made("Secret stage"),
            made("Node node-1", status={"volumesAttached": [{"name": "kubernetes.io/csi/d^h"}]}),
        ],
        {
            (
                "binds",
                "PersistentVolumeClaim both",
                "PersistentVolume pv-both",
                "spec.volumeName",
                "spec.claimRef",
            ),
            ("uses-class", "PersistentVolumeClaim again", "StorageClass std", "spec.storageClassName"),
            ("uses-class", "PersistentVolume pv-old", "StorageClass std", "spec.storageClassName"),
            ("attaches", "PersistentVolume pv-both", "Secret stage", "spec.csi.nodeStageSecretRef"),
            ("attaches", "PersistentVolume pv-both", "Node node-1", "status.volumesAttached"),
        },
    ),
    "a stateful set": (
        [
            made("Service db", spec={"clusterIP": "None"}),
            made(
                "StatefulSet db",
                spec={"serviceName": "db", "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
            ),
            *[
                made(f"PersistentVolumeClaim {name}", spec={"storageClassName": ""})
                for name in ("data-db-0", "data-db-10", "data-db-01", "data-db-x", "old-data-db-0", "data-db")
            ],
        ],
        {
            ("governed-by", "StatefulSet db", "Service db", "spec.serviceName"),
            ("owns", "StatefulSet db", "PersistentVolumeClaim data-db-0", "spec.volumeClaimTemplates[data]"),
            ("owns", "StatefulSet db", "PersistentVolumeClaim data-db-10", "spec.volumeClaimTemplates[data]"),
        },
    ),
    "a workload asks for what its template names": (
        [
            made(
                "CronJob nightly",
                spec={
                    "jobTemplate": {
                        "spec": {
                            "template": {
                                "spec": {
                                    "serviceAccountName": "runner",
                                    "containers": [container("app", envFrom=[{"secretRef": {"name": "k"}}])],
                                }
                            }
                        }
                    }
                },
            ),
            made(
                "Job nightly-1",
                meta=owned("CronJob nightly", "batch/v1"),
                spec={
                    "template": {
                        "spec": {"containers": [container("app", envFrom=[{"secretRef": {"name": "k"}}])]}
                    }
                },
            ),
            made("ServiceAccount runner"),
            made("Secret k"),
        ],
        {
            ("owns", "CronJob nightly", "Job nightly-1", "metadata.ownerReferences[0].uid"),
            (
                "uses-sa",
                "CronJob nightly",
                "ServiceAccount runner",
                "spec.jobTemplate.spec.template.spec.serviceAccountName",
            ),
            (
                "uses-secret",
                "CronJob nightly",
                "Secret k",
                "spec.jobTemplate.spec.template.spec.containers[app].envFrom[0].secretRef",
            ),
        },
    ),
    "who is called": (
        [
            made("Service hooks", spec={}),
            made(
                "MutatingWebhookConfiguration m",
                webhooks=[
                    {"name": "a.b.c", "clientConfig": {"service": {"namespace": "shop", "name": "hooks"}}},
                    {"name": "d.e.f", "clientConfig": {"url": "https://hooks.example"}},
                ],
            ),
            made("APIService v1.example.com", spec={"service": {"namespace": "shop", "name": "hooks"}}),
            made(
                "CustomResourceDefinition w.example.com",
                spec={
                    "conversion": {
                        "strategy": "Webhook",
                        "webhook": {"clientConfig": {"service": {"namespace": "shop", "name": "hooks"}}},
                    }
                },
            ),
        ],
        {
            (
                "calls",
                "MutatingWebhookConfiguration m",
                "Service hooks",
                "webhooks[a.b.c].clientConfig.service",
            ),
            ("calls", "APIService v1.example.com", "Service hooks", "spec.service"),
            (
                "calls",
                "CustomResourceDefinition w.example.com",
                "Service hooks",
                "spec.conversion.webhook.clientConfig.service",
            ),
        },
    ),
    "what scales and what limits": (
        [
            made("Namespace shop"),
            made("Deployment web", spec={}),
            made(
                "HorizontalPodAutoscaler web",
                spec={
                    "scaleTargetRef": {"apiVersion": "apps/v1beta1", "kind": "Deployment", "name": "web"},
                },
            ),
            made(
                "HorizontalPodAutoscaler other",
                spec={
                    "scaleTargetRef": {"apiVersion": "example.com/v1", "kind": "Deployment", "name": "web"},
                },
            ),
            made("ResourceQuota team"),
            made("LimitRange sizes"),
        ],
        {
            ("scales", "HorizontalPodAutoscaler web", "Deployment web", "spec.scaleTargetRef"),
            ("limits", "ResourceQuota team", "Namespace shop", "metadata.namespace"),
            ("limits", "LimitRange sizes", "Namespace shop", "metadata.namespace"),
        },
    ),
    "who may": (
        [
            made("ClusterRole view"),
            made("Role edit"),
            made("ServiceAccount bot"),
            made(
                "RoleBinding b",
                roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "edit"},
                subjects=[{"kind": "ServiceAccount", "name": "bot"}, {"kind": "User", "name": "bot"}],
            ),
            made(
                "ClusterRoleBinding c",
                roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                subjects=[{"kind": "ServiceAccount", "namespace": "shop", "name": "bot"}],
            ),
        ],
        {
            ("grants", "RoleBinding b", "Role edit", "roleRef"),
            ("grants", "ClusterRoleBinding c", "ClusterRole view", "roleRef"),
            ("binds-to", "RoleBinding b", "ServiceAccount bot", "subjects[0]"),
            ("binds-to", "ClusterRoleBinding c", "ServiceAccount bot", "subjects[0]"),
        },
    ),
    "whom a policy allows": (
        [
            POD,
            made("Namespace shop"),
            made("Namespace far", meta=labelled(team="far", **{"kubernetes.io/metadata.name": "far"})),
            made(
                "NetworkPolicy p",
                spec={
                    "podSelector": {"matchLabels": {"app": "other"}},
                    "ingress": [
                        {
                            "from": [
                                {"podSelector": {"matchLabels": {"app": "web"}}},
                                {"ipBlock": {"cidr": "10.0.0.0/8"}},
                            ]
                        }
                    ],
                    "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"team": "far"}}}]}],
                },
            ),
        ],
        {
            ("allows", "NetworkPolicy p", "Pod web-1", "spec.ingress[0].from[0]"),
            ("allows", "NetworkPolicy p", "Namespace far", "spec.egress[0].to[0]"),
        },
    ),
    "owners by Kubernetes' rule": (
        [
            made("Deployment web"),
            made("Node node-1"),
            made("ReplicaSet near", meta=owned("Deployment web", "apps/v1")),
            made("ReplicaSet far", namespace="far", meta=owned("Deployment web", "apps/v1")),
            made("Pod static", namespace="far", meta=owned("Node node-1")),
            made("PersistentVolume pv", meta=owned("Deployment web", "apps/v1")),
        ],
        {
            ("owns", "Deployment web", "ReplicaSet near", "metadata.ownerReferences[0].uid"),
            ("owns", "Node node-1", "Pod static", "metadata.ownerReferences[0].uid"),
        },
    ),
}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("objects", "expected"), CASES.values(), ids=CASES)
def test_the_edges_and_their_fields(
    objects: list[Json], expected: set[tuple[str, ...]], backwards: bool
) -> None:
    model = Model([kind.rules for kind in KINDS])
    for each in reversed(objects) if backwards else objects:
        model.upsert(read(each["kind"], {key: value for key, value in each.items() if key != "kind"}))
    found = {(*edge.key, *edge.field) for edge in model.commit().edges_set}
    assert found == expected
