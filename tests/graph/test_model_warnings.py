"""Warnings as an input of derivation: incremental equals rebuilt, in any order, and repetition is no change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.event_index import EventIndex
from astrolabe.graph.model.facts import Facts, Rules, Warned, WarningEvent
from astrolabe.graph.model.model import InconsistentModelError, Model
from astrolabe.graph.model.salvage import Salvage
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from tests.graph.histories import NAMES, RULES, UIDS, histories, roots
from tests.graph.test_event_index import event
from tests.graph.test_model import held
from tests.support.worlds import facts


def in_its_words(status: Status, details: Any, warnings: Sequence[WarningEvent]) -> Warned:
    newest = warnings[0]
    worse = Status(ERROR, newest.reason, f"{status.message}; {newest.message}; {details}")
    return Warned(worse, newest if status.severity == READY else None)


#: Of a kind that is read by others, of one that reads, and of one without `derive`.
WARNED = [
    msgspec.structs.replace(rules, warn=in_its_words) if rules.kind in ("Pod", "Service") else rules
    for rules in RULES
]

_times = st.sampled_from([f"2026-11-30T03:0{minute}:00Z" for minute in range(3)])
_events = st.builds(
    event,
    st.sampled_from("abcd"),
    st.sampled_from([*UIDS[:4], NAMES[0]]),
    reason=st.sampled_from(("Unhealthy", "BackOff")),
    first=_times,
    last=_times,
)
_steps = st.lists(st.one_of(_events, st.sampled_from(["-a", "-b", "-c"])), max_size=8)


class Told:
    """A model with the Events about its objects, and the graph that its commits make."""

    def __init__(self, roots: Selector | None) -> None:
        self.model, self.graph = Model(WARNED, roots=roots), ServedGraph("e")
        self.events = EventIndex(most=100, most_each=10)

    def step(self, step: Any) -> None:
        if step is None:
            self.commit()
        elif isinstance(step, ObjectEvent):
            self.tell(self.events.put(step))
        elif isinstance(step, Facts):
            self.model.upsert(step)
        elif isinstance(step, str) and step.startswith("-"):
            self.tell({self.events.remove(step[1:])} - {""})
        elif isinstance(step, str):
            self.model.remove(step)
        else:
            kind, namespace, synced = step
            self.model.set_outdated(kind, namespace, not synced)
            self.model.set_synced(kind, namespace, synced)

    def tell(self, objects: Iterable[str]) -> None:
        for each in objects:
            self.model.set_warnings(each, self.events.warnings(each))

    def commit(self) -> None:
        self.graph.apply(Batch("e", self.graph.seq + 1, self.model.commit()))


@settings(max_examples=150)
@given(history=histories, events=_steps, roots=roots, order=st.randoms(use_true_random=False))
def test_incremental_equals_rebuilt_with_events_in_any_order(
    history: list[Any], events: list[Any], roots: Selector | None, order: Random
) -> None:
    mixed = list(history)
    for each in events:
        mixed.insert(order.randint(0, len(mixed)), each)
    told, known, scopes, kept = Told(roots), dict[str, Facts](), dict[Any, Any](), dict[str, ObjectEvent]()
    for step in mixed:
        told.step(step)
        if isinstance(step, Facts):
            known[step.uid] = step
        elif isinstance(step, ObjectEvent):
            kept[step.uid] = step
        elif isinstance(step, str):
            (kept if step.startswith("-") else known).pop(step.removeprefix("-"), None)
        elif step is not None:
            scopes.pop(step[:2], None)
            scopes[step[:2]] = step
    told.commit()
    rebuilt = Told(roots)
    everything: list[Any] = [*known.values(), *kept.values()]
    order.shuffle(everything)
    for step in (*everything, *scopes.values(), None):
        rebuilt.step(step)
    assert {uid: node.text for uid, node in told.graph.nodes.items()} == {
        uid: node.text for uid, node in rebuilt.graph.nodes.items()
    }


@settings(max_examples=50)
@given(history=histories, events=_steps, roots=roots)
def test_nothing_remains_of_deleted_warnings(
    history: list[Any], events: list[Any], roots: Selector | None
) -> None:
    told = Told(roots)
    empty = held(told.model)
    for step in (*history, *events, *history):
        if not isinstance(step, tuple):
            told.step(step)
    for uid in [*UIDS, *[f"-{uid}" for uid in "abcd"], None]:
        told.step(uid)
    assert (held(told.model), held(told.events)) == (empty, held(EventIndex(most=100, most_each=10)))


def pods(count: int, status: Status) -> Told:
    told = Told(None)
    told.events = EventIndex(most=4 * count, most_each=3)
    told.model = Model([Rules("Pod", "v1")])
    for number in range(count):
        told.model.upsert(facts("Pod", str(number), uid=str(number), status=status))
    told.commit()
    return told


def test_a_node_that_is_not_ready_shows_its_newest_warning() -> None:
    told = pods(2, Status(PENDING, "Pending", "not yet"))
    told.step(event("a", "0", first="2026-11-30T03:00:00Z", last="2026-11-30T03:07:00Z", count=7))
    told.commit()
    assert told.graph.nodes["0"].document()["warning"] == {
        "reason": "Unhealthy",
        "message": "Readiness probe failed",
        "since": "2026-11-30T03:00:00Z",
    }
    assert "warning" not in told.graph.nodes["1"].document()
    told.step("-a")
    told.commit()
    assert "warning" not in told.graph.nodes["0"].document()


def test_events_may_name_a_node_instead_of_its_uid() -> None:
    """A kubelet does not know the uid of its own Node."""
    model = Model([Rules("Node", "v1", namespaced=False)])
    warning = WarningEvent("InvalidDiskCapacity", "no", "2026-11-30T03:00:00Z", "2026-11-30T03:00:00Z")
    model.set_warnings("worker-1", (warning,))
    model.upsert(Facts("Node", "u", "worker-1", "", {}, Status(ERROR, "NotReady", "gone"), {}))
    assert "InvalidDiskCapacity" in model.commit().nodes_set[0].text
    newer = WarningEvent("Rebooted", "again", "2026-11-30T03:05:00Z", "2026-11-30T03:05:00Z")
    assert model.set_warnings("u", (newer,))
    assert "Rebooted" in model.commit().nodes_set[0].text
    assert model.set_warnings("u", ())
    assert model.set_warnings("worker-1", ())
    assert "warning" not in model.commit().nodes_set[0].text


def test_a_storm_of_repeated_events_makes_no_delta_and_takes_no_memory() -> None:
    """Half of them are Events that count on, half are new ones that say the same."""
    told, deltas, taken = pods(200, Status(PENDING, "Pending", "not yet")), 0, []
    for number in range(100_000):
        time = f"2026-11-30T{3 + number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
        repeats = number % 2 == 0
        uid, first = (f"r{number % 200}", "2026-11-30T03:00:00Z") if repeats else (f"e{number}", time)
        told.step(event(uid, str(number % 200), count=number, first=first, last=time))
        if number % 20 == 19:
            deltas += len(told.model.commit().nodes_set)
        if number in (1_999, 99_999):
            taken.append(held(told.model) + held(told.events))
    assert deltas == 200
    assert taken[0] == taken[1]


def test_a_rebuilt_model_has_the_warnings() -> None:
    told = pods(1, Status(PENDING, "Pending", "not yet"))
    told.step(event("a", "0"))
    told.commit()
    salvage = Salvage(InconsistentModelError(told.model))
    for _ in salvage.steps():
        pass
    node = salvage.model.node("0")
    assert node is not None
    assert node.text == told.graph.nodes["0"].text
