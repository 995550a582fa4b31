"""Incidents: What is only just beginning, beside what is stuck in the same way."""

from __future__ import annotations

from tests.incidents.made import JUST_NOW, MADE, MadeCluster, condition, running
from tests.incidents.registry import case

_NO_METRICS = (
    "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics "
    "for resource cpu: no metrics returned from resource metrics API"
)


def _autoscaler(c: MadeCluster, created: str) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    able = condition("AbleToScale", "True", "SucceededGetScale", "", created)
    active = condition("ScalingActive", "False", "FailedGetResourceMetric", _NO_METRICS, created)
    c.workload("web", running(since=created), created=created)
    c.add(
        "HorizontalPodAutoscaler",
        "web",
        created=created,
        spec={"scaleTargetRef": target, "maxReplicas": 3},
        status={"conditions": [able, active]},
    )


@case()
def well_autoscaler_without_metrics_yet(c: MadeCluster) -> None:
    _autoscaler(c, JUST_NOW)


@case("Error FailedGetResourceMetric: HorizontalPodAutoscaler web")
def autoscaler_without_metrics(c: MadeCluster) -> None:
    _autoscaler(c, MADE)
