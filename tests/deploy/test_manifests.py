"""deploy/base, deploy/redis and the overlays: Kubernetes would take them, and their parts fit together."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from astrolabe.cli.flag_types import kinds
from astrolabe.cli.flags import SERVE
from astrolabe.graph.state.identity import OWN_GROUPS
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.event import EVENT_ENTRIES
from astrolabe.kube.role_watch import TELLING_OF_RIGHTS
from tests.support.documents import DEPLOY, DEPLOYMENT, OVERLAYS, REDIS
from tests.support.kinds import WATCHED
from tests.support.kustomize import Manifest, documents, identity, render

NAMES = ("in-memory", "persistent", "namespace", "kubernetes-rights")
#: The oldest release that has every API of the table of kinds, and the newest that there are schemas of.
RELEASES = ("1.25", "1.37")
#: The role and its binding have the original's names.
READER = "astrolabe-reader"
ENVIRONMENT = {flag.envvar for flag in SERVE}


def by_kind(manifests: list[Manifest], kind: str, name: str = "astrolabe") -> Manifest:
    """The one manifest of this kind and name."""
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


#: The groups of the custom resources that there are rules for.
RULED = [group for group in RuleBook.shipped().groups if "." in group and group not in OWN_GROUPS]


def permitted(rules: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(group, resource, verb) of all rules, sorted."""
    assert all(set(rule) == {"apiGroups", "resources", "verbs"} for rule in rules)
    return sorted(
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


@pytest.fixture(scope="module")
def overlays() -> dict[str, list[Manifest]]:
    return {name: render(OVERLAYS / name) for name in NAMES}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_knows_every_field(overlays: dict[str, list[Manifest]], name: str, release: str) -> None:
    for manifest in overlays[name]:
        assert kubernetes_validate.validate(manifest, release, strict=True) == release


def test_the_schemas_refuse_misspelt_fields(overlays: dict[str, list[Manifest]]) -> None:
    deployment = by_kind(overlays["in-memory"], "Deployment")
    wrong = deployment | {"spec": deployment["spec"] | {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="'replica' was unexpected"):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_kustomize_renders_the_same(overlays: dict[str, list[Manifest]], name: str) -> None:
    kubectl = shutil.which("kubectl")
    rendered = overlays[name]
    if kubectl is not None:
        text = subprocess.run(
            [kubectl, "kustomize", OVERLAYS / name], check=True, capture_output=True, text=True
        ).stdout
        rendered = list(yaml.safe_load_all(text))
    assert sorted(rendered, key=identity) == sorted(overlays[name], key=identity)
    assert len({identity(each) for each in rendered}) == len(rendered)


@pytest.mark.parametrize(
    ("path", "folder"),
    [(DEPLOYMENT, OVERLAYS / "in-memory"), (REDIS, DEPLOY / "redis")],
    ids=lambda each: each.name,
)
def test_the_single_file_installs_are_up_to_date(path: Path, folder: Path) -> None:
    assert documents(path) == render(folder)


def test_the_cluster_role_grants_list_and_watch_of_every_kind_and_nothing_else(
    overlays: dict[str, list[Manifest]],
) -> None:
    role = by_kind(overlays["in-memory"], "ClusterRole", READER)
    watched = (*WATCHED, *EVENT_ENTRIES)
    needed = [(kind.group, kind.plural, verb) for kind in watched for verb in ("list", "watch")]
    needed += [(group, "*", verb) for group in RULED for verb in ("list", "watch")]
    assert permitted(role["rules"]) == sorted(needed)
    assert "cert-manager.io" in RULED
    assert ("", "secrets", "get") not in permitted(role["rules"])


def test_the_namespace_overlay_has_a_role_and_no_cluster_role(
    overlays: dict[str, list[Manifest]],
) -> None:
    manifests = overlays["namespace"]
    role = by_kind(manifests, "Role", READER)
    (container,) = by_kind(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    scope = {each["name"]: each["value"] for each in container["env"]}
    inside = [kind for kind in WATCHED if kind.namespaced]
    assert not [each for each in manifests if each["kind"].startswith("ClusterRole")]
    resources = [(kind.group, kind.plural) for kind in (*inside, *EVENT_ENTRIES)]
    resources += [(group, "*") for group in RULED]
    assert permitted(role["rules"]) == sorted(
        (*each, verb) for each in resources for verb in ("list", "watch")
    )
    assert scope["ASTROLABE_NAMESPACES"] == role["metadata"]["namespace"] == "default"
    assert kinds(scope["ASTROLABE_KINDS"]) == tuple(kind.name for kind in inside)


def test_the_overlay_for_kubernetes_rights_may_create_reviews_and_watch_roles(
    overlays: dict[str, list[Manifest]],
) -> None:
    manifests = overlays["kubernetes-rights"]
    reviews = by_kind(manifests, "ClusterRoleBinding", "astrolabe-access-reviews")
    assert reviews["roleRef"]["name"] == "system:auth-delegator"
    role = by_kind(manifests, "ClusterRole", "astrolabe-access")
    binding = by_kind(manifests, "ClusterRoleBinding", "astrolabe-access-binding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert permitted(role["rules"]) == sorted(
        (kind.group, kind.plural, verb) for kind in TELLING_OF_RIGHTS for verb in ("list", "watch")
    )
    (container,) = by_kind(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "ASTROLABE_AUTH", "value": "kubernetes"}]


@pytest.mark.parametrize("name", NAMES)
def test_the_bindings_bind_the_account_that_the_pods_have(
    overlays: dict[str, list[Manifest]], name: str
) -> None:
    manifests = overlays[name]
    account = by_kind(manifests, "ServiceAccount")["metadata"]
    (binding, *others) = [each for each in manifests if each["kind"].endswith("RoleBinding")]
    assert [each["subjects"] for each in others] == [binding["subjects"]] * (
        2 * (name == "kubernetes-rights")
    )
    role = by_kind(manifests, binding["kind"].removesuffix("Binding"), READER)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["metadata"].get("namespace") == role["metadata"].get("namespace")
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]
    spec = by_kind(manifests, "Deployment")["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == account["name"]


@pytest.mark.parametrize("name", NAMES)
def test_selectors_match_the_pods_of_the_deployment(overlays: dict[str, list[Manifest]], name: str) -> None:
    manifests = overlays[name]
    deployment = by_kind(manifests, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    service = by_kind(manifests, "Service")["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    assert service["selector"].items() <= labels
    assert service["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    assert by_kind(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels
    assert by_kind(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels
    for constraint in deployment["template"]["spec"]["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"].items() <= labels


@pytest.mark.parametrize("name", NAMES)
def test_the_pod_has_least_privilege(overlays: dict[str, list[Manifest]], name: str) -> None:
    spec = by_kind(overlays[name], "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["startupProbe"]["httpGet"]["path"] == "/livez"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_a_terminating_pod_answers_until_it_leaves_the_service(overlays: dict[str, list[Manifest]]) -> None:
    spec = by_kind(overlays["in-memory"], "Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    program, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert 0 < int(seconds) <= spec["terminationGracePeriodSeconds"] - 10  # what stopping itself may take


def test_three_replicas_share_a_reachable_redis(overlays: dict[str, list[Manifest]]) -> None:
    manifests = overlays["persistent"]
    deployment = by_kind(manifests, "Deployment")["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    variables = {each["name"]: each for each in container["env"]}
    service = by_kind(manifests, "Service", "astrolabe-redis")
    pod = by_kind(manifests, "StatefulSet", "astrolabe-redis")["spec"]["template"]
    (_, _, redis) = by_kind(manifests, "NetworkPolicy")["spec"]["egress"]
    assert deployment["replicas"] == 3
    assert variables.keys() <= ENVIRONMENT
    assert variables["ENABLE_PERSISTENCE"]["value"] == "true"
    assert (
        variables["REDIS_ADDR"]["value"]
        == f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    )
    (listens,) = pod["spec"]["containers"][0]["ports"]
    assert redis == {"ports": [{"protocol": "TCP", "port": listens["containerPort"]}]}
    (secret,) = [each["valueFrom"]["secretKeyRef"] for each in pod["spec"]["containers"][0]["env"]]
    assert variables["REDIS_PASSWORD"]["valueFrom"]["secretKeyRef"] == secret
