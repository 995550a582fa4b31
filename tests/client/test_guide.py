"""The example of the guide, as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE

from astrolabe.graph.state.status import ERROR, Status
from tests.support.documents import GUIDE
from tests.support.process import kill
from tests.support.serving import PATIENCE, serve
from tests.support.worlds import EPOCH, World, facts

PAGE = GUIDE / "python.md"


async def test_the_example_of_the_guide_runs() -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    world = World()
    world.set(facts("Pod", "web", namespace="checkout"), facts("Pod", "other"))
    async with serve(world) as site, asyncio.timeout(3 * PATIENCE):
        assert "localhost:8080" in found[1]
        code = found[1].replace("localhost:8080", f"127.0.0.1:{site.port}")
        process = await asyncio.create_subprocess_exec(sys.executable, "-u", "-c", code, stdout=PIPE)
        try:
            assert process.stdout is not None
            assert await process.stdout.readline() == (
                f"1 Pods at Position(epoch='{EPOCH}', seq=1)\n".encode()
            )
            world.set(
                facts("Pod", "web", namespace="checkout", status=Status(ERROR, "Failed", "it is broken"))
            )
            assert await process.stdout.readline() == b"web it is broken\n"
            assert await process.wait() == 0
        finally:
            await kill(process)
