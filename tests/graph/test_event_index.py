"""What is kept of Events, and which Warnings they make of an object."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.event_index import EventIndex
from astrolabe.graph.model.facts import WarningEvent
from astrolabe.graph.state.object_event import ObjectEvent


def event(
    uid: str,
    regarding: str = "pod-1",
    *,
    type: str = "Warning",
    reason: str = "Unhealthy",
    message: str = "Readiness probe failed",
    count: int = 1,
    first: str = "2026-11-30T03:00:00Z",
    last: str = "2026-11-30T03:00:00Z",
) -> ObjectEvent:
    return ObjectEvent(uid, "shop", regarding, type, reason, message, "kubelet", count, first, last)


def index(*events: ObjectEvent, most: int = 100, most_each: int = 10) -> EventIndex:
    made = EventIndex(most=most, most_each=most_each)
    for each in events:
        made.put(each)
    return made


def test_the_warning_that_began_last_comes_first_despite_repetitions() -> None:
    mount = event(
        "a",
        reason="FailedMount",
        message="no volume",
        first="2026-11-30T03:05:00Z",
        last="2026-11-30T03:05:00Z",
    )
    kept = index(event("b"), mount, event("c", type="Normal", reason="Pulled"))
    assert [each.reason for each in kept.warnings("pod-1")] == ["FailedMount", "Unhealthy"]
    assert kept.put(event("b", count=9, last="2026-11-30T03:09:00Z")) == {"pod-1"}
    assert kept.warnings("pod-1") == (
        WarningEvent("FailedMount", "no volume", "2026-11-30T03:05:00Z", "2026-11-30T03:05:00Z"),
        WarningEvent("Unhealthy", "Readiness probe failed", "2026-11-30T03:00:00Z", "2026-11-30T03:09:00Z"),
    )
    assert [(each.uid, each.count) for each in kept.of("pod-1")] == [("b", 9), ("a", 1), ("c", 1)]


def test_attempts_under_generated_names_and_combined_events_say_the_same() -> None:
    said = 'Error creating: pods "settlement-vv2rh" is forbidden: exceeded quota: team-budget'
    again = '(combined from similar events): Error creating: pods "settlement-hdx9w" is forbidden: exceeded quota: team-budget'
    kept = index(
        event("a", reason="FailedCreate", message=said),
        event(
            "b",
            reason="FailedCreate",
            message=again,
            first="2026-11-30T03:05:00Z",
            last="2026-11-30T03:12:00Z",
        ),
    )
    assert kept.warnings("pod-1") == (
        WarningEvent(
            "FailedCreate",
            'Error creating: pods "settlement-" is forbidden: exceeded quota: team-budget',
            "2026-11-30T03:00:00Z",
            "2026-11-30T03:12:00Z",
        ),
    )


def test_warnings_that_were_seen_longer_ago_do_not_count() -> None:
    kept = index(event("a"), event("b", reason="BackOff", message="back-off", last="2026-11-30T04:00:00Z"))
    assert kept.advance("2026-11-30T03:00:00Z") == set()
    assert kept.advance("2026-11-30T03:30:00Z") == {"pod-1"}
    assert [each.reason for each in kept.warnings("pod-1")] == ["BackOff"]
    assert kept.advance("2026-11-30T04:00:00Z") == set()


def test_among_many_equal_events_the_first_is_kept() -> None:
    kept = index(most_each=3)
    for number in range(60):
        time = f"2026-11-30T03:00:{number:02d}Z"
        kept.put(event(f"e{number}", first=time, last=time))
    assert [each.uid for each in kept.of("pod-1")] == ["e59", "e58", "e0"]
    assert [each.since for each in kept.warnings("pod-1")] == ["2026-11-30T03:00:00Z"]


def test_normal_events_are_evicted_before_recent_warnings() -> None:
    kept = index(event("normal", "pod-0", type="Normal"), event("e1"), event("e2", "pod-2"), most=3)
    assert kept.put(event("e3", "pod-3")) == {"pod-0", "pod-3"}
    assert kept.put(event("e4", "pod-4")) == set()
    assert kept.put(event("x", "pod-4", type="Normal")) == set()
    assert (kept.dropped, len(kept)) == (2, 3)
    assert kept.put(event("e1", count=2)) == {"pod-1"}
    kept.advance("2026-11-30T03:30:00Z")
    assert kept.put(event("e4", "pod-4", last="2026-11-30T03:40:00Z")) == {"pod-2", "pod-4"}


def test_per_object_normal_events_are_evicted_first() -> None:
    kept = index(event("x", type="Normal"), event("e1"), most_each=2)
    kept.put(event("y", type="Normal", reason="Pulled", last="2026-11-30T03:01:00Z"))
    assert [each.uid for each in kept.of("pod-1")] == ["y", "e1"]


def test_nothing_remains_of_a_deleted_event() -> None:
    kept = index(event("a"), event("b", type="Normal"))
    assert kept.put(event("a", "pod-2")) == {"pod-1", "pod-2"}
    assert [kept.remove(uid) for uid in ("a", "b", "a")] == ["pod-2", "pod-1", ""]
    assert (len(kept), kept.objects, kept.of("pod-1", "pod-2")) == (0, [], [])


_times = st.sampled_from([f"2026-11-30T03:0{minute}:00Z" for minute in range(4)])
_events = st.builds(
    event,
    st.sampled_from("abcde"),
    st.sampled_from(("pod-1", "pod-2")),
    type=st.sampled_from(("Warning", "Warning", "Normal")),
    reason=st.sampled_from(("Unhealthy", "BackOff")),
    message=st.sampled_from(("one", "two", "(combined from similar events): two")),
    first=_times,
    last=_times,
)


@settings(max_examples=200)
@given(
    steps=st.lists(st.one_of(_events, _events, st.sampled_from("abcde"))),
    order=st.randoms(use_true_random=False),
)
def test_within_the_limits_the_order_of_arrival_is_irrelevant(
    steps: list[ObjectEvent | str], order: st.DataObject
) -> None:
    kept, known = index(), dict[str, ObjectEvent]()
    for step in steps:
        if isinstance(step, str):
            kept.remove(step)
            known.pop(step, None)
        else:
            kept.put(step)
            known[step.uid] = step
    shuffled = list(known.values())
    order.shuffle(shuffled)
    again = index(*shuffled)
    for uid in ("pod-1", "pod-2"):
        assert (kept.of(uid), kept.warnings(uid)) == (again.of(uid), again.warnings(uid))
    assert {each.uid for each in kept} == set(known)
