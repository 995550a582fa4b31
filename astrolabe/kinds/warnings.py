"""What Kubernetes' Warnings say where the manifest does not know better.

The most specific word wins: a Warning replaces a vague word of the manifest and never a specific one. A
Warning that was seen last before the status began tells of what was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from astrolabe.graph.model.facts import Warned, WarningEvent
from astrolabe.graph.state.status import READY, Status

#: Reasons that say that something is not ready, and not why.
VAGUE = frozenset(
    (
        "",
        "LoadBalancerPending",
        "NotReady",
        "Pending",
        "Progressing",
        "Running",
        "Starting",
        "Unknown",
        "Waiting",
    )
)

#: The name of a neighbour is more specific than a message about the attempt to use it.
_MISSING = "does not exist"

#: An owner could not create an object.
FAILED_CREATE = "FailedCreate"

#: Seconds by which the last repetition of an Event may lag: client-go's recorder sends one in five minutes
#: when its budget for the object is spent.
LAG = 300


def tell(status: Status, _: Any, warnings: Sequence[WarningEvent]) -> Warned:
    """The `warn` of every kind that has no other.

    What is not Ready and has only a vague word for it takes the words of the newest Warning.
    """
    newest = next(iter(current(status, warnings)), None)
    if newest is None or status.severity == READY:
        return Warned(status)
    return Warned(in_words_of(newest, status) if is_vague(status) else status, newest)


def first(warnings: Iterable[WarningEvent], *reasons: str) -> WarningEvent | None:
    """The newest Warning with one of these reasons."""
    return next((each for each in warnings if each.reason in reasons), None)


def current(status: Status, warnings: Sequence[WarningEvent]) -> list[WarningEvent]:
    """The Warnings that were still seen when the status began, or later."""
    began = _seconds(status.since or "")
    if began is None:
        return list(warnings)
    return [each for each in warnings if (_seconds(each.last) or began) + LAG >= began]


def is_vague(status: Status) -> bool:
    """Whether the status does not say why."""
    if _MISSING in status.message:
        return False
    return status.reason in VAGUE or status.message in ("", status.reason)


def in_words_of(warning: WarningEvent, status: Status, *, severity: str = "") -> Status:
    """The status with the reason and message of a Warning. severity: instead of that of the status."""
    return Status(severity or status.severity, warning.reason, warning.message, status.since)


def _seconds(time: str) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return None
