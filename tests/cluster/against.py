"""Against a real cluster, with the rights that the manifests give: `make cluster-test`.

It writes to that cluster: the namespaces astrolabe-system and astrolabe-test, a PersistentVolume, a ClusterRole and
its binding, all of which it deletes. Real nodes are not needed: what happens to Pods is nobody's business here
but the cluster's, and the graph must say what the cluster says.

Not part of the default run: pytest is given this file by name.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from astrolabe.graph import selector as selectors
from astrolabe.kinds.table import KINDS
from astrolabe.settings import DEFAULT_SELECTOR, Settings
from tests.cluster.kubectl import Kubectl
from tests.support.cluster import Followed, follow
from tests.support.documents import BASE, DEPLOY, OVERLAYS
from tests.support.oracle import Expected
from tests.support.summary import summarize, summarize_expected

SHOP = Path(__file__).with_name("shop.yaml")
NAMESPACE = "astrolabe-test"
#: Seconds in which the cluster does what it is told and the graph follows.
PATIENCE = 90.0
#: What happens, one after the other; after each the graph must be what the lists say.
HAPPENINGS = (
    ("scale", "deployment/web", "--replicas=5"),
    ("set", "image", "deployment/web", "web=registry.k8s.io/pause:3.9"),
    ("rollout", "undo", "deployment/web"),
    (
        "create",
        "secret",
        "generic",
        "secret-that-is-not-there",
        "--from-literal=token=s3cr3t-must-never-leak",
    ),
    ("patch", "service", "nobody", "-p", '{"spec":{"selector":{"app.kubernetes.io/name":"web"}}}'),
    ("delete", "pods", "--all", "--wait=false"),
    ("create", "job", "once", "--from=cronjob/report"),
    ("label", "deployment", "web", "app.kubernetes.io/managed-by-"),
    ("delete", "configmap", "settings"),
    ("delete", "deployment", "web", "--cascade=orphan"),
    ("delete", "replicasets,pods", "-l", "app.kubernetes.io/name=web", "--wait=false"),
    ("delete", "statefulset", "db", "--wait=false"),
)


@pytest.fixture
async def kubectl() -> AsyncIterator[Kubectl]:
    """For a cluster with Astrolabe's account and rights, and with the shop."""
    kubectl = Kubectl.from_environment()
    await kubectl("apply", "-f", BASE / "namespace.yaml")
    try:
        for name in ("service-account", "cluster-role", "cluster-role-binding"):
            await kubectl("apply", "-f", BASE / f"{name}.yaml")
        await kubectl("apply", "-f", SHOP)
        yield kubectl
    finally:
        await kubectl("delete", "--ignore-not-found", "--wait=false", "-f", SHOP)
        await kubectl("delete", "--ignore-not-found", "-k", OVERLAYS / "in-memory")
        await kubectl("wait", "--for=delete", f"namespace/{NAMESPACE}", "--timeout=120s")


@pytest.fixture
async def account(kubectl: Kubectl, tmp_path: Path) -> str:
    """The path of a kubeconfig with what the manifests grant, and no more."""
    path = tmp_path / "kubeconfig"
    path.write_text(await kubectl.as_service_account("astrolabe-system", "astrolabe"))
    return str(path)


async def expect(kubectl: Kubectl, label_selector: str) -> Expected:
    """What the graph must be, worked out from what the API server lists now."""
    roots = selectors.parse(label_selector) if label_selector else None
    facts = []
    for kind in KINDS:
        for item in await kubectl.items(kind.path):
            found = kind.facts(kind.decoder.decode(msgspec.json.encode(item)))
            if found is not None:
                facts.append(found)
    served = {kind.name: {""} for kind in KINDS}
    return Expected(facts, [kind.rules for kind in KINDS], roots=roots, synced=served)


async def check(kubectl: Kubectl, run: Followed, label_selector: str) -> None:
    """Wait until the graph is what the lists say: both move, so they are read until they agree."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                expected = summarize_expected(await expect(kubectl, label_selector))
                if summarize(run.graph) == expected:
                    return
    except TimeoutError:
        assert summarize(run.graph) == expected


@asynccontextmanager
async def watched(account: str, label_selector: str) -> AsyncIterator[Followed]:
    async with follow(Settings(in_cluster=False, kubeconfig=account, label_selector=label_selector)) as run:
        await asyncio.wait_for(run.readiness.wait(), PATIENCE)
        yield run


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("label_selector", ["", DEFAULT_SELECTOR])
async def test_the_graph_is_what_the_cluster_says(
    kubectl: Kubectl, account: str, label_selector: str
) -> None:
    async with watched(account, label_selector) as run:
        await check(kubectl, run, label_selector)
        for happening in HAPPENINGS:
            await kubectl("-n", NAMESPACE, *happening)
            await check(kubectl, run, label_selector)
        await kubectl("delete", "namespace", NAMESPACE, "--wait=false")
        await check(kubectl, run, label_selector)


async def test_check_finds_that_all_is_well(account: str) -> None:
    program = Path(sys.executable).with_name("astrolabe")
    process = await asyncio.create_subprocess_exec(
        *(program, "check", "--in-cluster=false", "--kubeconfig", account),
        stdout=PIPE,
        stderr=PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    printed, said = await process.communicate()
    assert process.returncode == 0, (printed + said).decode()


@pytest.mark.parametrize(
    "words",
    [
        ("-f", DEPLOY / "deployment.yaml"),
        *[("-k", folder) for folder in sorted(OVERLAYS.iterdir())],
        ("-f", DEPLOY / "redis.yaml"),
    ],
    ids=lambda words: words[1].name,
)
async def test_the_manifests_are_accepted(kubectl: Kubectl, words: tuple[str, Path]) -> None:
    await kubectl(
        "label", "--overwrite", "namespace", "astrolabe-system", "pod-security.kubernetes.io/warn=restricted"
    )
    await kubectl("apply", "--dry-run=server", "--validate=strict", *words)
