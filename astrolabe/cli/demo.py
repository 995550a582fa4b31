"""`astrolabe demo`: serves simulated clusters as if they were real ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from astrolabe import app, telemetry
from astrolabe.settings import Settings
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster import custom
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.cluster.incidents import Incidents
from astrolabe.sim.kubeconfig import kubeconfig, kubeconfig_file
from astrolabe.sim.outages import Outages
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore

logger = logging.getLogger("astrolabe.cli")

#: Names of the clusters of a demo of several; further ones are numbered.
NAMES = ("prod-eu", "prod-us", "staging", "dev")

Life = dict[str, Callable[[], Coroutine[Any, Any, None]]]


async def serve_demo(
    settings: Settings,
    *,
    scale: float,
    churn: float,
    seed: int,
    incidents: bool,
    clusters: int,
    opened: Callable[[str], None] | None,
) -> None:
    """Serve simulated clusters until a signal, through the same code as real ones.

    scale: 1.0 is a large cluster. churn: changes per second, of each. incidents: whether to add them, to the
    first. clusters: how many; one of several is lost and found again, while there is churn. opened: as of
    `app.Application`. Raises as `app.serve` does.
    """
    telemetry.configure(verbosity=settings.verbosity, log_format=settings.log_format)
    life: Life = {}
    names = [NAMES[number] if number < len(NAMES) else f"cluster-{number + 1}" for number in range(clusters)]
    async with AsyncExitStack() as running:
        simulators: dict[str, Simulator] = {}
        for number, name in enumerate(names):
            store = _simulate(name if clusters > 1 else "", life, scale, churn, seed + number)
            if incidents and not number:
                life["incidents"] = Incidents(store, seed, now=datetime.now(UTC)).run
            simulators[name] = await running.enter_async_context(Simulator(store))
        if clusters == 1:
            path = running.enter_context(kubeconfig_file(simulators[names[0]].url))
            outside = replace(settings, in_cluster=False, kubeconfig=path)
        else:
            if churn:
                life["outages"] = Outages(simulators, seed).run
            path = running.enter_context(_cluster_list(simulators))
            outside = replace(settings, in_cluster=False, clusters=path)
        await app.serve(outside, extra_tasks=life, opened=opened)


def _simulate(cluster: str, life: Life, scale: float, churn: float, seed: int) -> ObjectStore:
    """The objects of one cluster. cluster: its name, if there are several. life: gets what lets it live."""
    store = ObjectStore()
    now = datetime.now(UTC)
    load(store, scale, seed, now=now)
    custom.install(store, seed, now=now)
    resources = sum(len(collection.items) for collection in store.collections.values())
    of = f"{cluster}: " if cluster else ""
    logger.info("%ssimulating %d resources, %g changes a second, seed %d", of, resources, churn, seed)
    if churn:
        life[f"churn of {cluster}" if cluster else "churn"] = lambda: Churn(store, seed).run(churn)
    return store


@contextmanager
def _cluster_list(simulators: Mapping[str, Simulator]) -> Iterator[str]:
    """The path of a temporary list of these clusters, for `--clusters`."""
    with TemporaryDirectory(prefix="astrolabe-") as folder:
        entries = []
        for name, simulator in simulators.items():
            Path(folder, f"{name}.kubeconfig").write_text(kubeconfig(simulator.url, name=name))
            entries.append({"name": name, "kubeconfig": f"{name}.kubeconfig"})
        path = Path(folder, "clusters.json")
        path.write_text(json.dumps({"clusters": entries}))
        yield str(path)
