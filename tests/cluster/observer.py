"""Compares what a process serves, and what a client of its stream holds, with what the API server says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from astrolabe.client import Client
from tests.support import truth
from tests.support.fleet import Serving
from tests.support.kinds import KINDS
from tests.support.kubectl import Kubectl

#: Seconds in which all that was set in motion comes to rest.
PATIENCE = 90.0
#: Stands in all values of tests/cluster/application.yaml.
CANARY = "canary"

#: READY, STATUS and RESTARTS of `kubectl get pods`; the last with the time since, which is left out.
_COLUMNS = re.compile(r"(\d+/\d+) +(\S+) +(\d+)(?: \(.+ ago\))? ")

Row = tuple[str, str, int]


class Observer:
    """places: the namespaces that are compared; the rest of the cluster may be restless.

    namespace: the one that the process watches; "" when it watches all.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        process: Serving,
        places: tuple[str, ...],
        *,
        label_selector: str = "",
        namespace: str = "",
    ) -> None:
        self._kubectl = kubectl
        self._process = process
        self._places = places
        self._selector = label_selector
        self._namespace = namespace
        self._client = Client(process.url)

    async def follow(self) -> None:
        """Keep what the stream tells, until cancelled."""
        async with self._client:
            async for _ in self._client.updates():
                pass

    async def agrees(self) -> truth.Summary:
        """Wait until both hold what they have to; what that is. Raises AssertionError."""
        wrong: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    expected, wrong = await self._look()
                    if not wrong:
                        return expected
                    await asyncio.sleep(0.2)
        raise AssertionError("\n".join(line[:400] for line in wrong[:10]))

    async def _look(self) -> tuple[truth.Summary, list[str]]:
        graph, releases = await self._get("/api/v1/graph"), await self._get("/api/v1/releases?detail=true")
        held = {"nodes": [*self._client.graph.nodes.values()], "edges": [*self._client.graph.edges.values()]}
        expected, pods = await self._expect(), await self._pods()
        found = [
            truth.within(truth.summarize_answers(each, releases), self._places) for each in (graph, held)
        ]
        wrong = [line for each in found for line in truth.differences(each, expected)]
        shown = _rows(graph["nodes"])
        wrong += [
            f"{name}: {shown[name]}, but kubectl says {pods.get(name)}"
            for name in shown
            if name.split("/")[0] in self._places and shown[name] != pods.get(name)
        ]
        return expected, wrong

    async def _expect(self) -> truth.Summary:
        kinds = [kind for kind in KINDS if kind.namespaced or not self._namespace]
        paths = [kind.path_in(self._namespace) if self._namespace else kind.path for kind in kinds]
        lists = [json.loads(await self._kubectl("get", "--raw", path))["items"] for path in paths]
        scopes = {kind.name: {self._namespace} for kind in kinds}
        expected = truth.expect(zip(kinds, lists, strict=True), self._selector, scopes=scopes)
        return truth.within(expected, self._places)

    async def _pods(self) -> dict[str, Row]:
        """`namespace/name` → READY, STATUS, RESTARTS, as people see them."""
        pods = {}
        for line in (await self._kubectl("get", "pods", "--all-namespaces", "--no-headers")).splitlines():
            namespace, name, rest = line.split(maxsplit=2)
            found = _COLUMNS.match(rest)
            assert found is not None, line
            pods[f"{namespace}/{name}"] = (found[1], found[2], int(found[3]))
        return pods

    async def _get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self._process.url}{path}") as answer:
            assert answer.status == 200
            text = await answer.text()
        assert CANARY not in text
        return json.loads(text)


def _rows(nodes: list[dict[str, Any]]) -> dict[str, Row]:
    """The same of the Pods that are served."""
    pods = [(node, node["metadata"]) for node in nodes if node["kind"] == "Pod"]
    return {
        f"{node['namespace']}/{node['name']}": (shown["ready"], node["reason"], shown["restartCount"])
        for node, shown in pods
    }


@asynccontextmanager
async def observed(
    kubectl: Kubectl, account: Kubectl, places: tuple[str, ...], *arguments: str, **options: str
) -> AsyncIterator[Observer]:
    """A process beside the cluster with the rights of the account, and who observes it."""
    process = Serving(account.kubeconfig, "", *arguments)
    await process.start()
    observer = Observer(kubectl, process, places, **options)
    following = asyncio.create_task(observer.follow(), name="client")
    try:
        yield observer
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        assert await process.stop() == 0
    assert not [line for line in process.lines if CANARY in line or " ERROR " in line]
