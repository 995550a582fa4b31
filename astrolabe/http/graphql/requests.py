"""A request of GraphQL: what is asked, however it came."""

from __future__ import annotations

from typing import Any

import msgspec
from sanic.request import Request

from astrolabe.http.errors import Refusal

JSON = "application/json"
#: The media type of answers whose status tells whether the query could be executed (GraphQL over HTTP, 6.4).
RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"


class GraphQLRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A query, as in the body of a POST or the payload of `subscribe`."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(GraphQLRequest)
_VARIABLES = msgspec.json.Decoder(dict[str, Any])


def bad_request(message: str, status: int = 400) -> Refusal:
    """The refusal of what is no request of GraphQL."""
    return Refusal(status, "bad-request", message)


def read_request(request: Request) -> GraphQLRequest:
    """The query of an HTTP request. Raises Refusal."""
    return _read_post(request) if request.method == "POST" else _read_get(request)


def _read_post(request: Request) -> GraphQLRequest:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON:  # also keeps forms of other pages out: they cannot send this type
        raise bad_request(f"the body of a query is {JSON}, not {media or 'of no type'}", 415)
    body: bytes = request.body
    if body.lstrip()[:1] == b"[":
        raise bad_request("a request is one query, not a batch; ask for several root fields instead")
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise bad_request(f'the body is not {{"query","variables","operationName"}}: {error}') from None


def _read_get(request: Request) -> GraphQLRequest:
    given = dict(request.get_args(keep_blank_values=True))
    for name, values in given.items():
        if name in ("query", "variables", "operationName", "extensions") and len(values) > 1:
            raise bad_request(f"{name} is given more than once")
    (query,) = given.get("query", [""])
    if not query:
        raise bad_request("a query is needed: GET /graphql?query={state{state}}, or a POST")
    try:
        (variables,) = given.get("variables", [""])
        parsed = _VARIABLES.decode(variables) if variables else None
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError) as error:
        raise bad_request(f"variables is not a JSON object: {error}") from None
    (name,) = given.get("operationName", [""])
    return GraphQLRequest(query, name or None, parsed)


def accepts(request: Request, media: str) -> bool:
    """Whether the client names this media type in Accept."""
    given = request.headers.get("accept", "").lower().split(",")
    return any(each.partition(";")[0].strip() == media for each in given)
