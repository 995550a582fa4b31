"""`astrolabe demo`: serves a simulated cluster as if it were a real one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from astrolabe import app, telemetry
from astrolabe.settings import Settings
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster import custom
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.cluster.incidents import Incidents
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore

logger = logging.getLogger("astrolabe.cli")


async def serve_demo(
    settings: Settings,
    *,
    scale: float,
    churn: float,
    seed: int,
    incidents: bool,
    opened: Callable[[str], None] | None,
) -> None:
    """Serve a simulated cluster until a signal, through the same code as a real one.

    scale: 1.0 is a large cluster. churn: changes per second. incidents: whether to add them. opened: as of
    `app.Application`. Raises as `app.serve` does.
    """
    telemetry.configure(verbosity=settings.verbosity, log_format=settings.log_format)
    store = ObjectStore()
    now = datetime.now(UTC)
    load(store, scale, seed, now=now)
    custom.install(store, seed, now=now)
    life: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
    if incidents:
        life["incidents"] = Incidents(store, seed, now=now).run
    resources = sum(len(collection.items) for collection in store.collections.values())
    logger.info("simulating %d resources, %g changes a second, seed %d", resources, churn, seed)
    if churn:
        life["churn"] = lambda: Churn(store, seed).run(churn)
    async with Simulator(store) as simulator:
        with kubeconfig_file(simulator.url) as path:
            outside = replace(settings, in_cluster=False, kubeconfig=path)
            await app.serve(outside, extra_tasks=life, opened=opened)
