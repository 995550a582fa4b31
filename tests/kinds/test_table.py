from dataclasses import replace

import pytest

from astrolabe.graph.facts import Read
from astrolabe.kinds.cluster import NAMESPACE, NODE
from astrolabe.kinds.configuration import CONFIGMAP
from astrolabe.kinds.table import KINDS, KINDS_BY_NAME, TableError, UnknownKind, choose, verify

# name → (API path of the collection, namespaced, metadata only, optional)
EXPECTED = {
    "Pod": ("/api/v1/pods", True, False, False),
    "Service": ("/api/v1/services", True, False, False),
    "ServiceAccount": ("/api/v1/serviceaccounts", True, False, False),
    "ConfigMap": ("/api/v1/configmaps", True, True, False),
    "Secret": ("/api/v1/secrets", True, True, False),
    "PersistentVolumeClaim": ("/api/v1/persistentvolumeclaims", True, False, False),
    "PersistentVolume": ("/api/v1/persistentvolumes", False, False, False),
    "Namespace": ("/api/v1/namespaces", False, False, False),
    "Node": ("/api/v1/nodes", False, False, True),
    "Deployment": ("/apis/apps/v1/deployments", True, False, False),
    "StatefulSet": ("/apis/apps/v1/statefulsets", True, False, False),
    "DaemonSet": ("/apis/apps/v1/daemonsets", True, False, False),
    "ReplicaSet": ("/apis/apps/v1/replicasets", True, False, False),
    "Job": ("/apis/batch/v1/jobs", True, False, False),
    "CronJob": ("/apis/batch/v1/cronjobs", True, False, False),
    "Ingress": ("/apis/networking.k8s.io/v1/ingresses", True, False, False),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1/networkpolicies", True, False, True),
    "IngressClass": ("/apis/networking.k8s.io/v1/ingressclasses", False, False, True),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1/endpointslices", True, False, False),
    "StorageClass": ("/apis/storage.k8s.io/v1/storageclasses", False, False, False),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2/horizontalpodautoscalers", True, False, False),
    "PodDisruptionBudget": ("/apis/policy/v1/poddisruptionbudgets", True, False, False),
}


def test_the_kinds_that_are_tracked() -> None:
    found = {kind.name: (kind.path, kind.namespaced, kind.metadata_only, kind.optional) for kind in KINDS}
    assert found == EXPECTED


def test_by_name() -> None:
    assert all(KINDS_BY_NAME[kind.name] is kind for kind in KINDS)
    assert list(KINDS_BY_NAME) == [kind.name for kind in KINDS]


def test_choose_nothing_is_all() -> None:
    assert choose([]) == KINDS


def test_choose_keeps_the_order_of_the_table() -> None:
    assert [kind.name for kind in choose(["Pod", "Node", "Pod"])] == ["Node", "Pod"]


def test_choose_an_unknown_kind() -> None:
    with pytest.raises(UnknownKind, match=r"unknown kind 'Widget', the kinds are: Namespace, Node, .*Pod"):
        choose(["Pod", "Widget"])


def test_the_table_is_sound() -> None:
    verify(KINDS)


def test_two_of_one_name() -> None:
    with pytest.raises(TableError, match="Node and Node are both Node"):
        verify([NODE, replace(NODE, plural="others")])


def test_two_at_one_place() -> None:
    with pytest.raises(TableError, match=r"Knot and Node are both \('', 'nodes'\)"):
        verify([NODE, replace(NODE, name="Knot")])


def test_the_same_plural_in_another_group_is_another_kind() -> None:
    verify([NODE, replace(NODE, name="Knot", group="example.com")])


def test_an_unknown_edge_type() -> None:
    with pytest.raises(TableError, match="Node speaks of an unknown edge type: likes"):
        verify([replace(NODE, makes=(("likes", "Node"),))])


def test_an_edge_to_an_unknown_kind() -> None:
    with pytest.raises(TableError, match="Node speaks of an unknown kind: Widget"):
        verify([replace(NODE, makes=(("owns", "Widget"),))])


def test_a_read_of_an_unknown_kind() -> None:
    with pytest.raises(TableError, match="Node speaks of an unknown kind: Widget"):
        verify([replace(NODE, reads=(Read("out", "owns", "Widget"),))])


def test_a_read_along_an_unknown_edge_type() -> None:
    with pytest.raises(TableError, match="Node speaks of an unknown edge type: likes"):
        verify([replace(NODE, reads=(Read("out", "likes", "Node"),))])


def test_reads_in_a_circle() -> None:
    node = replace(NODE, reads=(Read("out", "owns", "Namespace"),))
    namespace = replace(NAMESPACE, reads=(Read("into", "owns", "Node"),))
    with pytest.raises(TableError, match="in a circle: Namespace, Node"):
        verify([CONFIGMAP, node, namespace])


def test_a_kind_that_reads_itself() -> None:
    with pytest.raises(TableError, match="in a circle: Node"):
        verify([replace(NODE, reads=(Read("out", "owns", "Node"),))])
