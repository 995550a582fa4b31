"""The parameters that more than one route takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astrolabe.graph.filter import PARAMETERS
from astrolabe.http.description.operation import Parameter
from astrolabe.http.description.terms import INT64, reference

_WHOLE: Mapping[str, Any] = {"type": "integer", **INT64, "minimum": 0, "maximum": 10**18 - 1}


def _several(name: str, items: Mapping[str, Any], what: str) -> Parameter:
    return Parameter(name=name, description=what, schema={"type": "array", "items": items})


NAMESPACE = _several(
    "namespace",
    {"type": "string"},
    "Nodes of these namespaces, the Namespaces themselves, and cluster-scoped nodes linked to one of them.",
)
RELEASE = _several(
    "release",
    {"type": "string"},
    "Nodes of these Helm releases, and what they use that has no release of its own.",
)
KIND = _several("kind", reference("Kind"), "Nodes of these kinds.")
STATUS = _several("status", reference("Status"), "Nodes with these statuses.")
SELECTOR = Parameter(
    name="selector",
    description="A Kubernetes label selector, equality-based or set-based.",
    schema={"type": "string", "format": "label-selector", "examples": ["app=web,tier in (front,back)"]},
)
Q = Parameter(
    name="q",
    description="Text in name, kind, namespace or release, whatever its case.",
    schema={"type": "string"},
)

_FILTER = {each.name: each for each in (NAMESPACE, RELEASE, KIND, STATUS, SELECTOR, Q)}


def of_filter() -> tuple[Parameter, ...]:
    """Those of a filter."""
    return tuple(_FILTER[name] for name in PARAMETERS)


MIN_SEQ = Parameter(
    name="min_seq",
    description="Wait until the server has come to this place in history, for 2 seconds at most.",
    schema=_WHOLE,
)
DETAIL = Parameter(
    name="detail",
    description="More than names.",
    schema={"type": "boolean", "default": False},
)
UID = Parameter(
    name="uid",
    description="The uid of the resource.",
    schema={"type": "string", "minLength": 1},
    place="path",
)
SINCE = Parameter(
    name="since",
    description="Resume after this place in history, `<epoch>:<seq>`, instead of beginning with a snapshot.",
    schema={"type": "string", "pattern": "^.+:[0-9]{1,18}$"},
)
LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    description="As `since`, which it goes before; an `EventSource` sends it by itself.",
    schema=SINCE.schema,
    place="header",
)
SUBSCRIBE = Parameter(
    name="subscribe",
    description="Whether to begin with a subscription.",
    schema={"type": "boolean", "default": True},
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    description="The `ETag` of an answer that is held already.",
    schema={"type": "string"},
    place="header",
)
