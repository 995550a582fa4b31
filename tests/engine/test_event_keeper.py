"""Which Warnings count now, by the clock of those who report them."""

from __future__ import annotations

from astrolabe.engine.event_keeper import EventKeeper
from astrolabe.engine.inbox import Deleted, InvalidObject
from tests.graph.test_event_index import event

#: 2026-11-30T03:00:00Z
THREE = 1_796_007_600.0


class Clock:
    """Our clocks. wall: wrong by so many seconds."""

    def __init__(self, wrong: float = 0.0) -> None:
        self.passed = 0.0
        self.wall = THREE + wrong

    def keeper(self, **limits: int) -> EventKeeper:
        return EventKeeper(clock=lambda: self.passed, time=lambda: self.wall + self.passed, **limits)


def reasons(keeper: EventKeeper, object: str = "pod-1") -> list[str]:
    return [each.reason for each in keeper.warnings(object)]


def test_a_warning_expires_after_an_hour_without_other_events() -> None:
    clock = Clock()
    keeper = clock.keeper()
    assert keeper.expire() == set()
    assert keeper.apply(event("a")) == {"pod-1"}
    clock.passed = 3_600.0
    assert keeper.expire() == set()
    assert reasons(keeper) == ["Unhealthy"]
    clock.passed = 3_601.0
    assert keeper.expire() == {"pod-1"}
    assert reasons(keeper) == []
    assert [each.uid for each in keeper.of("pod-1")] == ["a"]


def test_the_time_follows_the_newest_event() -> None:
    keeper = Clock(wrong=7 * 86_400.0).keeper()
    keeper.apply(event("a"))
    assert keeper.expire() == set()
    keeper.apply(event("b", "pod-2", last="2026-11-30T04:30:00Z"))
    assert keeper.expire() == {"pod-1"}
    assert reasons(keeper, "pod-2") == ["Unhealthy"]


def test_an_event_from_the_future_does_not_move_the_time() -> None:
    keeper = Clock().keeper()
    keeper.apply(event("a"))
    for last in ("2036-11-30T04:30:00Z", "tomorrow"):
        keeper.apply(event("b", "pod-2", last=last))
        assert keeper.expire() == set()
    assert reasons(keeper) == ["Unhealthy"]


def test_a_complete_list_replaces_what_is_known_in_its_namespace() -> None:
    keeper = Clock().keeper()
    keeper.apply(event("a"))
    keeper.apply(event("b", "pod-2"))
    assert list(keeper.replace("bank", [])) == []
    changed = list(keeper.replace("shop", [event("b", "pod-2"), event("c", "pod-3")]))
    assert changed[0] == {"pod-1"}
    assert set.union(*changed) == {"pod-1", "pod-2", "pod-3"}
    assert set.union(*keeper.replace("", [])) == {"pod-2", "pod-3"}
    assert (len(keeper), keeper.objects) == (0, [])


def test_of_too_many_listed_events_the_latest_stay() -> None:
    keeper = Clock().keeper(most=2, most_each=2)
    listed = [event(f"e{hour}", f"pod-{hour}", last=f"2026-11-30T0{hour}:00:00Z") for hour in (1, 3, 2)]
    for _ in keeper.replace("", listed):
        pass
    assert (keeper.objects, keeper.dropped) == (["pod-3", "pod-2"], 1)


def test_deleted_and_unreadable_events() -> None:
    keeper = Clock().keeper()
    keeper.apply(event("a"))
    assert keeper.apply(InvalidObject("shop", "x", "is nested too deeply", "a")) == set()
    assert keeper.apply(Deleted("b")) == set()
    assert keeper.apply(Deleted("a")) == {"pod-1"}
