"""The chain of causes of one node, and the ways between two."""

from __future__ import annotations

from collections.abc import Collection

from astrolabe.graph.causes.paths import USUAL_TYPES, find_ways
from astrolabe.graph.causes.why import why
from tests.support.sketches import NOW, Sketch, a_node, at, unresolved


def shop() -> Sketch:
    lost = unresolved("uses-secret", "Secret", "api", "spec.containers[app].envFrom[0].secretRef")
    pod = a_node(
        "Pod",
        "web-1",
        "Error",
        "CreateContainerConfigError",
        'secret "api" not found',
        missing=[lost],
        warning=("Failed", "Error: secret not found", "2026-01-01T00:20:00Z"),
    )
    ingress = a_node("Ingress", "web", "Error", "BackendUnavailable", "service web")
    service = a_node("Service", "web", "Error", "NoReadyEndpoints", since="2026-01-01T00:30:00Z")
    return (
        Sketch()
        .set(pod, ingress, service, a_node("Service", "other"), a_node("Node", "n"))
        .link(
            "Ingress/web routes-to Service/web spec.rules[0]",
            "Service/web selects Pod/web-1 spec.selector",
            "Ingress/web routes-to Service/other spec.rules[1]",
            "Pod/web-1 runs-on Node/n spec.nodeName",
        )
    )


def test_the_chain_starts_at_the_root_and_names_the_fields() -> None:
    causes = shop().causes()
    causes.problems(at(NOW))
    told = why(causes, "Ingress/web")
    assert [(each["kind"], each["name"], each.get("type"), each.get("field")) for each in told["chain"]] == [
        ("Secret", "api", None, None),
        ("Pod", "web-1", "uses-secret", ["spec.containers[app].envFrom[0].secretRef"]),
        ("Service", "web", "selects", ["spec.selector"]),
        ("Ingress", "web", "routes-to", ["spec.rules[0]"]),
    ]
    assert told["chain"][0]["missing"] is True
    assert told["chain"][1]["warning"] == {
        "reason": "Failed",
        "message": "Error: secret not found",
        "since": "2026-01-01T00:20:00Z",
    }
    assert told["chain"][2]["since"] == "2026-01-01T00:30:00Z"
    assert [each["name"] for each in told["needs"]] == ["web", "other"]
    assert told["others"] == []


def test_a_healthy_object_has_no_chain_and_a_root_cause_stands_alone() -> None:
    sketch = shop().set(a_node("Node", "lost", "Error", "NodeStatusUnknown"))
    causes = sketch.causes()
    assert why(causes, "Service/other")["chain"] == []
    assert [each["name"] for each in why(causes, "Node/lost")["chain"]] == ["lost"]


def ways(sketch: Sketch, start: str, end: str, types: Collection[str] = USUAL_TYPES) -> list[list[str]]:
    steps = find_ways(sketch.graph, start, end, types)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return [[f"{edge.source} {edge.type} {edge.target}" for edge in way] for way in done.value]


def test_shortest_paths_ignore_the_direction_of_edges() -> None:
    sketch = shop()
    assert ways(sketch, "Pod/web-1", "Service/other") == [
        [
            "Service/web selects Pod/web-1",
            "Ingress/web routes-to Service/web",
            "Ingress/web routes-to Service/other",
        ]
    ]
    sketch.link("Service/other selects Pod/web-1", "Service/other endpoints Pod/web-1")
    assert ways(sketch, "Pod/web-1", "Service/other") == [
        ["Service/other endpoints Pod/web-1"],
        ["Service/other selects Pod/web-1"],
    ]


def test_paths_use_the_chosen_types_only() -> None:
    assert ways(shop(), "Pod/web-1", "Node/n") == []
    assert ways(shop(), "Pod/web-1", "Node/n", {"runs-on"}) == [["Pod/web-1 runs-on Node/n"]]
    assert ways(shop(), "Pod/web-1", "Pod/web-1") == []
