"""21: what a query costs against REST's answer of as many bytes; and how soon a subscription tells of a change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter, process_time

import pytest

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.node import parse_node
from tests.benchmarks.report import SLACK, report, size
from tests.support.graphql import hear_data, socket, subscribe
from tests.support.serving import Site, read, serve
from tests.support.worlds import World, crowd

RATIO_BUDGET = 3.0
#: Seconds beside those of the stream.
DELAY_BUDGET = 0.02

FIELDS = "uid kind name namespace status reason message release"
LARGE = f"{FIELDS} apiVersion releaseNamespace chart labels metadata"


def change(world: World, number: int) -> None:
    """One node says something else, so that every answer has to be made again."""
    node = next(iter(world.hub.graph.nodes.values()))
    text = json.dumps({**node.document(), "message": f"for the {number}. time"})
    world.send(Changes(nodes_set=[parse_node(text)]))


async def cost(world: World, ask: Callable[[], Awaitable[int]], times: int) -> tuple[float, int]:
    """Seconds of the processor that an answer takes, of a graph that has changed; and its bytes."""
    seconds, length = [], 0
    for number in range(times):
        change(world, number)
        started = process_time()
        length = await ask()
        seconds.append(process_time() - started)
    return median(seconds), length


async def by_query(site: Site, namespace: str, first: int, fields: str) -> int:
    query = f'{{nodes(first: {first}, filter: {{namespace: ["{namespace}"]}}) {{nodes {{{fields}}}}}}}'
    url = f"http://127.0.0.1:{site.port}/graphql"
    async with site.http.post(url, json={"query": query}) as answer:
        return len(await answer.read())


async def by_rest(site: Site, path: str) -> int:
    async with site.get(path) as answer:
        return len(await answer.read())


@pytest.mark.bench
@pytest.mark.alone
async def test_a_query_against_rest() -> None:
    world, times = crowd(size(10_000, 3_000)), size(200, 60)
    async with serve(world) as site:
        namespace = next(iter(world.hub.graph.nodes.values())).namespace
        hits = f"/api/v1/find?namespace={namespace}&limit=50"
        for name, rest, first, fields in (
            ("a page of 50, against /find", hits, 50, FIELDS),
            ("150 whole nodes, against /resources", f"/api/v1/resources?namespace={namespace}", 150, LARGE),
        ):
            await by_query(site, namespace, first, fields)
            theirs, their_bytes = await cost(world, lambda rest=rest: by_rest(site, rest), times)
            ours, our_bytes = await cost(
                world, lambda first=first, fields=fields: by_query(site, namespace, first, fields), times
            )
            assert 0.5 < our_bytes / their_bytes < 2
            ratio = (ours / our_bytes) / (theirs / their_bytes)
            report(
                21,
                f"processor time per byte, query / REST: {name}",
                f"{ratio:.1f}× ({ours * 1000:.2f} ms for {our_bytes} bytes)",
                f"≤ {RATIO_BUDGET}×",
                met=ratio <= RATIO_BUDGET,
            )
            assert ratio <= RATIO_BUDGET * SLACK


@pytest.mark.bench
@pytest.mark.alone
async def test_a_subscription_against_the_stream() -> None:
    world, times = crowd(size(10_000, 3_000)), size(100, 30)
    async with serve(world) as site, socket(site) as opened, site.stream() as stream:
        await subscribe(opened, "subscription { changes { nodes { uid message } } }")
        await hear_data(opened)
        await read(stream)
        while not (await read(stream)).get("last"):
            pass

        async def by_stream() -> float:
            await read(stream)
            return perf_counter()

        async def by_subscription() -> float:
            await hear_data(opened)
            return perf_counter()

        delays = []
        for number in range(times):
            change(world, number)
            theirs, ours = await asyncio.gather(by_stream(), by_subscription())
            delays.append(ours - theirs)
    late = median(delays)
    report(
        21,
        "a change, by a subscription of GraphQL after the stream has it",
        f"{late * 1000:.1f} ms",
        f"≤ {DELAY_BUDGET * 1000:.0f} ms",
        met=late <= DELAY_BUDGET,
    )
    assert late <= DELAY_BUDGET * SLACK
