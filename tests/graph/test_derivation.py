"""Statuses that rest on there being no neighbour; see `test_model` for all else."""

from __future__ import annotations

from astrolabe.graph.facts import Around, Derived, Facts, Neighbour, Read, Rules
from astrolabe.graph.links import SELECTS, Link, Select
from astrolabe.graph.model import Model
from astrolabe.graph.selector import Selector
from astrolabe.graph.status import READY, UNKNOWN, Status


def _count(_: Neighbour, around: Around) -> Derived:
    count = len(list(around.out(SELECTS, "Pod")))
    if count:
        return Derived(Status(READY, "Some"))
    return Derived(Status(READY, "None") if around.knows("Pod") else Status(UNKNOWN, "Unknown"))


RULES = (
    Rules(kind="Pod", api_version="v1"),
    Rules(kind="Service", api_version="v1", derive=_count, reads=(Read("out", SELECTS, "Pod"),)),
)


def a(kind: str, namespace: str, *links: Link) -> Facts:
    return Facts(
        kind=kind,
        uid=f"{kind} {namespace}",
        name="x",
        namespace=namespace,
        labels={},
        status=Status(READY, "Own"),
        metadata={"creationTimestamp": "2026-01-01T00:00:00Z"},
        links=links,
        selectable={},
    )


def service(namespace: str) -> Facts:
    return a("Service", namespace, Select(SELECTS, "Pod", namespace, Selector(), "spec.selector"))


def reasons(model: Model) -> dict[str, str]:
    """namespace → reason, of the services that the commit changes."""
    nodes = model.commit().nodes_set
    return {node.namespace: node.document()["reason"] for node in nodes if node.kind == "Service"}


def test_that_there_is_none_is_a_fact_only_where_the_kind_is_known() -> None:
    model = Model(RULES)
    model.upsert(service("a"))
    model.upsert(service("b"))
    assert reasons(model) == {"a": "Unknown", "b": "Unknown"}
    model.set_synced("Pod", "a", True)
    assert reasons(model) == {"a": "None"}
    model.set_synced("Pod", "", True)
    assert reasons(model) == {"b": "None"}
    model.set_synced("Pod", "a", False)
    assert reasons(model) == {}
    model.set_synced("Pod", "", False)
    assert reasons(model) == {"a": "Unknown", "b": "Unknown"}


def test_who_has_one_does_not_care() -> None:
    model = Model(RULES)
    model.upsert(service("a"))
    model.upsert(a("Pod", "a"))
    assert reasons(model) == {"a": "Some"}
    model.set_synced("Pod", "", True)
    assert reasons(model) == {}
    model.remove("Pod a")
    assert reasons(model) == {"a": "None"}
    model.remove("Service a")
    model.set_synced("Pod", "", False)
    assert reasons(model) == {}
