"""Fixtures for tests of several parts."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Whatever becomes garbage stays to be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
