"""`astrolabe demo`: a simulated cluster, and the application that serves it as if it were a real one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from astrolabe import app, telemetry
from astrolabe.settings import Settings
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import Store

logger = logging.getLogger("astrolabe.cli")


async def serve_demo(settings: Settings, *, scale: float, churn: float, seed: int) -> None:
    """Serve a simulated cluster until a signal, by the same way as a real one.

    scale: 1.0 is a large cluster. churn: changes a second. Raises as `app.serve` does.
    """
    telemetry.configure(verbosity=settings.verbosity, log_format=settings.log_format)
    store = Store()
    load(store, scale, seed, now=datetime.now(UTC))
    resources = sum(len(collection.items) for collection in store.collections.values())
    logger.info("simulating %d resources, %g changes a second, seed %d", resources, churn, seed)
    life = {"churn": lambda: Churn(store, seed).run(churn)} if churn else {}
    async with Simulator(store) as simulator:
        with kubeconfig_file(simulator.url) as path:
            await app.serve(replace(settings, in_cluster=False, kubeconfig=path), beside=life)


@contextmanager
def kubeconfig_file(url: str) -> Iterator[str]:
    """The path of a kubeconfig for an API server that lets everyone in; it is gone afterwards."""
    with TemporaryDirectory(prefix="astrolabe-") as folder:
        path = Path(folder, "kubeconfig")
        path.write_text(kubeconfig(url))
        yield str(path)


def kubeconfig(url: str) -> str:
    """The text of a kubeconfig for an API server that lets everyone in."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "simulated",
            "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "anyone"}}],
            "clusters": [{"name": "simulated", "cluster": {"server": url}}],
            "users": [{"name": "anyone", "user": {}}],
        }
    )
