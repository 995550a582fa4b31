"""The catalogue follows the custom kinds of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom import custom_kinds
from astrolabe.kinds.custom.custom_kinds import METADATA_ONLY, CustomKinds, WantedKind
from astrolabe.kinds.custom.parsing import parse_rules
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kube import custom_resources
from astrolabe.kube.custom_resources import CustomResources
from astrolabe.sim.definitions import crd, defined_by
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.kube.support import connected, settings_for, write_kubeconfig
from tests.support.kinds import CATALOGUE, KINDS
from tests.support.timing import SHORT

CERTIFICATE = crd("Certificate", "cert-manager.io", short_names=("cert",))
ENDPOINT = crd("CiliumEndpoint", "cilium.io")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        simulator.store.define(CERTIFICATE)
        simulator.store.define(ENDPOINT)
        yield simulator


@asynccontextmanager
async def following(
    simulator: Simulator, folder: Path, **settings: Any
) -> AsyncIterator[tuple[Catalogue, CustomResources]]:
    catalogue = CATALOGUE.only(())
    chosen = settings_for(write_kubeconfig(folder / "config", simulator.url), **settings)
    async with connected(simulator.url, folder) as cluster:
        kinds = CustomKinds(catalogue)
        customs = CustomResources(chosen, kinds, cluster, timing=SHORT, random=Random(1))
        customs.start()
        try:
            await customs.wait_known(10)
            yield catalogue, customs
        finally:
            await customs.stop()


def custom(catalogue: Catalogue) -> list[str]:
    return [key for key in catalogue.keys if "." in key]


async def until(catalogue: Catalogue, condition: Callable[[], bool]) -> None:
    changed = asyncio.Event()
    unobserve = catalogue.observe(lambda _: changed.set())
    try:
        async with asyncio.timeout(10):
            while not condition():
                changed.clear()
                await changed.wait()
    finally:
        unobserve()


async def test_custom_kinds_are_known_at_the_start_except_noise(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator, tmp_path) as (catalogue, customs):
        assert custom(catalogue) == ["Certificate.cert-manager.io"]
        assert customs.complete
        assert {id.key: choice.reason for id, choice in customs.choices.items()} == {
            "Certificate.cert-manager.io": "auto",
            "CiliumEndpoint.cilium.io": "noise",
        }
        entry = catalogue.find("cert")
        assert (entry.path, entry.optional, entry.expected) == (
            "/apis/cert-manager.io/v1/certificates",
            True,
            False,
        )


async def test_none_requests_no_definitions(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator, tmp_path, custom_resources=("none",)) as (catalogue, customs):
        assert custom(catalogue) == []
        assert customs.complete
        assert list(simulator.request_log.requests) == []


async def test_named_kinds_exclude_others_unless_requested(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator, tmp_path, kinds=("Pod",)) as (catalogue, _):
        assert custom(catalogue) == []
    asked = ("*.cilium.io",)
    async with following(simulator, tmp_path, kinds=("Pod",), custom_resources=asked) as (catalogue, _):
        assert custom(catalogue) == ["CiliumEndpoint.cilium.io"]
        assert catalogue["CiliumEndpoint.cilium.io"].expected


async def test_definitions_are_added_changed_and_removed(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator, tmp_path) as (catalogue, _):
        simulator.store.define(crd("Widget", "example.com", versions=("v1beta1",)))
        await until(catalogue, lambda: "Widget.example.com" in catalogue)
        simulator.store.define(crd("Widget", "example.com", versions=("v1beta1", "v1")))
        await until(catalogue, lambda: catalogue["Widget.example.com"].version == "v1")
        simulator.store.undefine("widgets.example.com")
        await until(catalogue, lambda: "Widget.example.com" not in catalogue)
        simulator.store.define(crd("Widget", "example.com", scope="Cluster"))
        await until(catalogue, lambda: "Widget.example.com" in catalogue)
        assert not catalogue["Widget.example.com"].namespaced
        assert "Certificate.cert-manager.io" in catalogue


async def test_a_definition_that_is_not_established_is_not_watched(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with following(simulator, tmp_path) as (catalogue, _):
        simulator.store.define({**crd("Late", "example.com"), "status": {}})
        simulator.store.define(crd("Widget", "example.com"))
        await until(catalogue, lambda: "Widget.example.com" in catalogue)
        assert "Late.example.com" not in catalogue
        simulator.store.define(crd("Late", "example.com"))
        await until(catalogue, lambda: "Late.example.com" in catalogue)


async def test_without_the_right_to_read_definitions_discovery_is_used(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_resources, "DISCOVER_OFTEN", 0.1)
    simulator.authorizer.restrict("CustomResourceDefinition")
    async with following(simulator, tmp_path) as (catalogue, customs):
        assert custom(catalogue) == ["Certificate.cert-manager.io"]
        assert customs.complete
        simulator.store.define(crd("Widget", "example.com"))
        await until(catalogue, lambda: "Widget.example.com" in catalogue)
        simulator.store.undefine("widgets.example.com")
        await until(catalogue, lambda: "Widget.example.com" not in catalogue)


async def test_without_aggregated_discovery(simulator: Simulator, tmp_path: Path) -> None:
    simulator.aggregates = False
    async with following(simulator, tmp_path) as (catalogue, _):
        assert custom(catalogue) == ["Certificate.cert-manager.io"]


async def test_kinds_with_too_many_objects_are_read_as_metadata_only(
    simulator: Simulator, tmp_path: Path
) -> None:
    async with following(simulator, tmp_path, max_custom_objects=10) as (catalogue, customs):
        key = "Certificate.cert-manager.io"
        customs.limit(key)
        await until(catalogue, lambda: catalogue[key].metadata_only)
        facts = catalogue[key].facts(
            catalogue[key].decoder.decode(b'{"metadata":{"name":"a","uid":"u","labels":{"a":"b"}}}')
        )
        assert (facts.status.reason, facts.labels) == (METADATA_ONLY, {"a": "b"})
        assert facts.status.message == (
            "There are more than 10 of this kind (--max-custom-objects), so only their metadata is read"
        )


async def test_one_invalid_definition_affects_only_itself(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = custom_kinds.entry_of

    def fails(definition: Any, rules: RuleBook, **more: Any) -> Any:
        if definition.kind == "Bad":
            raise ValueError("no such path")
        return made(definition, rules, **more)

    monkeypatch.setattr(custom_kinds, "entry_of", fails)
    simulator.store.define(crd("Bad", "example.com"))
    async with following(simulator, tmp_path) as (catalogue, _):
        assert custom(catalogue) == ["Certificate.cert-manager.io"]
    (said,) = [record.getMessage() for record in caplog.records if "Bad" in record.getMessage()]
    assert said.startswith(
        "Bad.example.com is not watched: its definition cannot be used: ValueError in fails"
    )


async def test_a_builtin_kind_is_read_in_an_older_version_if_only_that_is_served(
    tmp_path: Path,
) -> None:
    older = [replace(kind, version="v1beta2") if kind.older else kind for kind in KINDS]
    assert {kind.name for kind in KINDS if kind.older} == {"ResourceClaim", "DeviceClass"}
    async with (
        Simulator(ObjectStore(older)) as simulator,
        following(simulator, tmp_path) as (catalogue, _),
    ):
        assert catalogue["ResourceClaim"].path == "/apis/resource.k8s.io/v1beta2/resourceclaims"
        assert catalogue["Pod"] is CATALOGUE["Pod"]


async def test_beyond_the_watch_limit_kinds_are_left_out_and_named(
    simulator: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        simulator.store.define(crd(f"Thing{number}", "example.com"))
    places = ("a", "b", "c")
    async with following(simulator, tmp_path, namespaces=places, max_custom_watches=7) as (
        catalogue,
        customs,
    ):
        # The one with a rule, then by name.
        assert custom(catalogue) == ["Certificate.cert-manager.io", "Thing0.example.com"]
        why = "custom kinds may have 7 watches (--max-custom-watches)"
        assert customs.left_out == {"Thing1.example.com": why, "Thing2.example.com": why}
        simulator.store.undefine("thing0s.example.com")
        await until(catalogue, lambda: "Thing1.example.com" in catalogue)
        assert list(customs.left_out) == ["Thing2.example.com"]
    (said,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert said == (
        "2 custom kinds are left out: Thing1.example.com, Thing2.example.com. Custom kinds may have 7 watches "
        "(--max-custom-watches), one for each kind and namespace; allow more, or choose kinds with "
        "--custom-resources"
    )


def test_a_builtin_kind_becomes_selectable_if_a_rule_selects_it() -> None:
    """Else nobody pays for it."""
    rules = "kind: Widget.example.com\nreferences: [{edge: uses, to: ConfigMap, selector: spec.selector}]"
    catalogue = CATALOGUE.only(())
    kinds = CustomKinds(catalogue, RuleBook(parse_rules("widgets.yaml", rules)))
    assert catalogue["ConfigMap"].selectable is None
    widget = defined_by(crd("Widget", "example.com"))
    assert widget is not None
    assert [news.added for news in kinds.become({widget.id: WantedKind(widget)}) if news is not None] == [
        ("Widget.example.com",)
    ]
    manifest = b'{"metadata":{"name":"a","uid":"u","labels":{"a":"b"}}}'
    facts = catalogue["ConfigMap"].facts(catalogue["ConfigMap"].decoder.decode(manifest))
    assert facts.selectable == {"a": "b"}
