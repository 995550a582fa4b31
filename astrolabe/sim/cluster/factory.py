"""Makes uids, name suffixes, addresses and timestamps, all from one seeded random generator."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

#: The characters of generated names (apimachinery rand.go: no vowels and no look-alikes).
_SAFE = "bcdfghjklmnpqrstvwxz2456789"

_LENGTH = 5
_SUFFIXES = len(_SAFE) ** _LENGTH

#: Large and coprime to the number of suffixes: successive suffixes look unrelated, and none is skipped.
_STRIDE = 7_368_787

#: The time of generated clusters, unless another is given.
NOW = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class ObjectFactory:
    """Makes the values that a cluster assigns.

    now: the time from which ages count; may advance. stream: factories with different streams give different
    addresses and suffixes.
    """

    def __init__(self, rng: random.Random, now: datetime = NOW, *, stream: int = 0) -> None:
        self.rng = rng
        self.now = now
        self._address = stream << 20
        self._named = stream * (_SUFFIXES // 4)

    def uid(self) -> str:
        digits = f"{self.rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def suffix(self) -> str:
        """The suffix of a generated name, such as `hkjf7`. Does not repeat within 3 million."""
        self._named += 1
        rest, letters = self._named * _STRIDE % _SUFFIXES, []
        for _ in range(_LENGTH):
            rest, letter = divmod(rest, len(_SAFE))
            letters.append(_SAFE[letter])
        return "".join(letters)

    def template_hash(self) -> str:
        """The hash in the name of a ReplicaSet or a revision, such as `7ccfc65c6f`."""
        return "".join(self.rng.choices(_SAFE, k=10))

    def digest(self) -> str:
        """An image or container id, 64 hex digits."""
        return f"{self.rng.getrandbits(256):064x}"

    def address(self) -> str:
        """The next pod address. Does not repeat within a million."""
        self._address += 1
        count = self._address
        return f"10.{128 + (count >> 16 & 63)}.{count >> 8 & 255}.{count & 255}"

    def ago(self, seconds: float = 0) -> str:
        """A timestamp before now, in the format of manifests; in the future if negative."""
        return (self.now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def age(self, shortest: float, longest: float) -> float:
        """A random age, in seconds."""
        return self.rng.uniform(shortest, longest)
