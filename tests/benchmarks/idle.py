"""A server whose clients only listen: `python -m tests.benchmarks.idle` answers commands: see `Idle`, and
`processes`.
"""

from __future__ import annotations

import gc
import linecache
import tracemalloc
from pathlib import Path

import psutil
import uvloop

from astrolabe.garbage import GC_THRESHOLDS
from astrolabe.settings import Limits
from tests.benchmarks.processes import allow_many_files, answer
from tests.support.serving import Site, serve
from tests.support.worlds import crowd

#: Nodes of the graph; a filter by namespace takes a twentieth of them.
NODES = 400
#: Frames of a stack by which an allocation is known.
DEPTH = 1


class Idle:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._before: tracemalloc.Snapshot | None = None

    async def port(self) -> int:
        return self._site.port

    async def rss(self) -> int:
        """Bytes, without garbage."""
        gc.collect()
        return psutil.Process().memory_info().rss

    async def trace(self) -> None:
        """From here on, note who allocates."""
        gc.collect()
        tracemalloc.start(DEPTH)
        self._before = tracemalloc.take_snapshot()

    async def parts(self) -> list[tuple[int, str]]:
        """(bytes, line) of what was allocated since and is still there, the largest first."""
        assert self._before is not None
        gc.collect()
        found = tracemalloc.take_snapshot().compare_to(self._before, "lineno")
        return [(each.size_diff, _describe(each.traceback[0])) for each in found if each.size_diff > 0]


def _describe(frame: tracemalloc.Frame) -> str:
    place = "/".join(Path(frame.filename).parts[-2:])
    return f"{place}:{frame.lineno} {linecache.getline(frame.filename, frame.lineno).strip()}"


async def main() -> None:
    allow_many_files()
    gc.set_threshold(*GC_THRESHOLDS)
    async with serve(crowd(NODES), Limits(max_connections=4_000)) as site:
        idle = Idle(site)
        await answer({"port": idle.port, "rss": idle.rss, "trace": idle.trace, "parts": idle.parts})


if __name__ == "__main__":
    uvloop.run(main())
