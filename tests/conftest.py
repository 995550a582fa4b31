"""Fixtures for tests of several parts."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes is a matter of the machine; pytest-timeout ends what hangs.
settings.register_profile("astrolabe", deadline=None)
settings.load_profile("astrolabe")


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Whatever becomes garbage stays to be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
