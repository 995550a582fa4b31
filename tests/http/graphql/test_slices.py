"""No query holds the loop for longer than a few slices, however it is put together."""

import pytest

from astrolabe.settings import Limits
from tests.support.graphql import post
from tests.support.loop_meter import LoopMeter
from tests.support.serving import serve
from tests.support.worlds import crowd


def aliased(field: str) -> str:
    """A query that asks for a field fifty times, which is as often as it may."""
    return "{" + " ".join(f"a{number}: {field}" for number in range(50)) + "}"


@pytest.mark.alone
@pytest.mark.parametrize(
    "field",
    [
        "edges(first: 1, type: [routes_to]) {totalCount}",  # of which there are none
        "edges(first: 1) {totalCount}",
        "nodes(first: 1) {totalCount}",
    ],
)
async def test_fifty_fields_that_look_at_everything(field: str) -> None:
    async with serve(crowd(3000)) as site:
        await post(site, {"query": aliased(field)})  # parsed and validated
        longest = 1.0
        for _ in range(3):
            meter = LoopMeter()
            try:
                status, answer = await post(site, {"query": aliased(field)})
            finally:
                meter.stop()
            longest = min(longest, meter.longest)
    assert (status, len(answer["data"])) == (200, 50)
    assert longest < 0.02


async def test_edges_that_are_passed_over_are_looked_at() -> None:
    async with serve(crowd(300), Limits(max_query_visits=250)) as site:
        _, answer = await post(site, {"query": "{edges(type: [routes_to]) {totalCount}}"})
    assert answer["errors"][0]["extensions"]["code"] == "too-expensive"
