"""Services, Ingresses and budgets pass on what their Pods say, and only that."""

from __future__ import annotations

import pytest

from tests.support.sketches import Sketch, a_node

PENDING_BALANCER = ("Pending", "LoadBalancerPending", "Waiting for an address of the load balancer")
CRASH = "Error CrashLoopBackOff: Pod web-1 > Ingress web, PodDisruptionBudget web, Service web"


@pytest.mark.parametrize("own", [("Ready", "Ready", ""), PENDING_BALANCER])
def test_a_failing_pod_is_the_cause_with_and_without_an_address(own: tuple[str, str, str]) -> None:
    sketch = Sketch().set(
        a_node("Pod", "web-1", "Error", "CrashLoopBackOff", "keeps ending"),
        a_node("Service", "web", "Error", "NoReadyEndpoints", "0/1 endpoints ready", own=own),
        a_node("Ingress", "web", "Error", "BackendUnavailable", "service web", own=("Ready", "Ready", "")),
        a_node("PodDisruptionBudget", "web", "Error", "InsufficientPods", "Too few pods are healthy"),
    )
    sketch.link(
        "Service/web selects Pod/web-1",
        "Ingress/web routes-to Service/web",
        "PodDisruptionBudget/web selects Pod/web-1",
    )
    assert sketch.told() == [CRASH]


def test_a_missing_address_is_a_problem_if_everything_else_is_ready() -> None:
    sketch = Sketch().set(
        a_node("Pod", "web-1", "Ready", "Running"),
        a_node("Service", "web", *PENDING_BALANCER),
    )
    sketch.link("Service/web selects Pod/web-1")
    assert sketch.told() == ["Pending LoadBalancerPending: Service web"]
