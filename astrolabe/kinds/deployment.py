"""Deployment, and the ReplicaSets that it owns."""

from __future__ import annotations

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import PENDING, Status
from astrolabe.kinds.common import condition, holds
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Manifest
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
from astrolabe.kinds.template import describe_template, is_topmost, uses_of
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
    observed=True,
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
    observed=True,
    metadata=_replicaset_metadata,
    shows=WorkloadMetadata,
    links=_replicaset_links,
    makes=USES,
    derive=derive_from_pods,
    reads=READS_PODS,
)
