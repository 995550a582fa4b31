"""What Grafana's data sources are answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET

from astrolabe.http.grafana.rows import EDGE_FIELDS, NODE_FIELDS, PanelField
from astrolabe.http.openapi.terms import Absent, Shape, about

_TYPES = {"string": str, "number": float}


def _row(name: str, fields: tuple[PanelField, ...]) -> Any:
    """A flat object that always has these keys; only its id is never null."""
    keys = []
    for field in fields:
        type = _TYPES[field.type]
        keys.append((field.name, Annotated[type if field.name == "id" else type | None, about(field.title)]))
    return msgspec.defstruct(name, keys, bases=(Shape,), rename=None, module=__name__)


NodeRow: Any = _row("NodeRow", NODE_FIELDS)
EdgeRow: Any = _row("EdgeRow", EDGE_FIELDS)


class NodeGraph(Shape):
    """The rows of Grafana's node graph."""

    nodes: list[NodeRow]
    edges: list[EdgeRow]


class FieldDescription(Shape):
    """A field, as the Node Graph API plugin has it."""

    field_name: str = msgspec.field(name="field_name")
    type: Literal["string", "number"]
    display_name: str | Absent = UNSET
    color: str | Absent = UNSET


class FieldDescriptions(Shape, rename=None):
    """The fields of nodes and of edges."""

    nodes_fields: list[FieldDescription]
    edges_fields: list[FieldDescription]


class Color(Shape):
    """The colour of an arc."""

    mode: Literal["fixed"]
    fixed_color: str


class FrameFieldConfig(Shape):
    """How a field is shown."""

    display_name: str | Absent = UNSET
    color: Color | Absent = UNSET


class FrameField(Shape):
    """One column."""

    name: str
    type: Literal["string", "number"]
    config: FrameFieldConfig


class FrameNotice(Shape):
    """The notice in the corner of the panel."""

    severity: Literal["info", "warning"]
    text: str


class FrameMeta(Shape):
    """What the frame is for, and a notice: none while the state is live."""

    preferred_visualisation_type: Literal["nodeGraph"]
    notices: list[FrameNotice] | Absent = UNSET


class FrameSchema(Shape):
    """The columns of a frame."""

    name: Literal["nodes", "edges"]
    ref_id: str
    meta: FrameMeta
    fields: list[FrameField]


class FrameData(Shape):
    """The values, a list a column."""

    values: Annotated[list[list[str | float | None]], about("In the order of the fields.")]


class Frame(Shape):
    """Grafana's DataFrameJSON."""

    schema: FrameSchema
    data: FrameData


class PluginHealth(Shape):
    """It answers."""

    status: Literal["ok"]
