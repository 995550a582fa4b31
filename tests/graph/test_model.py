"""Incremental equals rebuilt, for any history, and nothing is kept of what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model import linker
from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Requirement, Selector, equality
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge_types import MOUNTS, OWNS, USES_CONFIGMAP
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import parse_node
from astrolabe.graph.state.status import READY, Status
from tests.graph.histories import KINDS, RULES, histories, roots
from tests.support.oracle import Expected
from tests.support.worlds import facts


class World:
    """A model, the graph that its commits make, and the plain truth."""

    def __init__(self, roots: Selector | None, rules: Sequence[Rules] = RULES) -> None:
        self.model = Model(rules, roots=roots)
        self.rules = rules
        self.graph = ServedGraph("e")
        self.roots = roots
        self.facts: dict[str, Facts] = {}
        self.synced: dict[str, set[str]] = {}
        self.outdated: dict[str, set[str]] = {}

    def step(self, step: Any) -> None:
        if step is None:
            self.commit()
        elif isinstance(step, Facts):
            self.model.upsert(step)
            self.facts[step.uid] = step
        elif isinstance(step, str):
            assert self.model.remove(step) == (step in self.facts)
            self.facts.pop(step, None)
        else:
            kind, namespace, synced = step
            self.model.set_outdated(kind, namespace, not synced)
            self.model.set_synced(kind, namespace, synced)
            for scopes, is_so in ((self.synced, synced), (self.outdated, not synced)):
                known = scopes.setdefault(kind, set())
                known.add(namespace) if is_so else known.discard(namespace)

    def commit(self, most: int | None = None) -> Changes:
        changes = self.model.commit(most)
        held = dict(self.graph.nodes)
        check_order(changes, self.graph)
        self.graph.apply(Batch("e", self.graph.seq + 1, changes))
        for uid in changes.nodes_removed:
            assert uid in held
        check_closed(self.graph)
        return changes

    def expected(self) -> Expected:
        return Expected(
            self.facts.values(), self.rules, roots=self.roots, synced=self.synced, outdated=self.outdated
        )


def test_two_kinds_of_one_name_in_two_groups_are_two() -> None:
    """Each has its own objects, references and scopes; nodes show the same `kind` and another `apiVersion`."""
    rules = [
        Rules("Service", "v1"),
        Rules("Service.serving.knative.dev", "serving.knative.dev/v1", "Service"),
    ]
    model = Model([*rules, Rules("Ingress", "networking.k8s.io/v1")])
    ours, theirs = (
        Facts(each.kind, each.kind, "web", "shop", {}, Status(READY, "Ready"), {}) for each in rules
    )
    uses = [Ref("routes-to", each.kind, "shop", "web", "spec") for each in rules]
    model.upsert(Facts("Ingress", "i", "web", "shop", {}, Status(READY, "Ready"), {}, links=(uses[0],)))
    model.upsert(theirs)
    model.set_synced("Service", "", True)
    nodes = {node.uid: node for node in model.commit().nodes_set}
    assert nodes["i"].document()["unresolved"][0]["kind"] == "Service"
    model.upsert(ours)
    changes = model.commit()
    assert [edge.target for edge in changes.edges_set] == ["Service"]
    nodes |= {node.uid: node for node in changes.nodes_set}
    shown = {
        uid: (node.kind, node.document()["kind"], node.document()["apiVersion"])
        for uid, node in nodes.items()
    }
    assert shown == {
        "i": ("Ingress", "Ingress", "networking.k8s.io/v1"),
        "Service": ("Service", "Service", "v1"),
        "Service.serving.knative.dev": (
            "Service.serving.knative.dev",
            "Service",
            "serving.knative.dev/v1",
        ),
    }
    assert [parse_node(node.text) for node in nodes.values()] == list(nodes.values())
    assert model.uids("Service") == ["Service"]


def check_order(changes: Changes, graph: ServedGraph) -> None:
    """Applied in the documented order, no edge ever dangles, and nothing is said twice."""
    nodes = set(graph.nodes) | {node.uid for node in changes.nodes_set}
    edges = {edge.key for edge in graph.edges()}
    for edge in changes.edges_set:
        assert edge.source in nodes
        assert edge.target in nodes
    edges |= {edge.key for edge in changes.edges_set}
    assert set(changes.edges_removed) <= edges
    edges -= set(changes.edges_removed)
    for uid in changes.nodes_removed:
        assert not [key for key in edges if uid in key[1:]]
    for said in (
        [node.uid for node in changes.nodes_set],
        [edge.key for edge in changes.edges_set],
        changes.edges_removed,
        changes.nodes_removed,
    ):
        assert len(said) == len(set(said))
    assert not {n.uid for n in changes.nodes_set} & set(changes.nodes_removed)


def check_closed(graph: ServedGraph) -> None:
    edges = list(graph.edges())
    assert len(edges) == graph.edge_count
    for edge in edges:
        assert edge.source in graph.nodes
        assert edge.target in graph.nodes
        assert edge.key in {other.key for other in graph.incoming(edge.target)}


def check_equal(graph: ServedGraph, expected: Expected) -> None:
    """The graph is exactly what the facts say."""
    assert set(graph.nodes) == set(expected.nodes)
    assert {e.key: sorted(e.field) for e in graph.edges()} == {
        k: sorted(v) for k, v in expected.edges.items()
    }
    for uid, node in graph.nodes.items():
        assert parse_node(node.text) == node
        document = node.document()
        facts = expected.facts[uid]
        status = expected.status(uid)
        assert (node.status, document["reason"], document.get("message", "")) == (
            status.severity,
            status.reason,
            status.message,
        )
        own = facts.status.severity, facts.status.reason, facts.status.message
        changed = own != (status.severity, status.reason, status.message)
        said = dict(zip(("status", "reason", "message"), own, strict=True))
        if facts.status.since:
            said["since"] = facts.status.since
        assert document.get("own") == (said if changed else None)
        release = expected.releases[uid]
        assert (node.release, node.release_namespace) == (
            (release.name, release.namespace) if release else ("", "")
        )
        assert node.chart == expected.charts[uid]
        assert node.labels() == facts.labels
        assert document["metadata"] == {**(expected.extra(uid) or {}), **facts.metadata}
        assert [entry["field"] for entry in document.get("unresolved", [])] == [
            link.field for link in expected.unresolved[uid]
        ]
    revisions = {r: (revision.revision, revision.status) for r, revision in graph.releases.items()}
    assert revisions == expected.revisions()


def settle_bit_by_bit(world: World, history: list[Any]) -> None:
    for step in history:
        if step is None:
            world.commit(1)
        else:
            world.step(step)
    world.commit(1)
    while world.model.unsettled:
        world.commit(1)


@settings(max_examples=200)
@given(history=histories, roots=roots)
def test_incremental_equals_the_facts(history: list[Any], roots: Selector | None) -> None:
    world = World(roots)
    for step in history:
        world.step(step)
    world.commit()
    check_equal(world.graph, world.expected())


@settings(max_examples=50)
@given(history=histories, roots=roots)
def test_every_commit_equals_the_facts(history: list[Any], roots: Selector | None) -> None:
    world = World(roots)
    for step in history:
        world.step(step)
        world.commit()
        check_equal(world.graph, world.expected())


@settings(max_examples=60)
@given(history=histories, kept=st.integers(1, 3))
def test_links_come_one_after_the_other(history: list[Any], kept: int) -> None:
    world = World(None)
    for step in (*history, *[(kind, "", True) for kind in KINDS]):
        world.step(step)
    for each in list(world.facts.values()):
        for count in (kept, kept + 1, len(each.links)):
            world.step(msgspec.structs.replace(each, links=each.links[:count]))
            world.commit()
            check_equal(world.graph, world.expected())


@settings(max_examples=100)
@given(history=histories, roots=roots)
def test_commits_in_steps_equal_the_facts(history: list[Any], roots: Selector | None) -> None:
    world = World(roots)
    settle_bit_by_bit(world, history)
    check_equal(world.graph, world.expected())


@settings(max_examples=100)
@given(history=histories, roots=roots)
def test_a_target_of_many_links_is_linked_in_steps(history: list[Any], roots: Selector | None) -> None:
    """Here two are many, and one is when its target goes."""
    world = World(roots)
    with patch.object(linker, "MANY", 1), patch.object(linker, "LEAVING", 0):
        settle_bit_by_bit(world, history)
    check_equal(world.graph, world.expected())


def bit_by_bit(*history: Any) -> World:
    """As above, for a history that was wrong once."""
    world = World(None)
    with patch.object(linker, "MANY", 1), patch.object(linker, "LEAVING", 0):
        settle_bit_by_bit(world, list(history))
    return world


def test_a_target_removed_in_steps_is_not_found_by_an_alias() -> None:
    selects = Select("owns", "Service", "a", Selector(), "f2")
    mounts = Ref("mounts", "Service", "a", "y", "f1", reverse=True)
    before = msgspec.structs.replace(
        a_pod("u4", "y"), kind="Service", aliases=("x", "y"), links=(mounts, selects)
    )
    world = bit_by_bit(before, "u4", a_pod("u4", "x", mounts))
    check_equal(world.graph, world.expected())
    assert not list(world.graph.edges())


def test_a_selection_among_many_links_waits_for_labels() -> None:
    selects = Select("selects", "Pod", "a", Selector((Requirement("app", "notin", frozenset("2")),)), "f1")
    itself = Ref("owns", "Pod", "a", "x", "f2", uid="u2")
    other = msgspec.structs.replace(a_pod("u0", "y"), aliases=("x", "y"))
    changed = msgspec.structs.replace(other, labels={"app": "2"}, selectable={"app": "2"})
    world = bit_by_bit(other, a_pod("u2", "x", selects, itself), changed)
    check_equal(world.graph, world.expected())
    assert {edge.key for edge in world.graph.edges()} == {("owns", "u2", "u2"), ("selects", "u2", "u2")}


def a_pod(uid: str, name: str, *links: Link) -> Facts:
    meta = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    return Facts("Pod", uid, name, "a", {}, Status(READY, "Ready"), meta, links=links, selectable={})


def test_a_new_target_of_many_links_gets_its_edges_in_several_commits() -> None:
    """And nobody lacks it meanwhile."""
    model = Model([Rules("Pod", "v1"), Rules("ConfigMap", "v1")])
    link = Ref(USES_CONFIGMAP, "ConfigMap", "shop", "all", "spec")
    for number in range(3 * linker.MANY):
        model.upsert(facts("Pod", str(number), links=(link,)))
    model.commit()
    model.upsert(facts("ConfigMap", "all"))
    model.set_synced("ConfigMap", "", True)
    commits = [model.commit(linker.MANY) for _ in range(3)]
    assert [len(commit.edges_set) for commit in commits] == [linker.MANY] * 3
    while model.unsettled:
        commits.append(model.commit(linker.MANY))
    assert not any(node.unresolved for commit in commits for node in commit.nodes_set)


@pytest.mark.parametrize(
    "link",
    [
        Ref(USES_CONFIGMAP, "ConfigMap", "shop", "all", "spec"),
        RefByUid(OWNS, "configmap-all", "ConfigMap", "shop", "all", "owner", reverse=True),
    ],
    ids=["by name", "by uid"],
)
def test_a_target_of_many_links_is_removed_in_several_commits(link: Ref | RefByUid) -> None:
    """Its edges first; who has lost its link meanwhile, or is gone, keeps none; what comes back has all of them."""
    model = Model([Rules("Pod", "v1"), Rules("ConfigMap", "v1")])
    count = 3 * linker.MANY
    model.set_synced("ConfigMap", "", True)
    model.upsert(facts("ConfigMap", "all"))
    for number in range(count):
        model.upsert(facts("Pod", str(number), links=(link,)))
    model.commit()
    assert model.remove("configmap-all")
    assert not model.remove("configmap-all")
    commits = [model.commit(linker.MANY)]
    model.remove("pod-0")
    model.upsert(facts("Pod", "1"))
    while model.unsettled:
        commits.append(model.commit(linker.MANY))
    assert max(len(commit.edges_removed) for commit in commits) <= linker.MANY + 2
    assert sum(len(commit.edges_removed) for commit in commits) == count
    assert [commit.nodes_removed for commit in commits] == [[], ["pod-0"], ["configmap-all"]]
    assert len({node.uid for commit in commits for node in commit.nodes_set if node.unresolved}) == count - 2

    model.upsert(facts("ConfigMap", "all"))
    while model.unsettled:
        model.commit(linker.MANY)
    model.remove("configmap-all")
    model.commit(linker.MANY)
    model.upsert(facts("ConfigMap", "all"))
    model.commit()
    uids = ["configmap-all", *[f"pod-{number}" for number in range(count)]]
    assert sum(len(list(model.edges(uid))) for uid in uids) == count - 2


@settings(max_examples=40)
@given(history=histories, roots=roots)
def test_repeating_facts_changes_nothing(history: list[Any], roots: Selector | None) -> None:
    world = World(roots)
    for step in history:
        world.step(step)
    world.commit()
    for each in world.facts.values():
        assert world.model.upsert(each) is False
    assert not world.model.commit()


def held(thing: Any) -> int:
    """How many entries the containers within this object have, but for the bounded cache of fields."""
    if isinstance(thing, dict):
        return len(thing) + sum(map(held, thing.values()))
    if isinstance(thing, list | tuple | set):
        return len(thing) + sum(map(held, thing))
    attributes = getattr(thing, "__dict__", {}).items()
    return sum(held(value) for name, value in attributes if name != "_field_lists")


@settings(max_examples=60)
@given(history=histories, roots=roots)
def test_nothing_remains_of_deleted_objects(history: list[Any], roots: Selector | None) -> None:
    world = World(roots)
    empty = held(world.model)
    for step in history:
        if not isinstance(step, tuple):  # which kinds are synced is kept, of course
            world.step(step)
    for uid in list(world.facts):
        world.step(uid)
    world.commit()
    assert held(world.model) == empty
    assert held(world.graph) == 0


def a(
    kind: str,
    uid: str,
    *,
    name: str = "x",
    created: str = "2026-01-01T00:00:00Z",
    labels: dict[str, str] | None = None,
    links: tuple[Link, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Facts:
    return Facts(
        kind=kind,
        uid=uid,
        name=name,
        namespace="a",
        labels=labels or {},
        status=Status(READY, "Ready"),
        metadata={"creationTimestamp": created},
        links=links,
        aliases=aliases,
    )


def owned_by(uid: str) -> tuple[Link, ...]:
    return (RefByUid(OWNS, uid, "Service", "a", "x", "metadata.ownerReferences[0].uid", reverse=True),)


def steps(world: World, *taken: Any) -> set[tuple[str, str, str]]:
    """The edges after these steps and a commit, which are what they must be."""
    for step in (*taken, None):
        world.step(step)
    check_equal(world.graph, world.expected())
    return {edge.key for edge in world.graph.edges()}


def test_a_recreated_closure_member_keeps_and_releases_what_it_owns() -> None:
    world = World(equality({"helm": "1"}))
    root = a("Service", "root", labels={"helm": "1"})
    owns = {(OWNS, "root", "owned")}
    assert steps(world, root, a("Pod", "owned", links=owned_by("root"))) == owns
    assert steps(world, "root", root) == owns
    assert steps(world, a("Service", "root", labels={"helm": "2"})) == set()
    assert not world.graph.nodes


def test_a_uid_reused_by_another_kind_is_another_resource() -> None:
    world = World(None)
    user = a("Pod", "user", links=(Ref(MOUNTS, "Service", "a", "shared", "spec.volumes[v]"),))
    assert steps(world, user, a("Service", "u", name="shared")) == {(MOUNTS, "user", "u")}
    assert steps(world, a("Ingress", "u", name="shared")) == set()


def test_of_two_objects_with_one_name_the_newer_is_the_target() -> None:
    world = World(None)
    user = a("Pod", "user", links=(Ref(MOUNTS, "Service", "a", "shared", "spec.volumes[v]"),))
    two = [a("Service", uid, name="shared", created=f"2026-01-0{uid}T00:00:00Z") for uid in "21"]
    assert steps(world, user, *two) == {(MOUNTS, "user", "2")}
    newer = a("Service", "1", name="shared", created="2026-01-03T00:00:00Z")
    assert steps(world, newer) == {(MOUNTS, "user", "1")}


def test_a_target_with_a_new_owner_is_found_by_its_alias() -> None:
    world = World(None)
    wanted = Ref(MOUNTS, "Pod", "a", "default", "spec.volumes[v]", owned=True)
    target = a("Pod", "target", links=owned_by("holder"), aliases=("default", "x"))
    holder = a("Service", "holder", links=(wanted,))
    owns = {(OWNS, "holder", "target")}
    assert steps(world, holder, target) == owns | {(MOUNTS, "holder", "target")}
    assert steps(world, a("Pod", "target", aliases=("default", "x"))) == set()
    assert steps(world, target) == owns | {(MOUNTS, "holder", "target")}
    assert steps(world, "target") == set()


def test_a_target_deleted_before_it_is_linked_takes_no_edge_of_its_successor() -> None:
    """It comes again under its uid as another kind, while those who name it still wait to be looked at."""
    model = Model([Rules("Pod", "v1"), Rules("ConfigMap", "v1"), Rules("Service", "v1")])
    link = RefByUid(OWNS, "many", "ConfigMap", "shop", "all", "spec")
    for number in range(linker.MANY + 1):
        model.upsert(facts("Pod", str(number), links=(link,)))
    model.commit()
    model.upsert(facts("Service", "all", uid="many"))
    model.upsert(facts("ConfigMap", "all", uid="many"))
    model.commit(linker.MANY)
    while model.unsettled:
        model.commit(linker.MANY)
    assert all(list(model.edges(f"pod-{number}")) for number in range(linker.MANY + 1))
