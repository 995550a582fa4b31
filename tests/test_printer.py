"""What the API server prints is held against nodes as `make test-cluster` needs it."""

from __future__ import annotations

from typing import Any

from tests.cluster.printer import differences, rows

Json = dict[str, Any]


def table(columns: list[str], *cells: object) -> Json:
    """As an API server sends it."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "812"},
        "columnDefinitions": [{"name": name, "type": "string", "format": ""} for name in columns],
        "rows": [{"cells": [*cells], "object": {"metadata": {"name": "web-0", "uid": "u1"}}}],
    }


PODS = rows(
    table(
        ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node"],
        *("web-0", "0/1", "Running", "5 (3m ago)", "2h", "10.0.0.7", "node-1"),
    )
)
BUDGETS = rows(
    table(
        ["Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"], "web", "N/A", "1", 0, "2h"
    )
)


def pod(**changed: object) -> Json:
    metadata = {"ready": "0/1", "restartCount": 5, "podIP": "10.0.0.7", "nodeName": "node-1", **changed}
    return {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "uid": "u1",
        "reason": "Running",
        "metadata": metadata,
    }


def test_equal_rows_are_no_difference() -> None:
    assert differences([pod()], {"Pod": PODS}) == []
    budget = {"kind": "PodDisruptionBudget", "name": "web", "uid": "u1", "metadata": {"maxUnavailable": 1}}
    assert differences([budget], {"PodDisruptionBudget": BUDGETS}) == []
    assert differences([{"kind": "ConfigMap", "name": "c", "uid": "u9", "metadata": {}}], {}) == []


def test_a_difference_names_object_column_and_both_values() -> None:
    assert differences([pod(restartCount=4)], {"Pod": PODS}) == [
        "Pod shop/web-0: Restarts is 4, but the API server prints 5"
    ]


def test_an_object_the_server_does_not_print_is_a_difference() -> None:
    assert differences([{**pod(), "uid": "u2"}], {"Pod": PODS})[0] == (
        "Pod shop/web-0: Ready is 0/1, but the API server prints None"
    )
