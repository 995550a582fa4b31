"""The OpenAPI document, made of the endpoints that are served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args

from astrolabe import __version__
from astrolabe.engine.serving_state import STATE_NAMES
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.graph.views.filter_fields import LISTS, listed
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import shapes
from astrolabe.http.openapi.operation import POSITION, ApiEndpoint, ApiResponse, Operation, Parameter
from astrolabe.http.openapi.schemas import Messages, Schemas, messages_of, schemas_of
from astrolabe.http.openapi.shapes import metadata_shape
from astrolabe.http.openapi.terms import INT64, reference
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.event import EventEntry

_ABOUT = """\
A live graph of a Kubernetes cluster: resources, what is wrong with them, and the fields of manifests that tie
them to one another.

- Every answer that comes from the graph takes the same **filter**: {lists}, `selector` and `q`. Several
  values are repeated or separated by commas; one of them must match. Empty parameters do not count. Unknown
  ones are refused, except `_`, which pages add to bypass caches. In the lists of releases and charts, a
  namespace keeps those that belong to it or have resources in it.
- `X-Astrolabe-Epoch` and `X-Astrolabe-Seq` are the position in history of an answer. `X-Astrolabe-State`
  says how complete and how fresh the graph is; `/health` has the details.
- An error is `{"error", "message"}` on every path. `HEAD` is answered like `GET`, without the body.
- Arrays may be empty, and are never null.
- A later server may send more keys, types of messages, and values of the sets listed here, such as `Kind`.
  Clients must ignore what they do not know. What this document describes stays.
""".replace("{lists}", listed(LISTS))

_GROUPS = {
    "graph": "The current graph. Every answer belongs to one position in history.",
    "stream": "The graph, and every change of it. A client that applies the snapshot and the deltas in order "
    "holds exactly the server's filtered graph at `seq`. If it cannot, the server tells it.",
    "agents": "The graph for agents.",
    "process": "The health of the process.",
    "grafana": "The graph for Grafana's panels.",
    "pages": "Pages for people, and this document.",
}

#: The headers of responses.
_HEADERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "X-Astrolabe-Epoch": ("The unbroken history that the answer belongs to.", {"type": "string"}),
    "X-Astrolabe-Seq": ("Its position in that history.", {"type": "integer", **INT64, "minimum": 0}),
    "X-Astrolabe-State": (
        "How complete and how fresh the served graph is.",
        {"type": "string", "enum": list(STATE_NAMES)},
    ),
    "ETag": ("For `If-None-Match`.", {"type": "string", "pattern": '^(W/)?"[^"]*"$'}),
    "Cache-Control": ("How long the answer may be cached.", {"type": "string"}),
    "Retry-After": ("Seconds to wait before the next attempt.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string", "const": "Bearer"}),
}

#: What a refusal means, and its headers besides those of every error.
_REFUSALS: Mapping[int, tuple[str, tuple[str, ...]]] = {
    400: ("A parameter or header is invalid. The message names it.", ()),
    401: ("A token is missing or unknown.", ("WWW-Authenticate",)),
    403: ("Pages of this origin are not allowed.", ()),
    404: ("Not found.", ()),
    409: ("What is asked does not apply to this resource. The message says what does.", ()),
    415: ("The body is of another type than the one that is described.", ()),
    426: ("This path serves only WebSockets.", ()),
    503: (
        "Try again later: the position is not reached yet, or there are too many streams.",
        ("Retry-After",),
    ),
}

_SCHEME = "bearer"
#: Those that are described. `HEAD` is answered like `GET`.
_METHODS = ("get", "post")


def document(routes: Sequence[ApiEndpoint], catalogue: Catalogue, *, tokens: bool) -> dict[str, Any]:
    """The OpenAPI document (3.1) of these endpoints.

    catalogue: the kinds that are watched. tokens: whether requests need a token.
    """
    routes = _ordered(routes)
    operations = [route.operation for route in routes]
    schemas, components = schemas_of(operations, metadata_shape(catalogue))
    spoken, unions = messages_of({route.name: route.operation for route in routes}, schemas)
    components = {
        "schemas": {**_closed_sets(catalogue.keys), **components, **unions},
        "parameters": {_key(each): _parameter(each) for one in operations for each in one.parameters},
        "headers": {
            name: {"description": what, "schema": schema} for name, (what, schema) in _HEADERS.items()
        },
        "responses": {_phrase(status): _refusal(status) for status in _REFUSALS},
    }
    if tokens:
        components["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Astrolabe",
            "version": __version__,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
            "description": _ABOUT,
        },
        "servers": [{"url": "."}],  # Astrolabe may be served under any path
        "tags": [{"name": name, "description": what} for name, what in _GROUPS.items()],
        "paths": {
            route.template: {
                method: _operation(route, method, schemas, spoken[route.name], tokens=tokens)
                for method in _METHODS
                if method.upper() in route.methods
            }
            for route in routes
        },
        "components": components,
    }


def _ordered(routes: Sequence[ApiEndpoint]) -> list[ApiEndpoint]:
    """The endpoints by group. A path with a parameter follows the path that it extends."""
    groups = list(_GROUPS)
    places = {route.template: place for place, route in enumerate(routes)}

    def key(route: ApiEndpoint) -> tuple[int, int]:
        place = places.get(route.template.partition("/{")[0], len(routes))
        return groups.index(route.operation.group), place

    return sorted(routes, key=key)


def _closed_sets(kinds: Iterable[str]) -> dict[str, Any]:
    return {
        name: {"type": "string", "enum": list(members), "description": what}
        for name, members, what in (
            ("Status", SEVERITIES, "How a resource is."),
            ("Kind", kinds, "The kinds that are watched."),
            ("WatchedName", (*kinds, EventEntry.name), "The same, and Events, which are in no graph."),
            ("EdgeType", EDGE_TYPES, "What a resource has to do with another."),
        )
    }


def _operation(
    route: ApiEndpoint, method: str, schemas: Schemas, spoken: Messages, *, tokens: bool
) -> dict[str, Any]:
    operation, asked = route.operation, tokens and not route.open
    described: dict[str, Any] = {
        "operationId": route.name if method == route.methods[0].lower() else f"{route.name}-{method}",
        "tags": [operation.group],
        "summary": operation.summary,
        "description": "\n\n".join(filter(None, (operation.details, _speakers(operation)))),
        "parameters": [
            {"$ref": f"#/components/parameters/{_key(each)}"}
            for each in operation.parameters
            if each.method in ("", method)
        ],
        "responses": {
            **{str(status): _answer(answer, schemas, spoken) for status, answer in operation.answers.items()},
            **{
                str(status): {"$ref": f"#/components/responses/{_phrase(status)}"}
                for status in (*operation.refusals, *([] if route.open else [403]), *([401] if asked else []))
            },
        },
    }
    if any("ETag" in answer.headers for answer in operation.answers.values()):
        described["responses"]["304"] = {"description": "It is what `If-None-Match` names."}
    if operation.request and method == "post":
        content = {media: {"schema": schemas[type]} for media, type in operation.request.items()}
        described["requestBody"] = {"required": True, "content": content}
    if operation.messages:
        described["x-messages"] = {who: spoken[who] for who in operation.messages}
    if asked:
        described["security"] = [{_SCHEME: []}]
    return {key: value for key, value in described.items() if value}


def _speakers(operation: Operation) -> str:
    """The messages of an operation, and who sends them, as Markdown."""
    return "\n".join(
        f"- Sent by the {who}: {', '.join(f'`{each.__name__}`' for each in get_args(type) or (type,))}"
        for who, type in operation.messages.items()
    )


def _key(parameter: Parameter) -> str:
    """The name of its component. Code generators have one name space for all components."""
    name = parameter.component or parameter.name
    return f"{name.replace('_', '-').title().replace('-', '')}Parameter"


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "schema": parameter.schema,
        **({"required": True} if parameter.required or parameter.place == "path" else {}),
    }


def _answer(answer: ApiResponse, schemas: Schemas, spoken: Messages) -> dict[str, Any]:
    """spoken: messages that follow instead of a body. Code generators drop what no content refers to."""
    described: dict[str, Any] = {"description": answer.description, "headers": _headers(answer.headers)}
    if answer.body:
        described["content"] = {media: {"schema": schemas[type]} for media, type in answer.body.items()}
    elif "any" in spoken:
        described["content"] = {JSON: {"schema": spoken["any"]}}
    return described


def _refusal(status: int) -> dict[str, Any]:
    description, headers = _REFUSALS[status]
    return {
        "description": description,
        "headers": _headers((*POSITION, *headers)),
        "content": {JSON: {"schema": reference(shapes.Error.__name__)}},
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    """The headers with these names, and the one of every response."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Astrolabe-State")}
