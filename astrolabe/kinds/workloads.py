"""Deployment, ReplicaSet, StatefulSet, DaemonSet."""

from __future__ import annotations

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import PENDING, Status
from astrolabe.kinds.common import condition, holds
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Manifest, Name, Projection, Terms
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import (
    SCALED_TO_ZERO,
    ReplicaSpec,
    ReplicaStatus,
    WorkloadMetadata,
    all_ready,
    count_replicas,
    failed,
    progressing,
    tell,
)
from astrolabe.kinds.storage import CLAIM_PREFIX_LABEL
from astrolabe.kinds.template import Template, describe_template, is_topmost, uses_of
from astrolabe.kinds.worst import READS_PODS, WorstPod, blame, derive_from_pods, worst


class DeploymentSpec(ReplicaSpec):
    paused: bool | None = None


class Deployment(Manifest):
    spec: DeploymentSpec | None = None
    status: ReplicaStatus | None = None


def _deployment_status(deployment: Deployment) -> Status:
    spec, status = deployment.spec or DeploymentSpec(), deployment.status or ReplicaStatus()
    desired, ready, updated = spec.desired, status.ready_replicas, status.updated_replicas
    failure = _deployment_failure(status.conditions)
    if failure is not None:
        return failed(failure)
    if spec.paused:
        return Status(PENDING, "Paused", f"Rollouts are paused. {tell(ready, desired)}")
    if desired == 0 and status.replicas == 0:
        return SCALED_TO_ZERO
    available = condition(status.conditions, "Available")
    is_available = available is not None and available.status == "True"
    since = available.last_transition_time if available is not None else None
    if updated < desired or status.replicas > updated or status.available_replicas < updated:
        return progressing(
            ready,
            desired,
            updated=updated,
            available=status.available_replicas,
            since=None if is_available else since,
        )
    return all_ready(ready, desired, since=since if is_available else None)


def _deployment_failure(conditions: list[Condition] | None) -> Condition | None:
    progress = condition(conditions, "Progressing")
    if progress is not None and progress.status == "False" and progress.reason == "ProgressDeadlineExceeded":
        return progress
    return condition(conditions, "ReplicaFailure") if holds(conditions, "ReplicaFailure") else None


def _deployment_uses(deployment: Deployment) -> tuple[Ref, ...]:
    return uses_of((deployment.spec or DeploymentSpec()).template, deployment.metadata)


def _deployment_metadata(deployment: Deployment) -> WorkloadMetadata:
    spec, status = deployment.spec or DeploymentSpec(), deployment.status or ReplicaStatus()
    uses = _deployment_uses(deployment)
    return WorkloadMetadata(
        replicas=count_replicas(spec.desired, status), **describe_template(spec.template, uses)
    )


def _derive_deployment(deployment: Peer, neighborhood: Neighborhood) -> Derived:
    """Its pods belong to its ReplicaSets, each of which exports its worst."""
    details = [each.details for each in neighborhood.outgoing(OWNS, "ReplicaSet")]
    pod = worst([each for each in details if isinstance(each, WorstPod)])
    return Derived(blame(deployment.status, pod), details=pod)


DEPLOYMENT = Kind(
    name="Deployment",
    group="apps",
    version="v1",
    plural="deployments",
    layer="workload",
    column=2,
    short_names=("deploy",),
    manifest=Deployment,
    status=_deployment_status,
    metadata=_deployment_metadata,
    shows=WorkloadMetadata,
    links=_deployment_uses,
    makes=USES,
    derive=_derive_deployment,
    reads=(Read("outgoing", OWNS, "ReplicaSet"),),
)


class ReplicaSet(Manifest):
    spec: ReplicaSpec | None = None
    status: ReplicaStatus | None = None


def _replicaset_status(replicaset: ReplicaSet) -> Status:
    spec, status = replicaset.spec or ReplicaSpec(), replicaset.status or ReplicaStatus()
    failure = condition(status.conditions, "ReplicaFailure")
    if failure is not None and failure.status == "True":
        return failed(failure)
    if spec.desired == 0:
        return SCALED_TO_ZERO
    if status.available_replicas < spec.desired:
        return progressing(
            status.ready_replicas, spec.desired, updated=spec.desired, available=status.available_replicas
        )
    return all_ready(status.ready_replicas, spec.desired)


def _replicaset_uses(replicaset: ReplicaSet) -> tuple[Ref, ...]:
    return uses_of((replicaset.spec or ReplicaSpec()).template, replicaset.metadata)


def _replicaset_metadata(replicaset: ReplicaSet) -> WorkloadMetadata:
    spec, status = replicaset.spec or ReplicaSpec(), replicaset.status or ReplicaStatus()
    uses = _replicaset_uses(replicaset)
    return WorkloadMetadata(
        replicas=count_replicas(spec.desired, status), **describe_template(spec.template, uses)
    )


def _replicaset_links(replicaset: ReplicaSet) -> tuple[Ref, ...]:
    return _replicaset_uses(replicaset) if is_topmost(replicaset.metadata) else ()


REPLICASET = Kind(
    name="ReplicaSet",
    group="apps",
    version="v1",
    plural="replicasets",
    layer="run",
    column=3,
    short_names=("rs",),
    relays=True,
    manifest=ReplicaSet,
    status=_replicaset_status,
    metadata=_replicaset_metadata,
    shows=WorkloadMetadata,
    links=_replicaset_links,
    makes=USES,
    derive=derive_from_pods,
    reads=READS_PODS,
)


class RollingUpdate(Projection):
    """`partition` absent means 0."""

    partition: int | None = None


class UpdateStrategy(Projection):
    """Of a StatefulSet or DaemonSet; `type` absent means RollingUpdate."""

    type: str | None = None
    rolling_update: RollingUpdate | None = None

    @property
    def waits_for_deletion(self) -> bool:
        """Pods are replaced only when somebody deletes them, so an old one is no sign of anything."""
        return self.type == "OnDelete"


class ClaimTemplateMeta(Projection):
    name: Name = ""


class ClaimTemplate(Projection):
    metadata: ClaimTemplateMeta | None = None


class StatefulSetSpec(ReplicaSpec):
    update_strategy: UpdateStrategy | None = None
    volume_claim_templates: Terms[ClaimTemplate] | None = None


class StatefulSet(Manifest):
    spec: StatefulSetSpec | None = None
    status: ReplicaStatus | None = None


def _statefulset_status(statefulset: StatefulSet) -> Status:
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or ReplicaStatus()
    desired, ready = spec.desired, status.ready_replicas
    if desired == 0 and status.replicas == 0:
        return SCALED_TO_ZERO
    if ready < desired or not _is_rolled_out(spec, status):
        return progressing(ready, desired, updated=status.updated_replicas, available=desired)
    return all_ready(ready, desired)


def _is_rolled_out(spec: StatefulSetSpec, status: ReplicaStatus) -> bool:
    strategy = spec.update_strategy or UpdateStrategy()
    if strategy.waits_for_deletion:
        return True
    if strategy.rolling_update is None:
        return status.update_revision == status.current_revision
    return status.updated_replicas >= spec.desired - (strategy.rolling_update.partition or 0)


def _claim_templates(statefulset: StatefulSet) -> list[str]:
    """The names of the volumes of which the controller makes a claim for each pod."""
    templates = (statefulset.spec or StatefulSetSpec()).volume_claim_templates or ()
    return [each.metadata.name for each in templates if each.metadata is not None and each.metadata.name]


def _statefulset_uses(statefulset: StatefulSet) -> tuple[Ref, ...]:
    """Without the claims that are made for its pods: those it owns."""
    template = (statefulset.spec or StatefulSetSpec()).template
    return uses_of(template, statefulset.metadata, claimed=frozenset(_claim_templates(statefulset)))


def _statefulset_metadata(statefulset: StatefulSet) -> WorkloadMetadata:
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or ReplicaStatus()
    uses = _statefulset_uses(statefulset)
    return WorkloadMetadata(
        replicas=count_replicas(spec.desired, status), **describe_template(spec.template, uses)
    )


def _statefulset_links(statefulset: StatefulSet) -> list[Link]:
    """The claims that the controller made, on which it sets no owner by default, and what its pods use."""
    meta = statefulset.metadata
    claims = [
        Select(
            OWNS,
            "PersistentVolumeClaim",
            meta.namespace,
            equality({CLAIM_PREFIX_LABEL: f"{name}-{meta.name}"}),
            f"spec.volumeClaimTemplates[{name}]",
        )
        for name in _claim_templates(statefulset)
    ]
    return [*claims, *_statefulset_uses(statefulset)]


STATEFULSET = Kind(
    name="StatefulSet",
    group="apps",
    version="v1",
    plural="statefulsets",
    layer="workload",
    column=2,
    short_names=("sts",),
    manifest=StatefulSet,
    status=_statefulset_status,
    metadata=_statefulset_metadata,
    shows=WorkloadMetadata,
    links=_statefulset_links,
    makes=((OWNS, "PersistentVolumeClaim"), *USES),
    derive=derive_from_pods,
    reads=READS_PODS,
)


class DaemonSetSpec(Projection):
    template: Template | None = None
    update_strategy: UpdateStrategy | None = None


class DaemonSetStatus(Projection):
    observed_generation: int | None = None
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0


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
    return all_ready(ready, desired) if desired else SCALED_TO_ZERO


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
        replicas=count_replicas(status.desired_number_scheduled, counts),
        **describe_template(spec.template, _daemonset_uses(daemonset)),
    )


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
    metadata=_daemonset_metadata,
    shows=WorkloadMetadata,
    links=_daemonset_uses,
    makes=USES,
    derive=derive_from_pods,
    reads=READS_PODS,
)
