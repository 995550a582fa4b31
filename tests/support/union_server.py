"""Simulated clusters that are served as one: for the tests of the viewer and of the data source.

    python -m tests.support.union_server PORT

`prod-eu` and `prod-us` are clones: their resources have the same names and the same uids. `staging` is another.

Commands on stdin, each acknowledged by a line on stdout, in JSON. It ends with stdin.

away NAME   the API server of a cluster goes away
back NAME   it comes back
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from astrolabe.sim.cluster.generator import load
from astrolabe.sim.store import ObjectStore
from tests.support.unions import UnionSite, union_of

SEEDS = {"prod-eu": 1, "prod-us": 1, "staging": 2}
SCALE = 0.002


async def _obey(site: UnionSite) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command, _, name = line.decode().strip().partition(" ")
        simulator = site.clusters[name]
        await (simulator.go_offline() if command == "away" else simulator.go_online())
        sys.stdout.write("{}\n")
        sys.stdout.flush()


async def main(port: int) -> None:
    now = datetime.now(UTC)
    stores = {name: ObjectStore() for name in SEEDS}
    for name, seed in SEEDS.items():
        load(stores[name], SCALE, seed, now=now)
    with tempfile.TemporaryDirectory() as folder:
        async with union_of(Path(folder), stores, port=port) as site:
            nodes = len(site.source.hub.graph.nodes)
            sys.stderr.write(f"serving http://127.0.0.1:{site.application.port}/, {nodes} nodes\n")
            sys.stderr.flush()
            await _obey(site)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
