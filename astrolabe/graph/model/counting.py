"""Counts that keep no entry for zero.

A leaf that the indices of releases and of Flux share.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

_K = TypeVar("_K", bound=Hashable)


def count(counts: dict[_K, int], key: _K, by: int) -> bool:
    """Returns whether the key came or went."""
    before = counts.get(key, 0)
    if before + by:
        counts[key] = before + by
        return not before
    del counts[key]
    return True
