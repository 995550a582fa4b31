"""Several simulated clusters with users of their own, served as one with `--auth=kubernetes`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.kubeconfig import kubeconfig
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.tenants import OWN, Tenancy


class UnionTenancy(Tenancy):
    """A served union. clusters: by name. tokens are the names of users."""

    clusters: dict[str, Simulator]
    folder: Path

    def entry(self, name: str) -> dict[str, Any]:
        """Of the list of clusters."""
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(kubeconfig(self.clusters[name].url, name=name, user={"token": OWN}))
        return {"name": name, "kubeconfig": path.name, "context": name}

    async def seen(self, user: str) -> set[str]:
        """The names of what the user sees, with their cluster."""
        graph = await self.json(user, "/api/v1/graph")
        return {f"{node['cluster']}/{node['name']}" for node in graph["nodes"]}


@asynccontextmanager
async def united(
    folder: Path,
    stores: Mapping[str, ObjectStore],
    users: Mapping[str, Iterable[str]],
    *,
    others: Iterable[Mapping[str, Any]] = (),
    **settings: Any,
) -> AsyncIterator[UnionTenancy]:
    """Serve these clusters. users: whom each of them knows. others: further entries of the list."""
    async with AsyncExitStack() as running:
        clusters = {}
        for name, store in stores.items():
            authorizer = Authorizer(
                {OWN: "system:serviceaccount:astrolabe:astrolabe", **{user: user for user in users[name]}}
            )
            clusters[name] = await running.enter_async_context(Simulator(store, authorizer=authorizer))
        http = await running.enter_async_context(aiohttp.ClientSession())
        first = next(iter(clusters.values()))
        site = UnionTenancy(first, None, http)  # type: ignore[arg-type]
        site.clusters, site.folder = clusters, folder
        path = folder / "clusters.yaml"
        path.write_text(json.dumps({"clusters": [*map(site.entry, clusters), *others]}))
        given = {"in_cluster": False, "clusters": str(path), "host": "127.0.0.1", "port": 0}
        site.application = Application(
            Settings(**{**given, "label_selector": "", "auth": "kubernetes", **settings})
        )
        await site.application.start()
        running.push_async_callback(site.application.stop)
        await site.application.ready()
        yield site
