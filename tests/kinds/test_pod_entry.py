from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.pod_words import GENERAL
from tests.kinds.support import make


def test_metadata_of_a_pod_with_everything() -> None:
    spec = {
        "nodeName": "node-1",
        "serviceAccountName": "web",
        "containers": [
            {"name": "app", "image": "app:1", "envFrom": [{"secretRef": {"name": "s2"}}]},
            {"name": "log", "image": "log:1", "envFrom": [{"secretRef": {"name": "s1"}}]},
        ],
        "initContainers": [
            {"name": "wait", "image": "wait:1", "envFrom": [{"configMapRef": {"name": "c2"}}]}
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "d2"}},
            {"name": "more", "persistentVolumeClaim": {"claimName": "d1"}},
            {"name": "again", "persistentVolumeClaim": {"claimName": "d2"}},
            {"name": "tmp", "ephemeral": {}},
            {"name": "c1", "configMap": {"name": "c1"}},
            {"name": "c2", "configMap": {"name": "c2"}},
            {"name": "s2", "secret": {"secretName": "s2"}},
            {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
        "imagePullSecrets": [{"name": "regcred"}],
    }
    status = {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "containerStatuses": [
            {"name": "app", "ready": True, "restartCount": 2, "state": {"running": {}}},
            {"name": "log", "ready": False, "restartCount": 1, "state": {"running": {}}},
        ],
    }
    facts = make("Pod", spec=spec, status=status)
    assert facts.metadata == {
        "nodeName": "node-1",
        "podIP": "10.0.0.1",
        "image": "app:1",
        "restartCount": 3,
        "ready": "1/2",
        "containers": ["app", "log"],
        "serviceAccountName": "web",
        "emptyDirs": ["cache"],
        "mountedPVCs": ["d2", "d1", "x-tmp"],
        "usedConfigMaps": ["c2", "c1"],
        "usedSecrets": ["s2", "s1", "regcred"],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    assert facts.details == PodDetails(restarts=3, rank=GENERAL)


def test_metadata_of_a_pod_with_nothing() -> None:
    facts = make("Pod")
    created = "2026-01-01T00:00:00Z"
    assert facts.metadata == {
        "phase": "Pending",
        "restartCount": 0,
        "ready": "0/0",
        "creationTimestamp": created,
    }
    assert facts.details == PodDetails(is_waiting=True, is_starting=True, rank=GENERAL)


def test_a_static_pod_is_marked() -> None:
    facts = make("Pod", metadata={"annotations": {"kubernetes.io/config.mirror": "3f2a"}})
    assert facts.metadata["staticPod"] is True
    assert "staticPod" not in make("Pod", metadata={"annotations": {"other": "3f2a"}}).metadata


def test_a_pod_is_selectable_by_its_labels() -> None:
    assert make("Pod", metadata={"labels": {"app": "web"}}).selectable == {"app": "web"}
    assert make("Pod").selectable == {}
