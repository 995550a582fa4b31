"""Random changes, filters, slow phases, disconnects, resumes and new epochs, against a model of what a client may hold.

After every message a client holds exactly the server's filtered graph at the seq that it was told, and
each entry of the message changed something: it got nothing that its filter did not need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe import timeslice
from astrolabe.graph.encoding import wire
from astrolabe.graph.selector import parse
from astrolabe.graph.state import history
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.graph.views import view
from astrolabe.graph.views.filter import Filter
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import deltas, hub, jobs, shared_subscription, snapshot
from astrolabe.settings import Limits
from tests.support.churn import NAMESPACES, change
from tests.support.connections import Recorder
from tests.support.filters import filter_of
from tests.support.replica import Replica
from tests.support.worlds import World

CLIENTS = 4

filters = st.builds(
    filter_of,
    namespace=st.frozensets(st.sampled_from(NAMESPACES), max_size=1),
    release=st.frozensets(st.sampled_from(("r", "s")), max_size=2),
    kind=st.frozensets(st.sampled_from(("Pod", "ConfigMap", "PersistentVolume", "Namespace")), max_size=2),
    status=st.frozensets(st.sampled_from(SEVERITIES), max_size=1),
    selector=st.sampled_from(("", "", "app=one", "app in (two,three),old", "!old")).map(parse),
    q=st.sampled_from(("", "", "pod", "1", "r")),
)
numbers = st.integers(0, CLIENTS - 1)
#: What happens, and to which client or from which seed.
actions = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 10_000)),
    st.tuples(st.just("change"), st.integers(0, 10_000)),
    st.tuples(st.just("change"), st.integers(0, 10_000)),
    st.tuples(st.just("lag"), st.integers(0, 10_000)),
    st.tuples(st.sampled_from(("fill", "drain", "leave", "come back", "beat")), numbers),
    st.tuples(st.just("turns"), st.integers(1, 5)),
    st.tuples(st.just("replace"), st.sampled_from((0, 1, 1000))),
)


class Remembered:
    """What the server's graph was at every place in history."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._states: dict[tuple[str, int], Changes] = {}
        self.remember()

    def remember(self) -> None:
        graph = self._world.hub.graph
        self._states[graph.epoch, graph.seq] = everything(graph)

    def at(self, epoch: str, seq: int) -> ServedGraph:
        graph = ServedGraph(epoch, seq - 1)
        graph.apply(Batch(epoch, seq, self._states[epoch, seq]))
        return graph


def everything(graph: ServedGraph) -> Changes:
    """What makes this graph of an empty one."""
    return Changes(list(graph.nodes.values()), list(graph.edges()))


def replace(world: World, seq: int) -> None:
    """The same nodes and edges in another epoch, from which on another history leads."""
    before = world.hub.graph
    graph = ServedGraph(f"{before.epoch}'", seq)
    graph.apply(Batch(graph.epoch, seq + 1, everything(before)))
    world.hub.replace(graph)


class Person:
    """One client, with what it holds over all its connections."""

    def __init__(self, world: World, filter: Filter, remembered: Remembered) -> None:
        self.recorder = Recorder()
        self._world = world
        self._filter = filter
        self._remembered = remembered
        self._replica = Replica()
        self._client: Any = None

    def leave(self) -> None:
        if self._client is not None:
            self.read()
            self._client.leave()
            self._client = None

    def come_back(self) -> None:
        if self._client is None:
            full, self.recorder = not self.recorder.writable, Recorder()
            self.recorder.writable = not full
            self._client = self._world.hub.join(self.recorder)
            replica = self._replica
            if not replica.whole:  # in the middle of a snapshot: what was there is no use
                self._replica = replica = Replica()
            since = StreamPosition(replica.epoch, replica.seq) if replica.whole else None
            self._client.subscribe("x", self._filter, since)

    def write(self, *, full: bool) -> None:
        self.recorder.writable = not full
        if not full and self._client is not None:
            self._client.wake()

    def beat(self) -> None:
        if self._client is not None:
            self._client.beat()

    def read(self) -> None:
        for message in self.recorder.take():
            self._replica.apply(message)
            if self._replica.whole:
                then = self._remembered.at(self._replica.epoch, self._replica.seq)
                assert self._replica.matches(then, self._filter)

    def is_exact(self) -> bool:
        graph, replica = self._world.hub.graph, self._replica
        here = (replica.epoch, replica.seq) == (graph.epoch, graph.seq)
        return here and replica.matches(graph, self._filter)


async def live(limit: int, wanted: list[Filter], story: list[tuple[str, int]], patience: int) -> None:
    world = World(limits=Limits(history_changes=limit))
    remembered = Remembered(world)
    people = [Person(world, filter, remembered) for filter in wanted]
    for person in people[::2]:
        person.come_back()
    for what, number in story:
        match what:
            case "change":
                change(world, Random(number))
                remembered.remember()
            case "lag":
                person = people[number % CLIENTS]
                person.write(full=True)
                change(world, Random(number))
                remembered.remember()
                person.write(full=False)
            case "replace":
                replace(world, number)
                remembered.remember()
            case "turns":
                for _ in range(number):
                    await asyncio.sleep(0)
            case "fill" | "drain":
                people[number].write(full=what == "fill")
            case "leave":
                people[number].leave()
            case "come back":
                people[number].come_back()
            case "beat":
                people[number].beat()
    for person in people:
        person.come_back()
        person.write(full=False)
    for _ in range(patience):  # one message a turn, and a snapshot has many parts
        await asyncio.sleep(0)
    for person in people:
        person.beat()
        person.read()
        assert person.is_exact()
        person.leave()


@contextmanager
def bounds(*, sliced: bool) -> Iterator[None]:
    """Everything that is bounded is small. sliced: and of all that can wait one step is done in a turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "PART_BYTES", 1500)
        for module, bound in (
            (history, "MAX_SHARED"),
            (shared_subscription, "CATCHING_UP"),
            (deltas, "SHARED"),
            (snapshot, "MAX_SHARED_PARTS"),
            (snapshot, "MAX_RETIRED_WEIGHT"),
            (snapshot, "MIN_WEIGHT"),
        ):
            patch.setattr(module, bound, 1)
        if not sliced:  # else turns without end come in between
            patch.setattr(snapshot, "MIN_SHARED_SIZE", 0)
        if sliced:
            patch.setattr(timeslice, "TIME_SLICE", -1.0)
            for module, bound, value in (
                (jobs, "AT_ONCE", 0),
                (view, "STEP", 2),
                (snapshot, "STEP", 2),
                (shared_subscription, "MANY", 0),
                (shared_subscription, "TOGETHER", 1),
                (hub, "SENDS_PER_TURN", 1),
            ):
                patch.setattr(module, bound, value)
        yield


limits = st.sampled_from((0, 10, 20_000))
stories = st.lists(actions, min_size=10, max_size=60)
several = st.lists(filters, min_size=CLIENTS, max_size=CLIENTS)


@settings(max_examples=150)
@given(limit=limits, wanted=several, story=stories)
def test_a_client_that_applies_all_messages_holds_the_filtered_graph(
    limit: int, wanted: list[Filter], story: list[tuple[str, int]]
) -> None:
    with bounds(sliced=False):
        asyncio.run(live(limit, wanted, story, 300))


@settings(max_examples=100)
@given(limit=limits, wanted=several, story=stories)
def test_nothing_is_lost_or_duplicated_while_views_are_built(
    limit: int, wanted: list[Filter], story: list[tuple[str, int]]
) -> None:
    """One step a turn, and changes come between them."""
    with bounds(sliced=True):
        asyncio.run(live(limit, wanted, story, 2000))
