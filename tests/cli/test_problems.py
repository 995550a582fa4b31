"""`astrolabe problems`, of a served cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from astrolabe.cli.problem_watch import ProblemPrinter
from astrolabe.client.follower import Access
from tests.cli.asking import ask, served, store_of, terminal
from tests.cli.test_access import start
from tests.incidents.made import APP, MadeCluster, running, waiting
from tests.support.process import kill
from tests.support.serving import PATIENCE
from tests.support.stage import HELLO, send, stage


def trouble(c: MadeCluster) -> None:
    """A crash loop, and a Secret that does not exist, which three Pods ask for."""
    c.workload("web", waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container=app"))
    spec = {"containers": [{**APP, "envFrom": [{"secretRef": {"name": "creds"}}]}]}
    failing = waiting("CreateContainerConfigError", 'secret "creds" not found', spec=spec)
    c.workload("cart", failing, failing, failing, replicas=3, template=spec)


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("COLUMNS", "110")
    async with served(store_of(trouble)) as address:
        monkeypatch.setenv("ASTROLABE_SERVER", address)
        yield address


#: Of an Error, on a terminal.
RED = b"\x1b[31mError\x1b[0m"

TABLE = """\
STATUS  REASON            CAUSE                        AGE  AFFECTED
Error   CrashLoopBackOff  Pod/shop/web-0               3d   1 Deployment, 1 Service, 1 ReplicaSet,
                                                            1 EndpointSlice
  back-off 5m0s restarting failed container=app
Error   NotFound          Secret/shop/creds (missing)  3d   1 Deployment, 1 Service, 3 Pods, 1 ReplicaSet,
                                                            1 EndpointSlice
  Secret "creds" does not exist in namespace shop: Deployment cart asks for it
  (spec.template.spec.containers[app].envFrom[0].secretRef)
"""

NARROW = """\
Error CrashLoopBackOff, 3d
  cause: Pod/shop/web-0
  affected: 1 Deployment, 1 Service,
  1 ReplicaSet, 1 EndpointSlice
  back-off 5m0s restarting failed
  container=app
"""


async def test_a_table_fits_the_terminal(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await ask("problems") == (1, TABLE, "")
    monkeypatch.setenv("COLUMNS", "40")
    assert await ask("problems", "name:web*", "-name:web-1") == (1, NARROW, "")
    only = "only the first 1 problems are shown; --limit shows more\n"
    assert await ask("problems", "--limit=1") == (1, NARROW, only)


async def test_colours_are_for_terminals(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        process = await terminal(*("problems", "name:web*"), **variables)
        assert (RED in process, b"Pod/shop/web-0" in process) == (coloured, True)


async def test_a_watch_prints_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(trouble)
    async with served(store) as address:
        process = await start("problems", "--watch", "-o", "json", "-s", address)
        try:
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE):
                first = json.loads(await process.stdout.readline())
                assert [each["cause"]["name"] for each in first] == ["web-0", "creds"]
                secret = {"metadata": {"name": "creds", "namespace": "shop", "uid": "new"}}
                store.create("Secret", {"apiVersion": "v1", "kind": "Secret", **secret})
                now = first
                while "creds" in [each["cause"]["name"] for each in now if "ended" not in each]:
                    now = json.loads(await process.stdout.readline())
        finally:
            await kill(process)


async def test_a_watch_resumes_after_a_loss_and_prints_only_changes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    problem = {"id": "a", "status": "Error", "reason": "OOMKilled", "cause": {"kind": "Pod", "name": "web"}}
    place = {"id": "default", "epoch": "p"}
    first = {"type": "problems", **place, "seq": 2, "part": 1, "last": True, "problems": [problem]}
    live = {"type": "state", "state": "live"}
    stale = {"type": "state", "state": "stale", "why": "the API server does not answer"}
    acts = (
        send(HELLO, live, first, code=1001),
        send(HELLO, stale, {"type": "bookmark", **place, "seq": 2}),
    )
    async with stage(*acts) as server:
        printer = ProblemPrinter(Access(url=server.url), {}, sort="severity", limit=9, output="json")
        watching = asyncio.create_task(printer.follow())
        said = ""
        async with asyncio.timeout(PATIENCE):
            while "stale" not in said:
                await asyncio.sleep(0.01)
                told = capsys.readouterr()
                said += told.err
                if told.out:
                    assert json.loads(told.out) == [problem]
        watching.cancel()
        await asyncio.wait([watching])
    assert server.heard[1]["since"] == {"epoch": "p", "seq": 2}
    lines = said.splitlines()
    assert lines[:2] == ["the server closed the connection with code 1001; reconnecting", "reconnected"]
    assert lines[2:] == ["stale: the API server does not answer"]


async def test_gaps_of_the_server_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(store_of(lambda c: c.workload("web", running())), forbid="Secret") as address:
        code, out, err = await ask("problems", "-s", address)
    assert (code, out) == (0, "")
    assert err == ("nothing is broken\npartial: not readable: Secret\n")


async def test_json_is_what_the_server_answers(shop: str) -> None:
    code, out, err = await ask("problems", "-o", "json", "--sort=affected")
    assert (code, err) == (1, "")
    assert [each["reason"] for each in json.loads(out)] == ["NotFound", "CrashLoopBackOff"]


async def test_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(store_of(lambda c: c.workload("web", running()))) as address:
        assert await ask("problems", "--server", address) == (0, "", "nothing is broken\n")
        code, out, _ = await ask("problems", f"-s={address}", "-o", "json")
        assert (code, json.loads(out)) == (0, [])


async def test_a_failed_request_is_one_line_and_exit_code_2(shop: str) -> None:
    code, out, err = await ask("problems", "kind:pood")
    assert (code, out) == (2, "")
    assert err.startswith("astrolabe: q does not parse: unknown kind 'pood', the kinds are: Namespace, ")
    assert await ask("problems", "--limit=0") == (
        2,
        "",
        "astrolabe: invalid value '0' for --limit: not a whole number from 1 to 10000\n",
    )
    refused = "astrolabe: cannot connect to http://localhost:1: Connection refused\n"
    assert await ask("problems", "--server=localhost:1") == (2, "", refused)
