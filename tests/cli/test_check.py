"""`astrolabe check` against a simulated API server and a real Redis."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from astrolabe.cli.check import Finding, check, table
from astrolabe.kinds.table import KINDS
from astrolabe.settings import Settings
from astrolabe.sim.api.access import Access
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import Store
from tests.support.redis_server import free_port


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(Store(), access=Access()) as simulator:
        yield simulator


async def found(simulator: Simulator, **settings: object) -> dict[str, Finding]:
    """What is found, by subject."""
    with kubeconfig_file(simulator.url) as path:
        findings = await check(Settings(in_cluster=False, kubeconfig=path, **settings))  # type: ignore[arg-type]
    return {finding.subject: finding for finding in findings}


async def test_all_is_well(simulator: Simulator) -> None:
    findings = await found(simulator)
    assert list(findings) == [f"API server {simulator.url}", *[kind.name for kind in KINDS]]
    assert {finding.outcome for finding in findings.values()} == {"ok"}
    assert {finding.advice for finding in findings.values()} == {""}


async def test_permissions_that_lack(simulator: Simulator) -> None:
    optional = next(kind for kind in KINDS if kind.optional)
    simulator.access.restrict("Deployment")
    simulator.access.restrict(optional.name)
    findings = await found(simulator)
    assert findings["Deployment"] == Finding(
        "Deployment",
        "missing",
        "grant list and watch on deployments.apps, as deploy/deployment.yaml does",
    )
    assert findings[optional.name].outcome == "optional"
    assert findings[optional.name].advice.startswith("to have it shown, grant list and watch on ")
    assert findings["Pod"].outcome == "ok"


async def test_of_some_namespaces_and_kinds(simulator: Simulator) -> None:
    simulator.access.restrict("Service", ["shop"])
    findings = await found(simulator, namespaces=("shop", "web"), kinds=("Pod", "Service"))
    assert [(each.subject, each.outcome) for each in list(findings.values())[1:]] == [
        ("Pod in shop", "ok"),
        ("Pod in web", "ok"),
        ("Service in shop", "ok"),
        ("Service in web", "missing"),
    ]
    assert findings["Service in web"].advice.startswith("grant list and watch on services in web")


async def test_the_only_thing_that_is_posted_is_the_question(simulator: Simulator) -> None:
    await found(simulator)
    asked = [request for request in simulator.journal.requests if request.method != "GET"]
    assert len(asked) == 2 * len(KINDS)
    assert {(request.method, request.path, request.write) for request in asked} == {
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", False)
    }


async def test_without_an_api_server_nothing_more_is_tried(tmp_path: Path) -> None:
    with kubeconfig_file(f"http://127.0.0.1:{free_port()}") as path:
        (finding,) = await check(Settings(in_cluster=False, kubeconfig=path))
    assert finding.outcome == "missing"
    assert "Connection refused" in finding.advice
    (finding,) = await check(Settings(in_cluster=False, kubeconfig=str(tmp_path / "none")))
    assert (finding.subject, finding.outcome) == ("API server", "missing")
    assert "There is no kubeconfig at" in finding.advice


async def test_redis_is_tried_when_it_is_used(simulator: Simulator) -> None:
    port = free_port()
    findings = await found(simulator, enable_persistence=True, redis_addr=f"127.0.0.1:{port}")
    finding = findings[f"Redis 127.0.0.1:{port}"]
    assert finding.outcome == "missing"
    assert "is --redis-addr right?" in finding.advice


def test_the_table() -> None:
    findings = [Finding("API server", "ok"), Finding("Pod", "missing", "grant it")]
    assert table(findings) == "API server  ok\nPod         missing   grant it"


async def test_the_command_ends_with_1_when_something_is_missing(simulator: Simulator) -> None:
    async def run() -> tuple[int | None, str]:
        with kubeconfig_file(simulator.url) as path:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "astrolabe.cli", "check", "--in-cluster=false", "--kubeconfig", path),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
        return process.returncode, out.decode()

    code, out = await run()
    assert code == 0
    assert out.splitlines()[0].split() == ["API", "server", simulator.url, "ok"]
    simulator.access.restrict("Deployment")
    code, out = await run()
    assert code == 1
    assert "grant list and watch on deployments.apps, as deploy/deployment.yaml does" in out
