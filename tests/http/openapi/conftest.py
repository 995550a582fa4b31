"""What a served shop says of itself."""

from __future__ import annotations

import pytest

from tests.support.description import Described
from tests.support.serving import Site


@pytest.fixture
async def described(site: Site) -> Described:
    return Described(await site.json("/openapi.json"))
