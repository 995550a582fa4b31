"""Every form in which a pod names another resource."""

import pytest

from astrolabe.graph.model.links import Ref
from tests.kinds.support import Json, fields, make

CONFIGMAP = "ConfigMap/shop/cm"
SECRET = "Secret/shop/s"
ACCOUNT = ("uses-sa", "ServiceAccount/shop/default", "spec.serviceAccountName")


def env(name: str, **source: Json) -> Json:
    return {"name": name, "value": "plain", "valueFrom": source}


CM_ENV = env("LOG", configMapKeyRef={"name": "cm", "key": "k"})
SECRET_ENV = env("PW", secretKeyRef={"name": "s", "key": "k"})


@pytest.mark.parametrize(
    ("volume", "edge", "field"),
    [
        ({"configMap": {"name": "cm"}}, ("uses-configmap", CONFIGMAP), "configMap"),
        ({"secret": {"secretName": "s"}}, ("uses-secret", SECRET), "secret"),
        (
            {"projected": {"sources": [{"configMap": {"name": "cm"}}]}},
            ("uses-configmap", CONFIGMAP),
            "projected.sources[0].configMap",
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {}}, {"secret": {"name": "s"}}]}},
            ("uses-secret", SECRET),
            "projected.sources[1].secret",
        ),
        ({"azureFile": {"secretName": "s"}}, ("uses-secret", SECRET), "azureFile"),
        ({"cephfs": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "cephfs.secretRef"),
        ({"cinder": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "cinder.secretRef"),
        ({"flexVolume": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "flexVolume.secretRef"),
        ({"rbd": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "rbd.secretRef"),
        ({"scaleIO": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "scaleIO.secretRef"),
        ({"iscsi": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "iscsi.secretRef"),
        ({"storageos": {"secretRef": {"name": "s"}}}, ("uses-secret", SECRET), "storageos.secretRef"),
        (
            {"csi": {"driver": "d", "nodePublishSecretRef": {"name": "s"}}},
            ("uses-secret", SECRET),
            "csi.nodePublishSecretRef",
        ),
        (
            {"persistentVolumeClaim": {"claimName": "data"}},
            ("mounts", "PersistentVolumeClaim/shop/data"),
            "persistentVolumeClaim",
        ),
        (
            {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            ("mounts", "PersistentVolumeClaim/shop/x-v"),
            "ephemeral",
        ),
    ],
)
def test_volumes(volume: Json, edge: tuple[str, str], field: str) -> None:
    facts = make("Pod", spec={"volumes": [{"name": "v", **volume}]})
    assert fields(facts) == [(*edge, f"spec.volumes[v].{field}"), ACCOUNT]


@pytest.mark.parametrize(
    "volume",
    [
        {"emptyDir": {}},
        {"hostPath": {"path": "/data"}},
        {"configMap": {"name": ""}},
        {"configMap": {}},
        {"secret": {}},
        {"persistentVolumeClaim": {"claimName": ""}},
        {"projected": {"sources": None}},
        {"projected": {}},
        {"projected": {"sources": [{"downwardAPI": {}}]}},
        {"csi": {"driver": "d"}},
        {"cephfs": {"monitors": []}},
        {"rbd": {"secretRef": {"name": ""}}},
        {"configMap": None},
    ],
)
def test_volumes_without_references(volume: Json) -> None:
    assert fields(make("Pod", spec={"volumes": [{"name": "v", **volume}]})) == [ACCOUNT]


@pytest.mark.parametrize("path", ["containers", "initContainers", "ephemeralContainers"])
def test_containers(path: str) -> None:
    container = {
        "name": "app",
        "env": [{"name": "PLAIN", "value": "v"}, CM_ENV, SECRET_ENV, env("IP", fieldRef={"fieldPath": "p"})],
        "envFrom": [{"configMapRef": {"name": "cm"}}, {"prefix": "P_", "secretRef": {"name": "s"}}],
    }
    assert fields(make("Pod", spec={path: [container]})) == [
        ("uses-configmap", CONFIGMAP, f"spec.{path}[app].env[LOG].valueFrom.configMapKeyRef"),
        ("uses-secret", SECRET, f"spec.{path}[app].env[PW].valueFrom.secretKeyRef"),
        ("uses-configmap", CONFIGMAP, f"spec.{path}[app].envFrom[0].configMapRef"),
        ("uses-secret", SECRET, f"spec.{path}[app].envFrom[1].secretRef"),
        ACCOUNT,
    ]


@pytest.mark.parametrize(
    "container",
    [
        {"name": "app", "env": None, "envFrom": None},
        {"name": "app", "env": [env("A", configMapKeyRef={"key": "k"}), env("B")]},
        {"name": "app", "env": [{"name": "C", "valueFrom": None}]},
        {"name": "app", "envFrom": [{"configMapRef": {"name": ""}}, {"secretRef": {}}, {}]},
    ],
)
def test_containers_without_references(container: Json) -> None:
    assert fields(make("Pod", spec={"containers": [container]})) == [ACCOUNT]


def test_the_account_the_node_and_pull_secrets() -> None:
    spec = {
        "serviceAccountName": "web",
        "nodeName": "node-1",
        "imagePullSecrets": [{"name": "regcred"}, {"name": ""}, {}],
    }
    assert fields(make("Pod", spec=spec)) == [
        ("uses-secret", "Secret/shop/regcred", "spec.imagePullSecrets[regcred]"),
        ("uses-sa", "ServiceAccount/shop/web", "spec.serviceAccountName"),
        ("runs-on", "Node//node-1", "spec.nodeName"),
    ]


@pytest.mark.parametrize("spec", [{}, {"serviceAccountName": ""}])
def test_an_absent_service_account_means_default(spec: Json) -> None:
    assert fields(make("Pod", spec=spec)) == [ACCOUNT]


@pytest.mark.parametrize(("optional", "expected"), [(True, True), (False, False), (None, False)])
def test_optional(optional: bool | None, expected: bool) -> None:
    source = {"name": "c", "optional": optional}
    spec = {
        "containers": [
            {
                "name": "app",
                "env": [env("A", configMapKeyRef=source), env("B", secretKeyRef=source)],
                "envFrom": [{"configMapRef": source}, {"secretRef": source}],
            }
        ],
        "volumes": [
            {"name": "v", "configMap": source},
            {"name": "w", "secret": {"secretName": "c", "optional": optional}},
            {"name": "p", "projected": {"sources": [{"configMap": source}, {"secret": source}]}},
        ],
    }
    links = make("Pod", spec=spec).links
    found = [link.optional for link in links if isinstance(link, Ref) and link.name == "c"]
    assert found == [expected] * 8


def test_only_the_claim_that_the_pod_owns_is_its_ephemeral_volume() -> None:
    spec = {
        "volumes": [
            {"name": "v", "ephemeral": {}},
            {"name": "w", "persistentVolumeClaim": {"claimName": "x-v"}},
        ]
    }
    links = [link for link in make("Pod", spec=spec).links if link.type == "mounts"]
    kind = "PersistentVolumeClaim"
    assert links == [
        Ref("mounts", kind, "shop", "x-v", "spec.volumes[v].ephemeral", owned=True),
        Ref("mounts", kind, "shop", "x-v", "spec.volumes[w].persistentVolumeClaim"),
    ]


def test_field_texts_are_shared_between_pods() -> None:
    spec = {
        "nodeName": "node-1",
        "serviceAccountName": "web",
        "containers": [{"name": "app", "image": "i:1", "env": [CM_ENV, SECRET_ENV]}],
        "volumes": [{"name": "c", "configMap": {"name": "cm"}}, {"name": "s", "secret": {"secretName": "s"}}],
    }
    owner = {"uid": "u-rs", "kind": "ReplicaSet", "name": "web", "apiVersion": "apps/v1"}
    meta = {"ownerReferences": [owner], "labels": {"app.kubernetes.io/name": "frontend"}}
    one, two = make("Pod", metadata=meta, spec=spec), make("Pod", metadata=meta, spec=spec)
    for first, second in zip(one.links, two.links, strict=True):
        for name in first.__struct_fields__:
            assert getattr(first, name) is getattr(second, name), name
    assert one.namespace is two.namespace
    assert one.selectable is not None
    assert two.selectable is not None
    for (key, value), (other_key, other_value) in zip(
        one.selectable.items(), two.selectable.items(), strict=True
    ):
        assert key is other_key
        assert value is other_value
    for name in ("nodeName", "image", "serviceAccountName", "ready"):
        assert one.metadata[name] is two.metadata[name], name
