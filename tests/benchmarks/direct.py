"""What dashboards cost an API server that they ask themselves, against what they cost it behind Astrolabe.

    ASTROLABE_TEST_KUBECONFIG=... python -m tests.benchmarks.direct --dashboards 100 --refresh 10 --seconds 60

Fills a disposable cluster with namespaces `direct-*` full of objects that no controller acts upon, changes labels
all the time, and reads the API server's own `process_cpu_seconds_total`: with nobody there; with every
dashboard listing what a topology needs, from the cache of the API server (resourceVersion=0), every so many seconds;
and with every dashboard following Astrolabe, which watches once. Prints one table.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from typing import Any

import aiohttp
import msgspec
import psutil
import uvloop

from astrolabe.sim.cluster.generator import generate
from tests.benchmarks.processes import helper
from tests.benchmarks.program import serving
from tests.support.kinds import KINDS_BY_NAME
from tests.support.kubectl import Kubectl
from tests.support.redis_server import free_port

#: What a dashboard of topology must know of.
SHOWN = (
    *("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"),
    *("Service", "EndpointSlice", "Ingress", "ConfigMap", "Secret", "PersistentVolumeClaim"),
)
#: Fields of a generated manifest that only an API server may write.
WRITTEN = ("uid", "resourceVersion", "creationTimestamp", "generation", "ownerReferences", "finalizers")
#: What is made of them; a Job's template names the uid of the Job, which only an API server knows.
MADE = ({"Namespace", *SHOWN}) - {"Job"}
#: So many creations at a time.
AT_ONCE = 16


class Measured(msgspec.Struct):
    """cpu: of the API server, in a share of one core. heard: megabytes a second that dashboards got."""

    name: str
    cpu: float
    heard: float


class Site:
    """A cluster behind `kubectl proxy`, which is where everyone asks it."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url
        self.created = 0
        self.refused: list[str] = []
        #: Bytes that dashboards got.
        self.heard = 0
        self._pods: list[str] = []

    async def fill(self, scale: float) -> None:
        """Create what the generator makes at this scale, in namespaces of its own."""
        room = asyncio.Semaphore(AT_ONCE)
        manifests = [(kind, manifest) for kind, manifest in generate(scale, 1) if kind in MADE]
        for of_namespace in (True, False):
            async with asyncio.TaskGroup() as group:
                for kind, manifest in manifests:
                    if (kind == "Namespace") == of_namespace:
                        group.create_task(self._create(room, kind, inert(manifest)))

    async def _create(self, room: asyncio.Semaphore, kind: str, manifest: dict[str, Any]) -> None:
        meta = manifest["metadata"]
        entry = KINDS_BY_NAME[kind]
        path = entry.path_in(meta["namespace"]) if entry.namespaced else entry.path
        async with room, self.http.post(self.url + path, json=manifest) as answer:
            if answer.status != 201:
                self.refused.append(f"{kind} {meta['name']}: {(await answer.json()).get('message')}")
                return
            self.created += 1
            if kind == "Pod":
                self._pods.append(f"{path}/{meta['name']}")

    async def change(self, rate: float) -> None:
        """Change a label so many times a second, until cancelled."""
        headers = {"Content-Type": "application/merge-patch+json"}
        for number, pod in enumerate(cycle(self._pods)):
            patch = {"metadata": {"labels": {"direct/number": str(number)}}}
            async with self.http.patch(self.url + pod, json=patch, headers=headers) as answer:
                await answer.read()
            await asyncio.sleep(1 / rate)  # the pace of changes

    async def cpu(self) -> float:
        """Seconds that the API server has used so far."""
        async with self.http.get(f"{self.url}/metrics") as answer:
            found = re.search(r"^process_cpu_seconds_total (\S+)$", await answer.text(), re.MULTILINE)
        assert found is not None
        return float(found[1])

    async def read_all(self) -> None:
        """What a dashboard asks for one refresh."""
        for kind in SHOWN:
            async with self.http.get(f"{self.url}{KINDS_BY_NAME[kind].path}?resourceVersion=0") as answer:
                assert answer.status == 200
                self.heard += len(await answer.read())


def inert(manifest: dict[str, Any]) -> dict[str, Any]:
    """As it may be created, and so that no controller makes anything of it."""
    meta = {key: value for key, value in manifest["metadata"].items() if key not in WRITTEN}
    if "namespace" in meta:
        meta["namespace"] = f"direct-{meta['namespace']}"
    if manifest["kind"] == "Namespace":
        meta = {"name": f"direct-{meta['name']}"}
    made = {**manifest, "metadata": meta}
    made.pop("status", None)
    spec = dict(made.get("spec") or {})
    if manifest["kind"] in ("Deployment", "ReplicaSet", "StatefulSet"):
        spec["replicas"] = 0
    if manifest["kind"] == "CronJob":
        spec["suspend"] = True
    if manifest["kind"] == "Pod":
        spec = {
            "containers": [
                {key: value for key, value in each.items() if key != "volumeMounts"}
                for each in spec["containers"]
            ],
            "nodeSelector": {"no": "where"},
        }
    if manifest["kind"] == "Service":
        spec = {key: value for key, value in spec.items() if not key.startswith("clusterIP")}
    if spec:
        made["spec"] = spec
    if manifest["kind"] == "Secret":
        made["type"] = "Opaque"
    return made


async def measure(site: Site, name: str, act: Callable[[], Awaitable[int]]) -> Measured:
    """The API server's work while `act` goes on, which returns the bytes that dashboards got."""
    before, began = await site.cpu(), time.monotonic()
    size = await act()
    took = time.monotonic() - began
    return Measured(name, (await site.cpu() - before) / took, size / took / 1e6)


async def directly(site: Site, *, dashboards: int, refresh: float, seconds: float) -> int:
    """Each lists everything, once a refresh."""
    ends, before = time.monotonic() + seconds, site.heard

    async def refresh_on(number: int) -> None:
        await asyncio.sleep(refresh * number / dashboards)  # they were not opened at one moment
        while time.monotonic() < ends:
            began = time.monotonic()
            await site.read_all()
            await asyncio.sleep(max(0.0, began + refresh - time.monotonic()))

    async with asyncio.TaskGroup() as group:
        for number in range(dashboards):
            group.create_task(refresh_on(number))
    return site.heard - before


async def followed(site: Site, *, dashboards: int, seconds: float) -> tuple[Measured, float]:
    """Each follows all of Astrolabe, which is one watcher; the share of a core that this one takes."""
    port = free_port()
    async with serving(site.url, port) as pid:
        process = psutil.Process(pid)
        with helper("listeners") as crowd:
            paths = ["/api/v1/ws"] * dashboards
            await asyncio.to_thread(
                crowd.ask, "open", port=port, paths=paths, filters=[[]] * dashboards, snapshots=dashboards
            )
            before, began = sum(process.cpu_times()[:2]), time.monotonic()

            async def look_on() -> int:
                sent = await sent_bytes(site, port)
                await asyncio.sleep(seconds)  # the time of the measurement
                return await sent_bytes(site, port) - sent

            measured = await measure(site, f"{dashboards} dashboards follow Astrolabe", look_on)
            return measured, (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


async def sent_bytes(site: Site, port: int) -> int:
    async with site.http.get(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.findall(
            r"^astrolabe_stream_sent_bytes_total\{.*\} (\S+)$", await answer.text(), re.MULTILINE
        )
    return int(sum(map(float, found)))


@asynccontextmanager
async def proxied(kubectl: Kubectl) -> AsyncIterator[Site]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("kubectl", "--kubeconfig", kubectl.kubeconfig, "proxy", f"--port={port}"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # "Starting to serve"
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            yield Site(http, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


async def main(given: argparse.Namespace) -> int:
    kubectl = Kubectl.from_environment()
    try:
        async with proxied(kubectl) as site:
            await site.fill(given.scale)
            print(f"{site.created} objects; {len(site.refused)} were refused", *site.refused[:3], sep="\n")
            changing = asyncio.create_task(site.change(given.changes), name="changes")
            rows, own = await compare(site, given)
            changing.cancel()
    finally:
        if names := await filled(kubectl):
            await kubectl("delete", "namespace", "--wait=false", *names)
    print("| | API server, of a core | MB a second to dashboards |\n| --- | --- | --- |")
    for row in rows:
        print(f"| {row.name} | {row.cpu:.1%} | {row.heard:.3f} |")
    print(f"Astrolabe itself: {own:.1%} of a core")
    return 0


async def compare(site: Site, given: argparse.Namespace) -> tuple[list[Measured], float]:
    """Every way in turn, and the share of a core that Astrolabe took."""
    seconds, refresh = given.seconds, given.refresh

    async def nobody() -> int:
        await asyncio.sleep(seconds)  # the time of the measurement
        return 0

    rows = [await measure(site, "nobody", nobody)]
    for count in (1, given.dashboards):
        ask = partial(directly, site, dashboards=count, refresh=refresh, seconds=seconds)
        rows.append(await measure(site, f"{count} ask every {refresh:g} s", ask))
    behind, own = await followed(site, dashboards=given.dashboards, seconds=seconds)
    return [*rows, behind], own


async def filled(kubectl: Kubectl) -> list[str]:
    names = (await kubectl("get", "namespaces", "-o", "name")).split()
    return [name.removeprefix("namespace/") for name in names if name.startswith("namespace/direct-")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.01, help="of the cluster; 1 has 215,000 objects")
    parser.add_argument("--dashboards", type=int, default=100)
    parser.add_argument("--refresh", type=float, default=10.0, help="seconds")
    parser.add_argument("--changes", type=float, default=5.0, help="a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(arguments())))
