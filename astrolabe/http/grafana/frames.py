"""Grafana's data frames with their notices, and the field descriptions of its Node Graph API plugin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from astrolabe.engine.serving_state import ServingState
from astrolabe.http.grafana.rows import EDGE_FIELDS, NODE_FIELDS, PanelField, Row


class Notice(msgspec.Struct, frozen=True):
    """A notice in the `meta` of a data frame (`@grafana/data`, types/data.ts, QueryResultMetaNotice)."""

    severity: Literal["info", "warning"]
    text: str


def notices(state: ServingState) -> tuple[Notice, ...]:
    """None while the state is live."""
    match state.state:
        case "live":
            return ()
        case "syncing":
            return (Notice("info", f"So far: {_progress(state)}. More may be broken than is shown."),)
        case "partial":
            kinds = ", ".join(f"{gap.kind} ({gap.why})" for gap in state.partial)
            return (Notice("warning", f"Not everything is seen: {kinds or state.why}."),)
        case "stale":
            return (Notice("warning", f"Stale since {_clock(state)}: {state.why}. This is how it was then."),)


def _progress(state: ServingState) -> str:
    """The progress, and what keeps other kinds from being listed."""
    progress = state.progress
    if not progress.of:
        return state.why
    _, semicolon, trouble = state.why.partition(";")
    return f"{progress.kinds} of {progress.of} kinds, {progress.objects:,} objects{semicolon}{trouble}"


def _clock(state: ServingState) -> str:
    return f"{datetime.fromisoformat(state.since):%Y-%m-%d %H:%M:%S} UTC"


def frames(
    nodes: Sequence[Row], edges: Sequence[Row], notices: Sequence[Notice] = ()
) -> list[dict[str, Any]]:
    """Both frames as DataFrameJSON (`@grafana/data`, dataframe/DataFrameJSON.ts). The first has the notices:
    Grafana shows those of all frames of a panel."""
    return [frame("nodes", NODE_FIELDS, nodes, notices), frame("edges", EDGE_FIELDS, edges)]


def frame(
    name: str, fields: Sequence[PanelField], rows: Sequence[Row], notices: Sequence[Notice] = ()
) -> dict[str, Any]:
    """One frame, with a column for each field."""
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


def _config(field: PanelField) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if field.title:
        config["displayName"] = field.title
    if field.color:
        config["color"] = {"mode": "fixed", "fixedColor": field.color}
    return config


def _description(field: PanelField) -> dict[str, Any]:
    description = {
        "field_name": field.name,
        "type": field.type,
        "displayName": field.title,
        "color": field.color,
    }
    return {key: value for key, value in description.items() if value}
