"""One API server of several is away at a time, and all are there in the end."""

from __future__ import annotations

import asyncio

from astrolabe.sim.outages import Outages
from astrolabe.sim.server import Simulator
from tests.support.serving import eventually


async def is_there(simulator: Simulator) -> bool:
    host, port = simulator.url.removeprefix("http://").split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


async def test_one_at_a_time_is_away_and_comes_back() -> None:
    async with Simulator() as one, Simulator() as two:
        simulators = {"one": one, "two": two}
        outages = Outages(simulators, 1, calm=(0.01, 0.02), outage=(0.1, 0.1))
        task = asyncio.create_task(outages.run())
        await eventually(lambda: bool(outages.away))
        await asyncio.sleep(0.02)
        away = outages.away
        assert {name: await is_there(each) for name, each in simulators.items()} == {
            name: name != away for name in simulators
        }
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [await is_there(each) for each in simulators.values()] == [True, True]
        assert outages.away == ""
