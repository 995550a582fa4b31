"""A Deployment hears of its pods from the ReplicaSet of its current revision."""

import pytest
from msgspec.structs import replace

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.state.status import Status
from astrolabe.kinds.deployment import Rollout
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.worst import WorstPod, blame
from tests.kinds.support import Other, derive, make

PULL = Status("Error", "ImagePullBackOff")
RUNNING = Status("Ready", "Running", "Pod is running")
PROGRESSING = Status("Pending", "Progressing", "Partially ready (1/3)")
FAILING = WorstPod("web-1", 0, PULL)


def numbered(number: str) -> Rollout:
    return Rollout(number, (), 1)


def replicaset(name: str, rollout: Rollout, worst: WorstPod | None = None) -> tuple[str, Other]:
    return "owns", Other("ReplicaSet", name, PROGRESSING, replace(rollout, worst=worst))


def test_pods_of_the_current_revision_count() -> None:
    old, new = replicaset("web-old", numbered("1")), replicaset("web-new", numbered("2"), FAILING)
    for around in ([old, new], [new, old]):
        derived = derive("Deployment", PROGRESSING, details=numbered("2"), out=around)
        assert derived == Derived(blame(PROGRESSING, FAILING))
        assert derived.status.message == "pod web-1: ImagePullBackOff"


def test_pods_of_an_old_revision_do_not_count() -> None:
    old, new = replicaset("web-old", numbered("1"), FAILING), replicaset("web-new", numbered("2"))
    for around in ([old, new], [new, old], [old]):
        assert derive("Deployment", PROGRESSING, details=numbered("2"), out=around) == Derived(PROGRESSING)


def test_an_available_workload_is_ready_whatever_its_pods_say() -> None:
    around = [replicaset("web-new", numbered("2"), FAILING)]
    assert derive("Deployment", RUNNING, details=numbered("2"), out=around) == Derived(RUNNING)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (Rollout("", ("web:2",), 1), Rollout("", ("web:1",), 3)),
        (Rollout("", ("web:2",), 1), Rollout("", ("web:2",), 3, "T9")),
        (Rollout("", ("web:2",), 1, "T2"), Rollout("", ("web:2",), 1, "T1")),
    ],
    ids=["by its images", "by how many are updated", "by when it was made"],
)
def test_workloads_without_revision_numbers(new: Rollout, old: Rollout) -> None:
    around = [replicaset("web-a", old, FAILING), replicaset("web-b", new)]
    wanted = Rollout("", ("web:2",), 1)
    assert derive("Deployment", PROGRESSING, details=wanted, out=around) == Derived(PROGRESSING)
    around = [replicaset("web-a", old), replicaset("web-b", new, FAILING)]
    assert derive("Deployment", PROGRESSING, details=wanted, out=around).status.reason == "ImagePullBackOff"


def test_a_replicaset_of_an_old_revision_is_never_an_error() -> None:
    pods = [("owns", Other("Pod", "web-1", PULL, PodDetails()))]
    deployment = ("owns", Other("Deployment", "web", PROGRESSING, numbered("2")))
    for number, severity, told in (
        ("1", "Pending", "pod web-1: ImagePullBackOff (of an old revision)"),
        ("2", "Error", "pod web-1: ImagePullBackOff"),
    ):
        derived = derive("ReplicaSet", PROGRESSING, details=numbered(number), out=pods, into=[deployment])
        assert derived.status == Status(severity, "ImagePullBackOff", told)
        assert derived.details == replace(numbered(number), worst=FAILING)
    quota = Status("Error", "FailedCreate", "exceeded quota")
    derived = derive("ReplicaSet", quota, details=numbered("1"), into=[deployment])
    assert derived.status == Status("Pending", "FailedCreate", "exceeded quota (of an old revision)")


@pytest.mark.parametrize(
    ("own", "severity"),
    [
        (Rollout("", ("web:2",), 1), "Error"),
        (Rollout("", ("web:1",), 1), "Pending"),
        (Rollout("", ("web:2",), 3), "Pending"),
        (Rollout("", ("web:2",), 0), "Error"),
        (Rollout("2", ("web:2",), 3), "Error"),
    ],
    ids=["the updated ones", "other images", "not those that are updated", "not counted yet", "numbered"],
)
def test_a_replicaset_of_a_deployment_without_a_number(own: Rollout, severity: str) -> None:
    pods = [("owns", Other("Pod", "web-1", PULL, PodDetails()))]
    deployment = ("owns", Other("Deployment", "web", PROGRESSING, Rollout("", ("web:2",), 1)))
    derived = derive("ReplicaSet", PROGRESSING, details=own, out=pods, into=[deployment])
    assert derived.status.severity == severity


def test_a_replicaset_without_a_deployment_has_one_revision() -> None:
    pods = [("owns", Other("Pod", "web-1", PULL, PodDetails()))]
    assert derive("ReplicaSet", PROGRESSING, details=numbered(""), out=pods).status.severity == "Error"


def test_how_revisions_are_compared() -> None:
    spec = {"template": {"spec": {"containers": [{"image": "web:2"}]}}}
    meta = {"annotations": {"deployment.kubernetes.io/revision": "2"}}
    created = "2026-01-01T00:00:00Z"
    status = {"updatedReplicas": 1, "replicas": 3}
    assert make("Deployment", metadata=meta, spec=spec, status=status).details == Rollout("2", (), 1)
    assert make("Deployment", spec=spec, status=status).details == Rollout("", ("web:2",), 1)
    assert make("ReplicaSet", metadata=meta, spec=spec, status=status).details == Rollout("2", (), 3, created)
    assert make("ReplicaSet", spec=spec, status=status).details == Rollout("", ("web:2",), 3, created)
