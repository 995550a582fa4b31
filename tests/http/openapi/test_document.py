"""The document itself: that it is one, that it is of all that is served, and who gets it."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.status import SEVERITIES
from tests.support.description import Described
from tests.support.kinds import KINDS
from tests.support.serving import Site, serve
from tests.support.simulated import generated, simulated
from tests.support.worlds import shop

PATH = "/openapi.json"


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): it for path, item in document["paths"].items() for method, it in item.items()}


def references(part: Any) -> list[str]:
    """All that is referred to in a part of a document."""
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if isinstance(part, list) else []


async def test_the_document_is_valid_openapi(described: Described) -> None:
    document = described.document
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    for reference in references(document):
        place = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names)) == 43


async def test_every_route_is_in_it_and_nothing_else(site: Site, described: Described) -> None:
    served = {
        (method.lower(), "/" + re.sub(r"<(\w+):\w+>", r"{\1}", route.path))
        for route in site.server._app.router.routes
        for method in route.methods
    }
    listed = set(operations(described.document))
    assert listed <= served
    # HEAD is answered like GET, and is not listed beside it.
    assert {(method, path) for method, path in served - listed if method != "head"} == set()
    assert {path for method, path in served if method == "head"} <= {path for _, path in listed}


async def test_code_generators_find_a_name_for_everything_and_every_message(described: Described) -> None:
    """They make one name space of all components, and leave out what no path leads to."""
    components = described.document["components"]
    names = [
        re.sub("[^a-z0-9]", "", name.lower())
        for group in ("schemas", "parameters", "responses")
        for name in components[group]
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    paths = json.loads(json.dumps(described.document["paths"]))
    for operation in operations({"paths": paths}).values():
        operation.pop("x-messages", None)
    reached, waiting = set(), references(paths)
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            _, _, group, name = reference.split("/")
            waiting += references(components[group][name])
    schemas = {f"#/components/schemas/{name}" for name in components["schemas"]}
    choices = {f"#/components/schemas/{who}Message" for who in ("WsServer", "WsClient", "EventsServer")}
    assert schemas - reached == choices  # of messages that are reached


async def test_numbers_that_need_64_bits_say_so(described: Described) -> None:
    schemas = described.document["components"]["schemas"]
    large = {"seq", "from", "time"}
    found = {
        (name, key): part.get("format")
        for name, schema in schemas.items()
        for key, part in schema.get("properties", {}).items()
        if key in large and part.get("type") == "integer"
    }
    assert {("Delta", "from"), ("Position", "seq")} <= set(found)
    assert {each for each, format in found.items() if format != "int64"} == set()


async def test_answers_may_have_undocumented_keys(described: Described) -> None:
    """Only what a client says is closed: there the server refuses what it does not know."""
    schemas = described.document["components"]["schemas"]
    shut = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert shut == {"Filter", "Subscribe", "Unsubscribe", "Refocus", "Ping", "Position"}


async def test_every_path_with_parameters_declares_them(described: Described) -> None:
    parameters = described.document["components"]["parameters"]
    for (_, path), operation in operations(described.document).items():
        named = [parameters[each["$ref"].rpartition("/")[2]] for each in operation.get("parameters", [])]
        placed = [each["name"] for each in named if each["in"] == "path"]
        assert placed == re.findall(r"{(\w+)}", path)


async def test_enums_follow_the_tables(described: Described) -> None:
    schemas = described.document["components"]["schemas"]
    assert schemas["Kind"]["enum"] == [kind.name for kind in KINDS]
    assert schemas["Status"]["enum"] == list(SEVERITIES)
    assert schemas["EdgeType"]["enum"] == list(EDGE_TYPES)


async def test_kinds_that_are_not_watched_are_not_in_it() -> None:
    async with (
        simulated(generated(0.002), kinds=("Namespace", "Pod")) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
        http.get(PATH) as answer,
    ):
        document = await answer.json()
    assert document["components"]["schemas"]["Kind"]["enum"] == ["Namespace", "Pod"]


async def test_the_document_does_not_depend_on_the_cluster(site: Site) -> None:
    async with site.get(PATH) as answer:
        text = await answer.text()
        assert "X-Astrolabe-Seq" not in answer.headers
    for word in ("pod-lone", "shop-app", "worker-1", "3f2a:"):
        assert word not in text


async def test_conditional_and_compressed_requests_are_answered(site: Site) -> None:
    async with site.get(PATH, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        packed = await answer.read()
        tag = answer.headers["ETag"]
    async with site.get(PATH) as answer:
        assert json.loads(gzip.decompress(packed)) == await answer.json()
        assert (answer.headers["Cache-Control"], answer.headers["ETag"]) == ("no-cache", tag)
    async with site.get(PATH, headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


async def test_the_document_is_public_and_says_where_a_token_is_needed(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("let-me-in")
    async with serve(shop(), auth="token", auth_token_file=str(tokens)) as site:
        document = await site.json(PATH)
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    open = {path for (_, path), it in operations(document).items() if "security" not in it}
    assert open == {"/", "/docs", "/guide/", "/{file}", PATH, "/livez", "/readyz"}
    for (_, path), operation in operations(document).items():
        assert ("401" in operation["responses"]) is (path not in open)
        assert operation.get("security", [{"bearer": []}]) == [{"bearer": []}]


async def test_without_tokens_it_speaks_of_none(described: Described) -> None:
    assert "securitySchemes" not in described.document["components"]
    assert all("security" not in it for it in operations(described.document).values())
