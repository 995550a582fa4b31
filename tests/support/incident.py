"""A simulated cluster that is served, and breaks when it is told to: for the tests of the viewer.

    python -m tests.support.incident PORT SCALE CHURN

`crash` on stdin: the pods of a Deployment that an Ingress leads to crash, and stay so. Afterwards a line on
stdout, in JSON: who is concerned, and when it was done in milliseconds since 1970. It ends with stdin.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any

from astrolabe import app
from astrolabe.settings import Settings
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.churn.controllers import newest_set, sync_deployment
from astrolabe.sim.churn.lives import crash_and_recover
from astrolabe.sim.churn.scenario import is_well
from astrolabe.sim.churn.world import World, key_of
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.cluster.mint import Mint
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import Store

Json = dict[str, Any]

SEED = 1
_RELEASE = "app.kubernetes.io/instance"


class Incident:
    """Breaks what is well. Each call breaks another Deployment."""

    def __init__(self, store: Store) -> None:
        # Uids of its own, which neither the generator nor churn makes up.
        self._world = World(store, Mint(Random("incident"), datetime.now(UTC), stream=2))
        self._exposed = self._find()

    def crash(self) -> Json:
        """Who is concerned: namespace, and names of the ingress, the service, the workload and the pod."""
        world = self._world
        world.mint.now = datetime.now(UTC)
        ingress, service, deployment = next(self._exposed)
        (pod,) = world.owned(newest_set(world, deployment), "Pod")
        follow = partial(sync_deployment, world, key_of(deployment))
        process = crash_and_recover(world, key_of(pod), follow)
        while next(process) == 0:  # until it rests before the next crash
            pass
        named = {"ingress": ingress, "workload": deployment, "pod": pod}
        return {
            "namespace": deployment["metadata"]["namespace"],
            "release": deployment["metadata"]["labels"][_RELEASE],
            "service": service.partition("/")[2],
            **{key: one["metadata"]["name"] for key, one in named.items()},
        }

    def _find(self) -> Iterator[tuple[Json, str, Json]]:
        """Ingress, key of the Service and Deployment, where all hangs on one pod."""
        world = self._world
        routes = {target: ingress for ingress in list(world.all("Ingress")) for target in _targets(ingress)}
        for deployment in list(world.all("Deployment")):
            released = _RELEASE in deployment["metadata"]["labels"]
            if not is_well(deployment) or not released or deployment["spec"]["replicas"] != 1:
                continue
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            for service in world.services_of(deployment["metadata"]["namespace"], labels):
                if service in routes:
                    yield routes[service], service, deployment
                    break


def _targets(ingress: Json) -> Iterator[str]:
    """The keys of the Services that it leads to."""
    for rule in ingress["spec"].get("rules", ()):
        for path in rule.get("http", {}).get("paths", ()):
            yield f"{ingress['metadata']['namespace']}/{path['backend']['service']['name']}"


async def _obey(incident: Incident) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        assert line == b"crash\n"
        told = {**incident.crash(), "at": time.time() * 1000}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.Event().wait()  # what ends by itself would count as failed


async def main(port: int, scale: float, churn: float) -> None:
    store = Store()
    load(store, scale, SEED, now=datetime.now(UTC))
    incident = Incident(store)
    beside = {"incident": lambda: _obey(incident)}
    if churn:
        beside["churn"] = lambda: Churn(store, SEED).run(churn)
    async with Simulator(store) as simulator:
        with kubeconfig_file(simulator.url) as path:
            settings = Settings(
                host="127.0.0.1", port=port, in_cluster=False, kubeconfig=path, label_selector=""
            )
            await app.serve(settings, beside=beside)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
