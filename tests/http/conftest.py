"""A served shop; and both event loops: production runs on uvloop, which has transports of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.support.serving import Site, serve
from tests.support.worlds import shop

#: The loop that serves in production, and the one of the standard library.
LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test here runs on each of them."""
    return LOOPS


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve(shop()) as site:
        yield site
