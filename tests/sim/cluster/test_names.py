from __future__ import annotations

from itertools import islice

from astrolabe.sim.cluster import names


def test_namespaces_of_a_growing_company() -> None:
    assert names.namespaces(4) == [
        ("checkout", "checkout"),
        ("kube-system", "kube-system"),
        ("payments", "payments"),
        ("search", "search"),
    ]
    many = names.namespaces(432)
    assert len({name for name, _ in many}) == 432
    assert ("checkout-staging", "checkout") in many
    assert ("payments-pr-1037", "payments") in many
    assert sum(team == "kube-system" for _, team in many) == 1


def test_names_are_endless_and_unique() -> None:
    for source in (
        names.applications("search"),
        names.applications("geo"),
        names.databases(),
        names.cron_jobs(7),
    ):
        found = list(islice(source, 300))
        assert len(set(found)) == 300
    assert next(names.applications("checkout")) == "cart"
    assert names.agents(12)[-1] == "kube-proxy-2"


def test_components() -> None:
    assert names.components("cart", 1) == ["cart"]
    assert names.components("cart", 3) == ["cart-api", "cart-web", "cart-worker"]
