"""What `astrolabe check` finds in a simulated cluster."""

from __future__ import annotations

from astrolabe.cli.check import check
from astrolabe.cli.check_finding import Finding
from astrolabe.settings import Settings
from astrolabe.sim.event_kinds import CORE_EVENT
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import WATCHED


def store(*namespaces: str) -> ObjectStore:
    """Of a cluster that has these beside those that every cluster has."""
    store = ObjectStore([CORE_EVENT, *WATCHED])
    for name in ("default", "kube-system", *namespaces):
        store.create("Namespace", {"metadata": {"name": name}})
    return store


async def found(simulator: Simulator, **settings: object) -> dict[str, Finding]:
    """What is found, by subject."""
    with kubeconfig_file(simulator.url) as path:
        findings = await check(Settings(in_cluster=False, kubeconfig=path, **settings))  # type: ignore[arg-type]
    return {finding.subject: finding for finding in findings}
