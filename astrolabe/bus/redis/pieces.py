"""Long lists, in pieces: of what is taken in within one slice of time, or of what Redis takes quickly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The same items, this many at a time, and in the end what is left."""
    entries = iter(items)
    while some := list(islice(entries, size)):
        yield some
