"""Quantities of the API (`500m`, `10Gi`, `1e3`), as numbers that compare."""

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
    """The number; None if the text is no quantity."""
    match = _QUANTITY.match(text)
    if match is None or not any(character.isdigit() for character in match[1]):
        return None
    digits, suffix = match[1], match[2] or ""
    if suffix in _FACTORS:
        return Decimal(digits) * _FACTORS[suffix]
    return Decimal(digits).scaleb(int(suffix[1:]))
