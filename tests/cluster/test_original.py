"""Ours over the original's installation, each way, and back: in place, in an API server that means it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.cli.check import check
from astrolabe.cli.check_finding import Finding
from astrolabe.settings import Settings
from tests.cluster.account import account_of
from tests.cluster.conftest import SYSTEM
from tests.cluster.test_chart import Shell
from tests.support.commands import blocks
from tests.support.documents import DEPLOYMENT, OVERLAYS
from tests.support.kinds import KINDS
from tests.support.kubectl import Kubectl
from tests.support.kustomize import documents

ORIGINAL = Path(__file__).parents[1] / "deploy" / "original" / "deployment.yaml"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:astrolabe"
IN_IT = ("--namespace", SYSTEM)
WAYS: dict[str, tuple[str | Path, ...]] = {
    "one file": ("-f", DEPLOYMENT),
    **{name: ("-k", OVERLAYS / name) for name in ("in-memory", "persistent")},
}
CHART = "helm install astrolabe deploy/chart --namespace astrolabe-system --take-ownership"
#: Seconds until controllers have made pods.
PATIENCE = 60.0


@pytest.fixture
async def original(kubectl: Kubectl) -> AsyncIterator[Kubectl]:
    """The cluster with an installation of the original and nothing of ours."""
    await remove(kubectl)
    await kubectl("apply", "-f", ORIGINAL)
    yield kubectl
    await remove(kubectl)
    await kubectl("apply", "-f", DEPLOYMENT)


async def remove(kubectl: Kubectl) -> None:
    await kubectl("delete", "namespace", SYSTEM, "--ignore-not-found")
    names = ("astrolabe-reader", "astrolabe-reader-binding")
    await kubectl("delete", "clusterrole,clusterrolebinding", *names, "--ignore-not-found")


async def read(kubectl: Kubectl, kind: str, name: str = "astrolabe") -> dict[str, Any]:
    return dict(json.loads(await kubectl("get", kind, name, *IN_IT, "--output=json")))


async def may(kubectl: Kubectl, verb: str, resource: str) -> bool:
    """Whether the account may do this in all namespaces."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": ACCOUNT,
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {"verb": verb, "resource": resource},
        },
    }
    text = await kubectl("create", "-f", "-", "--output=json", input=json.dumps(review))
    return bool(json.loads(text)["status"]["allowed"])


async def pods(kubectl: Kubectl) -> dict[str, str]:
    """Those that the Service selects and that do not go: name → image."""
    labels = (await read(kubectl, "service"))["spec"]["selector"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    listed = json.loads(await kubectl("get", "pods", *IN_IT, "--selector", selector, "--output=json"))
    return {
        each["metadata"]["name"]: each["spec"]["containers"][0]["image"]
        for each in listed["items"]
        if "deletionTimestamp" not in each["metadata"]
    }


async def until(kubectl: Kubectl, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """Those of `pods`, once this holds of them."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await pods(kubectl)
            if holds(found):
                return found
            await asyncio.sleep(0.2)


async def apply(kubectl: Kubectl, *way: str | Path) -> None:
    """As a reader does. That pods of before do not keep to what the namespace asks for now is told, and right."""
    await kubectl("apply", *way, may_warn=True)


async def is_ours(kubectl: Kubectl) -> None:
    deployment = await read(kubectl, "deployment")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "astrolabe:1.0.0"
    assert "--log-format=json" in container["args"]
    assert not {"--in-cluster=true", "--v=2"} & set(container["args"])
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert (
        pod["metadata"]["labels"].items()
        >= {"app": "astrolabe", "app.kubernetes.io/name": "astrolabe"}.items()
    )
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "astrolabe"}
    assert not await may(kubectl, "get", "secrets")
    assert not await may(kubectl, "list", "roles.rbac.authorization.k8s.io")
    assert await may(kubectl, "list", "secrets")
    await until(kubectl, lambda pods: "astrolabe:1.0.0" in pods.values())


async def is_its(kubectl: Kubectl) -> None:
    wanted = {each["kind"]: each for each in documents(ORIGINAL)}
    deployment = await read(kubectl, "deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (its,) = wanted["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["args"]) == (its["image"], its["args"])
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert not {"startupProbe", "lifecycle", "securityContext", "env"} & set(container)
    assert deployment["spec"]["template"]["metadata"]["labels"] == {"app": "astrolabe"}
    assert await may(kubectl, "get", "secrets")
    assert await kubectl("diff", "-f", ORIGINAL) == ""
    await until(kubectl, lambda pods: its["image"] in pods.values())


async def identities(kubectl: Kubectl) -> list[str]:
    """Of what is replaced in place, and the address that clients know."""
    service = await read(kubectl, "service")
    return [
        service["spec"]["clusterIP"],
        service["metadata"]["uid"],
        (await read(kubectl, "deployment"))["metadata"]["uid"],
        (await read(kubectl, "serviceaccount"))["metadata"]["uid"],
        (await read(kubectl, "clusterrole", "astrolabe-reader"))["metadata"]["uid"],
        (await read(kubectl, "clusterrolebinding", "astrolabe-reader-binding"))["metadata"]["uid"],
    ]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", WAYS)
async def test_migrating_by_manifests_and_back(original: Kubectl, way: str) -> None:
    await is_its(original)
    before = await identities(original)
    await apply(original, *WAYS[way])
    assert await original("diff", *WAYS[way]) == ""
    assert await identities(original) == before
    await is_ours(original)
    await apply(original, "-f", ORIGINAL)
    assert await identities(original) == before
    await is_its(original)
    await apply(original, *WAYS[way])
    await is_ours(original)


@pytest.mark.timeout(240)
async def test_migrating_by_the_chart_and_back(original: Kubectl) -> None:
    before = await identities(original)
    shell = Shell(original.kubeconfig, SYSTEM)
    await shell(CHART)
    assert await identities(original) == before
    await is_ours(original)
    await shell("helm uninstall astrolabe --namespace astrolabe-system")
    await original("apply", "-f", ORIGINAL)
    await is_its(original)


@pytest.mark.timeout(240)
async def test_variables_set_before_stay(original: Kubectl) -> None:
    given = {"ENABLE_PERSISTENCE": "true", "REDIS_ADDR": "redis:6379"}
    words = [f"{name}={value}" for name, value in given.items()]
    await original("set", "env", "deployment/astrolabe", *words, *IN_IT)
    await apply(original, "-f", DEPLOYMENT)
    (container,) = (await read(original, "deployment"))["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each["value"] for each in container["env"]} == given


@pytest.mark.timeout(240)
async def test_the_namespace_lets_its_pods_in_again_by_its_manifest_alone(original: Kubectl) -> None:
    """Hence going back is applying it, not `kubectl rollout undo`."""
    template = next(each for each in documents(ORIGINAL) if each["kind"] == "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"] |= {"name": "admitted", "namespace": SYSTEM}
    create = ("create", "--dry-run=server", "-f", "-")
    await apply(original, "-f", DEPLOYMENT)
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        await original(*create, input=yaml.safe_dump(pod))
    await apply(original, "-f", ORIGINAL)
    await original(*create, input=yaml.safe_dump(pod))


@pytest.mark.timeout(240)
async def test_check_names_what_its_role_permits_until_ours_replaces_it(
    original: Kubectl, tmp_path: Path
) -> None:
    account = await account_of(original, SYSTEM, "astrolabe", tmp_path / "account")
    settings = Settings(in_cluster=False, kubeconfig=account.kubeconfig)
    rights = (await check(settings))[-1]
    assert (rights.subject, rights.outcome) == ("Rights", "warning")
    assert "more than Astrolabe needs: get on secrets, configmaps" in rights.advice
    assert "get, list and watch on clusterrolebindings.rbac.authorization.k8s.io, " in rights.advice
    await apply(original, "-f", DEPLOYMENT)
    assert (await check(settings))[-1] == Finding("Rights", "ok", about="list and watch only")


@pytest.mark.timeout(240)
async def test_the_overlay_for_a_namespace_leaves_a_role_that_check_names_and_the_guide_deletes(
    original: Kubectl, tmp_path: Path
) -> None:
    await apply(original, "-k", OVERLAYS / "namespace")
    account = await account_of(original, SYSTEM, "astrolabe", tmp_path / "account")
    settings = Settings(
        in_cluster=False,
        kubeconfig=account.kubeconfig,
        namespaces=("default",),
        kinds=tuple(kind.name for kind in KINDS if kind.namespaced),
    )
    rights = (await check(settings))[-1]
    assert (rights.subject, rights.outcome) == ("Rights", "warning")
    assert "; list and watch on secrets, " in rights.advice
    assert " in astrolabe-system, " in rights.advice
    shell = Shell(original.kubeconfig, SYSTEM)
    (block,) = [each for each in blocks() if "kubectl delete clusterrole astrolabe-reader" in each.text]
    for command in block.commands:
        await shell(command.text)
    assert (await check(settings))[-1].outcome == "ok"


@pytest.mark.timeout(240)
async def test_an_earlier_astrolabe_is_replaced_as_the_guide_says(original: Kubectl) -> None:
    await remove(original)
    manifests = documents(DEPLOYMENT)
    for manifest in manifests:
        name = manifest["metadata"]["labels"].pop("app", "")
        if manifest["kind"] == "Deployment":
            manifest["spec"]["selector"] = {"matchLabels": {"app.kubernetes.io/name": name}}
            del manifest["spec"]["template"]["metadata"]["labels"]["app"]
        if manifest["kind"] == "Service":
            manifest["spec"]["selector"] = {"app.kubernetes.io/name": name}
    await original("apply", "-f", "-", input=yaml.safe_dump_all(manifests))
    (old,) = await until(original, lambda pods: len(pods) == 1)
    shell = Shell(original.kubeconfig, SYSTEM)
    (block,) = [each for each in blocks() if "--cascade=orphan" in each.text]
    for command in block.commands:
        if "rollout status" in command.text:
            # Until the old pods are deleted the Service has both.
            assert old in await until(original, lambda pods: len(pods) == 2)
        else:
            await shell(command.text)
    await until(original, lambda pods: len(pods) == 1 and old not in pods)
    await is_ours(original)
