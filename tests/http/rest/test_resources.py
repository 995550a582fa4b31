import pytest

from astrolabe.age import age
from tests.support.serving import Site, serve
from tests.support.worlds import CREATED, World, facts

FLAT = {"apiVersion": "v1", "message": "", "chart": "", "release": "", "creationTimestamp": CREATED}


def by_uid(resources: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    """The age goes on while the test runs, so it is only checked for its form."""
    for resource in resources:
        shown = resource.pop("age")
        assert isinstance(shown, str)
        assert shown.endswith("d")
        assert shown[:-1].isdigit()
    return {resource["uid"]: resource for resource in resources}


async def test_the_shapes_that_existing_clients_read(site: Site) -> None:
    found = by_uid(await site.json("/api/v1/resources"))
    helm = {"chart": "web-1.2.3", "release": "shop-app"}
    assert found["pod-web-1-abc"] == {
        **FLAT,
        **helm,
        "uid": "pod-web-1-abc",
        "name": "web-1-abc",
        "namespace": "shop",
        "kind": "Pod",
        "status": "Error",
        "reason": "CrashLoopBackOff",
        "message": "back-off 5m0s restarting failed container",
        "image": "shop/web:7",
        "nodeName": "worker-1",
        "restartCount": 4,
        "mountedPVCs": ["data"],
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1"}],
    }
    assert found["deployment-web"] == {
        **FLAT,
        **helm,
        "uid": "deployment-web",
        "name": "web",
        "namespace": "shop",
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "status": "Pending",
        "reason": "Progressing",
        "message": "No replicas ready (0/1)",
        "replicas": {"desired": 1, "current": 1, "ready": 0, "available": 0},
    }
    assert found["persistentvolume-pv-1"] == {
        **FLAT,
        "uid": "persistentvolume-pv-1",
        "name": "pv-1",
        "namespace": "",
        "kind": "PersistentVolume",
        "status": "Ready",
        "reason": "Ready",
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            "namespace": "shop",
            "name": "data",
            "uid": "persistentvolumeclaim-data",
        },
    }
    assert found["persistentvolumeclaim-data"]["volumeName"] == "pv-1"
    assert found["service-web"]["targetPods"] == ["web-1-abc"]
    assert "ownerReferences" not in found["service-web"]


async def test_a_zero_is_not_omitted() -> None:
    world = World()
    shown = {
        "restartCount": 0,
        "usedConfigMaps": ["a"],
        "usedSecrets": ["b"],
        "serviceAccountName": "default",
        "podIP": "10.0.0.1",
    }
    world.set(facts("Pod", "a", metadata=shown))
    async with serve(world) as site:
        (resource,) = by_uid(await site.json("/api/v1/resources")).values()
    assert resource["restartCount"] == 0
    assert resource["usedConfigMaps"] == ["a"]
    assert resource["usedSecrets"] == ["b"]
    assert resource["serviceAccountName"] == "default"
    assert "podIP" not in resource


NEW_YEAR = 1767225600.0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (12.9, "12s"),
        (59, "59s"),
        (60, "1m"),
        (359, "5m"),
        (3599, "59m"),
        (3600, "1h"),
        (3 * 3600 + 3599, "3h"),
        (86399, "23h"),
        (86400, "1d"),
        (5 * 86400 + 80000, "5d"),
        (800 * 86400, "800d"),
    ],
)
def test_age_is_floored_to_its_largest_unit(seconds: float, shown: str) -> None:
    assert age("2026-01-01T00:00:00Z", NEW_YEAR + seconds) == shown


@pytest.mark.parametrize("created", ["", "yesterday"])
def test_there_is_no_age_without_a_time(created: str) -> None:
    assert age(created, NEW_YEAR) == ""
