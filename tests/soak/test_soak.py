"""The soak test for ten seconds: who follows holds what the server does, and leaves nothing behind."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.soak.followers import Follower
from tests.soak.samples import Sample, growth, slope
from tests.soak.soak import Result, judge, soak, started


async def test_everyone_holds_the_graph_after_ten_seconds_of_churn() -> None:
    async with started(1_000, "--heartbeat=1s") as site:
        result = await soak(site, clients=40, rate=200, seconds=10, seed=1)
    assert result.wrong == []
    assert result.changes > 1_000
    assert result.events["connected"] > 45
    assert result.events["disconnected"] > 5
    before, after = result.files
    assert after <= before


def a_result(*, rss: list[float], files: tuple[int, int] = (42, 42)) -> Result:
    """One that is sampled every minute."""
    samples = [Sample(at=60.0 * n, rss=mb, files=342, cpu=6.0 * n, nodes=2000) for n, mb in enumerate(rss)]
    return Result(
        changes=1000,
        seq=200,
        seconds=480.0,
        caught_up=1.0,
        samples=samples,
        files=files,
        events=Counter(delta=900, connected=10),
        size=1_000_000,
        wrong=[],
    )


def test_warming_up_is_not_growing() -> None:
    assert judge(a_result(rss=[90, 150, 180, 181, 180, 181, 180, 182])) == []


def test_memory_that_grows_steadily_is_found() -> None:
    result = a_result(rss=[100, 110, 120, 130, 140, 150, 160, 170])
    assert growth([sample.rss for sample in result.samples]) == pytest.approx(165 / 125)
    assert slope(result.samples) == pytest.approx(600)
    assert judge(result) == ["rss has grown to 1.32 times what it was"]


def test_files_that_stay_open_are_found() -> None:
    assert judge(a_result(rss=[100] * 8, files=(42, 43))) == [
        "43 files are open, 42 were before the clients came"
    ]


def test_a_client_that_holds_something_else_is_found() -> None:
    follower = Follower("localhost:8080", {"kind": ["Pod"]}, "slow", Random(1))
    nothing = {"nodes": [], "edges": []}
    missed = {"nodes": [{"uid": "a"}, {"uid": "b"}], "edges": [{"type": "owns", "from": "a", "to": "b"}]}
    assert follower.differs(nothing) == ""
    assert follower.differs(missed) == "slow {'kind': ['Pod']}: 3 nodes and edges differ"
