"""Every state, every way into it and out of it, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from astrolabe.engine.inbox import InvalidObject, Scope, WatchState
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import (
    Assessment,
    ClusterInfo,
    PartialEntry,
    Progress,
    ServingState,
    StateTracker,
    absent_kinds,
    assess_follower,
    assess_watches,
)

INFO = ClusterInfo(name="shop")
#: Objects of the kinds of these tests.
COUNTS = {"Pod": 4, "Node": 3, "Secret": 0, "Job": 0, "NetworkPolicy": 0}
REFUSED = "no connection to 10.0.0.1:6443: Connection refused"


@dataclass
class Watch:
    """How one watch is doing, by hand."""

    kind: str
    namespace: str = ""
    state: WatchState = "synced"
    connected: bool = True
    lists: int = 1
    last_error: str = ""
    lost_since: float | None = None


def readiness(**states: str) -> ReadinessTracker:
    """Kinds with their states; `forbidden` and `not_served` are unavailable for that reason."""
    made = ReadinessTracker([Scope(kind) for kind in states])
    for kind, state in states.items():
        match state:
            case "forbidden":
                made.report(kind, "", "unavailable", f"403 Forbidden: {kind}", cause="forbidden")
            case "not_served":
                made.report(kind, "", "unavailable", "404 NotFound", cause="not-served")
            case "synced" | "listing":
                made.report(kind, "", state)
    return made


def assess(made: ReadinessTracker, *watches: Watch, now: float = 100.0, **options: Any) -> Assessment:
    """The verdict of a process that watches these kinds, each of which has a connection unless said."""
    said = {watch.kind for watch in watches}
    others = [
        Watch(scope.kind, state=known.state, connected=known.state != "unavailable")
        for scope, known in made.states.items()
        if scope.kind not in said
    ]
    options = {"restored": False, "count": COUNTS.__getitem__, **options}
    return assess_watches(made, (*watches, *others), now=now, **options)


def test_live_is_all_kinds_listed_and_watched() -> None:
    assert assess(readiness(Pod="synced", Node="synced")) == Assessment("live", "", Progress(2, 2, 7))


def test_stale_while_the_graph_is_rebuilt_after_a_fault() -> None:
    made = readiness(Pod="synced")
    why = "a graph update failed; the graph is being rebuilt"
    assert assess(made, rebuilding=True) == Assessment("stale", why, Progress(1, 1, 4))
    why = "a graph update failed, and the graph cannot be rebuilt: KeyError in f; trying again"
    assert assess(made, rebuilding=True, rebuild_error="KeyError in f") == Assessment(
        "stale", why, Progress(1, 1, 4)
    )


def test_syncing_while_one_kind_is_not_listed() -> None:
    verdict = assess(readiness(Pod="synced", Node="listing", Secret="forbidden"))
    gap = PartialEntry("Secret", "forbidden", "403 Forbidden: Secret")
    assert verdict == Assessment("syncing", "2 of 3 kinds are listed", Progress(2, 3, 7), (gap,))


def test_syncing_says_why_a_kind_is_not_listed_yet() -> None:
    failing = Watch("Node", state="listing", connected=False, lists=0, last_error=REFUSED)
    verdict = assess(readiness(Pod="synced", Node="listing"), failing)
    assert verdict.why == f"1 of 2 kinds are listed; Node cannot be listed: {REFUSED}"


def test_syncing_over_a_stored_graph_says_that_it_is_served() -> None:
    verdict = assess(readiness(Pod="listing"), restored=True)
    assert verdict.state == "syncing"
    assert verdict.why == "0 of 1 kinds are listed; the stored graph is served until all are"


def test_a_kind_in_several_namespaces_is_listed_when_all_of_them_are() -> None:
    made = ReadinessTracker([Scope("Pod", "a"), Scope("Pod", "b")])
    made.report("Pod", "a", "synced")
    assert assess_watches(
        made, (), count={"Pod": 1}.__getitem__, restored=False, now=0.0
    ).progress == Progress(0, 1, 1)


def test_partial_names_what_cannot_be_read_and_why() -> None:
    verdict = assess(readiness(Pod="synced", Secret="forbidden", Job="not_served"))
    assert verdict.state == "partial"
    assert verdict.why == "not readable: Secret; not served: Job"
    assert verdict.partial == (
        PartialEntry("Secret", "forbidden", "403 Forbidden: Secret"),
        PartialEntry("Job", "not-served", "404 NotFound"),
    )


def test_partial_of_several_namespaces_is_one_gap() -> None:
    made = ReadinessTracker([Scope("Pod", "a"), Scope("Pod", "b"), Scope("Pod", "c")])
    made.report("Pod", "a", "synced")
    for namespace in ("b", "c"):
        made.report("Pod", namespace, "unavailable", "403 Forbidden", cause="forbidden")
    verdict = assess_watches(made, (), count={"Pod": 1}.__getitem__, restored=False, now=0.0)
    assert verdict.partial == (PartialEntry("Pod", "forbidden", "in b, c: 403 Forbidden"),)


def test_an_optional_kind_makes_no_gap() -> None:
    made = ReadinessTracker(
        [Scope("Pod"), Scope("NetworkPolicy", required=False), Scope("Node", required=False)]
    )
    made.report("Pod", "", "synced")
    made.report("NetworkPolicy", "", "unavailable", "404 NotFound", cause="not-served")
    made.report("Node", "", "synced")
    assert assess(made).state == "live"
    made.report("Node", "", "unavailable", "403 Forbidden", cause="forbidden")
    assert assess(made).why == "not readable: Node"


def test_partial_counts_the_objects_that_are_left_out() -> None:
    made = readiness(Pod="synced", Job="synced")
    for name in ("web-2", "web-1"):
        made.skip("Pod", InvalidObject("shop", name, "nested too deeply"))
    verdict = assess(made)
    why = "2 objects are left out, such as shop/web-1: nested too deeply"
    assert (verdict.state, verdict.why) == ("partial", "missing some objects: Pod")
    assert verdict.partial == (PartialEntry("Pod", "skipped", why, 2),)


def test_partial_names_the_kinds_without_a_watch() -> None:
    made = readiness(Pod="synced", Job="synced")
    verdict = assess(made, left_out={"Widget.example.com": "custom kinds may have 7 watches"})
    assert (verdict.state, verdict.why) == ("partial", "not watched: Widget.example.com")
    why = "it is not watched: custom kinds may have 7 watches"
    assert verdict.partial == (PartialEntry("Widget.example.com", "skipped", why),)


@pytest.mark.parametrize(("now", "state"), [(104.9, "live"), (105.0, "stale")])
def test_stale_after_a_watch_is_disconnected_for_too_long(now: float, state: str) -> None:
    lost = Watch("Pod", connected=False, last_error=REFUSED, lost_since=100.0)
    assert assess(readiness(Pod="synced", Node="synced"), lost, now=now).state == state


def test_stale_names_the_stale_kinds() -> None:
    lost = Watch("Pod", connected=False, last_error="the server closed the connection", lost_since=100.0)
    verdict = assess(readiness(Pod="synced", Node="synced"), lost, now=145.0)
    assert verdict == Assessment(
        "stale", "Pod has no watch: the server closed the connection", Progress(2, 2, 7), began=100.0
    )


def test_stale_as_a_whole_when_the_api_server_cannot_be_reached() -> None:
    lost = [
        Watch(kind, connected=False, last_error=REFUSED, lost_since=since)
        for kind, since in (("Pod", 101.0), ("Node", 100.0))
    ]
    verdict = assess(readiness(Pod="synced", Node="synced", Secret="forbidden"), *lost, now=145.0)
    assert (verdict.state, verdict.began) == ("stale", 100.0)
    assert verdict.why == f"the API server cannot be reached: {REFUSED}"
    assert verdict.partial == (PartialEntry("Secret", "forbidden", "403 Forbidden: Secret"),)


LIVE = ServingState("live", "2026-01-01T00:00:00Z", "", INFO, Progress(2, 2, 7), ())


@pytest.mark.parametrize(
    ("told", "joined", "stale", "why", "expected"),
    [
        (None, False, True, "", Assessment("syncing", "there is no graph in Redis yet")),
        (None, False, True, "Redis is away", Assessment("syncing", "Redis is away")),
        (None, True, False, "", Assessment("syncing", "the leader has not reported its state yet")),
        (None, True, True, "no leader", Assessment("stale", "no leader", began=3.0)),
        (LIVE, True, True, "no leader", Assessment("stale", "no leader", LIVE.progress, began=3.0)),
        (LIVE, True, False, "", Assessment("live", "", LIVE.progress, since="2026-01-01T00:00:00Z")),
    ],
)
def test_a_follower_has_the_leaders_state_while_it_is_in_step(
    told: ServingState | None, joined: bool, stale: bool, why: str, expected: Assessment
) -> None:
    assert (
        assess_follower(told, joined=joined, stale=stale, why=why, began=3.0 if stale else None) == expected
    )


class Clock:
    """A verdict and times by hand; what is told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.verdict = Assessment("syncing", "0 of 2 kinds are listed", Progress(0, 2, 0))
        self.told: list[ServingState] = []
        self.tracker = StateTracker(
            lambda: self.verdict, INFO, clock=lambda: self.now, time=lambda: 1_767_225_500.0 + self.now
        )
        self.tracker.subscribe(self.told.append)

    def at(self, now: float, verdict: Assessment) -> ServingState:
        self.now, self.verdict = now, verdict
        return self.tracker.refresh()


def test_since_is_when_a_state_was_first_seen_or_reported() -> None:
    clock = Clock()
    assert clock.tracker.current.since == "2026-01-01T00:00:00Z"
    live = Assessment("live", "", Progress(2, 2, 7))
    assert clock.at(110.0, live).since == "2026-01-01T00:00:10Z"
    assert clock.at(120.0, live).since == "2026-01-01T00:00:10Z"
    stale = Assessment("stale", REFUSED, Progress(2, 2, 7), began=125.0)
    assert clock.at(130.0, stale).since == "2026-01-01T00:00:25Z"
    assert clock.at(140.0, stale).since == "2026-01-01T00:00:25Z"
    assert clock.at(150.0, live).since == "2026-01-01T00:00:50Z"
    assert [state.state for state in clock.told] == ["live", "stale", "live"]


def test_progress_is_reported_once_a_second_while_syncing() -> None:
    clock = Clock()
    for now, kinds in ((100.2, 0), (100.9, 1), (101.0, 1), (101.5, 2)):
        clock.at(
            now, Assessment("syncing", f"{kinds} of 2 kinds are listed", Progress(kinds, 2, int(now * 10)))
        )
    assert [(state.progress.kinds, state.progress.objects) for state in clock.told] == [(1, 1010)]
    clock.at(101.6, Assessment("live", "", Progress(2, 2, 1016)))
    for now in (103.0, 105.0):
        clock.at(now, Assessment("live", "", Progress(2, 2, int(now))))
    assert [state.state for state in clock.told] == ["syncing", "live"]
    assert clock.tracker.current.progress.objects == 105


def test_a_changed_reason_is_reported() -> None:
    clock = Clock()
    gap = PartialEntry("Secret", "forbidden", "403")
    clock.at(110.0, Assessment("partial", "not readable: Secret", partial=(gap,)))
    clock.at(110.1, Assessment("partial", "not readable: Secret", partial=(gap, gap)))
    clock.at(110.2, Assessment("stale", "the server closed the connection", began=105.0))
    clock.at(111.3, Assessment("stale", REFUSED, began=105.0))
    assert [state.why for state in clock.told] == [
        "not readable: Secret",
        "not readable: Secret",
        "the server closed the connection",
        REFUSED,
    ]
    assert {state.since for state in clock.told[2:]} == {"2026-01-01T00:00:05Z"}


CUSTOM = Scope("Certificate.cert-manager.io", required=False, expected=False)
COUNTED = {**COUNTS, CUSTOM.kind: 0}.__getitem__


def with_custom(pods: WatchState = "synced") -> ReadinessTracker:
    made = ReadinessTracker([Scope("Pod"), CUSTOM])
    made.report("Pod", "", pods)
    return made


def test_live_waits_for_custom_kinds_except_unlistable_ones() -> None:
    made = with_custom()
    assert assess(made, count=COUNTED).state == "syncing"
    made.report(CUSTOM.kind, "", "listing", "500 InternalError: its webhook is broken")
    gap = PartialEntry(CUSTOM.kind, "not-served", "500 InternalError: its webhook is broken")
    assert assess(made, count=COUNTED) == Assessment(
        "partial", f"not served: {CUSTOM.kind}", Progress(2, 2, 4), (gap,)
    )
    made.report(CUSTOM.kind, "", "synced")
    assert assess(made, count=COUNTED).state == "live"


def test_an_api_server_away_at_the_start_blames_no_custom_kind() -> None:
    made = with_custom("listing")
    made.report(CUSTOM.kind, "", "listing", REFUSED)
    assert assess(made, count=COUNTED).partial == ()


@pytest.mark.parametrize(("expected", "state"), [(False, "live"), (True, "partial")])
def test_a_forbidden_custom_kind_is_a_gap_only_if_requested(expected: bool, state: str) -> None:
    made = ReadinessTracker([Scope("Pod"), Scope(CUSTOM.kind, required=False, expected=expected)])
    made.report("Pod", "", "synced")
    made.report(CUSTOM.kind, "", "unavailable", "403 Forbidden", cause="forbidden")
    assert assess(made, count=COUNTED).state == state


def test_a_kind_added_later_does_not_delay_the_state() -> None:
    made = ReadinessTracker([Scope("Pod")])
    made.report("Pod", "", "synced")
    made.change([CUSTOM])
    assert assess(made, count=COUNTED).state == "live"
    assert made.ready


def test_optional_kinds_that_are_not_served_are_absent() -> None:
    made = ReadinessTracker(
        [
            Scope("Pod"),
            Scope("Secret"),
            Scope("ResourceClaim", required=False),
            Scope("Role", required=False),
            CUSTOM,
        ]
    )
    made.report("Pod", "", "synced")
    for kind in ("Secret", "Role", CUSTOM.kind):
        made.report(kind, "", "unavailable", "403 Forbidden", cause="forbidden")
    made.report("ResourceClaim", "", "unavailable", "404 NotFound", cause="not-served")
    assert absent_kinds(made) == {"ResourceClaim", CUSTOM.kind}


def test_events_never_decide_the_state() -> None:
    """Without them the graph is true, and its words are less specific."""
    events = Scope("Event", required=False, expected=False)
    made = ReadinessTracker([events, Scope("Pod")])
    made.report("Pod", "", "synced")
    live = Assessment("live", "", Progress(1, 1, 4))
    assert (made.ready, assess(made)) == (False, live)
    made.report("Event", "", "listing", "504 Gateway Timeout")
    assert (made.ready, assess(made)) == (True, live)
    made.report("Event", "", "unavailable", "403 Forbidden", cause="forbidden")
    assert assess(made) == live
    made.report("Event", "", "synced")
    assert assess(made, Watch("Event", connected=False, last_error=REFUSED, lost_since=0.0)) == live
