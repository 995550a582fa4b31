"""Ours over the original's installation, and the original's over ours: what can never change is the same.

In a real API server: tests/cluster/test_original.py.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.bus.redis.preflight import DELETE
from astrolabe.cli.flags import SERVE
from tests.cli.test_flags import read as settings_of
from tests.support.chart import read as read_chart
from tests.support.documents import DEPLOYMENT, GUIDE, OVERLAYS, ROOT
from tests.support.kustomize import Manifest, documents, render

ORIGINAL = documents(Path(__file__).parent / "original" / "deployment.yaml")
WAYS: dict[str, list[Manifest]] = {
    "one file": documents(DEPLOYMENT),
    "in-memory": render(OVERLAYS / "in-memory"),
    "persistent": render(OVERLAYS / "persistent"),
    "chart": list(yaml.safe_load_all(read_chart("default"))),
    "chart, persistent": list(yaml.safe_load_all(read_chart("persistent"))),
}
each_way = pytest.mark.parametrize("way", WAYS)


def find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def spec(manifests: list[Manifest], kind: str, name: str = "astrolabe") -> dict[str, Any]:
    return dict(find(manifests, kind, name)["spec"])


def labels(manifests: list[Manifest]) -> Any:
    """Of the pods."""
    return spec(manifests, "Deployment")["template"]["metadata"]["labels"].items()


@each_way
def test_each_of_its_objects_is_replaced_by_one_of_ours(way: str) -> None:
    ours = {(each["kind"], each["metadata"]["name"]) for each in WAYS[way]}
    its = {(each["kind"], each["metadata"]["name"]) for each in ORIGINAL}
    # Helm makes the namespace, and leaves the one that there is.
    assert its - ours == ({("Namespace", "astrolabe-system")} if way.startswith("chart") else set())


@each_way
def test_immutable_fields_are_the_same(way: str) -> None:
    ours = WAYS[way]
    assert spec(ours, "Deployment")["selector"] == spec(ORIGINAL, "Deployment")["selector"]
    name = "astrolabe-reader-binding"
    its = find(ORIGINAL, "ClusterRoleBinding", name)
    assert find(ours, "ClusterRoleBinding", name)["roleRef"] == its["roleRef"]
    assert find(ours, "ClusterRoleBinding", name)["subjects"] == its["subjects"]
    assert "clusterIP" not in spec(ours, "Service")


@each_way
def test_both_services_select_the_pods_of_both(way: str) -> None:
    for service in (spec(WAYS[way], "Service"), spec(ORIGINAL, "Service")):
        for pods in (labels(WAYS[way]), labels(ORIGINAL)):
            assert service["selector"].items() <= pods
    assert spec(WAYS[way], "PodDisruptionBudget")["selector"]["matchLabels"].items() <= labels(ORIGINAL)


@each_way
def test_our_network_policies_do_not_select_its_pods(way: str) -> None:
    policies = [each["spec"] for each in WAYS[way] if each["kind"] == "NetworkPolicy"]
    assert policies
    for policy in policies:
        assert not policy["podSelector"]["matchLabels"].items() <= labels(ORIGINAL)


@each_way
def test_only_our_pods_have_the_pod_label(way: str) -> None:
    for manifest in WAYS[way]:
        if manifest["kind"] == "StatefulSet":
            assert "app" not in manifest["spec"]["template"]["metadata"]["labels"]


def test_the_network_policy_allows_api_servers_and_the_configured_redis() -> None:
    ports = [
        [each["port"] for each in rule["ports"]] for rule in spec(WAYS["one file"], "NetworkPolicy")["egress"]
    ]
    assert ports == [[53, 53], [443, 6443, 8443, 16443], [6379]]


def test_our_image_takes_the_command_line_of_its_manifest() -> None:
    (container,) = spec(ORIGINAL, "Deployment")["template"]["spec"]["containers"]
    settings = settings_of(*container["args"])
    assert (settings.in_cluster, settings.port, settings.verbosity) == (True, 8080, 2)


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("run", ".venv/bin/astrolabe --in-cluster=false"),
        ("run-all", ".venv/bin/astrolabe --in-cluster=false --label-selector="),
        ("run-persistent", ".venv/bin/astrolabe --in-cluster=false --enable-persistence"),
        ("up", "docker compose --file deploy/docker-compose.yml up --detach"),
        ("down", "docker compose --file deploy/docker-compose.yml down"),
        ("restart", "docker compose --file deploy/docker-compose.yml restart astrolabe"),
        ("logs", "docker compose --file deploy/docker-compose.yml logs --follow astrolabe"),
        ("deploy", "kubectl apply -f deploy/deployment.yaml"),
        ("undeploy", "kubectl delete --ignore-not-found -f deploy/deployment.yaml"),
        ("docker-push", "docker push registry.example/astrolabe:2"),
    ],
)
def test_its_make_targets_work_as_before(target: str, command: str) -> None:
    printed = subprocess.run(
        ["make", "--dry-run", target, "IMAGE=registry.example/astrolabe:2"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        # Tests may be run by a make, which would tell this one of itself.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    ).stdout
    assert printed.rstrip().splitlines()[-1].rstrip() == command


def test_our_variables_do_not_collide_with_service_variables() -> None:
    """Kubernetes sets these for each Service of a namespace, where nobody says otherwise."""
    ours = {str(flag.envvar) for flag in SERVE}
    for service, port in (("ASTROLABE", 8080), ("REDIS", 6379), ("ASTROLABE_REDIS", 6379)):
        linked = {
            f"{service}_{name}" for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT")
        }
        linked |= {f"{service}_PORT_{port}_TCP{name}" for name in ("", "_PROTO", "_PORT", "_ADDR")}
        assert not linked & ours


def test_the_guide_has_the_command_that_check_gives() -> None:
    assert f"```\n{DELETE}\n```\n" in (GUIDE / "coming-from-the-original.md").read_text()
