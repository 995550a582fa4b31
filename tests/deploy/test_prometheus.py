"""A real Prometheus: it scrapes real replicas, has our alerts, and answers the queries of the dashboard."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.documents import ALERTS
from tests.support.documents import DASHBOARD as DASHBOARD_FILE
from tests.support.fleet import Fleet, fleet
from tests.support.programs import program
from tests.support.redis_server import free_port, redis_server

DASHBOARD = json.loads(DASHBOARD_FILE.read_text())
#: Seconds in which everything is scraped, and seen to move.
PATIENCE = 45.0
CHURN = 20
#: Panels that are empty while all is well.
QUIET = {"Unresolved references"}
#: Panels that are empty without users of the cluster, of whom there are none here.
OF_USERS = {"Users and what they see", "Reviews", "Time to answer a review"}


class Prometheus:
    """One that scrapes these addresses every second. Its data are in the folder."""

    def __init__(self, folder: Path, targets: dict[str, str]) -> None:
        self._program = program("prometheus", package="prometheus")
        self.url = f"http://127.0.0.1:{free_port()}"
        self._configuration = folder / "prometheus.yaml"
        self._data = folder / "data"
        scrape = {
            "job_name": "astrolabe",
            "static_configs": [
                {"targets": [address], "labels": {"namespace": "astrolabe-system", "pod": pod}}
                for pod, address in targets.items()
            ],
        }
        self._configuration.write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(ALERTS)],
                    "scrape_configs": [scrape],
                }
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[aiohttp.ClientSession]:
        process = await asyncio.create_subprocess_exec(
            self._program,
            f"--config.file={self._configuration}",
            f"--storage.tsdb.path={self._data}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            stderr=DEVNULL,
        )
        try:
            async with aiohttp.ClientSession(self.url) as http:
                yield http
        finally:
            process.terminate()
            await process.wait()


async def ask(http: aiohttp.ClientSession, path: str, **query: str) -> Any:
    """The data of an answer; None when it is not there yet."""
    try:
        async with http.get(path, params=query) as answer:
            if answer.status == 503:  # it listens before it is ready
                return None
            document = await answer.json()
    except aiohttp.ClientConnectionError:
        return None
    assert document["status"] == "success", document
    return document["data"]


def queries() -> dict[str, str]:
    """Of the dashboard, by panel and number."""
    return {
        f"{panel['title']} {number}": target["expr"]
        .replace("$__rate_interval", "10s")
        .replace("$namespace", "astrolabe-system")
        for panel in DASHBOARD["panels"]
        if panel["title"] not in QUIET | OF_USERS
        for number, target in enumerate(panel.get("targets", ()))
    }


async def unanswered(http: aiohttp.ClientSession, asked: dict[str, str]) -> dict[str, str]:
    """Those queries that have no series with a number."""
    empty = {}
    for name, query in asked.items():
        data = await ask(http, "/api/v1/query", query=query)
        if data is None or all(series["value"][1] == "NaN" for series in data["result"]):
            empty[name] = query
    return empty


async def watch_all(fleet: Fleet) -> None:
    """Somebody who follows each replica, by WebSocket and by events."""
    async with asyncio.TaskGroup() as group:
        for replica in fleet.replicas:
            for path in ("/api/v1/ws", "/api/v1/events"):
                group.create_task(follow(fleet.session, replica.url + path))


async def follow(http: aiohttp.ClientSession, url: str) -> None:
    if url.endswith("ws"):
        async with http.ws_connect(url, max_msg_size=2**26) as stream:
            async for _ in stream:
                pass
    else:
        async with http.get(url, timeout=aiohttp.ClientTimeout(None)) as answer:
            async for _ in answer.content.iter_any():
                pass


async def test_prometheus_has_an_answer_for_every_panel_and_no_alert_about_astrolabe(tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.002, seed=1)
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, redis, 2) as replicas:
                    await replicas.agreed(30)
                    moving = asyncio.create_task(Churn(store, 1).run(CHURN), name="churn")
                    following = asyncio.create_task(watch_all(replicas), name="followers")
                    try:
                        await check(tmp_path, replicas)
                    finally:
                        for task in (moving, following):
                            task.cancel()
                        await asyncio.gather(moving, following, return_exceptions=True)


async def check(folder: Path, replicas: Fleet) -> None:
    targets = {f"astrolabe-{n}": each.url.removeprefix("http://") for n, each in enumerate(replicas.replicas)}
    empty = queries()
    async with Prometheus(folder, targets).running() as http:
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    empty = await unanswered(http, empty)
                    if not empty:
                        break
                    await asyncio.sleep(0.5)  # it tells nobody when it has scraped
        except TimeoutError:
            raise AssertionError(f"nothing to show for {empty}") from None
        groups = (await ask(http, "/api/v1/rules"))["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok"} == {}
        # What is broken in the cluster may be told; nothing is wrong with Astrolabe.
        assert {rule["name"] for rule in rules if rule["state"] != "inactive"} <= {"AstrolabeProblems"}
        assert len(rules) == sum(
            len(group["rules"]) for group in yaml.safe_load(ALERTS.read_text())["groups"]
        )
        samples = await ask(
            http, "/api/v1/query", query='scrape_samples_post_metric_relabeling{job="astrolabe"}'
        )
        # Two times what a replica has now; labels that grow with the cluster would be more.
        assert max(float(series["value"][1]) for series in samples["result"]) < 1_000
