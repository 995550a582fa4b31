"""`/api/v1/releases`: what is listed, and which chart a release is of."""

from __future__ import annotations

import pytest

from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.http.rest.releases import ReleaseSummary
from tests.support.serving import Site
from tests.support.worlds import facts


async def test_releases_in_detail(site: Site) -> None:
    release = {
        "name": "shop-app",
        "namespace": "shop",
        "chart": "web-1.2.3",
        "charts": ["web-1.2.3"],
        "revision": None,
        "status": None,
        "nodes": 4,
        "ready": 2,
        "pending": 1,
        "error": 1,
        "unknown": 0,
    }
    assert await site.json("/api/v1/releases?detail=true") == [release]
    revision = HelmRevision(Release("shop", "shop-app"), 7, "deployed")
    failed = HelmRevision(Release("other", "empty"), 1, "failed")
    left = HelmRevision(Release("other", "gone"), 3, "uninstalled")
    site.world.set(
        facts("ConfigMap", "history", revision=revision),
        facts("ConfigMap", "more-history", revision=failed),
        facts("ConfigMap", "old-history", revision=left),
        facts("ConfigMap", "sub", release="shop-app", chart="redis-17.0.0"),
    )
    upgraded = {**release, "revision": 7, "status": "deployed", "nodes": 5, "ready": 3}
    upgraded["charts"] = ["redis-17.0.0", "web-1.2.3"]
    empty = {**dict.fromkeys(("nodes", "ready", "pending", "error", "unknown"), 0), "chart": "", "charts": []}
    empty |= {"name": "empty", "namespace": "other", "revision": 1, "status": "failed"}
    assert await site.json("/api/v1/releases?detail=true") == [empty, upgraded]
    assert await site.json("/api/v1/releases?detail=true&namespace=shop") == [upgraded]
    assert await site.json("/api/v1/releases?detail=true&namespace=other&release=empty&q=mpt") == [empty]
    assert await site.json("/api/v1/releases?kind=Deployment") == ["shop-app"]
    assert await site.json("/api/v1/releases?q=shop") == ["shop-app"]
    assert await site.json("/api/v1/releases") == ["empty", "shop-app"]


@pytest.mark.parametrize(
    ("release", "charts", "chosen"),
    [
        ("shop", {"shop-umbrella-2.0.0": 1, "postgresql-12.1.0": 3}, "shop-umbrella-2.0.0"),
        ("redis", {"redis-cluster-9.0.0": 5, "redis-17.0.0": 1}, "redis-17.0.0"),
        ("kube", {"kube-state-5.0.0": 2, "kube-stack-60.1.0": 7, "grafana-8.0.0": 9}, "kube-stack-60.1.0"),
        ("prod", {"web-1.0.0": 1, "redis-17.0.0": 2}, "redis-17.0.0"),
        ("prod", {"web-1.0.0": 1, "redis-17.0.0": 1}, "redis-17.0.0"),
        ("web", {"web": 1, "web-app-1": 4}, "web"),
        ("prod", {}, ""),
    ],
)
def test_the_chart_of_an_umbrella(release: str, charts: dict[str, int], chosen: str) -> None:
    summary = ReleaseSummary()
    summary.charts.update(charts)
    assert summary.chart_of(release) == chosen
