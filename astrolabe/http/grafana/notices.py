"""What stands in the corner of a panel when what it shows is not all, or not as it is now."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from astrolabe.engine.serving_state import ServingState


class Notice(msgspec.Struct, frozen=True):
    """As data frames have it in their `meta` (`@grafana/data`, types/data.ts, QueryResultMetaNotice)."""

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
    """Behind the count of kinds the state says what keeps the others from coming."""
    progress = state.progress
    if not progress.of:
        return state.why
    _, semicolon, trouble = state.why.partition(";")
    return f"{progress.kinds} of {progress.of} kinds, {progress.objects:,} objects{semicolon}{trouble}"


def _clock(state: ServingState) -> str:
    return f"{datetime.fromisoformat(state.since):%Y-%m-%d %H:%M:%S} UTC"
