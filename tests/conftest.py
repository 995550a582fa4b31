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
ALONE = ("benchmarks", "cluster", "hostile", "soak", "test_recorded_cluster.py")
#: What breaks things and mostly waits for how that ends: only others of its kind run beside it.
WAITING = ("chaos",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_in(WAITING, item):
            item.add_marker("waiting")
        if _is_in(ALONE, item) and item.get_closest_marker("waiting") is None:
            item.add_marker("alone")


def _is_in(names: tuple[str, ...], item: pytest.Item) -> bool:
    places = [Path(__file__).parent / name for name in names]
    return any(place in (item.path, *item.path.parents) for place in places)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Whatever becomes garbage stays to be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
