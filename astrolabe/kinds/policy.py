"""HorizontalPodAutoscaler, PodDisruptionBudget."""

from __future__ import annotations

from typing import Annotated

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer
from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.state.edge_types import SCALES, SELECTS
from astrolabe.graph.state.identity import OWN_GROUPS, GroupKind
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import READS_SELECTED_PODS, condition, selector_of
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.live import STARTING, live_pods, start_first
from astrolabe.kinds.manifest import Condition, Items, LabelSelector, Manifest, Projection
from astrolabe.kinds.metadata import Count, Metadata, TargetPods, about


class ScaleTarget(Projection):
    api_version: str = ""
    kind: str = ""
    name: str = ""


class AutoscalerSpec(Projection):
    """`minReplicas` absent means 1."""

    scale_target_ref: ScaleTarget | None = None
    min_replicas: int | None = None
    max_replicas: int = 0


class AutoscalerStatus(Projection):
    observed_generation: int | None = None
    current_replicas: int = 0
    desired_replicas: int = 0
    conditions: Items[Condition] | None = None


class Autoscaler(Manifest):
    """HorizontalPodAutoscaler."""

    spec: AutoscalerSpec | None = None
    status: AutoscalerStatus | None = None


def _autoscaler_status(autoscaler: Autoscaler) -> Status:
    spec, status = autoscaler.spec or AutoscalerSpec(), autoscaler.status or AutoscalerStatus()
    if not status.conditions:
        return Status(PENDING, "Pending", "Not yet looked at by the autoscaling controller")
    active = condition(status.conditions, "ScalingActive")
    failure = _autoscaler_failure(condition(status.conditions, "AbleToScale"), active)
    if failure is not None:
        return Status(ERROR, failure.reason, failure.message, failure.last_transition_time)
    since = active.last_transition_time if active is not None else None
    if active is not None and active.status == "False" and active.reason == "ScalingDisabled":
        return Status(READY, active.reason, active.message, since)
    counts = f"now {status.current_replicas}, wants {status.desired_replicas}"
    limited = condition(status.conditions, "ScalingLimited")
    if limited is not None and limited.status == "True" and limited.reason == "TooManyReplicas":
        message = f"At its maximum of {spec.max_replicas} replicas, {counts}"
        if limited.message:
            message += f": {limited.message}"
        return Status(READY, "AtMaximum", message, limited.last_transition_time)
    least = 1 if spec.min_replicas is None else spec.min_replicas
    return Status(READY, "Ready", f"{least}-{spec.max_replicas} replicas, {counts}", since)


def _autoscaler_failure(able: Condition | None, active: Condition | None) -> Condition | None:
    # Controllers up to Kubernetes 1.17 waited between two changes, and said so
    if able is not None and able.status == "False" and not able.reason.startswith("Backoff"):
        return able
    failures = ("Failed", "Invalid", "Ambiguous")
    if active is not None and active.status == "False" and active.reason.startswith(failures):
        return active
    return None


class ScaledObject(msgspec.Struct, frozen=True, gc=False):
    """What an autoscaler scales."""

    kind: str
    name: str


class AutoscalerMetadata(Metadata):
    scale_target_ref: ScaledObject | None = None
    min_replicas: Count | None = None
    max_replicas: Count | None = None
    current_replicas: Count | None = None
    desired_replicas: Count | None = None


def _autoscaler_metadata(autoscaler: Autoscaler) -> AutoscalerMetadata:
    spec, status = autoscaler.spec or AutoscalerSpec(), autoscaler.status or AutoscalerStatus()
    target = spec.scale_target_ref
    return AutoscalerMetadata(
        scale_target_ref=ScaledObject(target.kind, target.name) if target is not None else None,
        min_replicas=1 if spec.min_replicas is None else spec.min_replicas,
        max_replicas=spec.max_replicas,
        current_replicas=status.current_replicas,
        desired_replicas=status.desired_replicas,
    )


#: Of Kubernetes' own kinds those that the API serves with the subresource `scale`.
_SCALED = frozenset(
    (
        GroupKind("apps", "Deployment"),
        GroupKind("apps", "ReplicaSet"),
        GroupKind("apps", "StatefulSet"),
        GroupKind("", "ReplicationController"),
    )
)


def _autoscaler_links(autoscaler: Autoscaler) -> tuple[Link, ...]:
    """The target may be a custom resource. If its kind is not watched, it is never reported as missing."""
    target = (autoscaler.spec or AutoscalerSpec()).scale_target_ref
    if target is None or not target.name:
        return ()
    kind = GroupKind.of(target.api_version, target.kind)  # the version is not compared: any serves
    if kind.group in OWN_GROUPS and kind not in _SCALED:
        return ()
    return (Ref(SCALES, kind.key, autoscaler.metadata.namespace, target.name, "spec.scaleTargetRef"),)


HORIZONTAL_POD_AUTOSCALER = Kind(
    name="HorizontalPodAutoscaler",
    group="autoscaling",
    version="v2",
    plural="horizontalpodautoscalers",
    layer="policy",
    column=1,
    short_names=("hpa",),
    manifest=Autoscaler,
    status=_autoscaler_status,
    metadata=_autoscaler_metadata,
    shows=AutoscalerMetadata,
    links=_autoscaler_links,
    makes=((SCALES, ANY_KIND),),
)


Share = Annotated[int | str, about("A number, or a share.", 1, "50%")]


class BudgetSpec(Projection):
    """Numbers or percentages."""

    selector: LabelSelector | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    unhealthy_pod_eviction_policy: str | None = None


class BudgetStatus(Projection):
    observed_generation: int | None = None
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    expected_pods: int | None = None
    conditions: Items[Condition] | None = None


class Budget(Manifest):
    """PodDisruptionBudget."""

    spec: BudgetSpec | None = None
    status: BudgetStatus | None = None


_NO_PODS = "The selector matches no pod"


def _budget_status(budget: Budget) -> Status:
    status = budget.status or BudgetStatus()
    allowed = condition(status.conditions, "DisruptionAllowed")
    since = allowed.last_transition_time if allowed is not None else None
    if allowed is not None and allowed.status == "False" and allowed.reason != "InsufficientPods":
        return Status(ERROR, allowed.reason or allowed.type, allowed.message, since)
    healthy, desired = status.current_healthy, status.desired_healthy
    if status.expected_pods == 0:
        return Status(READY, "NoMatchingPods", _NO_PODS, since)
    counts = f"({healthy}/{desired} healthy)"
    if healthy < desired:
        return Status(ERROR, "InsufficientPods", f"Too few pods are healthy {counts}", since)
    count = status.disruptions_allowed
    if count == 0 and healthy >= (status.expected_pods or 1):
        return Status(READY, "BlocksEviction", f"Blocks every eviction: all pods must stay {counts}", since)
    return Status(READY, "Ready", f"{count} disruption{'' if count == 1 else 's'} allowed {counts}", since)


class BudgetMetadata(Metadata):
    min_available: Share | None = None
    max_unavailable: Share | None = None
    disruptions_allowed: int | None = None
    current_healthy: Count | None = None
    desired_healthy: Count | None = None
    unhealthy_pod_eviction_policy: Annotated[
        str, about("When a pod that is not ready may be evicted.", "AlwaysAllow")
    ] = ""
    outdated: Annotated[bool, about("Its numbers are of before its last change.")] | None = None
    target_pods: TargetPods = []


def _budget_metadata(budget: Budget) -> BudgetMetadata:
    spec, status = budget.spec or BudgetSpec(), budget.status or BudgetStatus()
    return BudgetMetadata(
        min_available=None if spec.min_available == "" else spec.min_available,
        max_unavailable=None if spec.max_unavailable == "" else spec.max_unavailable,
        disruptions_allowed=status.disruptions_allowed,
        current_healthy=status.current_healthy,
        desired_healthy=status.desired_healthy,
        unhealthy_pod_eviction_policy=spec.unhealthy_pod_eviction_policy or "",
        outdated=(status.observed_generation or 0) < budget.metadata.generation or None,
    )


def _budget_links(budget: Budget) -> tuple[Link, ...]:
    selector = selector_of((budget.spec or BudgetSpec()).selector)
    if selector is None:
        return ()
    return (Select(SELECTS, "Pod", budget.metadata.namespace, selector, "spec.selector"),)


def _derive_budget(budget: Peer, neighborhood: Neighborhood) -> Derived:
    """Look at the pods that it selects, and add their names."""
    pods = list(neighborhood.outgoing(SELECTS, "Pod"))
    names = {"targetPods": sorted([pod.name for pod in pods])} if pods else None
    return Derived(_judge_budget(budget, pods, neighborhood), names)


def _judge_budget(budget: Peer, pods: list[Peer], neighborhood: Neighborhood) -> Status:
    status, desired = budget.status, budget.details
    if status.reason not in ("InsufficientPods", "BlocksEviction"):
        return status
    live = live_pods(pods)
    if not live and neighborhood.is_complete("Pod"):
        return Status(READY, "NoMatchingPods", _NO_PODS, status.since)
    if status.reason != "InsufficientPods":
        return status
    if start_first(pods, neighborhood):
        return Status(PENDING, STARTING, status.message, status.since)
    ready = sum(pod.details.is_ready for pod in live)
    if ready >= desired:
        told = "1 pod is" if ready == 1 else f"{ready} pods are"
        message = f"{told} ready, which its controller has not seen yet"
        return Status(PENDING, "Progressing", message, status.since)
    return status


def _desired_healthy(budget: Budget) -> int:
    return budget.status.desired_healthy if budget.status is not None else 0


POD_DISRUPTION_BUDGET = Kind(
    name="PodDisruptionBudget",
    group="policy",
    version="v1",
    plural="poddisruptionbudgets",
    layer="policy",
    column=2,
    short_names=("pdb",),
    manifest=Budget,
    status=_budget_status,
    observed=True,
    metadata=_budget_metadata,
    derives=("targetPods",),
    shows=BudgetMetadata,
    links=_budget_links,
    makes=((SELECTS, "Pod"),),
    details=_desired_healthy,
    derive=_derive_budget,
    reads=(READS_SELECTED_PODS,),
)
