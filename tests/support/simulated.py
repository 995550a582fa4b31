"""The whole application in this process, with a simulated cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.api.list_options import WatchList
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore


def generated(scale: float = 0.005, seed: int = 1) -> ObjectStore:
    """A cluster of some 700 resources of all kinds, many of them broken."""
    store = ObjectStore()
    load(store, scale, seed, now=datetime.now(UTC))
    return store


@asynccontextmanager
async def simulated(
    store: ObjectStore,
    *,
    watch_list: WatchList = "served",
    authorizer: Authorizer | None = None,
    wait: bool = True,
    **settings: Any,
) -> AsyncIterator[str]:
    """Serve what is in the store; host and port of the server, once it has all of it, unless that is not waited for."""
    async with Simulator(store, authorizer=authorizer) as simulator:
        simulator.faults.watch_list = watch_list
        with kubeconfig_file(simulator.url) as kubeconfig:
            kept = {"in_cluster": False, "kubeconfig": kubeconfig, "host": "127.0.0.1", "port": 0}
            application = Application(Settings(**{**kept, "label_selector": "", **settings}))
            await application.start()
            try:
                if wait:
                    async with asyncio.timeout(30):
                        await application.ready()
                yield f"127.0.0.1:{application.port}"
            finally:
                await application.stop()
