"""A served shop for tests in other languages: the port on stdout, then commands on stdin, each acknowledged.

set KIND NAME STATUS [RELEASE]   a resource of `shop` that is so from now on, in `Ready` or another status
remove KIND NAME                 it is gone
crowd N                          N pods of `crowd`, in twenty namespaces
restart                          history cannot be continued: a new epoch
"""

from __future__ import annotations

import asyncio
import sys

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import Status
from astrolabe.settings import Limits
from tests.support.serving import serve
from tests.support.worlds import CREATED, World, a_pod, facts, shop


def obey(world: World, command: str, *words: str) -> None:
    """Carry out one command."""
    if command == "set":
        kind, name, status, *release = words
        told = Status(status, f"Is{status}", f"{name} is {status}", CREATED)
        world.set(facts(kind, name, status=told, release="".join(release)))
    elif command == "remove":
        world.remove("-".join(words).lower())
    elif command == "crowd":
        world.send(Changes(nodes_set=[a_pod(number) for number in range(int(words[0]))]))
    elif command == "restart":
        nodes, edges = list(world.hub.graph.nodes.values()), list(world.hub.graph.edges())
        graph = ServedGraph(f"{world.hub.graph.epoch}x")
        graph.apply(Batch(graph.epoch, 1, Changes(nodes_set=nodes, edges_set=edges)))
        world.hub.replace(graph)
    else:
        raise ValueError(f"there is no command {command!r}")


async def main() -> None:
    """Serve until stdin ends."""
    world = shop()
    async with serve(world, Limits(heartbeat=1.0)) as site:
        print(site.port, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            obey(world, *line.split())
            print(world.hub.graph.seq, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
