"""What is remembered of problems: their ends, and that they come and go. And what they are called."""

from __future__ import annotations

from astrolabe.graph.causes.grouping import id_of
from astrolabe.graph.causes.ledger import Ledger
from astrolabe.graph.causes.problems import FoundProblem
from tests.support.sketches import NOW, Sketch, a_node, at


def problems(*nodes: str, reason: str = "CrashLoopBackOff", workload: str = "web") -> list[FoundProblem]:
    sketch = Sketch().set(a_node("Deployment", workload), a_node("ReplicaSet", f"{workload}-{nodes[0][:3]}"))
    sketch.link(f"Deployment/{workload} owns ReplicaSet/{workload}-{nodes[0][:3]}")
    for name in nodes:
        sketch.set(a_node("Pod", name, "Error", reason, f"container app of {name}"))
        sketch.link(f"ReplicaSet/{workload}-{nodes[0][:3]} owns Pod/{name}")
    return sketch.causes().problems(at(NOW))


def ids(found: list[FoundProblem], cluster: str = "prod") -> list[str]:
    return [id_of(cluster, each.group) for each in found]


def test_a_problem_is_the_same_whatever_pods_are_replaced() -> None:
    first = ids(problems("a1b-x", "a1b-y"))
    assert len(first) == 1
    assert ids(problems("a1b-z")) == first
    assert ids(problems("c2d-x")) == first, "another ReplicaSet of the same Deployment"


def test_a_crash_loop_that_changes_its_words_is_one_problem() -> None:
    loop = [ids(problems("a1b-x", reason=reason)) for reason in ("CrashLoopBackOff", "Error", "OOMKilled")]
    assert loop[0] == loop[1] == loop[2]
    assert ids(problems("a1b-x", reason="ImagePullBackOff")) != loop[0]


def test_others_are_other_problems() -> None:
    assert ids(problems("a1b-x")) != ids(problems("a1b-x", workload="db"))
    assert ids(problems("a1b-x")) != ids(problems("a1b-x"), cluster="test")


def test_an_end_is_shown_for_a_minute() -> None:
    ledger, found = Ledger(), problems("a1b-x")
    assert ledger.update(found, 1000.0)
    assert not ledger.update(found, 1030.0)
    assert ledger.update([], 1060.0)
    (entry,) = ledger.ended(1061.0)
    assert (entry.problem, entry.ended) == (found[0], 1060.0)
    assert ledger.next_change_at(1061.0) == 1120.0
    assert list(ledger.ended(1120.0)) == []


def test_what_comes_back_within_five_minutes_is_the_same_and_flaps() -> None:
    ledger, found = Ledger(), problems("a1b-x")
    ledger.update(found, 0.0)
    for begin in (100.0, 400.0):
        ledger.update([], begin)
        ledger.update(found, begin + 200.0)
    assert ledger.flaps_of(found[0].group) == 2
    assert list(ledger.ended(601.0)) == []
    ledger.update([], 700.0)
    ledger.update([], 1000.0)
    ledger.update(found, 1001.0)
    assert ledger.flaps_of(found[0].group) == 0, "it ended more than five minutes before"


def test_what_lasted_only_a_moment_is_not_shown() -> None:
    ledger, found = Ledger(), problems("a1b-x")
    ledger.update(found, 0.0)
    ledger.update([], 5.0)
    assert list(ledger.ended(6.0)) == []


def test_it_forgets() -> None:
    ledger = Ledger()
    ledger.update(problems("a1b-x"), 0.0)
    ledger.update([], 100.0)
    ledger.update([], 400.0)
    assert ledger._entries == {}
