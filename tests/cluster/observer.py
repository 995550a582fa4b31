"""Compares what a process serves, and what a client of its stream holds, with what the API server says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from astrolabe.client import Client
from tests.cluster.printer import Printer, differences, paths_of
from tests.support import truth
from tests.support.fleet import Serving
from tests.support.kinds import KINDS, WATCHED
from tests.support.kubectl import Kubectl

#: Seconds in which all that was set in motion comes to rest.
PATIENCE = 90.0
#: Stands in all values of tests/cluster/application.yaml, and in no cluster by itself.
CANARY = "zq-canary-71c4e0"


class Observer:
    """places: the namespaces that are compared; the rest of the cluster may be restless.

    namespace: the one that the process watches; "" when it watches all. events: whether it reads Events, of
    whose words the lists know nothing. roles: whether it watches them too.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        printer: Printer,
        process: Serving,
        places: tuple[str, ...],
        *,
        label_selector: str = "",
        namespace: str = "",
        events: bool = False,
        roles: bool = False,
    ) -> None:
        self._kubectl = kubectl
        self._printer = printer
        self._process = process
        self._places = places
        self._selector = label_selector
        self._namespace = namespace
        self._events = events
        self._kinds = KINDS if roles else WATCHED
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

    async def says(self, words: Mapping[str, str]) -> dict[str, Any]:
        """Wait until the messages of these nodes, `Kind name`, have these words; the nodes by these names.

        Raises AssertionError.
        """
        lacking: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    graph = await self._get("/api/v1/graph")
                    nodes = {
                        f"{node['kind']} {node['name']}": node
                        for node in graph["nodes"]
                        if node.get("namespace", "") in ("", *self._places)
                    }
                    told = {name: node["message"] for name, node in nodes.items()}
                    lacking = [
                        f"{name} says {told.get(name)!r}, not {text!r}"
                        for name, text in words.items()
                        if name not in told or text not in told[name]
                    ]
                    if not lacking:
                        return nodes
                    await asyncio.sleep(0.2)
        raise AssertionError("\n".join(lacking))

    async def impact(self, uid: str, action: str) -> Any:
        """What is told would happen."""
        return await self._get(f"/api/v1/resources/{uid}/impact?action={action}")

    async def _look(self) -> tuple[truth.Summary, list[str]]:
        graph, releases = await self._get("/api/v1/graph"), await self._get("/api/v1/releases?detail=true")
        held = {"nodes": [*self._client.graph.nodes.values()], "edges": [*self._client.graph.edges.values()]}
        tables = await self._printer.tables(paths_of(self._kinds, self._namespace))
        expected = await self._expect()
        found = [
            truth.within(truth.summarize_answers(each, releases), self._places) for each in (graph, held)
        ]
        if self._events:
            for each in (expected, *found):
                for node in each["nodes"].values():
                    del node["status"]
        wrong = [line for each in found for line in truth.differences(each, expected)]
        here = [node for node in graph["nodes"] if node.get("namespace", "") in ("", *self._places)]
        wrong += differences(here, tables)
        return expected, wrong

    async def _expect(self) -> truth.Summary:
        kinds = [kind for kind in self._kinds if kind.namespaced or not self._namespace]
        paths = [kind.path_in(self._namespace) if self._namespace else kind.path for kind in kinds]
        lists = [json.loads(await self._kubectl("get", "--raw", path))["items"] for path in paths]
        scopes = {kind.name: {self._namespace} for kind in kinds}
        expected = truth.expect(
            zip(kinds, lists, strict=True), self._selector, scopes=scopes, kinds=self._kinds
        )
        return truth.within(expected, self._places)

    async def _get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self._process.url}{path}") as answer:
            assert answer.status == 200
            text = await answer.text()
        assert CANARY not in text
        return json.loads(text)


@asynccontextmanager
async def observed(
    kubectl: Kubectl, account: Kubectl, places: tuple[str, ...], *arguments: str, **options: Any
) -> AsyncIterator[Observer]:
    """A process beside the cluster with the rights of the account, and who observes it."""
    events = "--events=warnings" if options.get("events") else "--events=off"
    process = Serving(account.kubeconfig, "", events, *arguments)
    await process.start()
    observer = Observer(kubectl, Printer(account.kubeconfig), process, places, **options)
    following = asyncio.create_task(observer.follow(), name="client")
    try:
        yield observer
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        assert await process.stop() == 0
    assert not [line for line in process.lines if CANARY in line or " ERROR " in line]
