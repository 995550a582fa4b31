"""A Node without a kubelet, and objects on it whose statuses the tests write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.cluster.api import Api
from tests.support.kubectl import Kubectl

Json = dict[str, Any]

NODE = "astrolabe-test-node"
LABELS = {"astrolabe.test/drain": "yes"}
#: Nobody else is to be put on it.
TAINT = {"key": "astrolabe.test/drain", "effect": "NoSchedule"}
TOLERATES = [{"operator": "Exists"}]
CONTAINERS = [{"name": "app", "image": "registry.k8s.io/pause:3.10"}]
#: Seconds until controllers have done their part.
PATIENCE = 60.0
#: Seconds between the signs of life of the Node, which has no kubelet.
HEARTBEAT = 10.0


class KubeletStage:
    """Sets up what is drained, in one namespace."""

    def __init__(self, api: Api, http: aiohttp.ClientSession, namespace: str) -> None:
        self._api = api
        self._http = http
        self._namespace = namespace

    async def create(self, plural: str, name: str, group: str = "", **manifest: Any) -> Json:
        metadata = {"name": name, **manifest.pop("metadata", {})}
        return await self._api.call(
            self._http, "POST", self._path(plural, group), {"metadata": metadata, **manifest}
        )

    async def patch(self, plural: str, name: str, group: str = "", **body: Any) -> None:
        """A merge patch; `name/status` is that of a status."""
        await self._api.call(self._http, "PATCH", f"{self._path(plural, group)}/{name}", body)

    async def delete(self, plural: str, name: str, group: str = "") -> None:
        await self._api.call(self._http, "DELETE", f"{self._path(plural, group)}/{name}")

    async def lists(self, plural: str, group: str = "") -> list[Json]:
        listed = await self._api.call(self._http, "GET", self._path(plural, group))
        return sorted(listed["items"], key=lambda item: str(item["metadata"]["name"]))

    async def pod(self, name: str, *, labels: dict[str, str] | None = None, **metadata: Any) -> None:
        spec = {"containers": CONTAINERS, "nodeName": NODE, "automountServiceAccountToken": False}
        await self.create("pods", name, metadata={"labels": labels or {}, **metadata}, spec=spec)

    async def pods(self, count: int) -> list[str]:
        """The names of all Pods, once there are so many and each is on its Node."""
        listed = await self.until(
            "pods", "", lambda pods: sum("nodeName" in each["spec"] for each in pods) == count
        )
        return [each["metadata"]["name"] for each in listed]

    async def until(self, plural: str, group: str, holds: Callable[[list[Json]], bool]) -> list[Json]:
        """The objects, once this holds of them."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.lists(plural, group)
                if holds(found):
                    return found
                await asyncio.sleep(0.2)

    def _path(self, plural: str, group: str = "") -> str:
        return f"{f'/apis/{group}' if group else '/api/v1'}/namespaces/{self._namespace}/{plural}"


async def live(kubectl: Kubectl) -> None:
    """Give signs of life, as a kubelet does."""
    while True:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        condition = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now}
        resources = {"cpu": "8", "memory": "8Gi", "pods": "110"}
        status = {"conditions": [condition], "allocatable": resources, "capacity": resources}
        patch = f"--patch={json.dumps({'status': status})}"
        await kubectl("patch", "node", NODE, "--subresource=status", patch)
        await asyncio.sleep(HEARTBEAT)


@asynccontextmanager
async def living_node(kubectl: Kubectl) -> AsyncIterator[str]:
    """That Node; its uid."""
    await kubectl("delete", "node", NODE, "--ignore-not-found")
    manifest = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": LABELS},
        "spec": {"taints": [TAINT]},
    }
    await kubectl("create", "-f", "-", input=json.dumps(manifest))
    living = asyncio.create_task(live(kubectl), name="kubelet")
    try:
        yield await kubectl("get", "node", NODE, "--output=jsonpath={.metadata.uid}")
    finally:
        living.cancel()
        with suppress(asyncio.CancelledError):
            await living
        await kubectl("delete", "node", NODE)
