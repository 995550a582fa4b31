"""HorizontalPodAutoscalers and PodDisruptionBudgets, with the status that their controllers write."""

from __future__ import annotations

from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.meta import AppIdentity, app_object
from astrolabe.sim.cluster.workloads import with_status

Json = dict[str, Any]

_TARGET = {"type": "Utilization", "averageUtilization": 60}


def autoscaler(factory: ObjectFactory, app: AppIdentity, *, lowest: int, highest: int, created: str) -> Json:
    """A new autoscaler for the Deployment of a part, without a status."""
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": app.name, "apiVersion": "apps/v1"},
        "minReplicas": lowest,
        "maxReplicas": highest,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": _TARGET}}],
    }
    return app_object(
        factory,
        app,
        app.name,
        kind="HorizontalPodAutoscaler",
        api_version="autoscaling/v2",
        created=created,
        content={"spec": spec},
    )


def autoscaler_reported(autoscaler: Json, *, replicas: int, at: str, since: str) -> Json:
    """The autoscaler with the status of its controller, which keeps the current `replicas`."""
    usage = {"averageUtilization": 41, "averageValue": "41m"}
    conditions = [
        _condition("AbleToScale", since, "ReadyForNewScale", "recommended size matches current size"),
        _condition(
            "ScalingActive",
            since,
            "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count from cpu resource utilization",
        ),
        _condition(
            "ScalingLimited",
            since,
            "DesiredWithinRange",
            "the desired count is within the acceptable range",
            "False",
        ),
    ]
    status = {
        "lastScaleTime": since,
        "currentReplicas": replicas,
        "desiredReplicas": replicas,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": usage}}],
        "conditions": conditions,
    }
    return with_status(autoscaler, status, time=at)


def disruption_budget(factory: ObjectFactory, app: AppIdentity, *, created: str) -> Json:
    """A new budget that requires one available pod of a part, without a status."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": app.selector}}
    return app_object(
        factory,
        app,
        app.name,
        kind="PodDisruptionBudget",
        api_version="policy/v1",
        created=created,
        content={"spec": spec},
        generation=1,
    )


def budget_reported(budget: Json, *, healthy: int, expected: int, at: str) -> Json:
    """The budget with the status of its controller, which has counted the selected pods."""
    allowed = max(0, healthy - 1)
    reason = "SufficientPods" if allowed else "InsufficientPods"
    condition = {
        "type": "DisruptionAllowed",
        "status": str(allowed > 0),
        "observedGeneration": 1,
        "lastTransitionTime": at,
        "reason": reason,
        "message": "",
    }
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": 1,
        "expectedPods": expected,
        "conditions": [condition],
    }
    return with_status(budget, status, time=at)


def _condition(type: str, at: str, reason: str, message: str, status: str = "True") -> Json:
    return {"type": type, "status": status, "lastTransitionTime": at, "reason": reason, "message": message}
