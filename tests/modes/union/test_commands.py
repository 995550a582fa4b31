"""The commands that ask a server of several clusters."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner

from astrolabe.cli.commands import root
from astrolabe.cli.finding import SoughtObject, target_of
from astrolabe.sim.store import ObjectStore
from tests.support.unions import union_of

UID = "91a594ec-84b5-41cf-a707-7d0dd98c791a"


def a_store() -> ObjectStore:
    store = ObjectStore()
    store.create("Namespace", {"metadata": {"name": "shop", "uid": "ns"}})
    meta = {"name": "web", "namespace": "shop", "uid": UID, "creationTimestamp": "2026-01-01T00:00:00Z"}
    store.create("ConfigMap", {"metadata": meta})
    return store


def test_a_target_may_be_an_id_with_its_cluster() -> None:
    assert target_of([f"prod/{UID}"], "") == SoughtObject("", "", f"prod/{UID}")
    assert target_of(["cm/web"], "shop", "prod") == SoughtObject("cm", "shop", "web", "prod")
    assert SoughtObject("cm", "shop", "web", "prod").search() == 'kind:cm name:"web" ns:"shop" cluster:"prod"'
    assert SoughtObject("cm", "", "web", "prod").words == "cm 'web' in cluster prod"


async def test_a_name_that_two_clusters_have_needs_the_cluster(tmp_path: Path) -> None:
    async with union_of(tmp_path, {"dev": a_store(), "prod": a_store()}) as site:

        async def ask(*args: str) -> tuple[int, str, str]:
            found = await asyncio.to_thread(CliRunner().invoke, root, [*args, f"--server={site.url}"])
            return found.exit_code, found.stdout, found.stderr + str(found.exception or "")

        code, _, said = await ask("why", "cm/web", "-n", "shop")
        assert code != 0
        assert "ConfigMap/shop/web --cluster=dev, ConfigMap/shop/web --cluster=prod" in said
        for target in (["cm/web", "--cluster=prod"], [f"prod/{UID}"]):
            code, out, said = await ask("impact", *target)
            assert (code, said) == (0, "")
            assert "ConfigMap/shop/web in prod" in out
        code, out, _ = await ask("find", "kind:cm")
        assert [line.split()[:4] for line in out.splitlines()] == [
            ["CLUSTER", "KIND", "NAMESPACE", "NAME"],
            ["dev", "ConfigMap", "shop", "web"],
            ["prod", "ConfigMap", "shop", "web"],
        ]
        code, out, _ = await ask("find", "kind:cm", "--cluster=dev", "-o", "name")
        assert out == "ConfigMap/shop/web\n"
        code, _, said = await ask("problems", "--cluster=test")
        assert "unknown cluster 'test'; it is one of dev, prod" in said
