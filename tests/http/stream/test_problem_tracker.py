"""Following the served graph, without being asked and when asked."""

from __future__ import annotations

import asyncio

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.stream.hub import Hub
from tests.support.serving import eventually
from tests.support.sketches import a_node, at

NOW = "2026-01-01T01:00:00Z"


class Clock:
    """A time that is set by hand."""

    def __init__(self) -> None:
        self.now = at(NOW)

    def __call__(self) -> float:
        return self.now


def a_hub() -> tuple[Hub, Clock]:
    hub, clock = Hub(ServedGraph("e")), Clock()
    hub.problems._clock = clock
    return hub, clock


def change(hub: Hub, changes: Changes) -> None:
    hub.receive(Batch("e", hub.graph.seq + 1, changes))


def crash(name: str) -> Changes:
    return Changes(nodes_set=[a_node("Pod", name, "Error", "CrashLoopBackOff")])


async def names(hub: Hub) -> list[str]:
    return [hub.graph.nodes[each.members[0]].name for each in await hub.problems.problems()]


async def test_answers_reflect_the_current_graph() -> None:
    hub, _ = a_hub()
    assert await names(hub) == []
    change(hub, crash("a"))
    assert await names(hub) == ["a"]
    change(hub, Changes(nodes_removed=["Pod/a"]))
    change(hub, crash("b"))
    assert await names(hub) == ["b"]


async def test_the_tracker_follows_once_started() -> None:
    hub, _ = a_hub()
    hub.problems.follow(lambda: True)
    change(hub, crash("a"))
    await eventually(lambda: len(hub.problems.active) == 1)
    version = hub.problems.version
    change(hub, Changes(nodes_removed=["Pod/a"]))
    await eventually(lambda: hub.problems.active == [])
    assert hub.problems.version > version
    hub.problems.rest()


async def test_time_alone_makes_a_problem() -> None:
    hub, clock = a_hub()
    message = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
    waiting = a_node("Pod", "a", "Pending", "Pending", message, since=NOW, created=NOW)
    change(hub, Changes(nodes_set=[waiting]))
    assert await names(hub) == []
    clock.now += 299
    assert await names(hub) == []
    clock.now += 2
    assert await names(hub) == ["a"]


async def test_a_replaced_graph_is_followed_from_its_start() -> None:
    hub, _ = a_hub()
    change(hub, crash("a"))
    assert await names(hub) == ["a"]
    other = ServedGraph("f")
    other.load(crash("b"))
    hub.replace(other)
    assert await names(hub) == ["b"]
    await asyncio.sleep(0)


async def test_ended_problems_are_shown_for_a_minute() -> None:
    hub, clock = a_hub()
    change(hub, crash("a"))
    assert await names(hub) == ["a"]
    clock.now += 60
    change(hub, Changes(nodes_removed=["Pod/a"]))
    assert await names(hub) == []
    (ended,) = hub.problems.ended()
    assert ended.ended == clock.now
    clock.now += 61
    assert hub.problems.ended() == []
