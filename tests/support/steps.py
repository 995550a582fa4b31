"""Runs sliced work to its end at once."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")


def finish(steps: Generator[Any, None, T]) -> T:
    """What the steps end with."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
