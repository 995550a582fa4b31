import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from astrolabe.kinds.persistent_volume_claim import CLAIM_PREFIX_LABEL, ClaimDetails
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.storage_class import DEFAULT_CLASS_ALIAS, StorageClassDetails
from tests.kinds.support import Json, Other, condition, derive, fields, judge, make

CLAIM = "PersistentVolumeClaim"
LEGACY = {"volume.beta.kubernetes.io/storage-class": "slow"}
CREATED = "2026-01-01T00:00:00Z"


def resize(condition_type: str, message: str, state: str = "") -> Json:
    """The status of a bound claim that grows from 10Gi."""
    return {
        "phase": "Bound",
        "capacity": {"storage": "10Gi"},
        "conditions": [condition(condition_type, "True", "", message)] if condition_type else [],
        "allocatedResourceStatuses": {"storage": state} if state else None,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Bound"}, Status("Ready", "Bound", "Bound to pv-0")),
        ({"phase": "Lost"}, Status("Error", "Lost", "The volume pv-0 does not exist any more")),
        ({"phase": "Pending"}, Status("Pending", "Pending", "Waiting for a volume")),
        ({}, Status("Pending", "Pending", "Waiting for a volume")),
        (
            resize("Resizing", "CSI is at work"),
            Status("Ready", "Bound", "Bound to pv-0. Resizing from 10Gi to 20Gi: CSI is at work"),
        ),
        (
            resize("FileSystemResizePending", "Waiting for a pod"),
            Status("Ready", "Bound", "Bound to pv-0. Resizing from 10Gi to 20Gi: Waiting for a pod"),
        ),
        (
            resize("ControllerResizeError", "quota exceeded", "ControllerResizeInProgress"),
            Status("Error", "ResizeFailed", "Resizing from 10Gi to 20Gi failed: quota exceeded", "T1"),
        ),
        (
            resize("NodeResizeError", "no space"),
            Status("Error", "ResizeFailed", "Resizing from 10Gi to 20Gi failed: no space", "T1"),
        ),
        (
            {**resize("", ""), "allocatedResourceStatuses": {"storage": "ControllerResizeInfeasible"}},
            Status("Error", "ResizeFailed", "Resizing from 10Gi to 20Gi failed: ControllerResizeInfeasible"),
        ),
        (
            {**resize("", ""), "allocatedResourceStatuses": {"storage": "NodeResizePending"}},
            Status("Ready", "Bound", "Bound to pv-0. Resizing from 10Gi to 20Gi: NodeResizePending"),
        ),
        (
            {"phase": "Bound", "capacity": {"storage": "20Gi"}, "conditions": []},
            Status("Ready", "Bound", "Bound to pv-0"),
        ),
        (
            {"phase": "Bound", "conditions": [condition("Resizing", "True")]},
            Status("Ready", "Bound", "Bound to pv-0. Resizing: in progress"),
        ),
        (
            {"phase": "Bound", "conditions": [condition("NodeResizeError", "False", "", "no space")]},
            Status("Ready", "Bound", "Bound to pv-0"),
        ),
        (
            {"phase": "Bound", "conditions": [condition("ModifyVolumeError", "True", "", "no such tier")]},
            Status(
                "Error",
                "ModifyFailed",
                "Changing to another VolumeAttributesClass failed: no such tier",
                "T1",
            ),
        ),
    ],
)
def test_claim(status: Json, expected: Status) -> None:
    spec = {"volumeName": "pv-0", "resources": {"requests": {"storage": "20Gi"}}}
    assert judge(CLAIM, spec=spec, status=status) == expected


def test_metadata_of_a_claim() -> None:
    spec = {"volumeName": "pv-0", "storageClassName": "fast", "accessModes": ["ReadWriteOnce"]}
    facts = make(CLAIM, spec=spec, status={"capacity": {"storage": "10Gi"}})
    assert facts.metadata == {
        "volumeName": "pv-0",
        "storageClass": "fast",
        "capacity": "10Gi",
        "accessModes": ["ReadWriteOnce"],
        "creationTimestamp": CREATED,
    }
    nulls = {"volumeName": None, "storageClassName": None, "accessModes": None}
    assert make(CLAIM, spec=nulls, status={"capacity": None}).metadata == {"creationTimestamp": CREATED}


FIELD = "spec.storageClassName"


@pytest.mark.parametrize(
    ("annotations", "spec", "links"),
    [
        (None, {"storageClassName": "fast"}, [Ref("uses-class", "StorageClass", "", "fast", FIELD)]),
        (LEGACY, {"storageClassName": "fast"}, [Ref("uses-class", "StorageClass", "", "fast", FIELD)]),
        (
            LEGACY,
            {},
            [
                Ref(
                    "uses-class",
                    "StorageClass",
                    "",
                    "slow",
                    "metadata.annotations[volume.beta.kubernetes.io/storage-class]",
                )
            ],
        ),
        (
            None,
            {},
            [Ref("uses-class", "StorageClass", "", DEFAULT_CLASS_ALIAS, FIELD, optional=True)],
        ),
        (
            {"other": "x"},
            {"storageClassName": None},
            [Ref("uses-class", "StorageClass", "", DEFAULT_CLASS_ALIAS, FIELD, optional=True)],
        ),
        (None, {"storageClassName": ""}, []),
        (LEGACY, {"storageClassName": ""}, []),
        (
            None,
            {"storageClassName": "", "volumeName": "pv-0"},
            [Ref("binds", "PersistentVolume", "", "pv-0", "spec.volumeName")],
        ),
    ],
)
def test_links_of_a_claim(annotations: Json | None, spec: Json, links: list[Ref]) -> None:
    assert list(make(CLAIM, metadata={"annotations": annotations}, spec=spec).links) == links


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("data-db-0", "data-db"),
        ("data-db-10", "data-db"),
        ("data-db-01", None),
        ("data-db-", None),
        ("data-db", None),
        ("data-db-0-old", None),
        ("data-db-0\n", None),
        ("0", None),
        ("-0", None),
        ("data-db--1", "data-db-"),
        ("data-db-1-2", "data-db-1"),
    ],
)
def test_claims_get_the_label_by_which_a_statefulset_finds_them(name: str, prefix: str | None) -> None:
    expected = {CLAIM_PREFIX_LABEL: prefix} if prefix else {}
    assert make(CLAIM, metadata={"name": name}).selectable == expected


def test_claims_owned_by_a_statefulset_get_no_label() -> None:
    owner = {"uid": "u1", "kind": "StatefulSet", "name": "db", "apiVersion": "apps/v1"}
    meta = {"name": "data-db-0", "ownerReferences": [owner]}
    assert make(CLAIM, metadata=meta).selectable == {}
    meta = {"name": "data-db-0", "ownerReferences": [{**owner, "kind": "Pod"}]}
    assert make(CLAIM, metadata=meta).selectable == {CLAIM_PREFIX_LABEL: "data-db"}


PENDING = Status("Pending", "Pending", "Waiting for a volume")
LATE = (
    "uses-class",
    Other("StorageClass", "late", Status("Ready", "Ready"), StorageClassDetails(binds_late=True)),
)
SOON = (
    "uses-class",
    Other("StorageClass", "soon", Status("Ready", "Ready"), StorageClassDetails(binds_late=False)),
)
OVER = ("mounts", Other("Pod", "old", Status("Error", "Evicted"), PodDetails(is_live=False)))
POD = ("mounts", Other("Pod", "db-0", Status("Pending", "Pending"), PodDetails(restarts=0)))


@pytest.mark.parametrize(
    ("status", "out", "into", "message"),
    [
        (PENDING, [LATE], [], "waiting for first consumer"),
        (PENDING, [LATE], [OVER], "waiting for first consumer"),
        (
            PENDING,
            [LATE],
            [POD],
            "Waiting for a volume for pod db-0",
        ),
        (PENDING, [SOON], [], "Waiting for a volume"),
        (PENDING, [], [], "Waiting for a volume"),
        (Status("Ready", "Bound", "Bound to pv-0"), [LATE], [], "Bound to pv-0"),
        (Status("Pending", "Terminating", "Terminating"), [LATE], [], "Terminating"),
    ],
)
def test_claims_of_a_class_that_waits_for_the_first_consumer(
    status: Status, out: list[tuple[str, Other]], into: list[tuple[str, Other]], message: str
) -> None:
    expected = Status(status.severity, status.reason, message)
    assert derive(CLAIM, status, details=ClaimDetails(), out=out, into=into) == Derived(expected)


NO_CLASS = Ref("uses-class", "StorageClass", "", "fast", FIELD)
NO_VOLUME = Ref("binds", "PersistentVolume", "", "pv-9", "spec.volumeName")


@pytest.mark.parametrize(
    ("unresolved", "message"),
    [
        ([NO_CLASS], 'StorageClass "fast" does not exist'),
        ([NO_VOLUME], 'PersistentVolume "pv-9" does not exist'),
        (
            [NO_VOLUME, NO_CLASS],
            'PersistentVolume "pv-9" does not exist, StorageClass "fast" does not exist',
        ),
    ],
)
def test_a_claim_that_waits_for_what_does_not_exist(unresolved: list[Ref], message: str) -> None:
    derived = derive(CLAIM, PENDING, details=ClaimDetails(), unresolved=unresolved, into=[POD])
    assert derived == Derived(Status("Pending", "Pending", message))
    bound = Status("Ready", "Bound", "Bound to pv-9")
    assert derive(CLAIM, bound, details=ClaimDetails(), unresolved=unresolved) == Derived(bound)


@pytest.mark.parametrize(
    ("out", "unknown", "message"),
    [
        (
            [],
            [],
            "No persistent volumes are available for it: it names no StorageClass, and none is the default",
        ),
        ([SOON], [], "Waiting for a volume"),
        ([], ["StorageClass"], "Waiting for a volume"),
    ],
)
def test_a_claim_for_the_default_class(
    out: list[tuple[str, Other]], unknown: list[str], message: str
) -> None:
    derived = derive(CLAIM, PENDING, details=ClaimDetails(wants_default=True), out=out, unknown=unknown)
    assert derived == Derived(Status("Pending", "Pending", message))


def test_a_claim_being_deleted_names_the_pods_that_use_it() -> None:
    waiting = "Waiting for finalizer kubernetes.io/pvc-protection (until no pod uses it)"
    status = Status("Pending", "Terminating", waiting, "T1")
    over = ("mounts", Other("Pod", "old", Status("Ready", "Completed"), PodDetails(is_live=False)))
    running = ("mounts", Other("Pod", "db-0", Status("Ready", "Running"), PodDetails(restarts=0)))
    failed = ("mounts", Other("Pod", "evicted", Status("Error", "Evicted"), PodDetails(is_live=False)))
    going = ("mounts", Other("Pod", "db-1", Status("Pending", "Terminating"), PodDetails(is_live=False)))
    details = ClaimDetails()
    used = Status("Pending", "Terminating", f"{waiting}: still used by pods db-0, db-1", "T1")
    assert derive(CLAIM, status, details=details, into=[over, failed, running, going]) == Derived(used)
    assert derive(CLAIM, status, details=details, into=[over, failed]) == Derived(status)
    other = Status("Pending", "Terminating", "Waiting for finalizer example.com/hold", "T1")
    assert derive(CLAIM, other, details=details, into=[running]) == Derived(other)


@pytest.mark.parametrize("kind", [CLAIM, "PersistentVolume"])
@pytest.mark.parametrize(("phase", "optional"), [("Bound", True), ("Pending", False), (None, False)])
def test_a_bound_volume_or_claim_needs_no_class(kind: str, phase: str | None, optional: bool) -> None:
    parts = {"spec": {"storageClassName": "manual"}, "status": {"phase": phase} if phase else {}}
    (link,) = make(kind, **parts).links
    assert link == Ref("uses-class", "StorageClass", "", "manual", FIELD, optional=optional or kind != CLAIM)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {
                "dataSourceRef": {
                    "apiGroup": "snapshot.storage.k8s.io",
                    "kind": "VolumeSnapshot",
                    "name": "nightly",
                }
            },
            ("uses", "VolumeSnapshot.snapshot.storage.k8s.io/shop/nightly", "spec.dataSourceRef"),
        ),
        (
            {"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "old", "namespace": "other"}},
            ("uses", "PersistentVolumeClaim/other/old", "spec.dataSourceRef"),
        ),
        (
            {"dataSource": {"kind": "PersistentVolumeClaim", "name": "old"}},
            ("uses", "PersistentVolumeClaim/shop/old", "spec.dataSource"),
        ),
    ],
)
def test_a_claim_links_to_its_data_source(spec: Json, expected: tuple[str, str, str]) -> None:
    facts = make("PersistentVolumeClaim", spec={"storageClassName": "", **spec})
    assert fields(facts) == [expected]
    assert all(link.optional for link in facts.links if isinstance(link, Ref))
