"""Incidents: What is only just beginning, beside what is stuck in the same way."""

from __future__ import annotations

from tests.incidents.made import JUST_NOW, MADE, MadeCluster, condition, running, unscheduled
from tests.incidents.registry import case

_NO_METRICS = (
    "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics "
    "for resource cpu: no metrics returned from resource metrics API"
)


def _autoscaler(c: MadeCluster, created: str) -> None:
    able = condition("AbleToScale", "True", "SucceededGetScale", "", created)
    active = condition("ScalingActive", "False", "FailedGetResourceMetric", _NO_METRICS, created)
    c.workload("web", running(since=created), created=created)
    c.autoscaler("web", [able, active], created=created)


@case()
def well_autoscaler_without_metrics_yet(c: MadeCluster) -> None:
    _autoscaler(c, JUST_NOW)


@case("Error FailedGetResourceMetric: HorizontalPodAutoscaler web")
def autoscaler_without_metrics(c: MadeCluster) -> None:
    _autoscaler(c, MADE)


_FULL = "0/3 nodes are available: 3 Insufficient cpu."


@case("Error Pending: Pod web-0 > Deployment web, EndpointSlice web-x, ReplicaSet web-5d, Service web")
def young_beside_what_is_stuck_for_want_of_room(c: MadeCluster) -> None:
    c.workload("web", unscheduled(_FULL))
    young = unscheduled(_FULL, since=JUST_NOW, created=JUST_NOW)
    c.workload("new", young, created=JUST_NOW, conditions=[])


@case(
    "Error Pending: Pod new-0, Pod web-0 > Deployment new, Deployment web, EndpointSlice new-x,"
    " EndpointSlice web-x, ReplicaSet new-5d, ReplicaSet web-5d, Service new, Service web"
)
def young_pod_of_a_workload_that_is_stuck(c: MadeCluster) -> None:
    c.workload("web", unscheduled(_FULL))
    c.workload("new", unscheduled(_FULL, since=JUST_NOW, created=JUST_NOW))
