"""A path of the server: its handler, and what the API description says about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from astrolabe.http.errors import JSON

#: The status of a response that messages follow.
UPGRADED = 101

HTML = "text/html"
TEXT = "text/plain"

#: Headers of the position of a response.
POSITION = ("X-Astrolabe-Epoch", "X-Astrolabe-Seq")
#: Headers of responses that caches may keep.
CACHED = ("ETag", "Cache-Control")

Group = Literal["graph", "stream", "agents", "process", "grafana", "pages"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameter:
    """One parameter. schema: JSON Schema of its value; a list is repeated or separated by commas.

    component: its name in the document, if others of the same name mean something else.
    required: whether the request is refused without it; one in the path always is.
    method: the only one that takes it; "" for all.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    place: Literal["query", "path", "header"] = "query"
    component: str = ""
    required: bool = False
    method: Literal["", "get"] = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class ApiResponse:
    """One response. body: the type of its document, by media type; empty if it has none."""

    description: str
    body: Mapping[str, Any]
    headers: tuple[str, ...] = ()


def json(description: str, body: Any, headers: tuple[str, ...] = POSITION) -> ApiResponse:
    """A response with a JSON document of this type."""
    return ApiResponse(description=description, body={JSON: body}, headers=headers)


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """What the OpenAPI document and the guide's table say of an endpoint.

    summary: a line of plain text. details: more, in Markdown.
    answers: by status. An `ETag` header implies a 304, too.
    refusals: statuses with an error document, besides those of every endpoint.
    messages: of a stream, by sender: a type, mostly a union.
    request: of a POST: the type of its body, by media type.
    """

    summary: str
    group: Group
    answers: Mapping[int, ApiResponse]
    details: str = ""
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    messages: Mapping[Literal["server", "client"], Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class ApiEndpoint:
    """One path, in Sanic's notation, and the coroutine that answers it.

    name: unique; the operation's id in the OpenAPI document. open: answers anyone, from any page and without
        a token. visible: a WebSocket whose refusals a browser can see, see `net.refusals`.
    strict_slashes: whether `/x` and `/x/` are two paths.
    page: whether a browser that opens the address gets a page, which needs no token.
    """

    path: str
    name: str
    handler: Callable[..., Coroutine[Any, Any, Any]]
    operation: Operation
    methods: tuple[str, ...] = ("GET", "HEAD")
    open: bool = False
    visible: bool = False
    strict_slashes: bool = False
    page: bool = False

    @property
    def template(self) -> str:
        """The path with `{name}` for parameters."""
        return re.sub(r"<(\w+):\w+>", r"{\1}", self.path)
