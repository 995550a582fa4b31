"""Values with wildcards, and values to compare with."""

from __future__ import annotations

import re
from datetime import UTC, datetime

#: The literal pieces of a value, in lower case. Between two of them may be anything; a value without a
#: wildcard has one.
Pattern = tuple[str, ...]


def is_exact(pattern: Pattern) -> bool:
    """Whether only one text matches."""
    return len(pattern) == 1


def matches(pattern: Pattern, text: str) -> bool:
    """Whether the whole text, in lower case, is like the pattern. Takes time proportional to the text."""
    if len(pattern) == 1:
        return text == pattern[0]
    first, *middle, last = pattern
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    return _in_order(middle, text, len(first), len(text) - len(last))


def occurs(pattern: Pattern, text: str) -> bool:
    """Whether a part of the text, in lower case, is like the pattern."""
    return pattern[0] in text if len(pattern) == 1 else _in_order(pattern, text, 0, len(text))


def _in_order(pieces: tuple[str, ...] | list[str], text: str, start: int, end: int) -> bool:
    for piece in pieces:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def shown(pattern: Pattern) -> str:
    """As it is written."""
    return "*".join(pattern)


def time_of(text: str) -> str | None:
    """A date or a time (RFC 3339; without a zone, UTC), as manifests have times; None if it is neither."""
    if not re.match(r"\d{4}-\d\d", text) or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
