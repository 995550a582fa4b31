"""What is read of a CustomResourceDefinition."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from astrolabe.kinds.custom.crd import CRDS, definition_of
from astrolabe.kinds.custom.definition import Definition, PrinterColumn, ServedVersion

NAMES = {
    "plural": "widgets",
    "singular": "widget",
    "kind": "Widget",
    "shortNames": ["wd"],
    "categories": ["all"],
}
ESTABLISHED = [{"type": "Established", "status": "True"}]


def read(*versions: dict[str, Any], scope: str = "Namespaced", **status: Any) -> Definition | None:
    manifest = {
        "metadata": {"name": "widgets.example.com", "uid": "u"},
        "spec": {"group": "example.com", "scope": scope, "names": NAMES, "versions": list(versions)},
        "status": {"acceptedNames": NAMES, "conditions": ESTABLISHED, **status},
    }
    return definition_of(CRDS.decoder.decode(msgspec.json.encode(manifest)))


def version(name: str, *, served: bool = True, **parts: Any) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    return {"name": name, "served": served, "storage": False, "schema": schema, **parts}


def test_fields_of_a_definition() -> None:
    column = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1}
    found = read(version("v1", subresources={"status": {}}, additionalPrinterColumns=[column]))
    assert found == Definition(
        group="example.com",
        kind="Widget",
        plural="widgets",
        versions=(
            ServedVersion(
                "v1",
                columns=(PrinterColumn("Age", ".metadata.creationTimestamp", "date", priority=1),),
                has_status=True,
            ),
        ),
        short_names=("wd",),
        categories=("all",),
    )


def test_versions_are_ordered_like_the_api_server_orders_them() -> None:
    names = (
        "v1alpha1",
        "foo1",
        "v1",
        "v10",
        "v2",
        "v3beta1",
        "v11beta2",
        "v12alpha1",
        "v11alpha2",
        "bar",
        "v3",
    )
    found = read(*map(version, names), version("v99", served=False))
    assert found is not None
    assert [each.name for each in found.versions] == [
        "v10", "v3", "v2", "v1", "v11beta2", "v3beta1", "v12alpha1", "v11alpha2", "v1alpha1", "bar", "foo1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "status", [{"conditions": []}, {"conditions": [{"type": "Established", "status": "False"}]}]
)
def test_a_definition_that_is_not_established_is_ignored(status: dict[str, Any]) -> None:
    assert read(version("v1"), **status) is None


def test_a_definition_without_a_served_version_is_ignored() -> None:
    assert read(version("v1", served=False)) is None


def test_a_cluster_scoped_kind_without_a_status() -> None:
    found = read(version("v1"), scope="Cluster")
    assert found is not None
    assert (found.namespaced, found.versions) == (False, (ServedVersion("v1", has_status=False),))
