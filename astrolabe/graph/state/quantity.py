"""Quantities of the API (`500m`, `10Gi`, `1e3`), as numbers that compare.

A leaf that kinds and the search share.
"""

from __future__ import annotations

import re
from decimal import Decimal

#: Digits and exponent are bounded, so that no text makes a number of a million digits.
_QUANTITY = re.compile(r"([+-]?[0-9]{0,40}(?:\.[0-9]{0,40})?)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?\Z")
_FACTORS = {
    "": Decimal(1),
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate("mun", 1)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def parse_quantity(text: str) -> Decimal | None:
    """The number, exactly; None if the text is no quantity."""
    match = _QUANTITY.match(text)
    if match is None or not any(character.isdigit() for character in match[1]):
        return None
    digits, suffix = match[1], match[2] or ""
    if suffix in _FACTORS:
        return Decimal(digits) * _FACTORS[suffix]
    return Decimal(digits).scaleb(int(suffix[1:]))


#: As people write them: upper or lower case, without exponents, and not inside a name.
_WRITTEN = re.compile(r"([+-]?\d{1,30}(?:\.\d{1,30})?)([a-z]{0,2})\Z", re.ASCII | re.IGNORECASE)
_SUFFIXES = {suffix.lower(): suffix for suffix in _FACTORS if suffix not in ("n", "u", "m")}


def number_of(text: str) -> float | None:
    """The number of a text such as `5`, `2.5`, `500m`, `10gi`; None when it is none. All suffixes mean the
    same in either case, but for `m` (milli) and `M` (mega).
    """
    found = _WRITTEN.match(text)
    if found is None:
        return None
    suffix = "m" if found[2] == "m" else _SUFFIXES.get(found[2].lower())
    return None if suffix is None else float(Decimal(found[1]) * _FACTORS[suffix])
