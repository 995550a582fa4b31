"""What custom resources select among Kubernetes' own kinds, in the whole application."""

from __future__ import annotations

from astrolabe.sim.definitions import crd
from astrolabe.sim.server import Simulator
from tests.test_custom_resources import make, running, until


async def test_secrets_are_selected_once_a_kind_that_selects_them_is_served() -> None:
    async with Simulator() as simulator:
        store = simulator.store
        push = "PushSecret.external-secrets.io"
        make(store, "Secret", "db", labels={"push": "yes"})
        make(store, "Secret", "other", labels={"push": "no"})
        async with running(simulator) as site:
            store.define(crd("PushSecret", "external-secrets.io", versions=("v1alpha1",)))
            selector = {"secret": {"selector": {"matchLabels": {"push": "yes"}}}}
            meta = {"name": "all", "namespace": "shop"}
            store.create(push, {"metadata": meta, "spec": {"selector": selector}})
            uid = next(iter(store.manifests(push)))["metadata"]["uid"]
            db = next(each for each in store.manifests("Secret") if each["metadata"]["name"] == "db")
            await until(lambda: any(edge.source == uid for edge in site.source.hub.graph.edges()))
            ends = [edge.target for edge in site.source.hub.graph.edges() if edge.source == uid]
            assert ends == [db["metadata"]["uid"]]
            await site.until_exact(store)
