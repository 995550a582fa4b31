"""How long ago something was, for people. A leaf that the API and the commands share."""

from __future__ import annotations

from datetime import datetime


def age(created: str, now: float) -> str:
    """The time since an RFC 3339 time in its largest unit, like kubectl; "" if it is not a time.

    >>> age("2026-01-01T00:00:00Z", 1767225600 + 3 * 3600 + 59)
    '3h'
    """
    try:
        seconds = int(now - datetime.fromisoformat(created).timestamp())
    except ValueError:
        return ""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{max(seconds, 0)}s"
