"""The status that a custom resource's own manifest gives, and the field that decided it.

A leaf, because every step of the judgement returns one.
"""

from __future__ import annotations

from typing import NamedTuple

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status

#: The reason of what only its neighbours can judge.
NOT_JUDGED = "NotJudged"


class Verdict(NamedTuple):
    """A status, and the path of the field that decided it; "" if none did."""

    status: Status
    decided_by: str


def ready(reason: str, message: str = "", *, by: str, since: str | None = None) -> Verdict:
    return Verdict(Status(READY, reason, message, since), by)


def pending(reason: str, message: str = "", *, by: str, since: str | None = None) -> Verdict:
    return Verdict(Status(PENDING, reason, message, since), by)


def error(reason: str, message: str = "", *, by: str, since: str | None = None) -> Verdict:
    return Verdict(Status(ERROR, reason, message, since), by)


def unknown(reason: str, message: str = "", *, by: str, since: str | None = None) -> Verdict:
    return Verdict(Status(UNKNOWN, reason, message, since), by)
