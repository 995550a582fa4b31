"""What is not visible is never called Ready: in strict mode, with some kinds, and where a role forbids."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from astrolabe.settings import DEFAULT_SELECTOR
from astrolabe.sim.server import Simulator
from tests.support.cluster import Followed, followed

OUTAGE = json.loads((Path(__file__).parent / "cases" / "25-strict-mode-green-outage.json").read_text())


def simulator_of(*, without_labels: str = "", ready: bool = False) -> Simulator:
    """A Service with a slice of one endpoint, and an Ingress. without_labels: the kind that no selector finds."""
    simulator = Simulator()
    for each in sorted(OUTAGE["objects"], key=lambda each: int(each["metadata"]["resourceVersion"])):
        manifest: dict[str, Any] = json.loads(json.dumps(each))
        if each["kind"] == "EndpointSlice":
            manifest["endpoints"][0]["conditions"]["ready"] = ready
        if each["kind"] == without_labels:
            del manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        simulator.store.create(each["kind"], manifest)
    return simulator


async def judged(simulator: Simulator, **settings: Any) -> dict[str, tuple[str, str]]:
    """kind → status and reason of `web`, once all that can be listed is."""
    async with simulator, followed(simulator.url, **settings) as run:
        async with asyncio.timeout(10):
            while run.readiness.still_listing():  # noqa: ASYNC110 - what may not be read makes no batch
                await asyncio.sleep(0.01)
        await run.until(lambda: "Ingress" in kinds_of(run))
        nodes = [node.document() for node in run.graph.nodes.values() if node.name == "web"]
        return {node["kind"]: (node["status"], node["reason"]) for node in nodes}


def kinds_of(run: Followed) -> set[str]:
    return {node.kind for node in run.graph.nodes.values()}


STRICT = {"selector_mode": "strict", "label_selector": DEFAULT_SELECTOR}
NO_SLICE = {
    "Service": ("Unknown", "EndpointsNotVisible"),
    "Ingress": ("Unknown", "BackendUnknown"),
}


async def test_strict_mode_over_a_slice_without_ready_endpoint() -> None:
    statuses = await judged(simulator_of(), **STRICT)
    assert statuses == NO_SLICE | {"Deployment": ("Pending", "Progressing")}


async def test_strict_mode_over_a_slice_with_a_ready_endpoint() -> None:
    statuses = await judged(simulator_of(ready=True), **STRICT)
    assert (statuses["Service"], statuses["Ingress"]) == (("Ready", "Ready"), ("Ready", "Ready"))


@pytest.mark.parametrize("ready", [True, False])
async def test_strict_mode_over_a_slice_that_no_selector_finds(ready: bool) -> None:
    statuses = await judged(simulator_of(without_labels="EndpointSlice", ready=ready), **STRICT)
    assert {kind: statuses[kind] for kind in NO_SLICE} == NO_SLICE


async def test_strict_mode_over_a_service_that_no_selector_finds() -> None:
    statuses = await judged(simulator_of(without_labels="Service", ready=True), **STRICT)
    assert statuses["Ingress"] == ("Unknown", "BackendNotVisible")


async def test_slices_that_are_not_watched() -> None:
    statuses = await judged(simulator_of(ready=True), kinds=("Service", "Ingress", "Pod"))
    assert statuses == NO_SLICE


async def test_backends_that_are_not_watched() -> None:
    statuses = await judged(simulator_of(ready=True), kinds=("Ingress",))
    assert statuses == {"Ingress": ("Unknown", "BackendNotVisible")}


async def test_slices_that_are_forbidden() -> None:
    simulator = simulator_of(ready=True)
    simulator.authorizer.restrict("EndpointSlice")
    statuses = await judged(simulator)
    assert {kind: statuses[kind] for kind in NO_SLICE} == NO_SLICE


@pytest.mark.parametrize("settings", [{}, STRICT])
async def test_slices_that_become_forbidden(settings: dict[str, Any]) -> None:
    simulator = simulator_of(ready=True)

    def services(run: Followed) -> set[tuple[str, str, str]]:
        nodes = [node.document() for node in run.graph.nodes.values() if node.name == "web"]
        kinds = ("Service", "Ingress")
        return {(n["kind"], n["status"], n["reason"]) for n in nodes if n["kind"] in kinds}

    fine = {(kind, "Ready", "Ready") for kind in NO_SLICE}
    async with simulator, followed(simulator.url, **settings) as run:
        await run.until(lambda: services(run) == fine)
        simulator.authorizer.restrict("EndpointSlice")
        simulator.disconnect()
        await run.until(lambda: services(run) == {(kind, *status) for kind, status in NO_SLICE.items()})
        simulator.authorizer.allow("EndpointSlice")
        await run.until(lambda: services(run) == fine)


async def test_all_is_visible() -> None:
    statuses = await judged(simulator_of(ready=True))
    assert (statuses["Service"], statuses["Ingress"]) == (("Ready", "Ready"), ("Ready", "Ready"))
    statuses = await judged(simulator_of())
    assert (statuses["Service"], statuses["Ingress"]) == (
        ("Error", "NoReadyEndpoints"),
        ("Error", "BackendUnavailable"),
    )
