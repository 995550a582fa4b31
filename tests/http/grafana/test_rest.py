"""What Infinity, the Node Graph API plugin and clients of data frames are answered."""

from __future__ import annotations

import asyncio
import gzip
import json
from random import Random
from typing import Any

import pytest

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.view import View
from astrolabe.http.grafana import panels
from astrolabe.http.stream import hub
from tests.support.churn import change
from tests.support.serving import Site, serve
from tests.support.worlds import World, a_pod, crowd

NODE_KEYS = [
    *["id", "title", "subTitle", "mainStat", "secondaryStat", "color", "icon", "nodeRadius"],
    *["arc__ready", "arc__pending", "arc__error", "arc__unknown"],
    *["detail__namespace", "detail__kind", "detail__release", "detail__message", "detail__since"],
    "detail__cluster",
    *["fixedX", "fixedY"],
]
EDGE_KEYS = [
    *["id", "source", "target", "mainStat", "color", "thickness", "strokeDasharray"],
    *["detail__type", "detail__field"],
]
POD = {
    "id": "pod-web-1-abc",
    "title": "web-1-abc",
    "subTitle": "Pod",
    "mainStat": "CrashLoopBackOff",
    "secondaryStat": "4 restarts",
    "color": "red",
    "icon": "cube",
    "nodeRadius": 36,
    "arc__ready": 0,
    "arc__pending": 0,
    "arc__error": 1,
    "arc__unknown": 0,
    "detail__namespace": "shop",
    "detail__kind": "Pod",
    "detail__release": "shop-app",
    "detail__message": "back-off 5m0s restarting failed container",
    "detail__since": None,
    "detail__cluster": None,
}


def check(graph: dict[str, Any]) -> None:
    """What must be so of any answer, or the panel crashes."""
    ids = [node["id"] for node in graph["nodes"]]
    assert len(set(ids)) == len(ids)
    assert len({edge["id"] for edge in graph["edges"]}) == len(graph["edges"])
    assert {end for edge in graph["edges"] for end in (edge["source"], edge["target"])} <= set(ids)
    for node in graph["nodes"]:
        assert list(node) == NODE_KEYS
        arcs = [value for key, value in node.items() if key.startswith("arc__")]
        assert sum(arcs) == pytest.approx(1)
        assert isinstance(node["mainStat"], str)
    for edge in graph["edges"]:
        assert list(edge) == EDGE_KEYS


async def test_the_rows_of_a_graph(site: Site) -> None:
    graph = await site.json("/api/v1/grafana/nodegraph")
    check(graph)
    assert sorted(node["id"] for node in graph["nodes"]) == [
        "deployment-web",
        "namespace-other",
        "namespace-shop",
        "persistentvolume-pv-1",
        "persistentvolumeclaim-data",
        "pod-lone",
        "pod-web-1-abc",
        "replicaset-web-1",
        "service-web",
    ]
    (pod,) = (node for node in graph["nodes"] if node["id"] == "pod-web-1-abc")
    assert {key: value for key, value in pod.items() if not key.startswith("fixed")} == POD
    (deployment,) = (node for node in graph["nodes"] if node["id"] == "deployment-web")
    assert (deployment["mainStat"], deployment["secondaryStat"]) == ("Progressing", "0/1")
    assert deployment["detail__since"] == "2026-01-02T00:00:00Z"
    assert [edge for edge in graph["edges"] if edge["target"] == "pod-web-1-abc"] == [
        {
            "id": "owns:replicaset-web-1:pod-web-1-abc",
            "source": "replicaset-web-1",
            "target": "pod-web-1-abc",
            "mainStat": "owns",
            "color": "red",
            "thickness": 1,
            "strokeDasharray": None,
            "detail__type": "owns",
            "detail__field": "metadata.ownerReferences[0].uid",
        },
        {
            "id": "selects:service-web:pod-web-1-abc",
            "source": "service-web",
            "target": "pod-web-1-abc",
            "mainStat": "selects",
            "color": "red",
            "thickness": 1,
            "strokeDasharray": "6 3",
            "detail__type": "selects",
            "detail__field": "spec.selector",
        },
    ]


async def test_above_the_limit_resources_are_drawn_together(site: Site) -> None:
    graph = await site.json("/api/v1/grafana/nodegraph?limit=8&namespace=shop")
    check(graph)
    assert len(graph["nodes"]) == 7
    graph = await site.json("/api/v1/grafana/nodegraph?limit=8")
    check(graph)
    (web,) = (node for node in graph["nodes"] if node["id"] == "deployment-web")
    assert (web["title"], web["subTitle"], web["mainStat"], web["secondaryStat"]) == (
        "web",
        "Deployment of 3",
        "1/3 ready",
        "CrashLoopBackOff",
    )
    assert web["detail__message"] == "Pod web-1-abc: back-off 5m0s restarting failed container"
    assert [web[f"arc__{status}"] for status in ("ready", "pending", "error")] == pytest.approx([1 / 3] * 3)
    (selects,) = (edge for edge in graph["edges"] if edge["detail__type"] == "selects")
    assert (selects["source"], selects["target"]) == ("service-web", "deployment-web")
    assert not any(edge["detail__type"] == "owns" for edge in graph["edges"])


@pytest.mark.parametrize(
    ("limit", "title", "what"),
    [(6, "shop-app", "Release of 4"), (5, "shop", "Namespace of 6"), (2, "Pod", "All of 2")],
)
async def test_coarser_levels(site: Site, limit: int, title: str, what: str) -> None:
    graph = await site.json(f"/api/v1/grafana/nodegraph?limit={limit}")
    check(graph)
    assert what in [node["subTitle"] for node in graph["nodes"] if node["title"] == title]


async def test_a_large_graph_is_complete() -> None:
    async with serve(crowd(3000)) as site:
        graph = await site.json("/api/v1/grafana/nodegraph")
        check(graph)
        assert len(graph["nodes"]) == 20
        assert sum(int(node["subTitle"].split()[-1]) for node in graph["nodes"]) == 3000


async def test_a_pair_of_requests_is_answered_from_one_snapshot(site: Site) -> None:
    path = "/api/v1/grafana/nodegraph?kind=Pod"
    first = await site.json(path)
    site.world.send(Changes(nodes_set=[a_pod(1)]))
    assert await site.json(path) == first
    others = await site.json("/api/v1/grafana/nodegraph?kind=Pod&namespace=ns-1")
    assert [node["title"] for node in others["nodes"]] == ["web-1"]


async def test_unchanged_answers_need_no_view(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels refresh more seldom than views are kept."""
    monkeypatch.setattr(panels, "FRESH", 0.0)
    monkeypatch.setattr(hub, "KEEP_SECONDS", 0.0)
    path = "/api/v1/grafana/nodegraph?kind=Pod"
    first = await site.json(path)
    monkeypatch.setattr(View, "build", None)
    assert await site.json(path) == first


async def test_answers_fit_together_during_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when several panels ask in turn: the nodes are taken of one answer, the edges of the one before or
    after it."""
    monkeypatch.setattr(panels, "FRESH", 0.05)
    random, world = Random(3), World()
    for _ in range(40):
        change(world, random)
    async with serve(world) as site:
        before = await site.json("/api/v1/grafana/nodegraph")
        different = 0
        for _ in range(60):
            for _ in range(3):
                change(world, random)
            now = await site.json("/api/v1/grafana/nodegraph")
            for nodes, edges in ((before, now), (now, before), (now, now)):
                check({"nodes": nodes["nodes"], "edges": edges["edges"]})
            different += now != before
            before = now
            await asyncio.sleep(0.01)
        assert different > 5


async def test_drawn_nodes_do_not_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "FRESH", 0.0)
    async with serve(crowd(40)) as site:
        places: dict[str, tuple[int, int]] = {}
        for number in range(40, 70):
            changes = Changes(nodes_set=[a_pod(number)], nodes_removed=[])
            site.world.send(changes)
            graph = await site.json("/api/v1/grafana/nodegraph")
            now = {node["id"]: (node["fixedX"], node["fixedY"]) for node in graph["nodes"]}
            assert len(set(now.values())) == len(now) == number + 1
            assert {id: now[id] for id in places} == places
            places = now


async def test_data_frames(site: Site) -> None:
    nodes, edges = await site.json("/api/v1/grafana/frames?namespace=other")
    assert nodes["schema"]["meta"] == {"preferredVisualisationType": "nodeGraph"}
    assert [field["name"] for field in nodes["schema"]["fields"]] == NODE_KEYS
    assert [field["name"] for field in edges["schema"]["fields"]] == EDGE_KEYS
    fields = {field["name"]: field for field in nodes["schema"]["fields"]}
    assert fields["arc__error"] == {
        "name": "arc__error",
        "type": "number",
        "config": {"displayName": "Error", "color": {"mode": "fixed", "fixedColor": "red"}},
    }
    columns = dict(zip(NODE_KEYS, nodes["data"]["values"], strict=True))
    assert (columns["title"], columns["detail__namespace"]) == (["other", "lone"], [None, "other"])
    assert edges["data"]["values"] == [[]] * len(EDGE_KEYS)


async def test_the_node_graph_api_plugin(site: Site) -> None:
    async with site.get("/api/health") as answer:
        assert answer.status == 200
    fields = await site.json("/api/graph/fields")
    assert [field["field_name"] for field in fields["nodes_fields"]] == NODE_KEYS
    assert [field["field_name"] for field in fields["edges_fields"]] == EDGE_KEYS
    assert fields["nodes_fields"][8] == {
        "field_name": "arc__ready",
        "type": "number",
        "displayName": "Ready",
        "color": "green",
    }
    assert await site.json("/api/graph/fields?namespace=shop") == fields  # it sends its query string to both
    data = await site.json("/api/graph/data?namespace=shop")
    assert data == await site.json("/api/v1/grafana/nodegraph?namespace=shop")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit is a number from 1 to 1000, not 0"),
        ("limit=1001", "limit is a number from 1 to 1000, not 1001"),
        ("limit=many", "limit is a whole number, not 'many'"),
        ("status=Broken", "unknown status 'Broken'; it is one of Ready, Pending, Error, Unknown"),
    ],
)
async def test_invalid_parameters_are_refused(site: Site, query: str, message: str) -> None:
    for path in ("/api/v1/grafana/nodegraph", "/api/v1/grafana/frames", "/api/graph/data"):
        status, document = await site.refused(f"{path}?{query}")
        assert (status, document) == (400, {"error": "bad-filter", "message": message})


async def test_answers_have_a_position_and_are_compressed_on_request(site: Site) -> None:
    path = "/api/v1/grafana/nodegraph"
    async with site.get(path) as plain:
        assert (plain.headers["X-Astrolabe-Seq"], plain.headers["Cache-Control"]) == ("2", "no-store")
        document = await plain.json()
    async with site.get(path, headers={"Accept-Encoding": "gzip"}) as packed:
        assert json.loads(gzip.decompress(await packed.read())) == document
