"""Quantities of the API, and what people write for them in a search."""

from decimal import Decimal
from typing import Any

import pytest

from astrolabe.graph.state.quantity import number_of, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("500m", Decimal("0.5")),
        ("2", 2),
        ("1.5Gi", 1536 * 1024 * 1024),
        ("1e3", 1000),
        ("1E", 10**18),
        ("-3k", -3000),
        (".5", Decimal("0.5")),
        ("7n", Decimal("0.000000007")),
        ("", None),
        ("m", None),
        ("ten", None),
        ("1 Gi", None),
        ("1e99999", None),
        ("9" * 100, None),
    ],
)
def test_quantities(text: str, number: Any) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("2.5", 2.5),
        ("-1", -1),
        ("500m", 0.5),
        ("2k", 2000),
        ("10Gi", 10 * 2**30),
        ("3M", 3e6),
        ("1E", 1e18),
        ("10gi", 10 * 2**30),
        ("5K", 5000),
        ("1.1", 1.1),
        ("1100m", 1.1),
    ],
)
def test_quantities_as_people_write_them(text: str, number: float) -> None:
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["", "x", "5x", "1" * 40, "NaN", "1e5", "5u", "\uff11"])
def test_texts_that_are_not_numbers(text: str) -> None:
    assert number_of(text) is None
