"""The same cluster served twice in one process: to nobody, and to clients that a change does not concern.

`python -m tests.benchmarks.bystanders NODES` answers commands: see `Bystanders`, and `processes`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from itertools import combinations, islice
from typing import Any

import msgspec
import uvloop

from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN
from astrolabe.kube.events import Upserted, decode
from astrolabe.sim.cluster.generator import generate
from tests.benchmarks.clusters import Cluster
from tests.benchmarks.processes import allow_many_files, answer
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE
from tests.support.kinds import KINDS, KINDS_BY_NAME
from tests.support.serving import serve

POD = KINDS_BY_NAME["Pod"]
#: Each pod is told of with two restart counts in turn, so that every event is a change.
COUNTS = (7, 8)


class Heard(Cluster):
    """A cluster that is heard of by watch. received: CPU seconds that the hub took for batches."""

    def __init__(self, nodes: int) -> None:
        super().__init__(nodes)
        self.received = 0.0

    def take(self, line: bytes) -> None:
        """All that a line of a watch brings about."""
        event = decode(POD, line)
        assert isinstance(event, Upserted)
        self.model.upsert(POD.facts(event.manifest))
        changes = self.model.commit()
        started = time.process_time()
        self.send(changes)
        self.received += time.process_time() - started


class Bystanders:
    """alone: told to nobody. watched: told to the clients at the port."""

    def __init__(self, alone: Heard, watched: Heard, port: int, pods: list[dict[str, Any]]) -> None:
        self._clusters = {"alone": alone, "watched": watched}
        self._port = port
        self._pods = pods

    async def filters(self, *, count: int) -> dict[str, Any]:
        """The port, and so many different filters that match none of the pods."""
        nodes = list(self._clusters["watched"].hub.graph.nodes.values())
        return {"port": self._port, "filters": list(islice(_filters(nodes, self._pods[0]), count))}

    async def change(self, *, cluster: str, times: int) -> list[float]:
        """CPU seconds of so many events, and of what the hub did of it."""
        world = self._clusters[cluster]
        lines = [_line(pod, count) for count in COUNTS for pod in self._pods]
        received, seq = world.received, world.hub.graph.seq
        started = time.process_time()
        for number in range(times):
            world.take(lines[number % len(lines)])
        cost = time.process_time() - started
        assert world.hub.graph.seq == seq + times
        return [cost, world.received - received]


def _line(pod: dict[str, Any], restarts: int) -> bytes:
    """The event of a pod that has restarted so often."""
    statuses = [{**each, "restartCount": restarts} for each in pod["status"]["containerStatuses"]]
    changed = {**pod, "status": {**pod["status"], "containerStatuses": statuses}}
    return msgspec.json.encode({"type": "MODIFIED", "object": changed})


def _ready_pods(manifests: Iterable[tuple[str, dict[str, Any]]], cluster: Cluster) -> list[dict[str, Any]]:
    """The pods that are Ready of the namespace that has most of them."""
    nodes = cluster.hub.graph.nodes
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    for kind, manifest in manifests:
        meta = manifest["metadata"]
        if kind == "Pod" and "containerStatuses" in manifest["status"] and nodes[meta["uid"]].status == READY:
            by_namespace.setdefault(meta["namespace"], []).append(manifest)
    return max(by_namespace.values(), key=len)


def _filters(nodes: list[Node], pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Filters of each form in turn, none twice, none of which matches anything in the namespace of the pod."""
    away = pod["metadata"]["namespace"]
    namespaces = sorted({node.namespace for node in nodes} - {"", away})
    near = {node.release for node in nodes if node.namespace == away}
    releases = sorted({node.release for node in nodes} - near - {""})
    names = sorted({node.name for node in nodes if node.kind == "Pod" and node.namespace != away})
    kinds = [kind.name for kind in KINDS]
    forms = (
        ({"namespace": list(each)} for each in _choices(namespaces)),
        ({"release": list(each)} for each in _choices(releases)),
        (
            {"kind": list(each), "status": [status]}
            for each in _choices(kinds)
            for status in (ERROR, PENDING, UNKNOWN)
        ),
        ({"selector": f"app.kubernetes.io/instance in ({','.join(each)})"} for each in _choices(releases)),
        ({"q": each} for each in names),
    )
    yield from (filter for turn in zip(*forms, strict=False) for filter in turn)


def _choices(values: list[str]) -> Iterator[tuple[str, ...]]:
    """One of them, two of them, and so on."""
    for count in range(1, 5):
        yield from combinations(values, count)


async def main(nodes: int) -> None:
    allow_many_files()
    alone, watched = Heard(nodes), Heard(nodes)
    pods = _ready_pods(generate(nodes / OBJECTS_AT_FULL_SCALE, seed=1), alone)
    async with serve(watched) as site:
        bystanders = Bystanders(alone, watched, site.port, pods)
        await answer({"filters": bystanders.filters, "change": bystanders.change})


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
