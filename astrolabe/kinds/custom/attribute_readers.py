"""Functions that read the attributes of a projection. Kinds share them: of 200 kinds they would take 2 MB."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any

Scalar = str | int | float | bool | None
SCALARS = (str, int, float, bool)


@lru_cache(maxsize=1024)
def object_reader(fields: tuple[str, ...]) -> Callable[[Any], Any]:
    """Reads the object that these attributes lead to. Kinds share it."""
    first, *more = fields
    if not more:
        return attrgetter(first)
    if len(more) == 1:
        (second,) = more
        return lambda manifest: getattr(getattr(manifest, first), second, None)

    def read(manifest: Any) -> Any:
        value = manifest
        for field in fields:
            value = getattr(value, field, None)
        return value

    return read


@lru_cache(maxsize=1024)
def value_reader(first: str, second: str = "") -> Callable[[Any], Any]:
    """Reads what one attribute or two hold. Kinds share it."""
    if not second:
        return attrgetter(first)
    return lambda value: getattr(getattr(value, first, None), second, None)


@lru_cache(maxsize=4096)
def field_reader(field: str) -> Callable[[Any], Any]:
    """Reads what one attribute holds, if there is one. Kinds share it."""
    return lambda value: getattr(value, field, None)


@lru_cache(maxsize=4096)
def plain_reader(fields: tuple[str, ...]) -> Callable[[Any], Scalar]:
    """Reads the scalar that these attributes lead to. Kinds share it."""
    # A closure for each of the usual lengths: a loop would cost twice as much.
    match fields:
        case (a,):

            def one(value: Any) -> Scalar:
                value = getattr(value, a, None)
                return value if isinstance(value, SCALARS) else None

            return one
        case (a, b):

            def two(value: Any) -> Scalar:
                value = getattr(getattr(value, a, None), b, None)
                return value if isinstance(value, SCALARS) else None

            return two
        case (a, b, c):

            def three(value: Any) -> Scalar:
                value = getattr(getattr(getattr(value, a, None), b, None), c, None)
                return value if isinstance(value, SCALARS) else None

            return three

    def many(value: Any) -> Scalar:
        for field in fields:
            value = getattr(value, field, None)
        return value if isinstance(value, SCALARS) else None

    return many
