from typing import Any

import pytest

from astrolabe.settings import Limits
from tests.support.graphql import ask, errors, post
from tests.support.serving import Site, serve
from tests.support.worlds import EPOCH, crowd, shop

POD = "pod-web-1-abc"


async def test_a_resource_with_its_relations(site: Site) -> None:
    query = """
    query ($uid: ID!) {
      node(uid: $uid) {
        __typename kind name namespace status reason
        owner { name owner { name } }
        uses { totalCount nodes { name } }
        usedBy { nodes { kind name } }
        edges(direction: OUT) { nodes { type from to field other { name } } }
        unresolved { type name }
        ... on Pod { details { nodeName restartCount } }
      }
    }
    """
    assert await ask(site, query, uid=POD) == {
        "node": {
            "__typename": "Pod",
            "kind": "Pod",
            "name": "web-1-abc",
            "namespace": "shop",
            "status": "Error",
            "reason": "CrashLoopBackOff",
            "owner": {"name": "web-1", "owner": {"name": "web"}},
            "uses": {"totalCount": 1, "nodes": [{"name": "data"}]},
            "usedBy": {"nodes": [{"kind": "Service", "name": "web"}]},
            "edges": {
                "nodes": [
                    {
                        "type": "mounts",
                        "from": POD,
                        "to": "persistentvolumeclaim-data",
                        "field": ["spec.volumes[data].persistentVolumeClaim"],
                        "other": {"name": "data"},
                    }
                ]
            },
            "unresolved": [{"type": "uses_configmap", "name": "absent"}],
            "details": {"nodeName": "worker-1", "restartCount": 4},
        }
    }


@pytest.mark.parametrize(
    "uid", ["deployment-web", "replicaset-web-1", "service-web", "persistentvolumeclaim-data"]
)
async def test_pods_are_found_from_all_that_have_any(site: Site, uid: str) -> None:
    query = "query ($uid: ID!) { node(uid: $uid) { pods { nodes { uid } } } }"
    assert await ask(site, query, uid=uid) == {"node": {"pods": {"nodes": [{"uid": POD}]}}}


async def test_pages(site: Site) -> None:
    query = """
    query ($after: String) {
      nodes(first: 4, after: $after, filter: {namespace: "shop"}) {
        totalCount edges { cursor node { uid } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
    """
    seen, after, pages = [], None, 0
    while True:
        page = (await ask(site, query, after=after))["nodes"]
        assert page["totalCount"] == 7
        assert page["pageInfo"]["hasPreviousPage"] is (pages > 0)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        seen += [each["node"]["uid"] for each in page["edges"]]
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert pages == 2
    assert seen == [
        "namespace-shop",
        "persistentvolume-pv-1",
        "deployment-web",
        "persistentvolumeclaim-data",
        "pod-web-1-abc",
        "replicaset-web-1",
        "service-web",
    ]


async def test_a_filter_and_a_search_are_those_of_rest(site: Site) -> None:
    query = 'query ($f: Filter) { nodes(filter: $f, q: "web") { nodes { name } } }'
    found = await ask(site, query, f={"kind": ["po", "deploy"], "status": ["Error"]})
    assert found == {"nodes": {"nodes": [{"name": "web-1-abc"}]}}


async def test_tables_and_documents_are_those_of_rest(site: Site) -> None:
    query = """
    { clusters { name state counts } releases { name namespace chart nodes } namespaces kinds { kind plural } state { state }
      problems { id reason cause { name resource { uid } } } }
    """
    data = await ask(site, query)
    assert data["releases"] == [
        {key: each[key] for key in ("name", "namespace", "chart", "nodes")}
        for each in await site.json("/api/v1/releases?detail=true")
    ]
    assert data["namespaces"] == await site.json("/api/v1/namespaces") == ["other", "shop"]
    kinds = [{"kind": each["kind"], "plural": each["plural"]} for each in await site.json("/api/v1/kinds")]
    assert data["kinds"] == kinds
    assert data["state"] == {"state": "live"}
    (cluster,) = await site.json("/api/v1/clusters")
    assert data["clusters"] == [{key: cluster[key] for key in ("name", "state", "counts")}]
    assert [each["id"] for each in data["problems"]] == [
        each["id"] for each in await site.json("/api/v1/problems")
    ]


async def test_questions_about_resources(site: Site) -> None:
    query = """
    { why(uid: "deployment-web") { chain { name } } nothing: why(uid: "x") { coverage }
      impact(uid: "persistentvolume-pv-1", action: delete) { levels { stops { name } } }
      path(from: "service-web", to: "persistentvolume-pv-1") { length ways { name type } } }
    """
    data = await ask(site, query)
    why = await site.json("/api/v1/resources/deployment-web/why")
    assert data["why"] == {"chain": [{"name": each["name"]} for each in why["chain"]]}
    assert data["nothing"] is None
    impact = await site.json("/api/v1/resources/persistentvolume-pv-1/impact?action=delete")
    stops = [{"name": each["name"]} for each in impact["levels"]["stops"]]
    assert data["impact"] == {"levels": {"stops": stops}}
    path = await site.json("/api/v1/path?from=service-web&to=persistentvolume-pv-1")
    ways = [[{"name": step["name"], "type": step.get("type")} for step in way] for way in path["ways"]]
    assert data["path"] == {"length": path["length"], "ways": ways}


async def test_an_answer_says_what_it_is_of(site: Site) -> None:
    url = f"http://127.0.0.1:{site.port}/graphql"
    async with site.http.post(url, json={"query": "{nodes {totalCount}}"}) as answer:
        document = await answer.json()
        seq = site.hub.graph.seq
        assert document["extensions"] == {"position": f"{EPOCH}:{seq}", "state": "live"}
        assert answer.headers["X-Astrolabe-Seq"] == str(seq)
        assert answer.headers["X-Astrolabe-State"] == "live"
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_queries_by_get(site: Site) -> None:
    path = "/graphql?query=query Q($u:ID!){node(uid:$u){name}}&operationName=Q&variables="
    assert (await site.json(path + '{"u":"service-web"}'))["data"] == {"node": {"name": "web"}}


@pytest.mark.parametrize(
    ("accept", "query", "status", "media"),
    [
        ("*/*", "{state{state}}", 200, "application/json"),
        ("*/*", "{nonsense}", 200, "application/json"),
        ("application/graphql-response+json", "{state{state}}", 200, "application/graphql-response+json"),
        ("application/graphql-response+json", "{nonsense}", 400, "application/graphql-response+json"),
        ("application/graphql-response+json", "{state", 400, "application/graphql-response+json"),
        (
            "application/graphql-response+json, application/json;q=0.9",
            '{nodes(filter:{kind:["x"]}){totalCount}}',
            200,
            "application/graphql-response+json",
        ),
    ],
)
async def test_the_status_is_as_the_accepted_type_has_it(
    site: Site, accept: str, query: str, status: int, media: str
) -> None:
    async with site.http.post(
        f"http://127.0.0.1:{site.port}/graphql", json={"query": query}, headers={"Accept": accept}
    ) as answer:
        assert (answer.status, answer.content_type) == (status, media)


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"[]", {}, 400, "a request is one query, not a batch; ask for several root fields instead"),
        (b"{}", {}, 400, 'the body is not {"query","variables","operationName"}'),
        (b"{", {}, 400, 'the body is not {"query","variables","operationName"}'),
        (b'{"query":"{a}","variables":[]}', {}, 400, "the body is not"),
        (b"query={a}", {"Content_Type": "text/plain"}, 415, "the body of a query is application/json"),
        (b"{}", {"Origin": "https://elsewhere.example"}, 403, "pages of this origin are not allowed here"),
    ],
)
async def test_invalid_queries_are_refused(
    site: Site, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    code, document = await post(site, body, **headers)
    assert code == status
    assert document["message"].startswith(message)


async def test_a_page_of_another_site_gets_nothing_by_get(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    async with site.get("/graphql?query={state{state}}", headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (
            '{nodes(filter:{kind:["Poodle"]}){totalCount}}',
            {"path": ["nodes"], "extensions": {"code": "bad-filter"}},
        ),
        (
            '{nodes(q:"kind:("){totalCount}}',
            {"path": ["nodes"], "extensions": {"code": "bad-filter", "at": 5}},
        ),
        ("{nodes(first:1001){totalCount}}", {"path": ["nodes"], "extensions": {"code": "bad-argument"}}),
        ('{nodes(after:"?"){totalCount}}', {"path": ["nodes"], "extensions": {"code": "bad-argument"}}),
        (
            '{impact(uid:"service-web",action:drain){action}}',
            {"path": ["impact"], "extensions": {"code": "wrong-kind"}},
        ),
        ("subscription {changes {type}}", {"extensions": {"code": "needs-a-stream"}}),
    ],
)
async def test_wrong_arguments_are_errors_of_their_field(
    site: Site, query: str, error: dict[str, Any]
) -> None:
    (found,) = await errors(site, query)
    assert {key: found[key] for key in error} == error


async def test_a_query_that_looks_at_too_much_is_refused_whole() -> None:
    async with serve(crowd(300), Limits(max_query_visits=250)) as site:
        (error,) = await errors(site, "{nodes(first: 1) {totalCount} state {state}}")
    assert error["message"] == (
        "the query looks at more than 250 nodes and edges: narrow its filters; "
        "at most 250 are allowed (--max-query-visits)"
    )


async def test_a_whole_number_with_a_point_costs_the_same(site: Site) -> None:
    query = "query ($first: Int!) {nodes(first: $first) {nodes {pods(first: $first) {nodes {uid}}}}}"
    for first in (1000, 1000.0):
        (error,) = await errors(site, query, first=first)
        assert error["message"].startswith("the query may answer with 1001000 objects"), first


async def test_an_answer_that_is_too_large_is_refused() -> None:
    async with serve(crowd(300), Limits(max_query_answer=10_000)) as site:
        (error,) = await errors(site, "{nodes(first: 300) {nodes {metadata}}}")
        assert error["extensions"] == {"code": "too-big", "limit": 10_000, "flag": "--max-query-answer"}
        assert len((await ask(site, "{nodes(first: 50) {nodes {uid}}}"))["nodes"]["nodes"]) == 50


async def test_everything_is_of_one_place_in_history(site: Site) -> None:
    """What a query has begun with stays, whatever changes until it ends."""
    query = """{ a: nodes(filter: {kind: "Pod"}) { totalCount nodes { uid } }
                 b: nodes(filter: {status: Error}) { totalCount } edges { totalCount } }"""
    data = await ask(site, query)
    assert data["a"]["totalCount"] == 2
    assert data["b"]["totalCount"] == 1
    assert data["edges"]["totalCount"] == len((await site.json("/api/v1/graph"))["edges"])


async def test_nothing_is_held_afterwards() -> None:
    world = shop()
    async with serve(world) as site:
        await ask(site, '{nodes(filter: {kind: "Pod"}) {totalCount}}')
        await errors(site, '{nodes(filter: {kind: "Pod"}) {totalCount} b: nodes(after: "?") {totalCount}}')
        assert world.hub.history._held == {}
        assert [shared.users for shared in world.hub._shared.values()] == [0]
