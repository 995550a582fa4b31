"""What the manifests install, the account that they make, and namespaces to do things in."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.account import account_of
from tests.cluster.api import Api
from tests.cluster.stage import living_node
from tests.support.documents import DEPLOYMENT
from tests.support.kubectl import VARIABLE, Kubectl

SYSTEM = "astrolabe-system"
NAMESPACES = ("astrolabe-test-a", "astrolabe-test-b")

# Where no cluster is named there is nothing to collect, and nothing to skip.
collect_ignore_glob = [] if os.environ.get(VARIABLE) else ["test_*.py"]


@pytest.fixture
def kubectl() -> Kubectl:
    return Kubectl.from_environment()


@pytest.fixture
async def account(kubectl: Kubectl, tmp_path: Path) -> Kubectl:
    """The cluster as the ServiceAccount of deploy/deployment.yaml sees it."""
    await kubectl("apply", "-f", DEPLOYMENT)
    return await account_of(kubectl, SYSTEM, "astrolabe", tmp_path / "account")


@pytest.fixture
async def namespaces(kubectl: Kubectl) -> AsyncIterator[tuple[str, str]]:
    """Two, empty at the beginning."""
    await _remove(kubectl)
    for name in NAMESPACES:
        await kubectl("create", "namespace", name)
    yield NAMESPACES
    await _remove(kubectl)


@pytest.fixture
async def admin(kubectl: Kubectl, namespaces: tuple[str, str], tmp_path: Path) -> Api:
    """Who may do everything in the namespaces."""
    first = namespaces[0]
    await kubectl("create", "serviceaccount", "admin", "--namespace", first)
    for namespace in namespaces:
        grant = ("--clusterrole=cluster-admin", f"--serviceaccount={first}:admin", "--namespace", namespace)
        await kubectl("create", "rolebinding", "admin", *grant)
    return Api((await account_of(kubectl, first, "admin", tmp_path / "admin")).kubeconfig)


@pytest.fixture
async def widgets(kubectl: Kubectl) -> AsyncIterator[None]:
    """A kind that nobody knows."""
    path = Path(__file__).parent / "widgets.yaml"
    await kubectl("apply", "-f", path)
    await kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", path)
    yield
    await kubectl("delete", "-f", path)


@pytest.fixture
async def node(kubectl: Kubectl) -> AsyncIterator[str]:
    """A Node that nobody else uses; its uid."""
    async with living_node(kubectl) as uid:
        yield uid


async def _remove(kubectl: Kubectl) -> None:
    """Delete the namespaces, with what a finalizer of the tests holds in them, and Pods that no kubelet ends."""
    for namespace in NAMESPACES:
        place = ("--namespace", namespace)
        for name in (await kubectl("get", "configmaps,pods", "--output=name", *place)).split():
            await kubectl("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}', *place)
    await kubectl("delete", "namespace", *NAMESPACES, "--ignore-not-found", "--wait=false")
    for namespace in NAMESPACES:
        place = ("--namespace", namespace)
        await kubectl("delete", "pods", "--all", "--force", "--grace-period=0", *place, may_warn=True)
    await kubectl("delete", "namespace", *NAMESPACES, "--ignore-not-found")
