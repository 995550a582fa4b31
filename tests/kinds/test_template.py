"""What a workload asks for by its template: the references that its pods will have."""

from typing import Any

import pytest

from astrolabe.graph.model.links import Ref
from tests.kinds.support import Json, condition, fields, make

POD: Json = {
    "serviceAccountName": "web",
    "nodeName": "node-1",
    "imagePullSecrets": [{"name": "regcred"}],
    "initContainers": [
        {
            "name": "wait",
            "image": "wait:1",
            "env": [{"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "k"}}}],
        }
    ],
    "containers": [
        {"name": "app", "image": "app:1", "envFrom": [{"configMapRef": {"name": "flags"}}]},
        {"name": "log", "image": "log:1", "envFrom": [{"secretRef": {"name": "db", "optional": True}}]},
    ],
    "volumes": [
        {"name": "cfg", "configMap": {"name": "settings"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "shared"}},
        {"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
    ],
}
OWNER: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "uid": "u", "controller": True}
ROLLOUT: Json = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "x", "uid": "u"}

#: kind → the path of the pod's spec in its manifest.
WORKLOADS = {
    "Deployment": "spec.template.spec",
    "StatefulSet": "spec.template.spec",
    "DaemonSet": "spec.template.spec",
    "ReplicaSet": "spec.template.spec",
    "Job": "spec.template.spec",
    "CronJob": "spec.jobTemplate.spec.template.spec",
}


def workload(kind: str, pod: Json, **parts: Any) -> Any:
    """Facts of a workload of this kind with this pod in its template."""
    spec: Json = {"template": {"spec": pod}, **parts.pop("spec", {})}
    return make(kind, spec={"jobTemplate": {"spec": spec}} if kind == "CronJob" else spec, **parts)


@pytest.mark.parametrize("kind", WORKLOADS)
def test_links_of_a_template(kind: str) -> None:
    path = WORKLOADS[kind]
    assert fields(workload(kind, POD)) == [
        ("uses-configmap", "ConfigMap/shop/flags", f"{path}.containers[app].envFrom[0].configMapRef"),
        ("uses-secret", "Secret/shop/db", f"{path}.containers[log].envFrom[0].secretRef"),
        ("uses-secret", "Secret/shop/db", f"{path}.initContainers[wait].env[PW].valueFrom.secretKeyRef"),
        ("uses-configmap", "ConfigMap/shop/settings", f"{path}.volumes[cfg].configMap"),
        ("mounts", "PersistentVolumeClaim/shop/shared", f"{path}.volumes[data].persistentVolumeClaim"),
        ("uses-secret", "Secret/shop/regcred", f"{path}.imagePullSecrets[regcred]"),
        ("uses-sa", "ServiceAccount/shop/web", f"{path}.serviceAccountName"),
    ]


@pytest.mark.parametrize("kind", WORKLOADS)
def test_references_optional_to_a_pod_are_optional_to_its_template(kind: str) -> None:
    links = workload(kind, POD).links
    assert [(link.field.rpartition(".")[2], link.optional) for link in links if link.target == "db"] == [
        ("secretRef", True),
        ("secretKeyRef", False),
    ]


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize(
    "owners", [[], [OWNER], [ROLLOUT]], ids=["of nobody", "of a Deployment", "of a Rollout"]
)
def test_metadata_of_every_workload(kind: str, owners: list[Json]) -> None:
    metadata = workload(kind, POD, metadata={"ownerReferences": owners}).metadata
    assert metadata.items() >= {"image": "app:1", "serviceAccountName": "web"}.items()
    assert metadata["usedConfigMaps"] == ["flags", "settings"]
    assert metadata["usedSecrets"] == ["db", "regcred"]
    assert metadata["mountedPVCs"] == ["shared"]


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize("pod", [None, {}, {"containers": []}, {"containers": None, "volumes": None}])
def test_template_without_references(kind: str, pod: Json | None) -> None:
    facts = workload(kind, pod)  # type: ignore[arg-type]
    names = {"image", "serviceAccountName", "mountedPVCs", "usedConfigMaps", "usedSecrets"}
    assert not facts.metadata.keys() & names
    assert [link.type for link in facts.links] == ([] if pod is None else ["uses-sa"])


@pytest.mark.parametrize("kind", WORKLOADS)
def test_without_a_template(kind: str) -> None:
    assert make(kind, spec={}).links == ()
    assert make(kind).links == ()


def test_an_absent_service_account_means_default_and_is_never_missing() -> None:
    (account,) = workload("Deployment", {}).links
    field = "spec.template.spec.serviceAccountName"
    assert account == Ref("uses-sa", "ServiceAccount", "shop", "default", field, optional=True)
    (account,) = workload("Deployment", {"serviceAccountName": "default"}).links
    assert account == Ref("uses-sa", "ServiceAccount", "shop", "default", field)


@pytest.mark.parametrize("owner", [OWNER, ROLLOUT], ids=lambda owner: owner["kind"])
def test_only_the_topmost_owner_reports_missing_references(owner: Json) -> None:
    """One revision or run of several asks for nothing itself; who owns a Deployment has no template."""
    asking = {
        kind for kind in WORKLOADS if fields(workload(kind, POD, metadata={"ownerReferences": [owner]}))
    }
    assert asking == {"Deployment", "StatefulSet", "DaemonSet", "CronJob"}


def test_claim_templates_replace_volumes_of_the_same_name() -> None:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "replaced"}},
        {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}},
    ]
    facts = workload(
        "StatefulSet",
        {"volumes": volumes},
        spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
    )
    assert [(link.type, link.field) for link in facts.links if link.type != "uses-sa"] == [
        ("owns", "spec.volumeClaimTemplates[data]"),
        ("mounts", "spec.template.spec.volumes[shared].persistentVolumeClaim"),
    ]
    assert facts.metadata["mountedPVCs"] == ["shared"]


@pytest.mark.parametrize(("end", "over"), [("Complete", True), ("Failed", True), ("Suspended", False)])
def test_a_finished_job_has_no_unresolved_references(end: str, over: bool) -> None:
    links = workload("Job", POD, status={"conditions": [condition(end, "True")]}).links
    assert len(links) == 7
    required = [link.name for link in links if not link.optional]
    assert required == ([] if over else ["flags", "db", "settings", "shared", "regcred", "web"])


@pytest.mark.parametrize(("phase", "over"), [("Succeeded", True), ("Failed", True), ("Running", False)])
def test_a_finished_pod_has_no_unresolved_references(phase: str, over: bool) -> None:
    links = make("Pod", spec=POD, status={"phase": phase}).links
    assert len(links) == 9
    required = [link.target for link in links if not (isinstance(link, Ref) and link.optional)]
    assert required == (
        [] if over else ["flags", "db", "settings", "shared", "x-tmp", "regcred", "web", "node-1"]
    )
