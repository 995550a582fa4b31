"""How `astrolabe compare` tells two answers apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.cli.compare.diff import differences
from astrolabe.cli.compare.discrepancy import Discrepancy, Reply
from astrolabe.cli.compare.requests import (
    CHARTS,
    GRAPH,
    HEALTH,
    NAMESPACES,
    PATHS,
    RESOURCES,
    ApiPath,
    ApiRequest,
)


def answer(document: Any, status: int = 200, media: str = "application/json") -> Reply:
    return Reply(status, media, json.dumps(document).encode())


def found(path: ApiPath, first: Any, second: Any, **request: Any) -> list[tuple[str, ...]]:
    """The differences of two documents: kind, where, and what else there is."""
    asked = ApiRequest(path, **request)
    answers = [each if isinstance(each, Reply) else answer(each) for each in (first, second)]
    return sorted(told(each) for each in differences(asked, *answers))


def told(difference: Discrepancy) -> tuple[str, ...]:
    rest = (difference.item, difference.first, difference.second)
    return (difference.kind, difference.where, *[text for text in rest if text])


def a_node(name: str, **changed: Any) -> dict[str, Any]:
    node = {
        "uid": f"uid-{name}",
        "name": name,
        "namespace": "shop",
        "kind": "Pod",
        "status": "Ready",
        "message": "x",
    }
    return {key: value for key, value in {**node, **changed}.items() if value is not None}


def a_graph(
    *nodes: dict[str, Any], edges: Sequence[tuple[str, str, str]] = (), **more: Any
) -> dict[str, Any]:
    listed = [{"type": type, "from": f"uid-{one}", "to": f"uid-{two}"} for type, one, two in edges]
    return {"nodes": list(nodes), "edges": listed, **more}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (a_graph(a_node("a")), a_graph(a_node("a")), []),
        (a_graph(a_node("a"), a_node("b")), a_graph(a_node("b"), a_node("a")), []),
        (a_graph(a_node("a")), a_graph(), [("missing node", "Pod", "Pod shop/a")]),
        (a_graph(), a_graph(a_node("a", namespace="")), [("added node", "Pod", "Pod a")]),
        (
            a_graph(a_node("a")),
            a_graph(a_node("a", message=None)),
            [("missing key", "nodes[].message", "Pod shop/a")],
        ),
        (
            a_graph(a_node("a")),
            a_graph(a_node("a", message=7)),
            [("other type", "nodes[].message", "Pod shop/a", "string", "number")],
        ),
        (
            a_graph(a_node("a")),
            a_graph(a_node("a", message="y", status="Error", reason="z")),
            [
                ("added key", "nodes[].reason", "Pod shop/a"),
                ("other value", "nodes[].status", "Pod shop/a", '"Ready"', '"Error"'),
                ("other words", "nodes[].message", "Pod shop/a", '"x"', '"y"'),
            ],
        ),
        (
            a_graph(a_node("a", uid="1")),
            a_graph(a_node("a", uid="2")),
            [("other value", "nodes[].uid", "Pod shop/a", '"1"', '"2"')],
        ),
        (
            a_graph(a_node("a", metadata={"restartCount": 1, "replicas": {"ready": 1}})),
            a_graph(a_node("a", metadata={"restartCount": 2, "replicas": {}})),
            [
                ("missing key", "nodes[].metadata.replicas.ready", "Pod shop/a"),
                ("other value", "nodes[].metadata.restartCount", "Pod shop/a", "1", "2"),
            ],
        ),
        (
            a_graph(a_node("a"), a_node("b"), edges=[("owns", "a", "b"), ("mounts", "a", "b")]),
            a_graph(a_node("a"), a_node("b"), edges=[("owns", "a", "b"), ("owns", "b", "a")]),
            [
                ("added edge", "owns", "Pod shop/b → Pod shop/a"),
                ("missing edge", "mounts", "Pod shop/a → Pod shop/b"),
            ],
        ),
        (
            a_graph(epoch="e", seq=1),
            a_graph(epoch="f", seq=2),
            [],
        ),
        (a_graph(epoch="e"), a_graph(), [("missing key", "epoch")]),
        (a_graph(), {"nodes": None, "edges": []}, [("other type", "nodes", "array", "null")]),
        (a_graph(), [], [("other type", "the answer", "object", "array")]),
        (
            a_graph(),
            Reply(200, "text/html", b"<html>"),
            [
                ("other type", "Content-Type", "application/json", "text/html"),
                ("other type", "the answer", "object", "no JSON"),
            ],
        ),
        (a_graph(), answer("?", 404), [("missing path", "status", "200", "404")]),
        (a_graph(), answer("?", 500), [("status code", "status", "200", "500")]),
        (answer("?", 404), a_graph(), [("added answer", "status", "404", "200")]),
        (answer("?", 404), answer("!", 404), []),
    ],
)
def test_graphs(first: Any, second: Any, expected: list[tuple[str, ...]]) -> None:
    assert found(GRAPH, first, second) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["a", "b"], ["a", "b"], []),
        (["b", "a"], ["a", "b"], []),  # in an order that the first does not keep itself
        (["a", "b"], ["b", "a"], [("other order", "names", "sorted", "not sorted")]),
        (
            ["a", "b"],
            ["b", "c"],
            [("added name", "names", '"c"', '"c"'), ("missing name", "names", '"a"', '"a"')],
        ),
        (
            ["a"],
            [{"name": "a"}],
            [
                ("added name", "names", '{"name":"a"}', '{"name":"a"}'),
                ("missing name", "names", '"a"', '"a"'),
            ],
        ),
        ([], None, [("other type", "the answer", "array", "null")]),
    ],
)
def test_names(first: Any, second: Any, expected: list[tuple[str, ...]]) -> None:
    assert found(NAMESPACES, first, second) == expected


def a_resource(**changed: Any) -> dict[str, Any]:
    return {"kind": "Pod", "namespace": "shop", "name": "a", "chart": "", "age": "5m", **changed}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {"age": "6m"}, []),
        ({}, {"age": 6}, [("other type", "[].age", "Pod shop/a", "string", "number")]),
        ({}, {"chart": "web-1"}, [("added value", "[].chart", "Pod shop/a", '""', '"web-1"')]),
        ({"chart": "web-1"}, {}, [("other value", "[].chart", "Pod shop/a", '"web-1"', '""')]),
        ({"targetPods": ["b", "a"]}, {"targetPods": ["a", "b"]}, []),
        (
            {"targetPods": ["a", "b"]},
            {"targetPods": ["a"]},
            [("missing entry", "[].targetPods", "Pod shop/a", '"b"')],
        ),
        (
            {"ownerReferences": [{"kind": "Job", "name": "j"}]},
            {"ownerReferences": [{"kind": "Job", "name": "j", "uid": "1"}]},
            [],
        ),
        (
            {"ownerReferences": [{"kind": "Job", "name": "j"}]},
            {"ownerReferences": [{"kind": "Job", "name": "k", "uid": "1"}]},
            [
                ("added entry", "[].ownerReferences", "Pod shop/a", '{"kind":"Job","name":"k","uid":"1"}'),
                ("missing entry", "[].ownerReferences", "Pod shop/a", '{"kind":"Job","name":"j"}'),
            ],
        ),
    ],
)
def test_resources(first: Any, second: Any, expected: list[tuple[str, ...]]) -> None:
    assert found(RESOURCES, [a_resource(**first)], [a_resource(**second)]) == expected


def test_health() -> None:
    first = {"status": "healthy", "nodes": 7, "kinds": {"Pod": {"age": 1.2}}}
    assert found(HEALTH, first, {"status": "healthy", "nodes": 8, "kinds": {"Pod": {}}}) == []
    assert found(HEALTH, first, {"status": "sick", "nodes": "8", "kinds": {}, "seq": 1}) == [
        ("added key", "seq"),
        ("other type", "nodes", "number", "string"),
        ("other value", "status", '"healthy"', '"sick"'),
    ]


def test_a_resource_missing_for_a_parameter_is_not_a_missing_path() -> None:
    assert found(CHARTS, [], answer("?", 404), query="namespace=x") == [
        ("status code", "status", "200", "404")
    ]
    assert found(CHARTS, [], answer("?", 405), method="HEAD") == [("missing path", "status", "200", "405")]


#: Documents that are like answers, and unlike them.
_KEYS = st.sampled_from(
    ["nodes", "edges", "uid", "kind", "namespace", "name", "type", "from", "to", "message", "x"]
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
_DOCUMENTS = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_BODIES = _DOCUMENTS.map(lambda document: json.dumps(document).encode())
_BROKEN = st.binary(max_size=8) | _BODIES.map(lambda body: body.replace(b"x", b"\xff")) | st.just(b"[" * 9999)


@given(st.sampled_from(PATHS), _BODIES, _BODIES | _BROKEN)
@settings(max_examples=300)
def test_any_answer_yields_a_report(path: ApiPath, first: bytes, second: bytes) -> None:
    """And nothing of two answers that are the same."""
    ones, twos = (Reply(200, "application/json", body) for body in (first, second))
    for request in (ApiRequest(path), ApiRequest(path, query="release=x")):
        assert list(differences(request, ones, ones)) == []
        found = [*differences(request, ones, twos), *differences(request, twos, ones)]
        for each in found:
            assert "" not in (each.kind, each.where)
