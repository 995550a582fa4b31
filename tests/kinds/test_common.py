import pytest

from astrolabe.graph.model.links import RefByUid
from astrolabe.graph.state.identity import Release
from astrolabe.graph.state.status import Status
from astrolabe.kinds.common import (
    behind,
    condition,
    deleted_at,
    holds,
    label_release,
    own_chart,
    own_release,
    owner_links,
    selector_of,
    tell_finalizers,
)
from astrolabe.kinds.manifest import (
    Annotations,
    Condition,
    LabelExpression,
    LabelSelector,
    ObjectMeta,
    OwnerReference,
)
from tests.kinds.support import Json, judge, make, show
from tests.kinds.support import condition as condition_of
from tests.support.kinds import KINDS

HELM = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop"}


def test_owners_have_uid_and_group() -> None:
    owners = [
        OwnerReference(uid="u1", kind="ReplicaSet", name="web", api_version="apps/v1"),
        OwnerReference(uid="", kind="Job", name="no-uid", api_version="batch/v1"),
        OwnerReference(uid="u2", kind="Node", name="n", api_version="v1"),
        OwnerReference(uid="u3", kind="Widget", name="w"),
    ]
    assert owner_links(ObjectMeta(namespace="shop", owner_references=owners)) == [
        RefByUid(
            "owns", "u1", "ReplicaSet", "shop", "web", "metadata.ownerReferences[0].uid", True, group="apps"
        ),
        RefByUid("owns", "u2", "Node", "shop", "n", "metadata.ownerReferences[2].uid", True, group=""),
        RefByUid("owns", "u3", "Widget", "shop", "w", "metadata.ownerReferences[3].uid", True, group=None),
    ]


def test_no_owners() -> None:
    assert owner_links(ObjectMeta()) == []


@pytest.mark.parametrize(
    ("meta", "release"),
    [
        (ObjectMeta(), None),
        (ObjectMeta(labels=HELM, namespace="n"), None),
        (ObjectMeta(annotations=Annotations(helm_release_name="a"), namespace="n"), Release("n", "a")),
        (
            ObjectMeta(
                annotations=Annotations(helm_release_name="a", helm_release_namespace="other"),
                labels=HELM,
                namespace="n",
            ),
            Release("other", "a"),
        ),
    ],
)
def test_own_release(meta: ObjectMeta, release: Release | None) -> None:
    assert own_release(meta) == release


@pytest.mark.parametrize(
    ("meta", "release"),
    [
        (ObjectMeta(), None),
        (ObjectMeta(labels=HELM, namespace="n"), Release("n", "shop")),
        (ObjectMeta(labels=HELM), Release("", "shop")),
        (ObjectMeta(labels={"app.kubernetes.io/managed-by": "Helm"}), None),
        (ObjectMeta(labels={**HELM, "app.kubernetes.io/managed-by": "argo"}), None),
    ],
)
def test_label_release(meta: ObjectMeta, release: Release | None) -> None:
    assert label_release(meta) == release


@pytest.mark.parametrize(
    ("meta", "chart"),
    [
        (ObjectMeta(), ""),
        (ObjectMeta(labels={"helm.sh/chart": "shop-1.4.2"}), "shop-1.4.2"),
        (ObjectMeta(annotations=Annotations(helm_chart="shop-1.4.2")), "shop-1.4.2"),
        (
            ObjectMeta(labels={"helm.sh/chart": "label"}, annotations=Annotations(helm_chart="annotation")),
            "label",
        ),
    ],
)
def test_own_chart(meta: ObjectMeta, chart: str) -> None:
    assert own_chart(meta) == chart


LATEST = "Waiting for the controller to see the latest change"
FIRST = "Waiting for the controller to see it for the first time"


@pytest.mark.parametrize(
    ("generation", "observed", "status"),
    [
        (3, 3, None),
        (3, 4, None),
        (3, None, None),
        (0, 0, None),
        (3, 2, Status("Pending", "Progressing", LATEST)),
        (1, 0, Status("Pending", "Progressing", FIRST)),
    ],
)
def test_observed_generation_lags(generation: int, observed: int | None, status: Status | None) -> None:
    assert behind(ObjectMeta(generation=generation), observed) == status


@pytest.mark.parametrize(
    ("finalizers", "message"),
    [
        (None, ""),
        ([], ""),
        ([""], ""),
        (["example.com/hold"], "Waiting for finalizer example.com/hold"),
        (["example.com/a", "example.com/b"], "Waiting for finalizers example.com/a, example.com/b"),
        (
            ["foregroundDeletion"],
            "Waiting for finalizer foregroundDeletion (until all that it owns is deleted)",
        ),
    ],
)
def test_finalizers_in_words(finalizers: list[str] | None, message: str) -> None:
    assert tell_finalizers(finalizers) == message


DELETED = "2026-01-01T00:00:30Z"


@pytest.mark.parametrize("kind", sorted({kind.name for kind in KINDS if not kind.status_is_complete}))
def test_an_object_being_deleted_names_its_finalizers(kind: str) -> None:
    """Of every kind, also of those that have no status."""
    meta = {"deletionTimestamp": DELETED, "generation": 3}
    assert judge(kind, metadata=meta).reason == "Terminating"
    held = judge(kind, metadata={**meta, "finalizers": ["example.com/hold"], "deletionGracePeriodSeconds": 0})
    assert held == Status("Pending", "Terminating", "Waiting for finalizer example.com/hold", DELETED)


@pytest.mark.parametrize("kind", sorted(kind.name for kind in KINDS if kind.observed))
@pytest.mark.parametrize("status", [None, {}, {"observedGeneration": None}, {"observedGeneration": 0}])
def test_an_object_its_controller_has_never_observed(kind: str, status: Json | None) -> None:
    parts = {} if status is None else {"status": status}
    judged = judge(kind, metadata={"generation": 1}, **parts)
    assert judged == Status("Pending", "Progressing", FIRST)
    assert judge(kind, metadata={"generation": 1}, status={"observedGeneration": 1}) != judged


def test_kinds_with_an_observed_generation() -> None:
    """The controller of HorizontalPodAutoscalers never does, though the API has the field."""
    workloads = ["DaemonSet", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"]
    assert sorted(kind.name for kind in KINDS if kind.observed) == sorted([*workloads, "PodDisruptionBudget"])
    conditions = [condition_of("AbleToScale", "True"), condition_of("ScalingActive", "True")]
    status = {"conditions": conditions}
    assert judge("HorizontalPodAutoscaler", metadata={"generation": 1}, status=status).severity == "Ready"


@pytest.mark.parametrize(
    ("timestamp", "grace", "expected"),
    [
        ("2026-01-01T00:00:30Z", 30, "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:30Z", 0, "2026-01-01T00:00:30Z"),
        ("2026-01-01T00:00:30Z", None, "2026-01-01T00:00:30Z"),
        ("soon", 30, "soon"),
        ("2026-01-01T00:00:30Z", 10**15, "2026-01-01T00:00:30Z"),
    ],
)
def test_deleted_at(timestamp: str, grace: int | None, expected: str) -> None:
    meta = ObjectMeta(deletion_timestamp=timestamp, deletion_grace_period_seconds=grace)
    assert deleted_at(meta) == expected


def test_conditions() -> None:
    ready, failed = Condition(type="Ready", status="True"), Condition(type="Failed", status="Unknown")
    assert condition([failed, ready], "Ready") is ready
    assert condition([failed], "Ready") is None
    assert condition(None, "Ready") is None
    assert holds([failed, ready], "Ready")
    assert not holds([failed, ready], "Failed")
    assert not holds(None, "Ready")


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (None, None),
        (LabelSelector(), ""),
        (LabelSelector(match_labels={"b": "2", "a": "1"}), "a=1,b=2"),
        (
            LabelSelector(
                match_labels={"a": "1"},
                match_expressions=[
                    LabelExpression(key="e", operator="In", values=["x", "y"]),
                    LabelExpression(key="f", operator="NotIn", values=["z"]),
                    LabelExpression(key="g", operator="Exists"),
                    LabelExpression(key="h", operator="DoesNotExist", values=None),
                ],
            ),
            "a=1,e in (x,y),f notin (z),g,!h",
        ),
        (LabelSelector(match_expressions=[LabelExpression(key="a", operator="Like", values=["x"])]), None),
    ],
)
def test_selector_of(selector: LabelSelector | None, text: str | None) -> None:
    found = selector_of(selector)
    assert (found if found is None else show(found)) == text


def test_siblings_share_what_they_have_in_common() -> None:
    meta = {
        "labels": {"app": "web", "tier": "front"},
        "ownerReferences": [{"uid": "u-rs", "kind": "ReplicaSet", "name": "web-1", "apiVersion": "apps/v1"}],
    }
    spec = {"containers": [{"name": "web", "envFrom": [{"configMapRef": {"name": "web"}}]}], "nodeName": "n1"}
    one, other = (make("Pod", metadata={**meta, "name": name, "uid": name}, spec=spec) for name in ("a", "b"))
    assert one.selectable is other.selectable
    assert len(one.links) == 4  # the owner, a ConfigMap, the ServiceAccount, the Node
    assert all(mine is yours for mine, yours in zip(one.links, other.links, strict=True))
