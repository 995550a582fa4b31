"""README.md and deploy/ say what the code says; `make docs` writes it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.kinds.table import KINDS
from tests.support.documents import DEPLOYMENT, SECTIONS, section


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """The manifests of deploy/deployment.yaml by kind; there is one of each."""
    documents = list(yaml.safe_load_all(DEPLOYMENT.read_text()))
    assert len({each["kind"] for each in documents}) == len(documents)
    return {each["kind"]: each for each in documents}


@pytest.mark.parametrize(("path", "name", "content"), SECTIONS, ids=[name for _, name, _ in SECTIONS])
def test_sections_are_up_to_date(path: Path, name: str, content: Callable[[], str]) -> None:
    assert section(path.read_text(), name)[2] == content()


def test_the_cluster_role_permits_to_list_and_watch_every_kind_and_nothing_else(
    manifests: dict[str, Any],
) -> None:
    permitted = [
        (group, resource, verb)
        for rule in manifests["ClusterRole"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]
    needed = [(kind.group, kind.plural, verb) for kind in KINDS for verb in ("list", "watch")]
    assert sorted(permitted) == sorted(needed)
    assert all(set(rule) == {"apiGroups", "resources", "verbs"} for rule in manifests["ClusterRole"]["rules"])


def test_the_parts_of_the_deployment_fit_together(manifests: dict[str, Any]) -> None:
    namespace = manifests["Namespace"]["metadata"]["name"]
    account = manifests["ServiceAccount"]["metadata"]
    binding = manifests["ClusterRoleBinding"]
    pod = manifests["Deployment"]["spec"]["template"]
    service = manifests["Service"]
    assert namespace == "astrolabe-system"
    assert {
        manifests[kind]["metadata"]["namespace"] for kind in ("ServiceAccount", "Deployment", "Service")
    } == {namespace}
    assert binding["roleRef"]["name"] == manifests["ClusterRole"]["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]
    assert pod["spec"]["serviceAccountName"] == account["name"]
    assert service["metadata"]["name"] == "astrolabe"
    assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_the_pod_may_do_nothing_that_it_need_not(manifests: dict[str, Any]) -> None:
    spec = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
