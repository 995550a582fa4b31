"""Fixtures for tests of several parts."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is a matter of the machine; pytest-timeout ends what hangs.
settings.register_profile("astrolabe", deadline=None)
settings.load_profile("astrolabe")


#: What measures time, or sets a whole machine to work: nothing else runs beside it. The recorded cluster was seen not
#: to end in time beside others.
ALONE = ("benchmarks", "chaos", "cluster", "hostile", "soak", "test_recorded_cluster.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [Path(__file__).parent / name for name in ALONE]
    for item in items:
        if any(place in (item.path, *item.path.parents) for place in places):
            item.add_marker("alone")


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Whatever becomes garbage stays to be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
