"""Random queries have the answers of REST: the same values, in the order of pages."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import aiohttp
from graphql import get_named_type

from astrolabe.http.graphql.schema import schema
from tests.support.random_queries import Json, Queries, RestGraph
from tests.support.simulated import generated, simulated

#: How many; 1,000 by `make queries`.
QUERIES = int(os.environ.get("ASTROLABE_QUERIES", "120"))
SEED = int(os.environ.get("ASTROLABE_SEED", "1"))


class Rest:
    """A served cluster."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http = http
        self._url = f"http://{address}"

    async def get(self, path: str, **params: str) -> Any:
        async with self._http.get(f"{self._url}{path}", params=params) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def ask(self, query: str, variables: Json) -> Any:
        body = {"query": query, "variables": variables}
        async with self._http.post(f"{self._url}/graphql", json=body) as answer:
            document = await answer.json()
        assert "errors" not in document, (query, document["errors"])
        return document["data"]


async def _nodes(rest: Rest, queries: Queries) -> None:
    """A page of resources that a filter keeps."""
    random, nodes = queries.random, list(queries.graph.nodes.values())
    example = random.choice(nodes)
    filter = {
        key: value
        for key, value in (
            ("namespace", example["namespace"]),
            ("kind", example["kind"] if "." not in example["apiVersion"].partition("/")[0] else ""),
            ("status", example["status"]),
            ("q", example["name"].partition("-")[0]),
        )
        if value and random.random() < 0.4
    }
    kept = (await rest.get("/api/v1/graph", **filter))["nodes"]
    kept.sort(key=queries.graph.place)
    first, below = random.randint(0, 12), queries.resource(2)
    query = f"""query ($f: Filter) {{ nodes(filter: $f, first: {first}) {{
        totalCount nodes {{ {below.text} }} pageInfo {{ hasNextPage }} }} }}"""
    given = {key: [value] if key != "q" else value for key, value in filter.items()}
    expected = {
        "totalCount": len(kept),
        "nodes": [below.of(node) for node in kept[:first]],
        "pageInfo": {"hasNextPage": len(kept) > first},
    }
    assert (await rest.ask(query, {"f": given}))["nodes"] == expected, (query, given)


async def _node(rest: Rest, queries: Queries) -> None:
    """One resource with relations of relations."""
    node = queries.random.choice(list(queries.graph.nodes.values()))
    below = queries.resource(3)
    query = f"query ($uid: ID!) {{ node(uid: $uid) {{ {below.text} }} }}"
    assert (await rest.ask(query, {"uid": node["uid"]}))["node"] == below.of(node), query


async def _table(rest: Rest, queries: Queries) -> None:
    """What REST has in a table or answers about a resource."""
    random, graph = queries.random, queries.graph
    uid, other = random.choice(list(graph.nodes)), random.choice(list(graph.nodes))
    name, arguments, path, params = random.choice(
        [
            ("kinds", "", "/api/v1/kinds", {}),
            ("releases", "", "/api/v1/releases", {"detail": "true"}),
            ("problems", "(first: 7, sort: newest)", "/api/v1/problems", {"limit": "7", "sort": "newest", "detail": "true"}),
            ("why", f'(uid: "{uid}")', f"/api/v1/resources/{uid}/why", {}),
            ("impact", f'(uid: "{uid}", action: restart)', f"/api/v1/resources/{uid}/impact", {"action": "restart"}),
            ("path", f'(from: "{uid}", to: "{other}")', "/api/v1/path", {"from": uid, "to": other}),
        ]
    )  # fmt: skip
    root = schema().query_type
    assert root is not None
    below = queries.shape(get_named_type(root.fields[name].type))  # type: ignore[arg-type]
    document = await rest.get(path, **params)
    query = f"{{ {name}{arguments} {{ {below.text} }} }}"
    expected = [below.of(each) for each in document] if isinstance(document, list) else below.of(document)
    assert (await rest.ask(query, {}))[name] == expected, query


async def test_random_queries_equal_rest() -> None:
    random = Random(SEED)
    async with simulated(generated()) as address, aiohttp.ClientSession() as http:
        rest = Rest(http, address)
        graph = RestGraph(await rest.get("/api/v1/graph"), await rest.get("/api/v1/kinds"))
        queries = Queries(random, graph)
        for _ in range(QUERIES):
            await random.choice((_nodes, _node, _table))(rest, queries)
