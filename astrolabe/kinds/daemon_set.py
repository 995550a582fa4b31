"""DaemonSet."""

from __future__ import annotations

from sys import intern

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import PENDING, READY, Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import (
    ReplicaStatus,
    UpdateStrategy,
    WorkloadMetadata,
    all_ready,
    count_replicas,
    odd_conditions,
    odd_strategy,
    progressing,
)
from astrolabe.kinds.template import (
    IDLE_WORKLOAD,
    Template,
    describe_template,
    idle_labels,
    pod_labels,
    uses_of,
)
from astrolabe.kinds.worst import READS_PODS, Revised, derive_from_pods, warn_creator


class DaemonSetSpec(Projection):
    template: Template | None = None
    update_strategy: UpdateStrategy | None = None


class DaemonSetStatus(Projection):
    observed_generation: int | None = None
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_misscheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    conditions: Items[Condition] | None = None


class DaemonSet(Manifest):
    spec: DaemonSetSpec | None = None
    status: DaemonSetStatus | None = None


def _daemonset_status(daemonset: DaemonSet) -> Status:
    spec, status = daemonset.spec or DaemonSetSpec(), daemonset.status or DaemonSetStatus()
    desired, ready, updated = (
        status.desired_number_scheduled,
        status.number_ready,
        status.updated_number_scheduled,
    )
    strategy = spec.update_strategy or UpdateStrategy()
    if status.number_available < desired or (updated < desired and not strategy.waits_for_deletion):
        return progressing(ready, desired, updated=updated, available=status.number_available)
    if desired:
        return all_ready(ready, desired)
    if status.number_misscheduled:
        return Status(PENDING, "Misscheduled", _misscheduled(status.number_misscheduled))
    return _NO_MATCHING_NODES


def _misscheduled(count: int) -> str:
    """A taint that came later does not remove the pods that are there."""
    pods = "1 pod is" if count == 1 else f"{count} pods are"
    return f"{pods} on nodes that do not match its node selector, affinity and tolerations"


#: It has no number of replicas, so nobody scales it to zero.
_NO_MATCHING_NODES = Status(
    READY, "NoMatchingNodes", "No node matches its node selector, affinity and tolerations (0/0)"
)


def _generation(daemonset: DaemonSet) -> str:
    annotations = daemonset.metadata.annotations
    return annotations.template_generation if annotations is not None else ""


def _current_revision(daemonset: DaemonSet) -> Revised:
    """That of the template, unless old pods wait for someone to delete them."""
    spec, status = daemonset.spec or DaemonSetSpec(), daemonset.status or DaemonSetStatus()
    lacks_pods = status.current_number_scheduled < status.desired_number_scheduled
    if (spec.update_strategy or UpdateStrategy()).waits_for_deletion:
        return Revised(lacks_pods=lacks_pods)
    generation = _generation(daemonset)
    return Revised((intern(generation),) if generation else (), lacks_pods)


def _daemonset_uses(daemonset: DaemonSet) -> tuple[Ref, ...]:
    return uses_of((daemonset.spec or DaemonSetSpec()).template, daemonset.metadata)


def _daemonset_metadata(daemonset: DaemonSet) -> WorkloadMetadata:
    spec, status = daemonset.spec or DaemonSetSpec(), daemonset.status or DaemonSetStatus()
    counts = ReplicaStatus(
        replicas=status.current_number_scheduled,
        ready_replicas=status.number_ready,
        available_replicas=status.number_available,
    )
    return WorkloadMetadata(
        strategy=odd_strategy(spec.update_strategy.type if spec.update_strategy is not None else None),
        pod_labels=pod_labels(spec.template, daemonset.metadata),
        replicas=count_replicas(status.desired_number_scheduled, counts),
        revision=_generation(daemonset),
        conditions=odd_conditions(status.conditions),
        **describe_template(spec.template, _daemonset_uses(daemonset)),
    )


def _daemonset_selectable(daemonset: DaemonSet) -> dict[str, str] | None:
    spec, status = daemonset.spec or DaemonSetSpec(), daemonset.status or DaemonSetStatus()
    return idle_labels(spec.template, status.current_number_scheduled + status.number_misscheduled)


DAEMONSET = Kind(
    name="DaemonSet",
    group="apps",
    version="v1",
    plural="daemonsets",
    layer="workload",
    column=2,
    short_names=("ds",),
    manifest=DaemonSet,
    status=_daemonset_status,
    observed=True,
    metadata=_daemonset_metadata,
    shows=WorkloadMetadata,
    links=_daemonset_uses,
    makes=USES,
    selectable=_daemonset_selectable,
    sought_as=IDLE_WORKLOAD,
    details=_current_revision,
    derive=derive_from_pods,
    warn=warn_creator,
    creates="Pod",
    reads=READS_PODS,
)
