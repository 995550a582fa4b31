"""A loop is shared out: who waits has its turn, and no turn of the loop is longer than a slice or two."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import perf_counter

import pytest

from astrolabe import timeslice
from astrolabe.timeslice import TIME_SLICE, Lane, TimeSlice, TurnQuota, in_slices, turns


def work(seconds: float) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


class TurnsOfTheLoop:
    """What was done in which turn of the loop: `doing` says what."""

    def __init__(self) -> None:
        self.done: list[list[str]] = [[]]
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def doing(self, name: str) -> None:
        self.done[-1].append(name)

    def _turn(self) -> None:
        self.done.append([])
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> list[list[str]]:
        self._timer.cancel()
        return [each for each in self.done if each]


async def test_work_within_the_slice_does_not_wait() -> None:
    called: list[str] = []
    turns().do(lambda: called.append("now"), Lane.PEER)
    asyncio.get_running_loop().call_soon(called.append, "the next turn")
    await turns().admit(Lane.PEER)
    assert called == ["now"]


async def test_work_beyond_the_slice_waits_for_the_next_turn() -> None:
    called: list[str] = []
    turns().do(lambda: work(TIME_SLICE), Lane.PEER)
    turns().do(lambda: called.append("later"), Lane.PEER)
    assert called == []
    await turns().admit(Lane.PEER)  # behind it
    assert called == ["later"]


async def test_all_waiting_work_shares_one_slice_per_turn() -> None:
    loop = TurnsOfTheLoop()

    def step(name: str) -> None:
        loop.doing(name)
        work(0.6 * TIME_SLICE)

    async def request(name: str) -> None:
        await turns().admit(Lane.PEER)
        step(name)

    def steps(name: str) -> Iterator[None]:
        for _ in range(6):
            step(name)
            yield

    async def answer(name: str) -> None:
        async for _ in in_slices(steps(name), Lane.ANSWER):
            pass

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(request(f"request {number}"))
            group.create_task(answer(f"answer {number}"))
            turns().do(lambda number=number: step(f"message {number}"), Lane.PEER)
    done = loop.stop()
    assert sum(map(len, done)) == 10 + 60 + 10
    # Two steps fill a slice; whoever has waited does one in any case.
    assert max(map(len, done)) <= 4


async def test_probes_go_first_and_the_other_lanes_take_turns() -> None:
    order: list[str] = []
    turns().do(lambda: work(TIME_SLICE), Lane.PEER)

    def step(name: str) -> None:
        order.append(name)
        work(TIME_SLICE)

    for number in range(3):
        for lane in (Lane.PEER, Lane.ANSWER, Lane.CLUSTER):
            turns().ask(lambda name=f"{lane.name} {number}": step(name), lane)
    turns().ask(lambda: step("PROBE"), Lane.PROBE)
    await turns().wait(Lane.PEER)
    assert order[0] == "PROBE"
    assert [sorted(order[begin : begin + 3]) for begin in (1, 4, 7)] == [
        [f"ANSWER {number}", f"CLUSTER {number}", f"PEER {number}"] for number in range(3)
    ]


async def test_long_work_continues_slice_by_slice() -> None:
    loop = TurnsOfTheLoop()

    async def job(name: str) -> None:
        slice = TimeSlice()
        for _ in range(3):
            loop.doing(name)
            work(1.1 * TIME_SLICE)
            await slice.pause()

    await asyncio.gather(job("a"), job("b"))
    # Both begin at once; from then on they take turns.
    assert loop.stop() == [["a", "b"], ["a"], ["b"], ["a"], ["b"]]


async def test_cluster_work_that_starts_in_one_turn_shares_a_slice() -> None:
    """Dozens of watches may receive something at the same time. What takes little need not wait."""
    loop = TurnsOfTheLoop()

    async def watch(name: str, seconds: float) -> None:
        await turns().start()
        loop.doing(name)
        work(seconds)

    async def count(name: str) -> None:
        async for _ in in_slices([name]):
            loop.doing(name)
            work(1.1 * TIME_SLICE)

    little = [watch(name, TIME_SLICE / 20) for name in "abc"]
    much = [watch(name, 1.1 * TIME_SLICE) for name in "def"]
    await asyncio.gather(*little, *much, count("g"), count("h"))
    assert loop.stop() == [["a", "b", "c", "d"], ["e"], ["f"], ["g"], ["h"]]


async def test_waiting_work_can_be_cancelled() -> None:
    turns().ask(lambda: None, Lane.PEER)
    waiting = [asyncio.create_task(turns().wait(Lane.PEER)) for _ in range(3)]
    asyncio.get_running_loop().call_soon(waiting[0].cancel)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting, return_exceptions=True)
    assert [each.cancelled() for each in waiting] == [True, False, False]


async def test_a_failing_waiter_does_not_block_the_others(caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []
    turns().ask(lambda: 1 / 0, Lane.PEER)  # type: ignore[arg-type, return-value]
    turns().ask(lambda: called.append("the next"), Lane.PEER)
    await turns().wait(Lane.PEER)
    assert called == ["the next"]
    assert "ZeroDivisionError" in caplog.text


async def test_without_any_time_everyone_still_has_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeslice, "TIME_SLICE", -1.0)
    async with asyncio.timeout(5):
        await asyncio.gather(*(turns().admit(lane) for lane in Lane for _ in range(20)))
        assert [step async for step in in_slices(range(5), Lane.ANSWER)] == [0, 1, 2, 3, 4]


async def test_steps_that_start_more_work_are_limited_per_turn() -> None:
    loop = TurnsOfTheLoop()
    few = TurnQuota(3, Lane.PEER)
    for number in range(8):
        few.do(lambda name=str(number): loop.doing(name))
    assert loop.done == [["0", "1", "2"]]
    await asyncio.sleep(0.01)
    few.do(lambda: loop.doing("last"))
    assert loop.stop() == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"], ["last"]]


async def test_a_weighted_step_takes_several_places() -> None:
    loop = TurnsOfTheLoop()
    few = TurnQuota(3, Lane.PEER)
    for name, weight in (("one", 1), ("five", 5), ("two", 2), ("one more", 1)):
        few.do(lambda name=name: loop.doing(name), weight)
    await asyncio.sleep(0.01)
    assert loop.stop() == [["one", "five"], ["two", "one more"]]
