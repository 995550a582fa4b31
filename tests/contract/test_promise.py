"""The API is a promise: no change breaks a client that was written for what was accepted last."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.contract.promise import accepted, described, refusal
from tests.support.api_changes import breaking_changes
from tests.support.schema_changes import SchemaChanges

Json = dict[str, Any]


async def test_no_breaking_change() -> None:
    assert refusal(breaking_changes(accepted(), await described())) == ""


def schemas(document: Json) -> Json:
    found: Json = document["components"]["schemas"]
    return found


def parameter(document: Json, name: str) -> Json:
    found: Json = document["components"]["parameters"][name]
    return found


def graph(document: Json) -> Json:
    found: Json = document["paths"]["/api/v1/graph"]["get"]
    return found


def remove_path(document: Json) -> None:
    del document["paths"]["/api/v1/charts"]


def rename_operation(document: Json) -> None:
    graph(document)["operationId"] = "everything"


def ask_for_a_token(document: Json) -> None:
    document["paths"]["/livez"]["get"]["security"] = [{"bearer": []}]


def remove_parameter(document: Json) -> None:
    del graph(document)["parameters"][0]


def require_parameter(document: Json) -> None:
    parameter(document, "QParameter")["required"] = True


def add_required_parameter(document: Json) -> None:
    new = {"name": "team", "in": "query", "schema": {"type": "string"}, "required": True}
    graph(document)["parameters"].append(new)


def turn_default(document: Json) -> None:
    parameter(document, "SubscribeParameter")["schema"]["default"] = False


def lower_limit(document: Json) -> None:
    parameter(document, "MinSeqParameter")["schema"]["maximum"] = 99


def remove_status(document: Json) -> None:
    schemas(document)["Status"]["enum"].remove("Unknown")


def rename_status(document: Json) -> None:
    schemas(document)["Health"]["properties"]["status"]["enum"] = ["fine"]


def remove_answer(document: Json) -> None:
    graph(document)["responses"]["203"] = graph(document)["responses"].pop("200")


def remove_media_type(document: Json) -> None:
    content = graph(document)["responses"]["200"]["content"]
    content["application/yaml"] = content.pop("application/json")


def remove_header(document: Json) -> None:
    del graph(document)["responses"]["200"]["headers"]["ETag"]


def remove_key(document: Json) -> None:
    del schemas(document)["Node"]["properties"]["since"]


def make_key_optional(document: Json) -> None:
    schemas(document)["Node"]["required"].remove("reason")


def change_type(document: Json) -> None:
    schemas(document)["Release"]["properties"]["nodes"] = {"type": "string"}


def let_be_null(document: Json) -> None:
    schemas(document)["Node"]["properties"]["release"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def change_items(document: Json) -> None:
    schemas(document)["Metadata"]["properties"]["ports"]["items"] = {"type": "integer"}


def drop_format(document: Json) -> None:
    del schemas(document)["Metadata"]["properties"]["creationTimestamp"]["format"]


def remove_message(document: Json) -> None:
    del schemas(document)["WsServerMessage"]["discriminator"]["mapping"]["bookmark"]


def refuse_message(document: Json) -> None:
    del schemas(document)["WsClientMessage"]["discriminator"]["mapping"]["ping"]


def require_key_of_a_message(document: Json) -> None:
    schemas(document)["Subscribe"]["required"].append("since")


def take_no_text(document: Json) -> None:
    schemas(document)["Filter"]["properties"]["namespace"] = {
        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
        "default": None,
    }


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (remove_path, ["GET /api/v1/charts: the path is removed"]),
        (rename_operation, ["GET /api/v1/graph: operationId is everything, was graph"]),
        (ask_for_a_token, ["GET /livez: a token is needed now"]),
        (remove_parameter, ["GET /api/v1/graph: query parameter `namespace`: is removed"]),
        (require_parameter, ["GET /api/v1/graph: query parameter `q`: is required now"]),
        (add_required_parameter, ["GET /api/v1/graph: query parameter `team`: is required now"]),
        (turn_default, ["GET /api/v1/ws: query parameter `subscribe`: default is false, was true"]),
        (
            lower_limit,
            ["GET /api/v1/graph: query parameter `min_seq`: maximum is 99, was 999999999999999999"],
        ),
        (remove_status, ['requests: Status: no longer takes "Unknown"']),
        (rename_status, ['answers: Health.status: is ["fine"] instead of ["healthy"]']),
        (remove_answer, ["GET /api/v1/graph: answer 200: is removed"]),
        (remove_media_type, ["GET /api/v1/graph: answer 200: there is no application/json any more"]),
        (remove_header, ["GET /api/v1/graph: answer 200, header ETag: is removed"]),
        (remove_key, ["answers: Node.since: is removed"]),
        (make_key_optional, ["answers: Node.reason: is no longer always there"]),
        (change_type, ["answers: Release.nodes: may now also be string"]),
        (let_be_null, ['answers: Node.release: may now also be {"type": "null"}']),
        (change_items, ["answers: Metadata.ports[]: may now also be integer"]),
        (drop_format, ['answers: Metadata.creationTimestamp: format is null, was "date-time"']),
        (remove_message, ["answers: WsServerMessage: the message `bookmark` is removed"]),
        (refuse_message, ["requests: WsClientMessage: the message `ping` is removed"]),
        (require_key_of_a_message, ["requests: Subscribe.since: is required now"]),
        (take_no_text, ['requests: Filter.namespace: may no longer be {"type": "string"}']),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_change_that_breaks_clients_is_named(change: Any, lines: list[str]) -> None:
    changed = deepcopy(accepted())
    change(changed)
    found = breaking_changes(accepted(), changed)
    assert set(lines) <= set(found)
    # And nothing but that, on however many paths.
    what = {line.partition(": ")[2] for line in lines}
    assert {line.partition(": ")[2] for line in found} == what
    assert all(line in refusal(found) for line in lines)


def test_additions_pass() -> None:
    old = accepted()
    new = deepcopy(old)
    new["paths"]["/api/v1/novelties"] = new["paths"]["/api/v1/charts"]
    graph(new)["parameters"].append({"name": "team", "in": "query", "schema": {"type": "string"}})
    graph(new)["responses"]["429"] = {"description": "Too many requests."}
    kept = schemas(new)
    kept["Node"]["properties"]["team"] = {"type": "string"}
    kept["Node"]["required"] = [*kept["Node"]["required"], "since"]
    kept["Status"]["enum"].append("Paused")
    kept["Novelty"] = {"type": "object"}
    kept["WsServerMessage"]["discriminator"]["mapping"]["novelty"] = "#/components/schemas/Novelty"
    kept["WsClientMessage"]["discriminator"]["mapping"]["rename"] = "#/components/schemas/Novelty"
    kept["Subscribe"]["properties"]["colour"] = {"type": "integer"}
    kept["Release"]["properties"]["revision"] = {"type": "integer"}  # was null at times
    parameter(new, "MinSeqParameter")["schema"].pop("maximum")
    new["info"] = {"title": "Another", "version": "9"}
    assert breaking_changes(old, new) == []


def test_renaming_a_component_is_not_a_change() -> None:
    old = accepted()
    text = refusal(breaking_changes(old, _renamed(old, "Node", "Resource2")))
    assert text == ""


def _renamed(part: Any, name: str, other: str) -> Any:
    if isinstance(part, dict):
        return {(other if key == name else key): _renamed(value, name, other) for key, value in part.items()}
    if isinstance(part, list):
        return [_renamed(each, name, other) for each in part]
    return f"#/components/schemas/{other}" if part == f"#/components/schemas/{name}" else part


def test_a_recursive_schema_terminates() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/tree"}}}}
    changes = SchemaChanges({"tree": tree}, {"tree": tree})
    changes.compare({"$ref": "#/tree"}, {"$ref": "#/tree"}, "", "answers")
    assert changes.found == {}
