"""A simulated cluster that is served, and breaks when it is told to: for the tests of the viewer.

    python -m tests.support.incident PORT SCALE CHURN [hold=KIND] [forbid=KIND]

hold: the API server does not list that kind before `release`. forbid: it may not be read.

Commands on stdin, each acknowledged by a line on stdout, in JSON, with when it was done in milliseconds since
1970. It ends with stdin.

crash     the pods of a Deployment that an Ingress leads to crash, and stay so; the line says who is concerned
away      the API server goes away
back      it comes back
release   it lists what it held back
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
from astrolabe.sim.churn.lifecycle import crash_and_recover
from astrolabe.sim.churn.world import World, is_healthy, key_of
from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.faults import HttpStatus
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore

Json = dict[str, Any]

SEED = 1
_RELEASE = "app.kubernetes.io/instance"


class Incident:
    """Breaks what is well. Each call breaks another Deployment."""

    def __init__(self, store: ObjectStore) -> None:
        # Uids of its own, which neither the generator nor churn makes up.
        self._world = World(store, ObjectFactory(Random("incident"), datetime.now(UTC), stream=2))
        self._exposed = self._find()

    def crash(self) -> Json:
        """Who is concerned: namespace, and names of the ingress, the service, the workload and the pod."""
        world = self._world
        world.factory.now = datetime.now(UTC)
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
            if not is_healthy(deployment) or not released or deployment["spec"]["replicas"] != 1:
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


async def _obey(incident: Incident, simulator: Simulator) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        told = {**await _do(line.decode().strip(), incident, simulator), "at": time.time() * 1000}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.Event().wait()  # what ends by itself would count as failed


async def _do(command: str, incident: Incident, simulator: Simulator) -> Json:
    match command:
        case "crash":
            return incident.crash()
        case "away":
            await simulator.go_offline()
        case "back":
            await simulator.go_online()
        case "release":
            simulator.faults.clear()
        case _:
            raise ValueError(f"there is no command {command!r}")
    return {}


async def main(port: int, scale: float, churn: float, *, hold: str = "", forbid: str = "") -> None:
    store = ObjectStore()
    load(store, scale, SEED, now=datetime.now(UTC))
    incident = Incident(store)
    async with Simulator(store) as simulator:
        extra_tasks = {"incident": lambda: _obey(incident, simulator)}
        if churn:
            extra_tasks["churn"] = lambda: Churn(store, SEED).run(churn)
        if hold:
            simulator.faults.add(HttpStatus(code=503, kind=hold, times=None))
        if forbid:
            simulator.authorizer.restrict(forbid)
        with kubeconfig_file(simulator.url) as path:
            settings = Settings(
                host="127.0.0.1", port=port, in_cluster=False, kubeconfig=path, label_selector=""
            )
            await app.serve(settings, extra_tasks=extra_tasks)


if __name__ == "__main__":
    _, port_given, scale_given, churn_given, *options = sys.argv
    faults = dict(option.split("=") for option in options)
    asyncio.run(main(int(port_given), float(scale_given), float(churn_given), **faults))
