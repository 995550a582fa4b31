from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from astrolabe.sim.cluster.config import CANARY
from astrolabe.sim.cluster.generator import generate, load
from astrolabe.sim.cluster.plan import object_counts
from astrolabe.sim.store import ObjectStore
from tests.sim.consistency import dangling_references, problems
from tests.support.kinds import KINDS
from tests.support.recording import Recording

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cluster() -> ObjectStore:
    """A twentieth of the large one: enough for its rarer failures."""
    store = ObjectStore()
    load(store, 0.05, 7)
    return store


def counts(store: ObjectStore) -> dict[str, int]:
    return {kind: len(collection.items) for kind, collection in store.collections.items()}


def digest(made: Iterable[tuple[str, Json]]) -> str:
    summed = hashlib.sha256()
    for kind, manifest in made:
        summed.update(kind.encode() + msgspec.json.encode(manifest))
    return summed.hexdigest()


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(generate(0.005, 3)) == digest(generate(0.005, 3))
    assert digest(generate(0.005, 3)) != digest(generate(0.005, 4))


def test_the_time_is_given() -> None:
    times = datetime(2027, 1, 1, tzinfo=UTC)
    node = next(manifest for kind, manifest in generate(0.001, 1, now=times) if kind == "Node")
    assert node["metadata"]["creationTimestamp"].startswith("2026-")
    assert digest(generate(0.001, 1, now=times)) != digest(generate(0.001, 1))


@pytest.mark.parametrize("scale", [0.01, 0.03, 0.1])
def test_meets_the_counts_exactly(scale: float) -> None:
    made = Counter(kind for kind, _ in generate(scale, 2))
    wanted = object_counts(scale)
    assert {kind: made[kind] for kind in wanted} == wanted


@pytest.mark.parametrize("scale", [0.00001, 0.0005, 0.002])
def test_a_tiny_cluster_has_one_of_each_and_holds_together(scale: float) -> None:
    tiny, large = ObjectStore(), ObjectStore()
    load(tiny, scale, 1)
    load(large, 0.02, 1)
    made = [kind for kind, count in counts(large).items() if count]
    assert len(made) > 20
    assert [kind for kind in made if not counts(tiny)[kind]] == []
    assert problems(tiny) == []


def test_the_default_size_of_a_demo() -> None:
    store = ObjectStore()
    load(store, 0.01, 1)
    assert 1_900 < sum(counts(store).values()) < 2_300
    spaces = {item.key for item in store.collection("Namespace").items.values()}
    assert spaces == {"checkout", "kube-system", "payments", "search"}
    names = {key.partition("/")[2] for key in store.collection("Deployment").items}
    assert {"cart-api", "ledger-api", "coredns"} <= names | {name + "-api" for name in names}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_holds_together(seed: int) -> None:
    store = ObjectStore()
    load(store, 0.02, seed)
    assert problems(store) == []


def test_some_references_dangle_on_purpose(cluster: ObjectStore) -> None:
    found = dangling_references(cluster)
    assert set(found) == {"ConfigMap", "Secret", "Service", "StorageClass"}
    assert sum(found.values()) < 40


def test_a_realistic_share_fails(cluster: ObjectStore) -> None:
    waiting: Counter[str] = Counter()
    for pod in cluster.manifests("Pod"):
        for status in pod["status"].get("containerStatuses", ()):
            waiting[status["state"].get("waiting", {}).get("reason", "")] += 1
        for condition in pod["status"]["conditions"]:
            waiting[condition.get("reason", "")] += 1
    for reason in ("CrashLoopBackOff", "ImagePullBackOff", "CreateContainerConfigError", "Unschedulable"):
        assert 1 <= waiting[reason] <= 60
    failed = sum("failed" in job["status"] for job in cluster.manifests("Job"))
    assert 5 <= failed <= 80
    with_heartbeat = [node["status"]["conditions"][-1]["status"] for node in cluster.manifests("Node")]
    assert Counter(with_heartbeat) == {"True": 11, "Unknown": 1}
    claims = Counter(claim["status"]["phase"] for claim in cluster.manifests("PersistentVolumeClaim"))
    assert claims["Pending"] >= 1
    stuck = [
        condition["reason"] == "ProgressDeadlineExceeded"
        for deployment in cluster.manifests("Deployment")
        for condition in deployment["status"]["conditions"]
    ]
    assert 1 <= sum(stuck) <= 40


def test_shapes_of_helm_releases(cluster: ObjectStore) -> None:
    shapes: Counter[str] = Counter()
    for deployment in cluster.manifests("Deployment"):
        labels, annotations = deployment["metadata"]["labels"], deployment["metadata"]["annotations"]
        home = annotations.get("meta.helm.sh/release-namespace")
        if home is None:
            shapes["by hand"] += 1
            assert "kubectl.kubernetes.io/last-applied-configuration" in annotations
            assert labels.get("app.kubernetes.io/managed-by") != "Helm"
        elif home != deployment["metadata"]["namespace"]:
            shapes["kept elsewhere"] += 1
        elif "helm.sh/chart" in labels:
            shapes["labelled"] += 1
            assert labels["app.kubernetes.io/managed-by"] == "Helm"
            assert labels["app.kubernetes.io/instance"] == annotations["meta.helm.sh/release-name"]
        else:
            shapes["annotated"] += 1
            assert "helm.sh/chart" in annotations
    assert min(shapes[shape] for shape in ("by hand", "kept elsewhere", "annotated")) > 10
    assert shapes["labelled"] > sum(shapes.values()) / 2


def test_every_release_has_its_secrets_one_of_them_deployed(cluster: ObjectStore) -> None:
    revisions: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for secret in cluster.manifests("Secret"):
        labels, meta = secret["metadata"].get("labels", {}), secret["metadata"]
        if secret["type"] == "helm.sh/release.v1":
            assert labels["owner"] == "helm"
            assert meta["name"] == f"sh.helm.release.v1.{labels['name']}.v{labels['version']}"
            found = revisions.setdefault((meta["namespace"], labels["name"]), [])
            found.append((int(labels["version"]), labels["status"]))
    for found in revisions.values():
        *old, newest = sorted(found)
        assert newest[1] in ("deployed", "failed")
        assert {status for _, status in old} <= {"superseded"}
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "Service", "CronJob"):
        for manifest in cluster.manifests(kind):
            annotations = manifest["metadata"]["annotations"]
            if name := annotations.get("meta.helm.sh/release-name"):
                assert (annotations["meta.helm.sh/release-namespace"], name) in revisions


def test_the_canary_is_in_every_secret_and_in_annotations_of_some(cluster: ObjectStore) -> None:
    shown = 0
    for secret in cluster.manifests("Secret"):
        for value in secret["data"].values():
            raw = base64.b64decode(value)
            text = raw if CANARY.encode() in raw else base64.b64decode(raw)
            assert CANARY.encode() in text
        applied = (
            secret["metadata"]
            .get("annotations", {})
            .get("kubectl.kubernetes.io/last-applied-configuration", "")
        )
        shown += CANARY in applied
    assert shown > 40
    for kind in cluster.collections:
        if kind != "Secret":
            assert not any(CANARY.encode() in item.body for item in cluster.collection(kind).items.values())


def test_old_replica_sets_are_kept_empty(cluster: ObjectStore) -> None:
    replicas = Counter(bool(one["spec"]["replicas"]) for one in cluster.manifests("ReplicaSet"))
    assert replicas[False] > replicas[True]
    assert sum(replicas.values()) > 2 * len(cluster.collection("Deployment").items)


def recorded_sizes(recording: Recording) -> dict[str, list[float]]:
    """kind → mean bytes of an object, in the recorded events and in the last recorded list."""
    sizes: dict[str, list[float]] = {}
    for kind in recording.kinds:
        events = [len(msgspec.json.encode(c.manifest)) for c in recording.changes if c.kind == kind.name]
        items = [len(msgspec.json.encode(item)) for item in recording.items(kind)]
        sizes[kind.name] = [sum(some) / len(some) for some in (events, items) if some]
    return sizes


#: Of these the recording has other sorts: nodes of a stub kubelet, and accounts that are mostly applied by hand.
OTHER_SORTS = {"Node", "ServiceAccount"}


def test_manifests_are_as_large_as_recorded_ones(cluster: ObjectStore, recording: Recording) -> None:
    compared = 0
    for kind, recorded in recorded_sizes(recording).items():
        if not recorded or kind in OTHER_SORTS:
            continue
        bodies = [len(item.body) for item in cluster.collection(kind).items.values()]
        if not bodies:  # a kind that the generated cluster has none of
            continue
        mean = sum(bodies) / len(bodies)
        assert any(0.75 < mean / size < 1.25 for size in recorded), (kind, mean, recorded)
        compared += 1
    assert compared > 15, "nearly all that were recorded"


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "ReplicaSet"])
def test_large_manifests_have_realistic_sizes(cluster: ObjectStore, recording: Recording, kind: str) -> None:
    bodies = [len(item.body) for item in cluster.collection(kind).items.values()]
    events = recorded_sizes(recording)[kind][0]
    assert 0.75 < sum(bodies) / len(bodies) / events < 1.25


def test_manifests_have_the_fields_of_recorded_ones(cluster: ObjectStore, recording: Recording) -> None:
    for kind in ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "Job", "EndpointSlice", "Service"):
        recorded = recording.items(next(entry for entry in recording.kinds if entry.name == kind))[0]
        made = list(cluster.manifests(kind))
        for app in ("metadata", "spec", "status"):
            everything = {field for one in made for field in one.get(app, {})}
            assert set(recorded.get(app, {})) - everything <= {"finalizers"}, (kind, app)


def test_unserved_kinds_are_left_out() -> None:
    pods = [kind for kind in KINDS if kind.name == "Pod"]
    store = ObjectStore(pods)
    load(store, 0.001, 1)
    assert len(store.collection("Pod").items) == object_counts(0.001)["Pod"]
    assert store.revision_of("Pod") == store.revision
