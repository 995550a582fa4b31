from __future__ import annotations

from typing import Any

from astrolabe.sim.cluster.managed_fields import fields_of, managed
from tests.support.recording import Recording


def test_maps_lists_and_leaves() -> None:
    content = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "labels": {"app": "web"},
        "containers": [{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "b"}]}],
        "imagePullSecrets": [{"name": "registry"}],
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "rules": [{"host": "web.example.com"}],
        "empty": {},
    }
    assert fields_of(content) == {
        "f:replicas": {},
        "f:selector": {},
        "f:labels": {".": {}, "f:app": {}},
        "f:containers": {
            ".": {},
            'k:{"name":"web"}': {
                ".": {},
                "f:name": {},
                "f:image": {},
                "f:env": {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
            },
        },
        "f:imagePullSecrets": {".": {}, 'k:{"name":"registry"}': {}},
        "f:ports": {".": {}, 'k:{"containerPort":80}': {".": {}, "f:containerPort": {}, "f:protocol": {}}},
        "f:rules": {},
        "f:empty": {},
    }


def test_names_what_a_real_server_names(recording: Recording) -> None:
    """Of the status that the controller wrote to a recorded Deployment."""
    kind = next(kind for kind in recording.kinds if kind.name == "Deployment")
    deployment = recording.items(kind)[0]
    entry = next(entry for entry in deployment["metadata"]["managedFields"] if "subresource" in entry)
    assert (
        fields_of({"status": deployment["status"]})["f:status"].keys() - {"."}
        == entry["fieldsV1"]["f:status"].keys()
    )
    ours: dict[str, Any] = fields_of(deployment["status"])
    assert ours["f:conditions"] == entry["fieldsV1"]["f:status"]["f:conditions"]


def test_an_entry() -> None:
    entry = managed("kubelet", "v1", "2026-11-23T08:00:00Z", {"f:status": {}}, subresource="status")
    assert entry == {
        "manager": "kubelet",
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-11-23T08:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:status": {}},
        "subresource": "status",
    }
    assert "subresource" not in managed("helm", "v1", "2026-11-23T08:00:00Z", {})
