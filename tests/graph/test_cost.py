"""A change costs its own degree, never the size of the graph: the same steps in a world 40 times as large."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from time import thread_time
from types import FrameType
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model import linker
from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Selector, equality
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import GraphAt, History
from astrolabe.graph.state.status import READY, Status
from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex
from tests.graph.histories import KINDS, RULES, facts, histories, roots


def count_steps(work: Callable[[], Any]) -> int:
    """How many bytecodes are executed: a cost that no noise of the machine changes, nor what is left of others,
    which a collection would finalise here."""
    steps = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    gc.disable()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return steps


def elsewhere(entry: Facts, copy: int) -> Facts:
    """The same resource in another part of the world, linked to that part only."""

    def place(namespace: str) -> str:
        return f"{namespace}-{copy}" if namespace else ""

    def link_there(link: Link) -> Link:
        if isinstance(link, RefByUid):
            return msgspec.structs.replace(link, uid=f"{link.uid}-{copy}", namespace=place(link.namespace))
        if isinstance(link, Ref):
            uid = f"{link.uid}-{copy}" if link.uid else ""
            return msgspec.structs.replace(link, uid=uid, namespace=place(link.namespace))
        assert isinstance(link, Select)
        return msgspec.structs.replace(link, namespace=place(link.namespace))

    return msgspec.structs.replace(
        entry,
        uid=f"{entry.uid}-{copy}",
        name=entry.name if entry.namespace else f"{entry.name}-{copy}",
        namespace=place(entry.namespace),
        links=tuple(map(link_there, entry.links)),
        aliases=(),
        release=None,
        label_release=None,
        made_by=None,
        revision=None,
    )


class World:
    """Copies of a small world side by side, and views of them, listed by what they ask for."""

    def __init__(
        self,
        base: dict[str, Facts],
        copies: int,
        roots: Selector | None,
        filters: Iterable[Filter] = (Filter(namespace=frozenset(("a-0",)), release=frozenset(("r1",))),),
    ) -> None:
        self.model, self.graph = Model(RULES, roots=roots), ServedGraph("e")
        self.views = ViewIndex(self.graph)
        self.history = History(self.graph, changes=1_000_000, size=1_000_000_000)
        for copy in range(copies):
            for entry in base.values():
                self.model.upsert(elsewhere(entry, copy))
        self.commit()
        for filter in filters:
            self.views.add(View.at_once(self.graph, filter))

    def commit(self) -> set[View]:
        """Returns the views that were asked."""
        changes = self.model.commit()
        before = self.graph.apply(Batch("e", self.graph.seq + 1, changes))
        self.history.add(before)
        past = GraphAt(self.graph, before)
        concerned = self.views.concerned(changes, past)
        for view, part in concerned.items():
            self.views.update(view, part, past)
        return set(concerned)

    def change(self, change: Facts | str) -> set[View]:
        if isinstance(change, str):
            self.model.remove(f"{change}-0")
        else:
            self.model.upsert(elsewhere(change, 0))
        return self.commit()

    def cost(self, change: Facts | str) -> int:
        return count_steps(lambda: self.change(change))


def elsewhere_filters(count: int) -> list[Filter]:
    """Of every form that is found by index, none of which keeps anything that `histories` make."""
    forms = (
        lambda text: {"namespace": [text]},
        lambda text: {"release": [text]},
        lambda text: {"release": [text], "namespace": ["a-0"]},
        lambda text: {"selector": [f"app={text}"]},
        lambda text: {"selector": [f"{text} in (1,2)"], "kind": ["Pod"]},
        lambda text: {"selector": [text]},
        lambda text: {"q": [f"{text}-zzz"]},
        lambda text: {"q": [f"{text}"], "status": ["Error"]},
    )
    return [parse_query(forms[n % len(forms)](f"w{n}"), FilterRules.of(KINDS)) for n in range(count)]


changes = st.one_of(facts(), facts(), st.sampled_from(("u0", "u1", "u2")))


@settings(max_examples=15)
@given(history=histories, change=changes)
def test_a_change_costs_unrelated_views_nothing(history: list[Any], change: Facts | str) -> None:
    base = {entry.uid: entry for entry in history if isinstance(entry, Facts)}
    few, many = (World(base, 1, None, elsewhere_filters(count)) for count in (8, 800))
    assert many.cost(change) <= few.cost(change) + 300  # less than one step for each of the other 792
    assert many.change("u3") == set()


@settings(max_examples=15)
@given(history=histories, change=changes)
def test_catching_up_costs_time_proportional_to_the_changes(history: list[Any], change: Facts | str) -> None:
    base = {entry.uid: entry for entry in history if isinstance(entry, Facts)}
    costs = []
    for copies in (1, 40):
        world = World(base, copies, None)
        view = View.at_once(world.graph, Filter(release=frozenset(("r1",)), namespace=frozenset(("a-0",))))
        world.change(change)

        def catch_up(world: World = world, view: View = view) -> None:
            past = world.history.since(world.graph.seq - 1)
            assert past is not None
            view.since(past)

        costs.append(count_steps(catch_up))
    assert costs[1] <= costs[0] * 1.1 + 50


@settings(max_examples=25)
@given(history=histories, change=changes, roots=roots)
def test_a_change_costs_the_same_in_a_larger_graph(
    history: list[Any], change: Facts | str, roots: Selector | None
) -> None:
    base = {entry.uid: entry for entry in history if isinstance(entry, Facts)}
    small, large = World(base, 1, roots), World(base, 40, roots)
    assert len(large.graph.nodes) == 40 * len(small.graph.nodes)
    assert large.cost(change) <= small.cost(change) * 1.1 + 50


def test_repeated_references_cost_time_linear_in_their_number() -> None:
    """Not the square of it: an object of a megabyte names another twenty thousand times."""
    model = Model([Rules(kind="Pod", api_version="v1")])
    links = [RefByUid(OWNS, "o", "Pod", "a", "o", f"f{index}", reverse=True) for index in range(20_000)]
    owner, owned = (
        Facts(
            kind="Pod",
            uid=uid,
            name=uid,
            namespace="a",
            labels={},
            status=Status(READY, "Ready"),
            metadata={"creationTimestamp": ""},
            links=tuple(links) if uid == "p" else (),
        )
        for uid in ("o", "p")
    )
    model.upsert(owner)
    started = thread_time()
    model.upsert(owned)
    (edge,) = model.commit().edges_set
    assert thread_time() - started < 0.5
    assert edge.field == tuple(link.field for link in links)


def fact(kind: str, name: str, links: tuple[Link, ...] = ()) -> Facts:
    status, metadata = Status(READY, "Ready"), {"creationTimestamp": ""}
    return Facts(kind, f"{kind}-{name}", name, "a", {}, status, metadata, links)


def inventory(names: Iterable[str]) -> Facts:
    """One that names very many."""
    links = tuple([Ref("manages", "ConfigMap", "a", name, "status.resources") for name in names])
    return fact("Pod", "app", links)


def test_one_of_many_references_costs_the_same_however_many_there_are() -> None:
    """Most of what it still costs is one look at each: has it changed, and does it resolve?"""
    found: dict[str, list[int]] = {}
    for count in (1_000, 4_000):
        model = Model([Rules("Pod", "v1"), Rules("ConfigMap", "v1")])
        names = [f"c-{at}" for at in range(count)]
        for name in names:
            model.upsert(fact("ConfigMap", name))
        model.commit()
        steps = {
            "it comes": lambda model=model, names=names: model.upsert(inventory(names)),
            "its edges": model.commit,
            "one goes": lambda model=model, names=names: model.upsert(inventory(names[:500] + names[501:])),
            "its edge": model.commit,
            "a target goes": lambda model=model: model.remove("ConfigMap-c-7"),
        }
        for what, step in steps.items():
            found.setdefault(what, []).append(count_steps(step))
        assert len(model.commit().edges_removed) == 1
        assert len(list(model.edges("Pod-app"))) == count - 2
    per_entry = {what: (many - few) / 3_000 for what, (few, many) in found.items()}
    assert per_entry["its edges"] < 1_500
    assert per_entry["one goes"] < 40
    assert per_entry["its edge"] < 200
    assert abs(per_entry["a target goes"]) < 0.1


def test_an_object_with_many_references_is_added_and_removed_in_steps() -> None:
    model = Model([Rules("Pod", "v1"), Rules("ConfigMap", "v1")])
    names = [f"c-{at}" for at in range(4 * linker.MANY)]
    for name in names:
        model.upsert(fact("ConfigMap", name))
    model.commit()
    model.set_synced("ConfigMap", "", True)

    def settled() -> list[Changes]:
        made = [model.commit(linker.MANY)]
        while model.unsettled:
            made.append(model.commit(linker.MANY))
        return made

    def most(changes: list[Changes]) -> int:
        return max(len(each.edges_set) + len(each.edges_removed) for each in changes)

    model.upsert(inventory(names))
    commits = settled()
    assert most(commits) <= 2 * linker.MANY
    assert sum(len(each.edges_set) for each in commits) == len(names)
    model.upsert(inventory(names[:5]))
    model.upsert(inventory([*names[:5], "none"]))
    model.remove("ConfigMap-c-9")
    commits = settled()
    assert most(commits) <= 3 * linker.MANY + 1  # some at once with each of the two
    assert sum(len(each.edges_removed) for each in commits) == len(names) - 5
    (node,) = [node for each in commits for node in each.nodes_set if node.uid == "Pod-app"]
    assert [each["name"] for each in node.document()["unresolved"]] == ["none"]
    model.upsert(inventory(names))
    settled()
    model.remove("Pod-app")
    model.remove("ConfigMap-c-11")
    commits = settled()
    assert most(commits) <= 2 * linker.MANY + 1
    assert sum(len(each.edges_removed) for each in commits) == len(names) - 1
    assert "Pod-app" in commits[-1].nodes_removed
    assert not [node for each in commits for node in each.nodes_set if node.uid == "Pod-app"]


def test_selections_by_a_label_that_all_have_are_not_looked_at_one_by_one() -> None:
    """Nor does the length of its value make them be."""

    def cost(services: int) -> int:
        model = Model([Rules("Pod", "v1"), Rules("Service", "v1")])
        for number in range(services):
            selector = equality({"app": f"a{number}", "part-of": "observability"})
            selects = Select("selects", "Pod", "a", selector, "spec.selector")
            model.upsert(
                Facts("Service", f"s{number}", f"s{number}", "a", {}, Status(READY, "Ready"), {}, (selects,))
            )
        labels = {"app": "other", "part-of": "observability"}
        pod = Facts("Pod", "p", "p", "a", labels, Status(READY, "Ready"), {}, selectable=labels)
        return count_steps(lambda: model.upsert(pod))

    assert cost(200) < 1.2 * cost(5)
