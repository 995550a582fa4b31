"""What is remembered of problems: their ends, and that they come and go. And what they are called."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from astrolabe.graph.causes.documents import document_of
from astrolabe.graph.causes.grouping import id_of
from astrolabe.graph.causes.ledger import LINGERS, Ledger
from astrolabe.graph.causes.problems import FoundProblem
from astrolabe.graph.state.batch import Changes
from tests.support.sketches import NOW, Sketch, a_node, at


def problems(*nodes: str, reason: str = "CrashLoopBackOff", workload: str = "web") -> list[FoundProblem]:
    sketch = Sketch().set(a_node("Deployment", workload), a_node("ReplicaSet", f"{workload}-{nodes[0][:3]}"))
    sketch.link(f"Deployment/{workload} owns ReplicaSet/{workload}-{nodes[0][:3]}")
    for name in nodes:
        sketch.set(a_node("Pod", name, "Error", reason, f"container app of {name}"))
        sketch.link(f"ReplicaSet/{workload}-{nodes[0][:3]} owns Pod/{name}")
    return sketch.causes().problems(at(NOW))


def follow(
    ledger: Ledger,
    standing: list[FoundProblem],
    now: float,
    lingers: Callable[[FoundProblem], bool] = lambda _: False,
) -> bool:
    """A look at all that stands."""
    return ledger.update(ledger.start_over({each.group: each for each in standing}), now, lingers)


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


def test_a_failed_run_is_one_problem_though_its_pods_and_then_its_job_are_deleted() -> None:
    over = {"phase": "Failed", "owner": "Job/n-1"}
    pod = a_node("Pod", "n-1-a", "Error", "Error", "exit code 1", metadata=over)
    job = a_node("Job", "n-1", "Error", "BackoffLimitExceeded")
    cron = a_node("CronJob", "n", "Error", "LastRunFailed")
    sketch = Sketch().set(cron, job, pod).link("CronJob/n owns Job/n-1", "Job/n-1 owns Pod/n-1-a")
    told = []
    for gone in ("Pod/n-1-a", "Job/n-1", ""):
        (problem,) = sketch.causes().problems(at(NOW))
        told.append((id_of("prod", problem.group), problem.members))
        edges = [edge.key for edge in sketch.graph.incoming(gone)]
        sketch.graph.load(Changes(edges_removed=edges, nodes_removed=[gone] if gone else []))
    assert [members for _, members in told] == [("Pod/n-1-a",), ("Job/n-1",), ("CronJob/n",)]
    assert len({id for id, _ in told}) == 1


def test_different_causes_are_different_problems() -> None:
    assert ids(problems("a1b-x")) != ids(problems("a1b-x", workload="db"))
    assert ids(problems("a1b-x")) != ids(problems("a1b-x"), cluster="test")


def test_ended_problems_are_shown_for_a_minute() -> None:
    ledger, found = Ledger(), problems("a1b-x")
    assert follow(ledger, found, 1000.0)
    assert not follow(ledger, found, 1030.0)
    assert follow(ledger, [], 1060.0)
    (entry,) = ledger.ended(1061.0)
    assert (entry.problem, entry.ended) == (found[0], 1060.0)
    assert ledger.next_change_at(1061.0) == 1120.0
    assert list(ledger.ended(1120.0)) == []


def test_a_problem_that_returns_within_five_minutes_is_flapping() -> None:
    ledger, found = Ledger(), problems("a1b-x")
    follow(ledger, found, 0.0)
    for begin in (100.0, 400.0):
        follow(ledger, [], begin)
        follow(ledger, found, begin + 200.0)
    assert ledger.flaps_of(found[0].group) == 2
    assert list(ledger.ended(601.0)) == []
    follow(ledger, [], 700.0)
    follow(ledger, [], 1000.0)
    follow(ledger, found, 1001.0)
    assert ledger.flaps_of(found[0].group) == 0, "it ended more than five minutes before"


def test_no_row_disappears_at_once() -> None:
    ledger, found = Ledger(), problems("a1b-x")
    follow(ledger, found, 0.0)
    follow(ledger, [], 1.0)
    assert [entry.problem for entry in ledger.ended(60.0)] == found
    assert list(ledger.ended(61.0)) == []


CRASH = ("Error", "CrashLoopBackOff", "container app keeps ending: Error (exit code 1)")
#: What a Pod of a crash loop says from one look to the next, and those that replace it.
LOOP = (
    CRASH,
    ("Error", "Error", "ended with exit code 1"),
    ("Pending", "Running"),
    ("Pending", "ContainerCreating"),
)


class Loop:
    """A Deployment whose Pods fail, followed over time."""

    def __init__(self) -> None:
        self.sketch, self.ledger, self.now = Sketch(), Ledger(), at(NOW)
        self.sketch.set(a_node("ReplicaSet", "web-5d", "Pending", "Progressing"))
        self.sketch.set(a_node("Deployment", "web", "Pending", "Progressing")).link(
            "Deployment/web owns ReplicaSet/web-5d"
        )

    def look(
        self, name: str, status: tuple[str, ...], *, after: float, since: str = NOW
    ) -> list[FoundProblem]:
        """The problems some time later, when there is this Pod and no other."""
        graph = self.sketch.graph
        pods = [uid for uid in graph.nodes if uid.startswith("Pod/") and uid != f"Pod/{name}"]
        edges = [edge.key for uid in pods for edge in graph.incoming(uid)]
        graph.load(Changes(edges_removed=edges, nodes_removed=pods))
        self.sketch.set(a_node("Pod", name, *status, since=since, metadata={"nodeName": "n1"}))
        self.sketch.link(f"ReplicaSet/web-5d owns Pod/{name}")
        self.now += after
        return self.again()

    def again(self, after: float = 0.0) -> list[FoundProblem]:
        """The problems some time later, when nothing changed."""
        self.now += after
        causes = self.sketch.causes()
        standing = causes.problems(self.now)
        groups = {each.group for each in standing}
        follow(self.ledger, standing, self.now, lambda problem: causes.lingers(problem, groups))
        return self.ledger.active


@given(st.lists(st.tuples(st.sampled_from(LOOP), st.sampled_from("xyz"), st.integers(1, 20)), max_size=12))
def test_a_crash_loop_is_one_problem_from_beginning_to_end(
    steps: list[tuple[tuple[str, ...], str, int]],
) -> None:
    loop = Loop()
    (first,) = loop.look("web-a", CRASH, after=0)
    for status, name, after in steps:
        (problem,) = loop.look(f"web-{name}", status, after=after, since="2026-01-01T01:10:00Z")
        assert problem.group == first.group
        assert (problem.status, problem.since) == (first.status, first.since)
        if status[0] == "Error":
            assert problem.members == (f"Pod/web-{name}",)
    assert loop.ledger.flaps_of(first.group) == 0
    assert list(loop.ledger.ended(loop.now)) == []


def test_a_problem_ends_when_its_workload_recovers_or_the_cause_changes() -> None:
    loop = Loop()
    loop.look("web-a", CRASH, after=0)
    loop.sketch.set(a_node("ReplicaSet", "web-5d"), a_node("Deployment", "web"))
    assert loop.look("web-b", ("Ready", "Running"), after=5) == []
    loop = Loop()
    loop.look("web-a", CRASH, after=0)
    (problem,) = loop.look("web-b", ("Error", "ImagePullBackOff", "not found"), after=5)
    assert problem.reason == "ImagePullBackOff"


def test_a_problem_ends_even_if_its_pods_never_become_ready() -> None:
    loop = Loop()
    loop.look("web-a", CRASH, after=0)
    loop.look("web-b", ("Pending", "Running"), after=5)
    assert len(loop.again(LINGERS - 1)) == 1
    assert loop.ledger.next_change_at(loop.now) == loop.now + 1
    assert loop.again(1) == []


def test_an_ended_problem_names_objects_that_are_gone() -> None:
    sketch = Sketch().set(
        a_node("Pod", "web-1", *CRASH), a_node("Service", "web", "Error", "NoReadyEndpoints")
    )
    sketch.set(a_node("Ingress", "web", "Error", "BackendUnavailable"))
    sketch.link("Service/web selects Pod/web-1", "Ingress/web routes-to Service/web")
    causes = sketch.causes()
    (problem,) = causes.problems(at(NOW))
    keys = [edge.key for edge in sketch.graph.edges()]
    sketch.graph.load(Changes(edges_removed=keys, nodes_removed=list(sketch.graph.nodes)))
    document = document_of(causes, problem, id="x", detail=True)
    assert (document["cause"]["kind"], document["cause"]["name"]) == ("Pod", "web-1")
    assert [(each["kind"], each["name"]) for each in document["path"]] == [
        ("Ingress", "web"),
        ("Service", "web"),
        ("Pod", "web-1"),
    ]
    assert [each["name"] for each in document["entries"]] == ["web"]
    assert document["affected"]["kinds"] == {"Ingress": 1, "Service": 1}
    assert document["affected"]["nodes"] == []


def test_the_ledger_forgets_old_problems() -> None:
    ledger = Ledger()
    follow(ledger, problems("a1b-x"), 0.0)
    follow(ledger, [], 100.0)
    follow(ledger, [], 400.0)
    assert ledger._entries == {}
