"""The parameters that several endpoints accept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from astrolabe.graph.views.filter_fields import FILTER_FIELDS, FilterField
from astrolabe.graph.views.summary import DIMENSIONS, MOST_DIMENSIONS
from astrolabe.http.openapi.operation import Parameter
from astrolabe.http.openapi.terms import INT64, reference

_WHOLE: Mapping[str, Any] = {"type": "integer", **INT64, "minimum": 0, "maximum": 10**18 - 1}


def of_filter() -> tuple[Parameter, ...]:
    """The parameters of a filter."""
    return tuple(
        Parameter(name=each.name, description=each.description, schema=_schema_of(each))
        for each in FILTER_FIELDS.values()
    )


def _schema_of(field: FilterField) -> Mapping[str, Any]:
    if field.shape == "text":
        return {"type": "string"}
    if field.shape == "selector":
        return {"type": "string", "format": "label-selector", "examples": ["app=web,tier in (front,back)"]}
    items = reference(field.closed) if field.closed else {"type": "string"}
    return {"type": "array", "items": items}


CLUSTER = Parameter(
    name="cluster",
    description="The cluster, if several are served and more than one has it.",
    schema={"type": "string"},
    component="in-cluster",
)
MIN_SEQ = Parameter(
    name="min_seq",
    description="Wait until the server has reached this position, for at most 2 seconds.",
    schema=_WHOLE,
)
DETAIL = Parameter(
    name="detail",
    description="Whether to return details, not only names.",
    schema={"type": "boolean", "default": False},
)
UID = Parameter(
    name="uid",
    description="The uid of the resource.",
    schema={"type": "string", "minLength": 1},
    place="path",
)
#: By the name in the path.
IN_PATH = {
    "uid": UID,
    "release_namespace": Parameter(
        name="release_namespace",
        description="The namespace of the release.",
        schema={"type": "string", "minLength": 1},
        place="path",
    ),
    "release_name": Parameter(
        name="release_name",
        description="The name of the release.",
        schema={"type": "string", "minLength": 1},
        place="path",
    ),
}
TYPED = Parameter(
    name="q",
    description="The search that the user has typed so far.",
    schema={"type": "string", "default": "", "examples": ["kind:deploy ns:sh"]},
)
CURSOR = Parameter(
    name="cursor",
    description="Where in it the cursor stands: characters before it; by default at the end.",
    schema=_WHOLE,
)
SINCE = Parameter(
    name="since",
    description="Resume after this position, `<epoch>:<seq>`, instead of starting with a snapshot.",
    schema={"type": "string", "pattern": "^.+:[0-9]{1,18}$"},
)
LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    description="As `since`, and it wins over `since`. An `EventSource` sends it by itself.",
    schema=SINCE.schema,
    place="header",
)
SUBSCRIBE = Parameter(
    name="subscribe",
    description="Whether to start with the subscription `default`.",
    schema={"type": "boolean", "default": True},
)
WHAT = Parameter(
    name="what",
    description="What to follow: the graph, the problems that it has, its summary, or the neighbourhood of a "
    "focus.",
    schema={
        "type": "string",
        "enum": ["graph", "problems", "summary", "neighbourhood"],
        "default": "graph",
    },
)
BY = Parameter(
    name="by",
    description="What a summary groups by: one or two, repeated or separated by commas.",
    schema={
        "type": "array",
        "items": {"type": "string", "enum": list(DIMENSIONS)},
        "minItems": 1,
        "maxItems": MOST_DIMENSIONS,
        "uniqueItems": True,
    },
)
#: Of a neighbourhood.
NEIGHBOURHOOD = (
    Parameter(
        name="focus",
        description="The uids around which a neighbourhood is.",
        schema={"type": "array", "items": {"type": "string"}, "maxItems": 100},
    ),
    Parameter(
        name="depth",
        description="How many edges away the nodes of a neighbourhood may be, in either direction.",
        schema={"type": "integer", "minimum": 0, "maximum": 6, "default": 2},
    ),
    Parameter(
        name="types",
        description="The types of the edges that a neighbourhood follows; none: all.",
        schema={"type": "array", "items": reference("EdgeType")},
    ),
    Parameter(
        name="limit",
        description="How many nodes a neighbourhood may have.",
        component="neighbourhood-limit",
        schema={"type": "integer", "minimum": 1, "maximum": 5000, "default": 500},
    ),
)
BY_REQUIRED = replace(BY, required=True, component="required-by")
PROBLEM_DETAIL = Parameter(
    name="detail",
    description="Whether each problem names what it affects.",
    schema={"type": "boolean", "default": False},
    component="problem-detail",
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    description="The `ETag` of an answer that the client already has.",
    schema={"type": "string"},
    place="header",
)
