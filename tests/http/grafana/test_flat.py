"""The flat objects, from messages of the stream."""

from __future__ import annotations

import pytest

from astrolabe.graph.state.node import Node
from astrolabe.http.errors import Refusal
from astrolabe.http.grafana.flat import changes, parse_path
from tests.support.stage import delta, node, snapshot
from tests.support.worlds import a_pod

PATHS = [
    ("", {}),
    ("namespace=shop", {"namespace": ["shop"]}),
    ("namespace=shop/kind=Pod,Job/", {"namespace": ["shop"], "kind": ["Pod,Job"]}),
    ("namespace=shop/namespace=pay", {"namespace": ["shop", "pay"]}),
    ("selector=app.kubernetes.io%2Fname%3Dweb", {"selector": ["app.kubernetes.io/name=web"]}),
    ("q=a%20b", {"q": ["a b"]}),
    ("namespace%3Dshop", {"namespace": ["shop"]}),
    ("namespace=", {"namespace": [""]}),
]


@pytest.mark.parametrize(("path", "parameters"), PATHS)
def test_filters_are_in_the_path(path: str, parameters: dict[str, list[str]]) -> None:
    assert parse_path(path) == parameters


def test_an_invalid_path_segment_is_refused() -> None:
    with pytest.raises(Refusal, match="a part of this path is <parameter>=<value>, not 'shop'"):
        parse_path("namespace=shop/shop")


def nobody(_: int, __: str) -> Node | None:
    return None


def test_a_delta_has_an_object_per_node() -> None:
    message = {
        **delta(3, 5, node("a", "Error"), gone=("pod", "b")),
        "time": 1000,
    }
    gone = a_pod(7)
    found = list(changes(message, now=9, find=lambda seq, uid: gone if (seq, uid) == (3, "pod") else None))
    assert found == [
        {
            "time": 1000,
            "op": "set",
            "uid": "a",
            "kind": "Pod",
            "namespace": "shop",
            "name": "a",
            "status": "Error",
            "reason": "",
            "message": "",
            "release": "",
            "cluster": None,
            "seq": 5,
        },
        {
            "time": 1000,
            "op": "remove",
            "uid": gone.uid,
            "kind": "Pod",
            "namespace": "ns-7",
            "name": "web-7",
            "status": "Ready",
            "reason": "Running",
            "message": "Pod is running",
            "release": "crowd",
            "cluster": None,
            "seq": 5,
        },
        {
            "time": 1000,
            "op": "remove",
            "uid": "b",
            "kind": None,
            "namespace": None,
            "name": None,
            "status": None,
            "reason": None,
            "message": None,
            "release": None,
            "cluster": None,
            "seq": 5,
        },
    ]


def test_merged_deltas_have_the_current_time() -> None:
    (row,) = changes(delta(3, 5, node("a")), now=9, find=nobody)
    assert row["time"] == 9


def test_a_snapshot_has_the_current_rows() -> None:
    rows = list(changes(snapshot(node("a"), node("b")), now=9, find=nobody))
    assert [(row["op"], row["uid"], row["time"], row["seq"]) for row in rows] == [
        ("set", "a", 9, 1),
        ("set", "b", 9, 1),
    ]


def test_an_object_names_its_cluster_where_there_are_several() -> None:
    pod = {"uid": "prod/a", "cluster": "prod", "kind": "Pod", "name": "a", "namespace": "shop"}
    message = {"type": "snapshot", "seq": 5, "nodes": [pod], "edges": []}
    (told,) = changes(message, now=1000, find=lambda *_: None)
    assert (told["uid"], told["cluster"]) == ("prod/a", "prod")
