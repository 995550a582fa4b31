"""What is served is at all times what the lists of the API server say, whatever people do to the cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from astrolabe.settings import DEFAULT_SELECTOR
from tests.cluster.account import account_of
from tests.cluster.observer import Observer, observed
from tests.support import truth
from tests.support.documents import OVERLAYS
from tests.support.kinds import WATCHED
from tests.support.kubectl import Kubectl
from tests.support.kustomize import documents

HERE = Path(__file__).parent
APPLICATION = documents(HERE / "application.yaml")


async def install(kubectl: Kubectl, *namespaces: str) -> None:
    for namespace in namespaces:
        await kubectl("apply", "--namespace", namespace, "-f", HERE / "application.yaml")


async def change(kubectl: Kubectl, a: str, b: str) -> None:
    """Scale, roll out, take Pods out of their Service, repair what is broken, and break something else."""
    await kubectl("scale", "deployment/web", "--replicas=5", "--namespace", a)
    await kubectl("set", "image", "deployment/web", "web=registry.k8s.io/pause:3.9", "--namespace", b)
    await kubectl("label", "pods", "--selector=app=store", "app=other", "--overwrite", "--namespace", a)
    await kubectl("create", "secret", "generic", "no-such-secret", "--namespace", a)
    await kubectl("delete", "secret", "certificate", "--namespace", a)
    await kubectl(
        "patch", "service", "web", '--patch={"spec":{"selector":{"tier":"back"}}}', "--namespace", b
    )
    await kubectl("rollout", "pause", "deployment/broken", "--namespace", b)


async def remove(kubectl: Kubectl, a: str, b: str) -> None:
    """Delete in all the ways that there are; what is `held` stays, terminating."""
    await kubectl("delete", "deployment", "web", "--cascade=orphan", "--namespace", a)
    await kubectl("delete", "deployment", "web", "--cascade=foreground", "--wait=false", "--namespace", b)
    await kubectl("delete", "statefulset", "store", "--namespace", b)
    for namespace in (a, b):
        await kubectl("delete", "configmap", "held", "--wait=false", "--namespace", namespace)
        await kubectl("delete", "secret", "sh.helm.release.v1.shop.v2", "--namespace", namespace)


async def recreate(kubectl: Kubectl, a: str, b: str) -> None:
    """Let go of what is held, make again what is gone, and delete a whole namespace."""
    for namespace in (a, b):
        release = '--patch={"metadata":{"finalizers":null}}'
        await kubectl("patch", "configmap", "held", "--type=merge", release, "--namespace", namespace)
    await install(kubectl, a)
    await kubectl("delete", "namespace", b)


async def go_through(
    kubectl: Kubectl, namespaces: tuple[str, str], observer: Observer
) -> list[truth.Summary]:
    """Take all steps; what was served before them and after each."""
    seen = [await observer.agrees()]
    for step in (install, change, remove, recreate):
        await step(kubectl, *namespaces)
        seen.append(await observer.agrees())
    return seen


def names(summary: truth.Summary) -> set[str]:
    return {node["node"] for node in summary["nodes"].values()}


@pytest.mark.timeout(600)
async def test_everything(kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str]) -> None:
    async with observed(kubectl, account, namespaces) as observer:
        _, installed, *_, after = await go_through(kubectl, namespaces, observer)
    assert {name.split()[0] for name in names(installed)} >= {
        kind.name for kind in WATCHED if kind.namespaced
    }
    types = {edge.split()[0] for edge in installed["edges"]}
    assert types >= {
        "owns",
        "mounts",
        "selects",
        "endpoints",
        "routes-to",
        "scales",
        "uses-secret",
        "uses-sa",
    }
    assert after["releases"] == {"astrolabe-test-a/shop": [2, "deployed"]}


@pytest.mark.timeout(600)
async def test_helm_releases(kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str]) -> None:
    flag = f"--label-selector={DEFAULT_SELECTOR}"
    async with observed(kubectl, account, namespaces, flag, label_selector=DEFAULT_SELECTOR) as observer:
        *_, after = await go_through(kubectl, namespaces, observer)
    assert names(after) >= {"Deployment astrolabe-test-a/web", "Secret astrolabe-test-a/database"}
    assert "CronJob astrolabe-test-a/report" not in names(after)


@pytest.mark.timeout(300)
async def test_objects_owned_by_an_unknown_kind(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], widgets: None
) -> None:
    place = ("--namespace", namespaces[0])
    owned = f"ConfigMap {namespaces[0]}/owned"
    widget: dict[str, Any] = {"apiVersion": "astrolabe.test/v1", "kind": "Widget", "metadata": {"name": "w"}}
    await kubectl("create", *place, "-f", "-", input=json.dumps(widget))
    uid = await kubectl("get", "widget", "w", *place, "--output=jsonpath={.metadata.uid}")
    owner = {**widget, "name": "w", "uid": uid}
    del owner["metadata"]
    configmap = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "owned", "ownerReferences": [owner]},
    }
    async with observed(kubectl, account, namespaces) as observer:
        await kubectl("create", *place, "-f", "-", input=json.dumps(configmap))
        assert owned in names(await observer.agrees())
        await kubectl("delete", "widget", "w", *place)
        await kubectl("wait", "--for=delete", "--timeout=60s", "configmap/owned", *place)
        assert owned not in names(await observer.agrees())


@pytest.mark.timeout(300)
async def test_a_namespace_with_a_role_in_it(
    kubectl: Kubectl, namespaces: tuple[str, str], tmp_path: Path
) -> None:
    """The Role of deploy/overlays/namespace, in another namespace and for an account of its own."""
    watched = namespaces[0]
    await kubectl("create", "serviceaccount", "astrolabe", "--namespace", watched)
    access = documents(OVERLAYS / "namespace" / "access.yaml")
    for manifest in access:
        manifest["metadata"]["namespace"] = watched
        for subject in manifest.get("subjects", ()):
            subject["namespace"] = watched
    await kubectl("apply", "-f", "-", input=yaml.safe_dump_all(access))
    own = await account_of(kubectl, watched, "astrolabe", tmp_path / "role")
    flag = f"--namespaces={watched}"
    async with observed(kubectl, own, (watched,), flag, namespace=watched) as observer:
        await observer.agrees()
        await install(kubectl, *namespaces)
        assert len((await observer.agrees())["nodes"]) > len(APPLICATION)
