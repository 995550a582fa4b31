"""What fails leaves nothing behind, not even garbage: full collections are rare, and watches may fail for hours."""

import gc
from contextlib import suppress
from pathlib import Path

import pytest

from astrolabe.kube.client import ClusterResponse
from astrolabe.kube.errors import ConnectionBroken
from tests.kube.support import (
    LISTED_THEN_ENDED,
    RudeServer,
    Step,
    answer,
    connected,
    error_event,
    event,
    playing,
    refusal,
    stream,
)

TIMES = 10
#: What is being read now, and what has just ended.
FEW = 2


def answers() -> int:
    """How many there are of the API server, garbage among them."""
    return sum([isinstance(each, ClusterResponse) for each in gc.get_objects()])


async def test_a_broken_connection_leaks_nothing(tmp_path: Path, uncollected: None) -> None:
    broken = [stream(b"{}", then="cut")] * TIMES
    before = answers()
    async with RudeServer(*broken) as server, connected(server.url, tmp_path) as cluster:
        for _ in broken:
            with suppress(ConnectionBroken):
                await cluster.read("/api/v1/pods", {}, read_timeout=10)
        assert len(server.asked) == TIMES
        assert answers() - before <= FEW


@pytest.mark.parametrize(
    "trouble",
    [
        stream(error_event(410, "Expired", "too old resource version: 10 (99)")),
        stream(b"<html>"),
        stream(event("ADDED", "b", "11"), then="cut"),
        refusal(410, "Gone"),
        answer(200, b"<html>login</html>", {"Content-Type": "text/html"}),
    ],
    ids=["error event", "no event", "cut", "refused", "no API"],
)
async def test_a_failing_watch_leaks_nothing(tmp_path: Path, uncollected: None, trouble: Step) -> None:
    steps = [LISTED_THEN_ENDED, *[trouble, LISTED_THEN_ENDED] * TIMES]
    before = answers()
    async with playing(tmp_path, *steps) as (server, _, _):
        await server.until_asked(len(steps) + 1)
        assert answers() - before <= FEW
