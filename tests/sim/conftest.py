from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from astrolabe.sim.server import Simulator
from tests.sim.client import Client
from tests.support.recording import Recording


@pytest.fixture(scope="session")
def recording() -> Recording:
    return Recording()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(simulator.url) as session:
        yield Client(session)
