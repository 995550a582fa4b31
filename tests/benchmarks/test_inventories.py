"""27: one object that lists 10,000 others: what a change of one entry costs, and for how long the loop is held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from astrolabe.kinds.kind import Kind
from tests.benchmarks.inventories import (
    APPLICATION,
    CONFIGMAP,
    KUSTOMIZATION,
    Json,
    Pipeline,
    application,
    kustomization,
    line,
    meta,
    pipeline,
)
from tests.benchmarks.report import SLACK, report
from tests.support.loop_meter import LoopWatch, watched

ENTRIES = 10_000
CHANGES = 12
#: Milliseconds.
BUDGET = 20.0
TRIES = 4


async def measured(what: str, turns: LoopWatch, act: Callable[[], Any], found: dict[str, float]) -> None:
    """Do it, and note for how long it held the loop."""
    await asyncio.sleep(0)  # what was prepared is none of it
    await asyncio.sleep(0)
    turns.restart()
    await act()
    found[what] = turns.longest * 1000
    print(
        f"{turns.longest * 1000:7.1f} ms  {what}",
        *[f"{times:8} {place}" for place, times in turns.stack.items()][:3],
    )


def config_maps(names: Iterable[str], type: str = "ADDED") -> list[bytes]:
    return [line(type, {"metadata": meta(name)}) for name in names]


@pytest.mark.bench
@pytest.mark.alone
@pytest.mark.parametrize(
    ("kind", "write", "selector"),
    [
        (APPLICATION, application, ""),
        (KUSTOMIZATION, kustomization, "app.kubernetes.io/managed-by=Helm"),
    ],
    ids=["Argo CD", "Flux, with a label selector"],
)
async def test_an_inventory(kind: Kind[Any], write: Callable[[Iterable[str]], Json], selector: str) -> None:
    names = [f"c-{at:05}" for at in range(ENTRIES)]
    tries: list[tuple[float, str, float]] = []
    while len(tries) < TRIES and (
        not tries or tries[-1][0] > BUDGET
    ):  # others are at work on the machine, too
        holds: dict[str, float] = {}
        async with pipeline(kind, selector=selector) as running:
            with watched() as turns:
                await fill(running, kind, write, names, turns, holds)
                seconds = await change_one_by_one(running, kind, write, names, turns, holds)
                await churn(running, kind, write, names, turns, holds)
        tries.append((*max((hold, what) for what, hold in holds.items()), seconds))
    longest, what, seconds = min(tries)
    size = len(line("MODIFIED", write(names))) / 2**20
    report(
        27,
        f"one of {ENTRIES:,} entries of one {kind.name} ({size:.1f} MB) changes: CPU; longest hold of the loop",
        f"{seconds / CHANGES * 1000:.1f} ms; {longest:.1f} ms ({what})",
        f"≤ {BUDGET:.0f} ms",
        met=longest <= BUDGET,
    )
    assert longest <= BUDGET * SLACK


async def fill(
    running: Pipeline,
    kind: Kind[Any],
    write: Callable[[Iterable[str]], Json],
    names: list[str],
    turns: LoopWatch,
    holds: dict[str, float],
) -> None:
    """The object comes before half of its targets."""
    await running.tell(CONFIGMAP, config_maps(names[: ENTRIES // 2]))
    added = line("ADDED", write(names))

    async def come() -> None:
        await running.tell(kind, [added])
        await running.until_edges(ENTRIES // 2)

    await measured("it comes", turns, come, holds)

    async def rest() -> None:
        await running.tell(CONFIGMAP, config_maps(names[ENTRIES // 2 :]))
        await running.until_edges(ENTRIES)

    await measured("its targets come", turns, rest, holds)


async def change_one_by_one(
    running: Pipeline,
    kind: Kind[Any],
    write: Callable[[Iterable[str]], Json],
    names: list[str],
    turns: LoopWatch,
    holds: dict[str, float],
) -> float:
    """One entry goes at a time: the CPU seconds of all that."""
    steps = [line("MODIFIED", write(names[:4_000] + names[4_001 + at :])) for at in range(CHANGES)]
    seconds = 0.0

    async def change() -> None:
        nonlocal seconds
        for at, step in enumerate(steps):
            running.batches.clear()
            began = time.thread_time()
            await running.tell(kind, [step])
            await running.until_edges(ENTRIES - 1 - at)
            seconds += time.thread_time() - began
            changes = [batch.changes for batch in running.batches]
            assert [key[2] for each in changes for key in each.edges_removed] == [f"u-{names[4_000 + at]}"]
            assert not any(each.edges_set for each in changes)

    await measured("one entry goes", turns, change, holds)

    async def back() -> None:
        await running.tell(kind, [line("MODIFIED", write(names))])
        await running.until_edges(ENTRIES)

    await back()
    return seconds


async def churn(
    running: Pipeline,
    kind: Kind[Any],
    write: Callable[[Iterable[str]], Json],
    names: list[str],
    turns: LoopWatch,
    holds: dict[str, float],
) -> None:
    async def targets_go() -> None:
        await running.tell(CONFIGMAP, config_maps(names[:1_000], "DELETED"))
        await running.until_edges(ENTRIES - 1_000)

    await measured("a thousand targets go", turns, targets_go, holds)
    turned = line("MODIFIED", write(reversed(names)))

    async def reversed_order() -> None:
        await running.tell(kind, [turned])
        await running.tell(kind, [line("MODIFIED", write([*reversed(names[1:])]))])
        await running.tell(CONFIGMAP, config_maps(names[:1]))  # nobody lists it now
        await running.tell(kind, [turned])
        await running.until_edges(ENTRIES - 999)

    await measured("its entries are in another order", turns, reversed_order, holds)
    few = line("MODIFIED", write(names[-10:]))

    async def shrink() -> None:
        await running.tell(kind, [few])
        await running.until_edges(10)

    await measured("all but ten go", turns, shrink, holds)
    many = line("MODIFIED", write(names))

    async def grow() -> None:
        await running.tell(kind, [many])
        await running.until_edges(ENTRIES - 999)

    await measured("they come back", turns, grow, holds)

    async def go() -> None:
        await running.tell(kind, [line("DELETED", {"metadata": meta("app")})])
        await running.until_edges(0)

    await measured("it goes", turns, go, holds)
