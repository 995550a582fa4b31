"""Where in history an answer is from, caching, compression, and what is refused on every path."""

import asyncio
import gzip
from random import Random

import msgspec
import pytest

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import FilterRules, parse_query
from astrolabe.graph.views.view import View
from astrolabe.http.rest import endpoints
from astrolabe.http.rest.endpoints import accepts_gzip
from astrolabe.http.stream import hub
from tests.support.churn import QUERIES, change
from tests.support.serving import Site, eventually, serve
from tests.support.worlds import EPOCH, KINDS, World, a_pod, crowd, facts

PATHS = (
    "/api/v1/graph",
    "/api/v1/resources",
    "/api/v1/resources/pod-lone",
    "/api/v1/releases",
    "/api/v1/charts",
    "/api/v1/namespaces",
    "/api/v1/kinds",
    "/api/v1/edge-types",
    "/api/v1/unresolved",
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_its_position(site: Site, path: str) -> None:
    async with site.get(path) as answer:
        assert answer.headers["X-Astrolabe-Epoch"] == EPOCH
        assert answer.headers["X-Astrolabe-Seq"] == "2"
        etag = answer.headers["ETag"]
        body = await answer.read()
    assert f"{EPOCH}:2:" in etag
    async with site.get(path, headers={"If-None-Match": f'"x", {etag}'}) as answer:
        assert answer.status == 304
        assert answer.headers["ETag"] == etag
        assert await answer.read() == b""
    site.world.set(facts("Pod", "lone", namespace="other", status=Status(ERROR, "Broken")))
    async with site.get(path, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 200
        assert answer.headers["X-Astrolabe-Seq"] == "3"
        assert answer.headers["ETag"] != etag
        changed = path.rpartition("/")[2] in ("graph", "resources", "pod-lone", "kinds")
        assert ((await answer.read()) != body) is changed


async def test_a_missing_resource_has_no_cached_version(site: Site) -> None:
    async with site.get("/api/v1/resources/pod-lone", headers={"If-None-Match": "*"}) as answer:
        assert answer.status == 304
    async with site.get("/api/v1/resources/pod-gone", headers={"If-None-Match": "*"}) as answer:
        assert answer.status == 404


async def test_an_etag_depends_on_the_filter(site: Site) -> None:
    tags = []
    for query in ("", "?kind=Pod,Service", "?kind=Service&kind=Pod", "?kind=Pod"):
        async with site.get(f"/api/v1/graph{query}") as answer:
            tags.append(answer.headers["ETag"])
    assert tags[1] == tags[2]
    assert len(set(tags)) == 3


async def test_ages_advance_while_the_graph_is_unchanged(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def etag() -> str:
        async with site.get("/api/v1/resources") as answer:
            tag: str = answer.headers["ETag"]
            return tag

    monkeypatch.setattr(endpoints, "time", lambda: 1_800_000_000.0)
    first = await etag()
    monkeypatch.setattr(endpoints, "time", lambda: 1_800_000_004.9)
    assert await etag() == first
    monkeypatch.setattr(endpoints, "time", lambda: 1_800_000_005.0)
    assert await etag() != first


async def test_min_seq_that_is_reached_already(site: Site) -> None:
    assert (await site.json("/api/v1/graph?min_seq=2"))["seq"] == 2


async def test_min_seq_waits_for_it(site: Site) -> None:
    waiting = asyncio.create_task(site.json("/api/v1/graph?min_seq=4&kind=Pod"))
    await eventually(lambda: len(site.hub._waiting) == 1)
    site.world.set(facts("Pod", "new"))
    site.world.remove("pod-lone")
    graph = await waiting
    assert graph["seq"] == 4
    assert sorted(node["name"] for node in graph["nodes"]) == ["new", "web-1-abc"]


async def test_min_seq_that_does_not_come(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "CATCH_UP_TIMEOUT", 0.05)
    async with site.get("/api/v1/namespaces?min_seq=3") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["X-Astrolabe-Seq"] == "2"
        assert await answer.json() == {"error": "behind", "message": "at seq 2, not yet at 3"}


@pytest.mark.parametrize("size", [1, 2000])
async def test_bodies_are_compressed_on_request(size: int) -> None:
    async with serve(crowd(size)) as site:
        async with site.get("/api/v1/graph") as answer:
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["Vary"] == "Accept-Encoding"
            plain = await answer.read()
        async with site.get("/api/v1/graph", headers={"Accept-Encoding": "br, gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            packed = await answer.read()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.01", True),
        ("*;q=0", False),
        ("br, *;q=0.1", True),
        ("x-gzip", False),
    ],
)
def test_accept_encoding(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_write_methods_are_refused(site: Site, method: str) -> None:
    for path in (*PATHS, "/health", "/livez", "/readyz", "/", "/api/v1/ws", "/api/v1/events"):
        async with site.http.request(method, f"http://127.0.0.1:{site.port}{path}", data=b"x") as answer:
            assert answer.status == 405
            assert "GET" in answer.headers["Allow"]
            assert (await answer.json())["error"] == "method-not-allowed"


async def test_head_is_get_without_a_body(site: Site) -> None:
    async with site.get("/api/v1/graph") as answer:
        length = answer.headers["Content-Length"]
    async with site.http.head(f"http://127.0.0.1:{site.port}/api/v1/graph") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == length
        assert await answer.read() == b""


async def test_an_unknown_path_is_not_found(site: Site) -> None:
    for path in ("/api/v1/nothing", "/nothing", "/api/v2/graph"):
        assert await site.refused(path) == (
            404,
            {"error": "not-found", "message": f"there is nothing at {path}"},
        )


async def test_unexpected_errors_are_logged_and_not_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(site.hub, "snapshot", fail)
    status, document = await site.refused("/api/v1/graph?kind=Pod")
    assert status == 500
    assert document == {"error": "internal-error", "message": "the server failed; its log says why"}
    assert "failed to answer GET /api/v1/graph" in caplog.text
    assert "a secret detail" in caplog.text


@pytest.mark.parametrize("query", ["", "?kind=Pod"])
async def test_a_body_encoded_over_many_turns_has_one_seq(query: str) -> None:
    """Each batch breaks a pod and changes an edge of another one: all up to `seq`, and none after it."""
    world = crowd(10_000)
    edges = list(world.hub.graph.edges())
    async with serve(world) as site:
        for _ in range(2):  # the second time on top of what is kept of the first
            asking = asyncio.create_task(site.json(f"/api/v1/graph{query}"))
            sent = world.hub.graph.seq - 1
            while not asking.done():
                edge = msgspec.structs.replace(edges[-1 - 2 * sent], field=("changed",))
                sent += 1
                world.send(Changes(nodes_set=[a_pod(sent, "Error")], edges_set=[edge]))
                await asyncio.sleep(0)
            graph = await asking
            broken = sum(node["status"] == "Error" for node in graph["nodes"])
            changed = sum(edge["field"] == ["changed"] for edge in graph["edges"])
            assert graph["seq"] == broken + 1 == changed + 1
            assert sent > broken
            assert (len(graph["nodes"]), len(graph["edges"])) == (10_000, 20_000)


async def test_a_new_epoch_is_answered_from_its_own_graph() -> None:
    world, other = crowd(100), crowd(3, epoch="other")
    async with serve(world) as site:
        assert len((await site.json("/api/v1/graph"))["nodes"]) == 100
        world.hub.replace(other.hub.graph)
        graph = await site.json("/api/v1/graph")
        assert (graph["epoch"], graph["seq"]) == ("other", 1)
        assert (len(graph["nodes"]), len(graph["edges"])) == (3, 6)
        world.send(Changes(nodes_set=[a_pod(3)]))
        assert len((await site.json("/api/v1/graph"))["nodes"]) == 4


async def test_answers_are_consistent_during_changes() -> None:
    random = Random(1)
    world = World()
    async with serve(world) as site:
        for _ in range(40):
            for _ in range(5):
                change(world, random)
            query = random.choice(QUERIES)
            text = "&".join(f"{name}={value}" for name, values in query.items() for value in values)
            graph = await site.json(f"/api/v1/graph?{text}")
            uids = {node["uid"] for node in graph["nodes"]}
            assert all({edge["from"], edge["to"]} <= uids for edge in graph["edges"])
            view = View.at_once(site.hub.graph, parse_query(query, FilterRules.of(KINDS)))
            assert uids == {node.uid for node in view.nodes()}
            assert len(graph["edges"]) == len(list(view.edges()))
