"""Which views are asked of a step, in the cases that depend on neighbours; `test_view` has all together."""

from __future__ import annotations

import pytest

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex, index_keys_of_filter

KINDS = ("Pod", "PersistentVolume", "StorageClass", "ConfigMap", "Namespace")


def only(**query: str) -> Filter:
    return parse_query({name: [value] for name, value in query.items()}, FilterRules.of(KINDS))


def node(
    uid: str,
    kind: str = "Pod",
    *,
    namespace: str = "shop",
    release: str = "",
    release_namespace: str = "",
    status: str = "Ready",
    **labels: str,
) -> Node:
    pairs = ",".join(f'"{key}":"{value}"' for key, value in labels.items())
    text = f'{{"uid":"{uid}","status":"{status}","release":"{release}","labels":{{{pairs}}}}}'
    index_key = namespace if kind in ("Pod", "ConfigMap") else ""
    return Node(uid, kind, uid, index_key, status, release, release_namespace or namespace, "", False, text)


class Watched:
    """Some views of a graph; `step` tells what each of those that were asked saw."""

    def __init__(self, *changes: Changes, **filters: Filter) -> None:
        self.graph = ServedGraph("e")
        self.views = ViewIndex(self.graph)
        self._names: dict[View, str] = {}
        for each in changes:
            self.step(each)
        for name, filter in filters.items():
            view = View.at_once(self.graph, filter)
            self._names[view] = name
            self.views.add(view)

    def step(self, changes: Changes) -> dict[str, Changes]:
        past = GraphAt(self.graph, self.graph.apply(Batch("e", self.graph.seq + 1, changes)))
        found = self.views.concerned(changes, past)
        return {
            self._names[view]: ordered(self.views.update(view, part, past)) for view, part in found.items()
        }


def ordered(changes: Changes) -> Changes:
    """The same in an order of its own."""
    return Changes(
        sorted(changes.nodes_set, key=lambda node: node.uid),
        sorted(changes.edges_set, key=lambda edge: edge.key),
        sorted(changes.edges_removed),
        sorted(changes.nodes_removed),
    )


def test_a_view_of_everything_sees_the_step_itself() -> None:
    watched = Watched(all=Filter(), none=only(namespace="other"))
    changes = Changes(nodes_set=[node("a")])
    assert watched.step(changes) == {"all": changes}


def test_each_view_gets_its_part_of_a_step() -> None:
    watched = Watched(
        shop=only(namespace="shop"),
        other=only(namespace="other"),
        web=only(selector="app=web"),
        has=only(selector="app"),
        broken=only(status="Error"),
        broken_pods=only(status="Error,Pending", kind="Pod"),
        broken_maps=only(status="Error,Pending", kind="Pod,ConfigMap"),
        text=only(q="B"),
        pods=only(kind="Pod,ConfigMap"),
        r=only(release="r"),
    )
    a, b = node("a", app="web"), node("b", "ConfigMap", namespace="other", release="r", status="Error")
    assert watched.step(Changes(nodes_set=[a, b])) == {
        "shop": Changes(nodes_set=[a]),
        "other": Changes(nodes_set=[b]),
        "web": Changes(nodes_set=[a]),
        "has": Changes(nodes_set=[a]),
        "broken": Changes(nodes_set=[b]),
        "broken_maps": Changes(nodes_set=[b]),
        "text": Changes(nodes_set=[b]),
        "pods": Changes(nodes_set=[a, b]),
        "r": Changes(nodes_set=[b]),
    }


def test_a_node_is_also_found_by_its_previous_state() -> None:
    watched = Watched(
        Changes(nodes_set=[node("a", app="web", status="Error")]),
        web=only(selector="app in (web,api)"),
        broken=only(status="Error"),
    )
    gone = Changes(nodes_removed=["a"])
    assert watched.step(Changes(nodes_set=[node("a", app="other")])) == {"web": gone, "broken": gone}
    assert watched.step(Changes(nodes_set=[node("a", app="none")])) == {}


def test_a_view_of_another_text_with_the_same_prefix_is_skipped() -> None:
    watched = Watched(web=only(q="web"), webhook=only(q="webhook"), across=only(q='"web-1 pod"'))
    change = Changes(nodes_set=[node("WEB-1")])
    assert watched.step(change) == {"web": change}


def test_a_text_is_found_in_the_previous_and_the_current_release() -> None:
    watched = Watched(
        Changes(nodes_set=[node("a", release="metrics")]), metrics=only(q="metrics"), logs=only(q="logs")
    )
    a = node("a", release="logs")
    assert watched.step(Changes(nodes_set=[a])) == {
        "metrics": Changes(nodes_removed=["a"]),
        "logs": Changes(nodes_set=[a]),
    }


def test_a_cluster_scoped_node_comes_and_goes_with_its_edges() -> None:
    volume, claim = node("pv", "PersistentVolume"), node("claim")
    binds = Edge("binds", "claim", "pv", ("f",))
    watched = Watched(Changes(nodes_set=[volume, claim]), shop=only(namespace="shop"), kind=only(kind="Pod"))
    assert watched.step(Changes(edges_set=[binds])) == {
        "shop": Changes(nodes_set=[volume], edges_set=[binds])
    }
    broken = node("pv", "PersistentVolume", status="Error")
    assert watched.step(Changes(nodes_set=[broken])) == {"shop": Changes(nodes_set=[broken])}
    assert watched.step(Changes(edges_removed=[binds.key])) == {
        "shop": Changes(edges_removed=[binds.key], nodes_removed=["pv"])
    }


def test_a_cluster_scoped_source_comes_with_the_namespace_of_its_target() -> None:
    edge = Edge("binds", "pv", "claim", ("f",))
    nodes = [node("pv", "PersistentVolume"), node("claim")]
    watched = Watched(Changes(nodes_set=nodes), shop=only(namespace="shop"))
    assert watched.step(Changes(edges_set=[edge])) == {
        "shop": Changes(nodes_set=[nodes[0]], edges_set=[edge])
    }


def test_objects_included_by_a_release_are_found_by_uid() -> None:
    config = node("config", "ConfigMap")
    uses = Edge("uses-configmap", "pod", "config", ("f",))
    watched = Watched(
        Changes(nodes_set=[node("pod", release="r"), config], edges_set=[uses]),
        r=only(release="r"),
        s=only(release="s"),
    )
    changed = node("config", "ConfigMap", status="Error")
    assert watched.step(Changes(nodes_set=[changed])) == {"r": Changes(nodes_set=[changed])}
    moved = node("pod", release="s")
    assert watched.step(Changes(nodes_set=[moved])) == {
        "r": Changes(edges_removed=[uses.key], nodes_removed=["config", "pod"]),
        "s": Changes(nodes_set=[changed, moved], edges_set=[uses]),
    }


def test_a_node_that_loses_its_release_is_included_by_another() -> None:
    uses = Edge("uses-configmap", "pod", "config", ("f",))
    watched = Watched(
        Changes(
            nodes_set=[node("pod", release="r"), node("config", "ConfigMap", release="s")], edges_set=[uses]
        ),
        r=only(release="r"),
    )
    config = node("config", "ConfigMap")
    assert watched.step(Changes(nodes_set=[config])) == {"r": Changes(nodes_set=[config], edges_set=[uses])}


def test_a_class_is_in_a_release_of_a_namespace_by_any_edge_from_there() -> None:
    """The release's claim is elsewhere, and what ties the class to the namespace is not of the release."""
    claim = node("claim", namespace="far", release="r", release_namespace="shop")
    nodes = [claim, node("class", "StorageClass"), node("other")]
    uses = Edge("uses-class", "claim", "class", ("f",))
    watched = Watched(Changes(nodes_set=nodes, edges_set=[uses]), r=only(release="r", namespace="shop"))
    tie = Edge("uses-class", "other", "class", ("f",))
    assert watched.step(Changes(edges_set=[tie])) == {"r": Changes(nodes_set=[nodes[1]])}
    assert watched.step(Changes(edges_removed=[tie.key])) == {"r": Changes(nodes_removed=["class"])}


def test_a_uid_reused_in_another_namespace_moves_its_neighbours() -> None:
    """Nothing else changes: not the volume, and not the edge to it."""
    volume, tie = node("pv", "PersistentVolume"), Edge("binds", "claim", "pv", ("f",))
    watched = Watched(
        Changes(nodes_set=[volume, node("claim", namespace="near")], edges_set=[tie]),
        near=only(namespace="near"),
        far=only(namespace="far"),
    )
    claim = node("claim", namespace="far")
    assert watched.step(Changes(nodes_set=[claim])) == {
        "near": Changes(edges_removed=[tie.key], nodes_removed=["claim", "pv"]),
        "far": Changes(nodes_set=[claim, volume], edges_set=[tie]),
    }


def test_a_client_that_missed_a_reused_uid_is_told() -> None:
    volume, tie = node("pv", "PersistentVolume"), Edge("binds", "claim", "pv", ("f",))
    graph, claim = ServedGraph("e"), node("claim", namespace="far")
    graph.apply(Batch("e", 1, Changes(nodes_set=[volume, node("claim", namespace="near")], edges_set=[tie])))
    past = GraphAt(graph, graph.apply(Batch("e", 2, Changes(nodes_set=[claim]))))
    assert ordered(View.at_once(graph, only(namespace="near")).since(past)) == Changes(
        edges_removed=[tie.key], nodes_removed=["claim", "pv"]
    )
    assert ordered(View.at_once(graph, only(namespace="far")).since(past)) == Changes(
        nodes_set=[claim, volume], edges_set=[tie]
    )


def test_a_uid_reused_in_another_namespace_affects_releases_of_its_neighbours() -> None:
    claim = node("claim", namespace="far", release="r", release_namespace="shop")
    uses = Edge("uses-class", "claim", "class", ("f",))
    tie = Edge("uses-class", "other", "class", ("f",))
    nodes = [claim, node("class", "StorageClass"), node("other")]
    watched = Watched(Changes(nodes_set=nodes, edges_set=[uses, tie]), r=only(release="r", namespace="shop"))
    assert watched.step(Changes(nodes_set=[node("other", namespace="far")])) == {
        "r": Changes(nodes_removed=["class"])
    }


@pytest.mark.parametrize(
    ("query", "index_keys"),
    [
        ({"release": "r,s", "namespace": "shop"}, {("release", "r"), ("release", "s")}),
        ({"namespace": "shop", "kind": "Pod"}, {("namespace", "shop")}),
        ({"selector": "a in (x,y),b=z", "q": "web"}, {("label", "b=z")}),
        ({"selector": "a in (x,y),!c"}, {("label", "a=x"), ("label", "a=y")}),
        ({"selector": "a,b!=x"}, {("key", "a")}),
        ({"selector": "!a", "q": "Webserver"}, {("text of 3", "web")}),
        ({"q": "w", "kind": "Pod"}, {("text of 1", "w")}),
        ({"kind": "Pod", "status": "Error"}, {("kind and status", "Pod Error")}),
        ({"kind": "Pod,ConfigMap"}, {("kind", "Pod"), ("kind", "ConfigMap")}),
        ({"status": "Error"}, {("status", "Error")}),
        ({"selector": "!a"}, {("", "")}),
        ({}, {("", "")}),
    ],
)
def test_a_view_is_indexed_under_its_rarest_value(
    query: dict[str, str], index_keys: set[tuple[str, str]]
) -> None:
    assert set(index_keys_of_filter(only(**query))) == index_keys


def test_an_excluding_view_gets_unrelated_steps_unchanged() -> None:
    watched = Watched(
        Changes(nodes_set=[node("old", app="old"), node("plain")]),
        all=Filter(),
        new=only(selector="app!=old"),
        none=only(selector="!app"),
        other=only(selector="zone notin (a,b),app!=gone"),
    )
    plain = Changes(nodes_set=[node("plain", status="Error")])
    assert watched.step(plain) == dict.fromkeys(("all", "new", "none", "other"), plain)
    tied = Edge("mounts", "plain", "old", ("f",))
    assert watched.step(Changes(edges_set=[tied])) == {
        "all": Changes(edges_set=[tied]),
        "new": Changes(),
        "none": Changes(),
        "other": Changes(edges_set=[tied]),
    }
    web = node("old", app="web")
    assert watched.step(Changes(nodes_set=[web])) == {
        "all": Changes(nodes_set=[web]),
        "new": Changes(nodes_set=[web], edges_set=[tied]),
        "none": Changes(),
        "other": Changes(nodes_set=[web]),
    }
    empty = node("old", app="")
    assert watched.step(Changes(nodes_set=[empty]))["none"] == Changes()
    removed = Changes(edges_removed=[tied.key], nodes_removed=["old"])
    assert watched.step(removed) == {"all": removed, "new": removed, "none": Changes(), "other": removed}
