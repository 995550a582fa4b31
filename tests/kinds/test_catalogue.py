from dataclasses import replace
from typing import Any

import pytest

from astrolabe.cli.flag_types import kinds as parse_kinds
from astrolabe.graph.model.facts import Read
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.catalogue import (
    Catalogue,
    CatalogueChange,
    CatalogueError,
    UnknownKind,
    verify,
    verify_closed,
)
from astrolabe.kinds.cluster import NAMESPACE, NODE
from astrolabe.kinds.configuration import CONFIGMAP
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.service import SERVICE
from tests.support.kinds import CATALOGUE, KINDS

KNATIVE = replace(
    SERVICE, group="serving.knative.dev", short_names=("kservice", "ksvc"), reads=(), derive=None
)


def names(kinds: Catalogue) -> list[str]:
    return [kind.key for kind in kinds]


def test_the_builtin_catalogue_is_valid() -> None:
    verify(KINDS)
    verify_closed(KINDS)


def test_by_key_and_by_identity() -> None:
    assert list(CATALOGUE.keys) == names(CATALOGUE) == [kind.key for kind in KINDS]
    assert all(CATALOGUE[kind.key] is kind is CATALOGUE.get(kind.id) for kind in KINDS)
    assert CATALOGUE.get(GroupKind("serving.knative.dev", "Service")) is None
    assert "Pod" in CATALOGUE
    assert "po" not in CATALOGUE
    with pytest.raises(KeyError):
        CATALOGUE["po"]


def test_kinds_of_one_name_in_two_groups_are_distinct() -> None:
    both = Catalogue([KNATIVE, SERVICE])
    assert names(both) == ["Service.serving.knative.dev", "Service"]
    assert both.get(GroupKind("serving.knative.dev", "Service")) is KNATIVE
    assert KNATIVE.rules.kind == "Service.serving.knative.dev"
    assert KNATIVE.rules.name == "Service"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Pod", "Pod"),
        ("pod", "Pod"),
        ("pods", "Pod"),
        ("PO", "Pod"),
        ("deploy", "Deployment"),
        ("deployments.apps", "Deployment"),
        ("Ingresses.Networking.K8s.io", "Ingress"),
        ("svc", "Service"),
        ("services", "Service"),
        ("services.serving.knative.dev", "Service.serving.knative.dev"),
        ("Service.serving.knative.dev", "Service.serving.knative.dev"),
        ("ksvc", "Service.serving.knative.dev"),
    ],
)
def test_find_as_kubectl_does(word: str, kind: str) -> None:
    assert Catalogue([KNATIVE, *KINDS]).find(word).key == kind


@pytest.mark.parametrize("word", ["Widget", "", "pods.apps", "p"])
def test_finding_an_unknown_kind(word: str) -> None:
    with pytest.raises(UnknownKind, match=rf"unknown kind '{word}', the kinds are: Namespace, Node, .*Pod"):
        CATALOGUE.find(word)


def test_a_selection_keeps_the_order() -> None:
    assert names(CATALOGUE.only(["po", "Node", "Pod"])) == ["Node", "Pod"]
    everything = names(CATALOGUE.only([]))
    assert everything == [kind.name for kind in CATALOGUE if not kind.by_request]
    assert names(CATALOGUE.only(["+Role", "+Pod"])) == [
        kind.name for kind in CATALOGUE if not kind.by_request or kind.name == "Role"
    ]
    assert names(CATALOGUE.only(["Pod", "+roles", "Node"])) == ["Node", "Pod", "Role"]
    with pytest.raises(UnknownKind, match="unknown kind 'Widget'"):
        CATALOGUE.only(["Pod", "Widget"])


def test_a_catalogue_may_change_during_iteration() -> None:
    catalogue, told = Catalogue([NODE, CONFIGMAP]), list[CatalogueChange]()
    keys, by_key, iterator = catalogue.keys, catalogue.by_key, iter(catalogue)
    stop = catalogue.observe(told.append)

    catalogue.change(added=[KNATIVE])
    assert names(catalogue) == list(by_key) == ["Node", "ConfigMap", "Service.serving.knative.dev"]
    assert list(keys) == list(by_key)
    assert [kind.key for kind in iterator] == ["Node", "ConfigMap"], "as it was when it was asked for"

    newer: Kind[Any] = replace(NODE, version="v2")
    catalogue.change(added=[newer], removed=[KNATIVE.id])
    assert names(catalogue) == ["Node", "ConfigMap"]
    assert catalogue["Node"].version == "v2"

    catalogue.change(removed=[KNATIVE.id])
    assert catalogue.version == 2, "nothing changed by the last"

    stop()
    catalogue.change(removed=[NODE.id])
    assert catalogue.version == 3
    assert told == [
        CatalogueChange(added=(KNATIVE,), removed=[]),
        CatalogueChange(added=(newer,), removed=[NODE, KNATIVE]),
    ]


def test_an_invalid_change_changes_nothing() -> None:
    catalogue = Catalogue([NODE, CONFIGMAP])
    with pytest.raises(CatalogueError, match="Knot and Node are both nodes"):
        catalogue.change(added=[replace(NODE, name="Knot")], removed=[CONFIGMAP.id])
    assert names(catalogue) == ["Node", "ConfigMap"]
    assert catalogue.version == 0
    with pytest.raises(UnknownKind):
        catalogue.find("Knot")


def test_duplicate_identities_are_refused() -> None:
    with pytest.raises(CatalogueError, match=r"Deployment and Deployment are both Deployment\.apps"):
        verify([CATALOGUE["Deployment"], replace(CATALOGUE["Deployment"], plural="others")])


def test_the_same_plural_in_another_group_is_another_kind() -> None:
    verify([NODE, replace(NODE, name="Knot", group="example.com")])


def test_an_unknown_edge_type() -> None:
    with pytest.raises(CatalogueError, match="Node names an unknown edge type: likes"):
        verify([replace(NODE, makes=(("likes", "Node"),))])


def test_a_read_along_an_unknown_edge_type() -> None:
    with pytest.raises(CatalogueError, match="Node names an unknown edge type: likes"):
        verify([replace(NODE, reads=(Read("outgoing", "likes", "Node"),))])


def test_builtin_kinds_refer_to_builtin_kinds() -> None:
    with pytest.raises(CatalogueError, match="Node names an unknown kind: Widget"):
        verify_closed([replace(NODE, makes=(("owns", "Widget"),))])
    with pytest.raises(CatalogueError, match="Node names an unknown kind: Widget"):
        verify_closed([replace(NODE, makes=(), reads=(Read("outgoing", "owns", "Widget"),))])


def test_circular_reads_are_refused() -> None:
    node = replace(NODE, reads=(Read("outgoing", "owns", "Namespace"),))
    namespace = replace(NAMESPACE, reads=(Read("incoming", "owns", "Node"),))
    with pytest.raises(CatalogueError, match="in a circle: Namespace, Node"):
        verify([CONFIGMAP, node, namespace])
    verify([CONFIGMAP, node, replace(namespace, reads=(Read("incoming", "owns", "Node", own=True),))])


def test_a_kind_that_reads_itself() -> None:
    with pytest.raises(CatalogueError, match="in a circle: Node"):
        verify([replace(NODE, reads=(Read("outgoing", "owns", "Node"),))])


def test_rbac_selects_roles_and_bindings() -> None:
    keys = ("ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")
    assert parse_kinds("+rbac") == tuple(f"+{key}" for key in keys)
    assert parse_kinds("rbac, po") == (*keys, "Pod")
    assert parse_kinds("+ crd") == ("+CustomResourceDefinition",)
    with pytest.raises(UnknownKind, match="unknown kind 'Widget'"):
        parse_kinds("+Widget")
