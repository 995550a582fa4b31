"""The entry of a kind that has no rule: what is read of it, and what its nodes show."""

from typing import Any

import msgspec
import pytest

from astrolabe.kinds.custom.definition import Definition, PrinterColumn, ServedVersion
from tests.kinds.custom.support import facts, kind


def test_an_entry_has_the_identity_of_its_definition() -> None:
    entry = kind()
    assert (entry.key, entry.path, entry.optional) == (
        "Widget.example.com",
        "/apis/example.com/v1/widgets",
        True,
    )


def test_owners_labels_and_release() -> None:
    found = facts(
        kind(),
        metadata={
            "labels": {"helm.sh/chart": "shop-1.0"},
            "annotations": {
                "meta.helm.sh/release-name": "shop",
                "kubectl.kubernetes.io/last-applied": "secret",
            },
            "ownerReferences": [
                {"uid": "u-o", "kind": "Gadget", "name": "o", "apiVersion": "example.com/v1"}
            ],
        },
    )
    assert (found.labels, found.chart) == ({"helm.sh/chart": "shop-1.0"}, "shop-1.0")
    assert found.release is not None
    assert found.release.name == "shop"
    assert [(link.type, link.uid) for link in found.links] == [("owns", "u-o")]


def test_printer_columns_are_metadata() -> None:
    entry = kind(
        PrinterColumn("READY", '.status.conditions[?(@.type=="Ready")].status'),
        PrinterColumn("Last Schedule", ".status.lastSchedule", "date"),
        PrinterColumn("Replicas", ".spec.replicas", "integer"),
        PrinterColumn("Hosts", ".spec.hosts[*]"),
        PrinterColumn("First", "{.spec.hosts[0]}"),
        PrinterColumn("Cluster", r".metadata.labels.example\.com/cluster"),
        PrinterColumn("Age", ".metadata.creationTimestamp", "date"),
        PrinterColumn("Odd", ".spec..deep"),
    )
    found = facts(
        entry,
        metadata={"labels": {"example.com/cluster": "a"}},
        spec={"replicas": 3, "hosts": ["a.example", "b.example"], "password": "hunter2"},
        status={"conditions": [{"type": "Ready", "status": "True"}], "lastSchedule": {"not": "a time"}},
    )
    assert found.metadata == {
        "ready": "True",
        "replicas": 3,
        "hosts": ["a.example", "b.example"],
        "first": "a.example",
        "cluster": "a",
        "decidedBy": "status.conditions[Ready]",
        "creationTimestamp": "",
    }
    assert [column.name for column in entry.columns] == [
        "decidedBy",
        "ready",
        "lastSchedule",
        "replicas",
        "hosts",
        "first",
        "cluster",
    ]


def test_fields_that_nothing_names_are_never_decoded() -> None:
    manifest = kind().decoder.decode(
        msgspec.json.encode({"metadata": {"uid": "u"}, "spec": {"password": "hunter2", "paused": False}})
    )
    assert "hunter2" not in repr(manifest)


@pytest.mark.parametrize("odd", [None, 1, "text", True, [], {}, [[]], {"a": {}}, [{"type": {}}]])
def test_a_field_of_another_type_counts_as_absent(odd: Any) -> None:
    entry = kind(PrinterColumn("Deep", ".spec.a.b.c"), PrinterColumn("List", ".spec.list[*].name"))
    spec = {"a": odd, "list": odd, "paused": odd if odd is not True else None}
    for parts in [
        {"spec": spec, "status": odd},
        {"spec": odd, "status": {"conditions": odd, "parents": odd}},
    ]:
        assert facts(entry, **parts).status.severity in ("Pending", "Unknown")
    for parts in [
        {"spec": {"a": {"b": odd}, "list": [odd]}},
        {"status": {"conditions": [odd], "parents": [odd]}},
    ]:
        assert facts(entry, **parts).status.severity in ("Pending", "Unknown")


def test_the_version_that_is_watched() -> None:
    definition = Definition(
        group="example.com",
        kind="Widget",
        plural="widgets",
        versions=(ServedVersion("v1"), ServedVersion("v1beta1")),
    )
    assert definition.version().name == "v1"
    assert definition.version(("v2", "v1beta1")).name == "v1beta1"
    assert definition.version(("v2",)).name == "v1"
