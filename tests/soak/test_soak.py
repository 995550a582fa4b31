"""The soak test for ten seconds: who follows holds what the server does, and leaves nothing behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from astrolabe.client.load.shared_decoder import SharedDecoder
from tests.soak.followers import Follower
from tests.soak.result import Result, judge
from tests.soak.samples import Sample, growth, slope
from tests.soak.site import Load, Upheaval, started
from tests.soak.soak import soak

#: Who is told so asks again only after a minute or so.
SLOW = ("HTTP 403", "HTTP 404")


@pytest.mark.waiting
async def test_every_client_converges_after_ten_seconds_of_chaos() -> None:
    load = Load(clients=40, visitors=20, changes=200, faults=60, seconds=10, without=SLOW)
    async with started(1_000, "--heartbeat=1s", "--request-timeout=2s", "--stall-timeout=2s") as site:
        result = await soak(site, load)
    assert judge(result) == []
    assert result.upheaval.changes > 1_000
    assert sum(result.upheaval.faults.values()) > 5
    assert len(result.visits) == 13
    assert min(result.visits.values()) > 5
    assert result.events["connected"] > 42
    assert result.events["disconnected"] > 2


def a_result(**differences: Any) -> Result:
    """One without fault, sampled every minute."""
    good: dict[str, Any] = {
        "upheaval": Upheaval(changes=1000, faults={"Cut": 5, "HTTP 500": 4}),
        "visits": Counter(read=700),
        "turned_away": 7,
        "seq": 200,
        "seconds": 480.0,
        "caught_up": 1.0,
        "samples": samples([100] * 8),
        "files": (42, 42),
        "links": 4,
        "objects": (Counter(), Counter()),
        "events": Counter(delta=900, connected=10),
        "size": 1_000_000,
        "cut": [],
        "standstill": 0.5,
        "wrong": [],
    }
    return Result(**(good | differences))


def samples(rss: Sequence[float]) -> list[Sample]:
    return [Sample(at=60.0 * n, rss=mb, files=342, cpu=6.0 * n, nodes=2000) for n, mb in enumerate(rss)]


def test_warm_up_is_not_growth() -> None:
    assert judge(a_result(samples=samples([90, 150, 180, 181, 180, 181, 180, 182]))) == []


def test_memory_that_grows_steadily_is_found() -> None:
    taken = samples([100, 110, 120, 130, 140, 150, 160, 170])
    assert growth([sample.rss for sample in taken]) == pytest.approx(165 / 125)
    assert slope(taken) == pytest.approx(600)
    assert judge(a_result(samples=taken)) == ["rss has grown to 1.32 times what it was"]


def test_memory_that_grows_slowly_is_found_in_a_long_run() -> None:
    taken = samples([100, 100, 100, 101, 101, 101, 102, 102])
    assert judge(a_result(samples=taken)) == []
    assert judge(a_result(samples=taken, seconds=3600)) == ["memory grows by 24 MB an hour"]


def test_file_descriptor_leaks_are_found() -> None:
    assert judge(a_result(files=(42, 43))) == ["43 files are open, 42 were before the clients came"]


def test_leaked_redis_connections_are_found() -> None:
    assert judge(a_result(links=5)) == ["5 connections to Redis are open, of which 4 can be of use"]


def test_object_leaks_are_found() -> None:
    before = Counter({"asyncio.Task": 60, "Channel": 0})
    after = Counter({"asyncio.Task": 310, "Channel": 251})
    assert judge(a_result(objects=(before, after))) == ["251 more of Channel than before the clients came"]


def test_a_steady_client_is_never_cut_off_unless_it_stands_still_itself() -> None:
    assert judge(a_result(cut=["steady {}"])) == ["steady {}: lost its connection"]
    assert judge(a_result(cut=["steady {}"], standstill=30.0)) == []


def test_most_visitors_are_answered() -> None:
    assert judge(a_result(turned_away=8)) == ["8 of 700 visitors were turned away"]


def test_a_client_with_a_diverged_graph_is_found() -> None:
    follower = Follower("localhost:8080", {"kind": ["Pod"]}, "slow", random=Random(1), shared=SharedDecoder())
    nothing = {"nodes": [], "edges": []}
    missed = {"nodes": [{"uid": "a"}, {"uid": "b"}], "edges": [{"type": "owns", "from": "a", "to": "b"}]}
    assert follower.differs(nothing) == ""
    assert follower.differs(missed) == "slow {'kind': ['Pod']}: 3 nodes and edges differ"
