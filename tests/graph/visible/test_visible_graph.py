"""What is shown equals what may be seen, step by step, and nothing in it comes from what may not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Requirement, Selector
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import Release
from astrolabe.graph.state.node import parse_node
from astrolabe.graph.state.status import ERROR, READY, Status
from astrolabe.graph.visible.redaction import redact
from astrolabe.graph.visible.visibility import EVENT, KindReads, Visibility
from astrolabe.graph.visible.visible_graph import VisibleGraph
from tests.graph.histories import KINDS, RULES, histories

#: By hand from `RULES`. Each may name the topmost owner of a Pod, of any kind.
READS = {
    "Service": KindReads(frozenset(KINDS), frozenset(("pods", "above")), anywhere=True),
    "Ingress": KindReads(frozenset(KINDS), anywhere=True),
}

APP = Selector((Requirement("app", "in", frozenset(("1",))),))

#: Everything but a few kinds, or a few kinds in a few namespaces.
visibilities = st.one_of(
    st.builds(
        lambda hidden, within: Visibility(frozenset((*KINDS, EVENT)) - hidden, within),
        st.frozensets(st.sampled_from((*KINDS, EVENT)), min_size=1, max_size=2),
        st.frozensets(st.tuples(st.sampled_from("ab"), st.sampled_from(KINDS[2:])), max_size=2),
    ),
    st.builds(
        Visibility,
        everywhere=st.frozensets(st.sampled_from(KINDS[:2]), max_size=2),
        within=st.frozensets(st.tuples(st.just("a"), st.sampled_from((*KINDS[2:], EVENT))), min_size=2),
    ),
)


class Follower:
    """A graph of which a part is shown. early: whether it is followed before anything is in it."""

    def __init__(self, visibility: Visibility) -> None:
        self.graph, self.shown = ServedGraph("e"), ServedGraph("shown")
        self.visible = VisibleGraph(self.graph, self.shown, visibility, READS)

    def take(self, changes: Changes, *, shows: bool = True) -> None:
        self.graph.apply(Batch("e", self.graph.seq + 1, changes))
        if shows:
            self.show((self.visible.follow(changes),))

    def show(self, parts: Iterable[Changes]) -> None:
        """Take the parts as a client would: strictly."""
        for changes in parts:
            for edge in changes.edges_set:
                assert self.shown.edge(edge.key) != edge, "it shows that"
            for key in changes.edges_removed:
                assert self.shown.edge(key) is not None
            for uid in changes.nodes_removed:
                assert uid in self.shown.nodes
            self.shown.apply(Batch("shown", self.shown.seq + 1, changes))
            for edge in self.shown.edges():
                assert edge.source in self.shown.nodes
                assert edge.target in self.shown.nodes

    def check(self) -> None:
        """What is shown is what the specification says."""
        sees = self.visible.visibility.sees
        graph = self.graph
        seen = {uid: node for uid, node in graph.nodes.items() if sees(node.kind, node.namespace)}
        assert {uid: node.text for uid, node in self.shown.nodes.items()} == {
            uid: redact(node, graph, self.visible.visibility, READS).text for uid, node in seen.items()
        }
        assert {edge.key: edge.text for edge in self.shown.edges()} == {
            edge.key: edge.text for edge in graph.edges() if edge.source in seen and edge.target in seen
        }
        assert self.shown.releases == {
            release: revision
            for release, revision in graph.releases.items()
            if sees("ConfigMap" if revision.in_configmap else "Secret", revision.kept_in or release.namespace)
        }


def play(model: Model, step: Any) -> None:
    if isinstance(step, Facts):
        model.upsert(step)
    elif isinstance(step, str):
        model.remove(step)
    elif isinstance(step, tuple):
        model.set_synced(*step)


def a_model() -> Model:
    """With all kinds listed."""
    model = Model(RULES)
    for kind in KINDS:
        model.set_synced(kind, "", True)
    return model


@settings(max_examples=200)
@given(
    history=histories,
    visibility=visibilities,
    later=visibilities,
    before=st.integers(0, 10),
    turns=st.integers(0, 40),
    together=st.integers(1, 5),
)
def test_the_visible_graph_is_what_the_user_may_see(
    history: list[Any],
    visibility: Visibility,
    later: Visibility,
    before: int,
    turns: int,
    together: int,
) -> None:
    """before: steps that are made before anybody looks. turns: after so many, other things may be seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("astrolabe.graph.visible.visible_graph.STEP", 2)
        follower, model, looks = Follower(visibility), a_model(), False
        for number, step in enumerate(history):
            play(model, step)
            if number % together == 0:
                follower.take(model.commit(), shows=looks)
            if number == before:
                follower.show(follower.visible.enter())
                looks = True
            if number == turns and looks:
                follower.show(follower.visible.become(later))
            if looks:
                follower.check()


def test_a_release_is_hidden_once_its_owners_uid_belongs_to_a_hidden_object() -> None:
    follower = Follower(Visibility(frozenset((*KINDS, EVENT)) - {"Ingress"}))
    model = a_model()
    status, metadata = Status(READY, "Own"), {"creationTimestamp": ""}
    owner = Facts("Pod", "o", "x", "a", {}, status, metadata)
    link = RefByUid("owns", "o", "Pod", "a", "x", "f", reverse=True)
    owned = Facts("Pod", "p", "y", "a", {}, status, metadata, (link,), Release("a", "r1"))
    follower.show(follower.visible.enter())
    for facts in (owner, owned, Facts("Ingress", "o", "x", "a", {}, status, metadata)):
        model.upsert(facts)
        follower.take(model.commit())
        follower.check()
    assert not follower.shown.nodes["p"].release


def test_release_and_chart_of_a_hidden_owner_are_not_revealed_by_its_objects() -> None:
    """Not by what it owns, and not by what that owns."""
    follower = Follower(Visibility(frozenset((*KINDS, EVENT)) - {"Ingress"}))
    model = a_model()
    status, metadata = Status(READY, "Own"), {"creationTimestamp": ""}
    hidden = Facts("Ingress", "o", "x", "a", {}, status, metadata, (), Release("a", "r1"), chart="web-1")
    below = RefByUid("owns", "o", "Ingress", "a", "x", "f", reverse=True)
    lowest = RefByUid("owns", "p", "Pod", "a", "y", "f", reverse=True)
    mark = {"helm.sh/chart": "web-1", "release": "r1"}
    follower.show(follower.visible.enter())
    for facts in (
        hidden,
        Facts("Pod", "p", "y", "a", {}, status, metadata, (below,)),
        Facts("Pod", "q", "z", "a", {}, status, metadata, (lowest,)),
        Facts("Pod", "marked", "m", "a", mark, status, metadata, (lowest,)),
    ):
        model.upsert(facts)
        follower.take(model.commit())
        follower.check()
    assert [node.release for node in follower.graph.nodes.values()] == ["r1"] * 4
    shown = {uid: (node.release, node.chart) for uid, node in follower.shown.nodes.items()}
    assert shown == {"p": ("", ""), "q": ("", ""), "marked": ("r1", "web-1")}
    texts = {uid: node.text for uid, node in follower.shown.nodes.items() if uid != "marked"}
    model.remove("o")
    follower.take(model.commit())
    follower.check()
    assert {uid: node.text for uid, node in follower.shown.nodes.items() if uid != "marked"} == texts


#: A town in which every uid keeps its kind and its namespace.
PLACES = {
    "p1": ("Pod", "a", "x"),
    "p2": ("Pod", "a", "y"),
    "p3": ("Pod", "b", "x"),
    "s1": ("Service", "a", "x"),
    "s2": ("Service", "b", "x"),
    "i1": ("Ingress", "a", "x"),
    "v1": ("PersistentVolume", "", "x"),
    "n1": ("Namespace", "", "a"),
}


@st.composite
def residents(draw: st.DrawFn) -> Facts:
    """One of the town, related to others, of which some may not exist."""
    uid = draw(st.sampled_from(list(PLACES)))
    kind, namespace, name = PLACES[uid]
    labels = draw(st.sampled_from(({}, {"app": "1"})))
    return Facts(
        kind=kind,
        uid=uid,
        name=name,
        namespace=namespace,
        labels=labels,
        status=Status(draw(st.sampled_from((READY, ERROR))), "Own", draw(st.sampled_from(("", "so")))),
        metadata={"creationTimestamp": "", "n": 0},
        links=tuple(draw(st.lists(relations(namespace), max_size=3))),
        selectable=labels if kind == "Pod" else None,
        details=draw(st.sampled_from((None, 1))),
    )


@st.composite
def relations(draw: st.DrawFn, namespace: str) -> Link:
    uid = draw(st.sampled_from([*PLACES, "gone"]))
    kind, place, name = PLACES.get(uid, ("Pod", namespace, "gone"))
    shape = draw(st.sampled_from(("ref", "owner", "owned", "select")))
    if shape == "ref":
        return Ref(
            type=draw(st.sampled_from(("mounts", "uses-secret"))),
            kind=kind,
            namespace=place,
            name=name,
            field="f",
        )
    if shape == "select":
        return Select(type="selects", kind="Pod", namespace=namespace, selector=APP, field="f")
    return RefByUid(
        type="owns",
        uid=uid,
        kind=kind,
        namespace=place,
        name=name,
        field="f",
        reverse=shape == "owner",
    )


@settings(max_examples=300)
@given(
    history=st.lists(st.one_of(residents(), residents(), st.sampled_from(list(PLACES))), max_size=30),
    visibility=visibilities,
)
def test_nothing_visible_is_derived_from_hidden_objects(
    history: list[Facts | str], visibility: Visibility
) -> None:
    """The same town with and without what may not be seen looks the same."""
    full, seen = a_model(), a_model()
    worlds = [Follower(visibility), Follower(visibility)]
    for step in history:
        kind, namespace, _ = PLACES[step.uid if isinstance(step, Facts) else step]
        play(full, step)
        if visibility.sees(kind, namespace):
            play(seen, step)
        for model, world in zip((full, seen), worlds, strict=True):
            world.take(model.commit())
    shown = [{uid: node.document() for uid, node in world.shown.nodes.items()} for world in worlds]
    assert shown[0] == shown[1]


@pytest.mark.parametrize(
    ("visibility", "status", "metadata"),
    [
        (Visibility(frozenset(("Widget.example.com", EVENT)), foreign=True), "Pending", {}),
        (Visibility(frozenset(("Widget.example.com", EVENT))), "Ready", {"phase": "Running"}),
        (Visibility(frozenset(("*",)), foreign=True), "Ready", {"phase": "Running"}),
    ],
)
def test_a_custom_object_of_another_server_says_only_what_its_manifest_says(
    visibility: Visibility, status: str, metadata: dict[str, str]
) -> None:
    """Rules of that server, which nobody here knows, may have its words from anywhere."""
    text = (
        '{"status":"Ready","reason":"Ready","message":"db is ready","own":{"status":"Pending","reason":"Waiting",'
        '"message":""},"uid":"far/w","kind":"Widget","apiVersion":"example.com/v1","name":"w","namespace":"a",'
        '"cluster":"far","metadata":{"phase":"Running"}}'
    )
    graph = ServedGraph("e")
    graph.apply(Batch("e", 1, Changes(nodes_set=[parse_node(text)])))
    shown = redact(graph.nodes["far/w"], graph, Visibility(clusters=(("far", visibility),)), {})
    document = shown.document()
    assert (document["status"], document["metadata"]) == (status, metadata)


def test_a_kind_is_seen_in_the_cluster_that_grants_it() -> None:
    of_east = Visibility(within=frozenset((("shop", "Pod"),)))
    visibility = Visibility(clusters=(("east", of_east), ("west", Visibility(frozenset(("Pod",))))))
    texts = [
        f'{{"status":"Ready","reason":"","message":"","uid":"{cluster}/{namespace}","kind":"Pod","apiVersion":"v1",'
        f'"name":"p","namespace":"{namespace}","cluster":"{cluster}","metadata":{{}}}}'
        for cluster in ("east", "west", "north")
        for namespace in ("shop", "bank")
    ]
    shown = [node.uid for node in map(parse_node, texts) if visibility.shows(node)]
    assert shown == ["east/shop", "west/shop", "west/bank"]
    assert not visibility.sees("Pod", "shop")
    assert visibility.includes(Visibility(clusters=(("east", of_east),)))
    assert not Visibility(clusters=(("east", of_east),)).includes(visibility)
