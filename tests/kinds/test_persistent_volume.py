import pytest

from astrolabe.graph.model.links import Ref
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, fields, judge, make
from tests.support.kinds import KINDS

CLAIM = "PersistentVolumeClaim"
CREATED = "2026-01-01T00:00:00Z"


CLAIM_REF = {"kind": CLAIM, "namespace": "shop", "name": "data-db-0", "uid": "u1", "apiVersion": "v1"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Bound"}, Status("Ready", "Bound", "Bound to shop/data-db-0", "T1")),
        ({"phase": "Available"}, Status("Ready", "Available", "Available", "T1")),
        (
            {"phase": "Released"},
            Status("Pending", "Released", "Released by shop/data-db-0, not reclaimed yet", "T1"),
        ),
        ({"phase": "Failed", "message": "no deleter"}, Status("Error", "Failed", "no deleter", "T1")),
        ({"phase": "Failed"}, Status("Error", "Failed", "Reclaiming failed", "T1")),
        ({"phase": "Pending"}, Status("Pending", "Pending", "Not available yet", "T1")),
        ({}, Status("Pending", "Pending", "Not available yet", "T1")),
    ],
)
def test_volume(status: Json, expected: Status) -> None:
    found = judge(
        "PersistentVolume",
        spec={"claimRef": CLAIM_REF},
        status={"lastPhaseTransitionTime": "T1", **status},
    )
    assert found == expected


def test_metadata_of_a_volume() -> None:
    spec = {
        "claimRef": CLAIM_REF,
        "capacity": {"storage": "10Gi"},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "fast",
    }
    assert make("PersistentVolume", spec=spec).metadata == {
        "claimRef": {"kind": CLAIM, "namespace": "shop", "name": "data-db-0", "uid": "u1"},
        "capacity": "10Gi",
        "reclaimPolicy": "Retain",
        "storageClass": "fast",
        "creationTimestamp": CREATED,
    }
    nulls = {"claimRef": None, "capacity": None, "storageClassName": None}
    assert make("PersistentVolume", spec=nulls).metadata == {"creationTimestamp": CREATED}


def test_a_volume_is_bound_to_the_uid_of_its_claim() -> None:
    spec = {"claimRef": CLAIM_REF, "storageClassName": "fast"}
    assert make("PersistentVolume", metadata={"namespace": ""}, spec=spec).links == (
        Ref("binds", CLAIM, "shop", "data-db-0", "spec.claimRef", reverse=True, uid="u1"),
        Ref("uses-class", "StorageClass", "", "fast", "spec.storageClassName", optional=True),
    )


@pytest.mark.parametrize("spec", [{}, {"claimRef": None, "storageClassName": ""}, {"claimRef": {}}])
def test_an_unclaimed_volume_has_no_links(spec: Json) -> None:
    assert fields(make("PersistentVolume", spec=spec)) == []


def test_a_volume_is_linked_to_the_node_that_attaches_it() -> None:
    """By driver and handle, whichever of the two comes first."""
    csi = {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}
    attached = [{"name": "kubernetes.io/csi/ebs.csi.aws.com^vol-1", "devicePath": ""}]
    volume = make("PersistentVolume", metadata={"uid": "pv", "namespace": ""}, spec={"csi": csi})
    node = make("Node", metadata={"uid": "node", "namespace": ""}, status={"volumesAttached": attached})
    for order in ((volume, node), (node, volume)):
        model = Model([kind.rules for kind in KINDS])
        for each in order:
            model.upsert(each)
        edges = [(edge.key, edge.field) for edge in model.commit().edges_set]
        assert edges == [(("attaches", "pv", "node"), ("status.volumesAttached",))]
