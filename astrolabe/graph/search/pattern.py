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


#: A quantity of Kubernetes (apimachinery resource.Quantity): a number with a suffix.
_QUANTITY = re.compile(r"([+-]?\d{1,30}(?:\.\d{1,30})?)(m|k|[MGTPE]|[KMGTPE]i)?\Z", re.IGNORECASE)
_FACTORS = {"m": 1e-3, "k": 1e3}
_FACTORS |= {letter: 1000.0**power for power, letter in enumerate("gtpe", 3)}
_FACTORS |= {f"{letter}i": 1024.0**power for power, letter in enumerate("kmgtpe", 1)}


def number_of(text: str) -> float | None:
    """The number of a text such as `5`, `2.5`, `500m`, `10Gi`; None when it is none."""
    found = _QUANTITY.match(text)
    if found is None:
        return None
    suffix = found[2] or ""
    if suffix == "M":  # mega; all other suffixes mean the same in either case
        return float(found[1]) * 1e6
    return float(found[1]) * (_FACTORS[suffix.lower()] if suffix else 1)


def time_of(text: str) -> str | None:
    """A date or a time (RFC 3339; without a zone, UTC), as manifests have times; None when it is none."""
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
