"""The status of a node: how severe it is, and why. A leaf that nearly every package imports."""

from __future__ import annotations

import msgspec

READY = "Ready"
PENDING = "Pending"
ERROR = "Error"
UNKNOWN = "Unknown"

#: The closed set that existing Grafana users map to colours.
SEVERITIES = (READY, PENDING, ERROR, UNKNOWN)

#: The order of severity; TypeScript has it in static/packages/stream/src/status.ts.
WORST_FIRST = (ERROR, PENDING, UNKNOWN, READY)


class Status(msgspec.Struct, frozen=True, gc=False):
    """What is the matter with one resource.

    severity: one of `SEVERITIES`.
    reason: one word, the manifest's own where it has one (`CrashLoopBackOff`, `Bound`).
    message: a sentence for a person; may be empty.
    since: RFC 3339 time at which the manifest says this status began; None where it does not say.
    """

    severity: str = msgspec.field(name="level")  # the key in golden files
    reason: str
    message: str = ""
    since: str | None = None
