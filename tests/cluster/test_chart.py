"""The chart, by Helm and with the commands of the guide; and what is served of its release meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, STDOUT

import pytest

from astrolabe.settings import DEFAULT_SELECTOR
from tests.cluster.observer import observed
from tests.support.commands import blocks
from tests.support.documents import GUIDE, ROOT
from tests.support.kubectl import Kubectl

#: What the manifests of the chart carry, wherever they are.
OURS = "app.kubernetes.io/instance=astrolabe"
KINDS = (
    "deployments,statefulsets,services,serviceaccounts,configmaps,networkpolicies,poddisruptionbudgets,"
    "roles,rolebindings,clusterroles,clusterrolebindings"
)


class Shell:
    """Types what a reader of the guide types, at its folder; namespace: in place of astrolabe-system."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig}
        self._namespace = namespace

    async def __call__(self, text: str) -> str:
        """What it prints; it has to succeed."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euc", text.replace("astrolabe-system", self._namespace)),
            cwd=ROOT,
            env=self._environment,
            stdout=PIPE,
            stderr=STDOUT,
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, f"{text}: {printed.decode()}"
        return printed.decode()

    async def guide(self, start: str) -> str:
        """The first command of the page on installing that starts like this."""
        text, *_ = [
            command.text
            for block in blocks()
            if block.place.startswith(str((GUIDE / "install.md").relative_to(ROOT)))
            for command in block.commands
            if command.text.startswith(start)
        ]
        return await self(text)

    async def releases(self) -> dict[str, list[object]]:
        """`namespace/name` → revision and status, by Helm."""
        listed = json.loads(await self("helm list --all --namespace astrolabe-system --output json"))
        return {
            f"{each['namespace']}/{each['name']}": [int(each["revision"]), each["status"]] for each in listed
        }


@pytest.mark.timeout(300)
async def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str]
) -> None:
    namespace = namespaces[0]
    shell = Shell(kubectl.kubeconfig, namespace)
    before = await kubectl("get", KINDS, "--all-namespaces", "--selector", OURS, "--output=name")
    try:
        await live(shell, kubectl, account, namespaces)
    finally:
        await shell("helm uninstall astrolabe --namespace astrolabe-system --ignore-not-found")
    assert await kubectl("get", KINDS, "--all-namespaces", "--selector", OURS, "--output=name") == before


async def live(shell: Shell, kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str]) -> None:
    """Install, upgrade, roll back and uninstall."""
    namespace = namespaces[0]
    flag = f"--label-selector={DEFAULT_SELECTOR}"
    async with observed(kubectl, account, namespaces, flag, label_selector=DEFAULT_SELECTOR) as observer:
        await shell.guide("kubectl -n astrolabe-system create secret")
        for revision, command in enumerate(("install", "upgrade", "rollback"), start=1):
            if command == "rollback":
                await shell("helm rollback astrolabe 1 --namespace astrolabe-system")
            else:
                await shell.guide(f"helm {command} astrolabe")
            assert await shell.releases() == {f"{namespace}/astrolabe": [revision, "deployed"]}
            assert await shell("helm get manifest astrolabe -n astrolabe-system | kubectl diff -f -") == ""
            assert (await observer.agrees())["releases"] == await shell.releases()
        await shell("helm uninstall astrolabe --namespace astrolabe-system")
        assert (await observer.agrees())["releases"] == {}
