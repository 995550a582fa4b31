"""A served shop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.serving import Site, serve
from tests.support.worlds import shop


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve(shop()) as site:
        yield site
