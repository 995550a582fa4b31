"""The soak test for twelve seconds: who follows holds what the server does, and leaves nothing behind."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.soak.followers import Follower
from tests.soak.samples import Sample, growth, slope
from tests.soak.soak import Load, Result, judge, soak, started


async def test_everyone_holds_the_graph_after_twelve_seconds_of_everything() -> None:
    load = Load(clients=40, visitors=20, changes=200, faults=80, seconds=12)
    async with started(1_000, "--heartbeat=1s", "--request-timeout=2s") as site:
        result = await soak(site, load)
    assert result.wrong == []
    assert result.changes > 1_000
    assert result.faults > 8
    assert len(result.visits) == 8
    assert min(result.visits.values()) > 5
    assert result.events["connected"] > 45
    assert result.events["disconnected"] > 5
    before, after = result.files
    assert after <= before


def a_result(*, rss: list[float], files: tuple[int, int] = (42, 42), seconds: float = 480.0) -> Result:
    """One that is sampled every minute."""
    samples = [Sample(at=60.0 * n, rss=mb, files=342, cpu=6.0 * n, nodes=2000) for n, mb in enumerate(rss)]
    return Result(
        changes=1000,
        faults=10,
        visits=Counter(read=7),
        seq=200,
        seconds=seconds,
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


def test_memory_that_grows_slowly_is_found_in_a_long_run() -> None:
    rss = [100, 100, 100, 101, 101, 101, 102, 102]
    assert judge(a_result(rss=rss)) == []
    assert judge(a_result(rss=rss, seconds=3600)) == ["memory grows by 24 MB an hour"]


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
