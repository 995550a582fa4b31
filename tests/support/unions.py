"""Several simulated clusters, and the whole application that serves them as one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from astrolabe.app import Application
from astrolabe.http.source import GraphSource
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore

PATIENCE = 30.0


class Upstream:
    """One Astrolabe that a union may follow. It can be ended and begun again at the same port."""

    def __init__(self, kubeconfig: str, **settings: Any) -> None:
        self._settings = {"kubeconfig": kubeconfig, "label_selector": "", "batch_window": 0.01, **settings}
        self.port = 0
        self.application: Application

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def begin(self) -> None:
        settings = Settings(in_cluster=False, host="127.0.0.1", port=self.port, **self._settings)
        self.application = Application(settings)
        await self.application.start()
        self.port = self.application.port
        async with asyncio.timeout(PATIENCE):
            await self.application.ready()

    async def end(self) -> None:
        await self.application.stop()

    @property
    def graph(self) -> Any:
        return self.application._source.hub.graph


class UnionSite:
    """A served union. clusters: the simulated API servers by name, listed or not.

    upstreams: the addresses of those that are followed by a server of their own.
    """

    def __init__(self, folder: Path, http: aiohttp.ClientSession) -> None:
        self.folder = folder
        self.clusters: dict[str, Simulator] = {}
        self.upstreams: dict[str, str] = {}
        self.application: Application
        self._http = http
        self._writes = 0

    @property
    def file(self) -> Path:
        """The list of clusters."""
        return self.folder / "clusters.yaml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.application.port}"

    @property
    def source(self) -> GraphSource:
        """What the application serves."""
        return self.application._source

    def list(self, *names: str) -> None:
        """Name these clusters in the list."""
        entries = []
        for name in names:
            if name in self.upstreams:
                entries.append({"name": name, "url": self.upstreams[name]})
                continue
            url = self.clusters[name].url
            path = self.folder / f"{url.rpartition(':')[2]}.kubeconfig"
            path.write_text(kubeconfig(url, name=name))
            entries.append({"name": name, "kubeconfig": path.name, "context": name})
        fresh = self.file.with_suffix(".tmp")
        fresh.write_text(json.dumps({"clusters": entries}))
        self._writes += 1  # so that it is another file, however coarse the clock of the disk
        os.utime(fresh, (self._writes, self._writes))
        fresh.replace(self.file)

    async def json(self, path: str) -> Any:
        """The document of a 200 answer."""
        async with self._http.get(f"{self.url}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def text(self, path: str) -> str:
        """The text of a 200 answer."""
        async with self._http.get(f"{self.url}{path}") as answer:
            assert answer.status == 200
            return await answer.text()

    async def refused(self, path: str) -> tuple[int, Any]:
        """The status and the document of any answer."""
        async with self._http.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.json()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; it is asked after every step of the graph and every look at the state."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.source.state.refresh()
                await asyncio.sleep(0.02)

    def states(self) -> dict[str, str]:
        """The state of each cluster."""
        clusters = self.source.state.refresh().clusters
        assert clusters is not None
        return {each.name: each.state for each in clusters}

    def count(self, cluster: str) -> int:
        """How many nodes of the cluster are served."""
        return sum(node.cluster == cluster for node in self.source.hub.graph.nodes.values())


@asynccontextmanager
async def union_of(
    folder: Path,
    stores: Mapping[str, ObjectStore],
    *,
    listed: tuple[str, ...] | None = None,
    offline: tuple[str, ...] = (),
    wait: bool = True,
    **settings: Any,
) -> AsyncIterator[UnionSite]:
    """Serve these clusters together. listed: those of them that are named at the start; by default all.
    offline: those whose API server cannot be reached at first."""
    async with AsyncExitStack() as running:
        site = UnionSite(folder, await running.enter_async_context(aiohttp.ClientSession()))
        for name, store in stores.items():
            site.clusters[name] = await running.enter_async_context(Simulator(store))
            if name in offline:
                await site.clusters[name].go_offline()
        site.list(*(stores if listed is None else listed))
        site.application = Application(
            Settings(
                **{
                    "in_cluster": False,
                    "clusters": str(site.file),
                    "host": "127.0.0.1",
                    "port": 0,
                    "label_selector": "",
                    "batch_window": 0.01,
                    **settings,
                }
            )
        )
        await site.application.start()
        running.push_async_callback(site.application.stop)
        if wait:
            async with asyncio.timeout(PATIENCE):
                await site.application.ready()
        yield site
