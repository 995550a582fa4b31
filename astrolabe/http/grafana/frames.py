"""Rows as columns: what Grafana calls data frames, and how its Node Graph API plugin is told of fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from astrolabe.http.grafana.notices import Notice
from astrolabe.http.grafana.rows import EDGE_FIELDS, NODE_FIELDS, Field, Row


def frames(
    nodes: Sequence[Row], edges: Sequence[Row], notices: Sequence[Notice] = ()
) -> list[dict[str, Any]]:
    """Both frames as DataFrameJSON (`@grafana/data`, dataframe/DataFrameJSON.ts). Grafana shows the notices
    of all frames of a panel: they stand in the first."""
    return [frame("nodes", NODE_FIELDS, nodes, notices), frame("edges", EDGE_FIELDS, edges)]


def frame(
    name: str, fields: Sequence[Field], rows: Sequence[Row], notices: Sequence[Notice] = ()
) -> dict[str, Any]:
    """One frame: a column a field."""
    meta: dict[str, Any] = {"preferredVisualisationType": "nodeGraph"}
    if notices:
        meta["notices"] = msgspec.to_builtins(notices)
    return {
        "schema": {
            "name": name,
            "refId": name,
            "meta": meta,
            "fields": [
                {"name": field.name, "type": field.type, "config": _config(field)} for field in fields
            ],
        },
        "data": {"values": [[row[field.name] for row in rows] for field in fields]},
    }


def described() -> dict[str, Any]:
    """The fields as `/api/graph/fields` of the Node Graph API plugin has them."""
    return {
        "nodes_fields": [_description(field) for field in NODE_FIELDS],
        "edges_fields": [_description(field) for field in EDGE_FIELDS],
    }


def _config(field: Field) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if field.title:
        config["displayName"] = field.title
    if field.color:
        config["color"] = {"mode": "fixed", "fixedColor": field.color}
    return config


def _description(field: Field) -> dict[str, Any]:
    description = {
        "field_name": field.name,
        "type": field.type,
        "displayName": field.title,
        "color": field.color,
    }
    return {key: value for key, value in description.items() if value}
