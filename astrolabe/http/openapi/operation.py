"""What a route declares of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from astrolabe.http.errors import JSON

#: The status of an answer that messages follow.
UPGRADED = 101

HTML = "text/html"
TEXT = "text/plain"

#: Of the answer's place in history.
POSITION = ("X-Astrolabe-Epoch", "X-Astrolabe-Seq")
#: Of what caches may keep and ask about.
CACHED = ("ETag", "Cache-Control")

Group = Literal["graph", "stream", "process", "grafana", "pages"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameter:
    """One parameter. schema: JSON Schema of its value; a list is repeated or separated by commas."""

    name: str
    description: str
    schema: Mapping[str, Any]
    place: Literal["query", "path", "header"] = "query"


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """One answer. body: the type of its document, by media type; empty: it has none."""

    description: str
    body: Mapping[str, Any]
    headers: tuple[str, ...] = ()


def json(description: str, body: Any, headers: tuple[str, ...] = POSITION) -> Answer:
    """An answer that is a JSON document of this type."""
    return Answer(description=description, body={JSON: body}, headers=headers)


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """What is told of a route, in the OpenAPI document and in the guide's table.

    summary: a line of plain text. details: more, in Markdown.
    answers: by status; where there is an `ETag`, there is a 304, too.
    refusals: statuses that are answered with an error document, beside those of every route.
    messages: of a stream, by who sends them: a type, mostly a union.
    """

    summary: str
    group: Group
    answers: Mapping[int, Answer]
    details: str = ""
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    messages: Mapping[Literal["server", "client"], Any] = field(default_factory=dict)
