"""Deployment, and the ReplicaSets that it owns."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern

import msgspec
from msgspec.structs import replace

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import condition, holds
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Manifest, Projection
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import (
    ReplicaSpec,
    ReplicaStatus,
    WorkloadMetadata,
    all_ready,
    count_replicas,
    failed,
    odd_conditions,
    odd_strategy,
    progressing,
    scaled_to_zero,
    tell,
)
from astrolabe.kinds.template import (
    IDLE_WORKLOAD,
    describe_template,
    idle_labels,
    images_of,
    is_topmost,
    pod_labels,
    uses_of,
)
from astrolabe.kinds.worst import (
    DEADLINE,
    READS_PODS,
    WorstPod,
    blame,
    go_on,
    last_to_go,
    longest_to_go,
    tell_ended,
    warn,
    worst_of,
)


class DeploymentStrategy(Projection):
    type: str | None = None


class DeploymentSpec(ReplicaSpec):
    paused: bool | None = None
    strategy: DeploymentStrategy | None = None
    pod_replacement_policy: str | None = None

    @property
    def waits_for_places(self) -> bool:
        """Whether old pods must be gone before new ones come (the policy: Kubernetes 1.34)."""
        recreates = self.strategy is not None and self.strategy.type == "Recreate"
        return recreates or self.pod_replacement_policy == "TerminationComplete"


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
    if desired == 0:
        return scaled_to_zero(status.replicas)
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


_FAILURES = (DEADLINE, "ReplicaSetCreateError")


def _deployment_failure(conditions: list[Condition] | None) -> Condition | None:
    """That pods cannot be created comes first: the deadline passes because of it. A ReplicaSet cannot be
    created, either, where a quota counts them or a webhook refuses it.
    """
    if holds(conditions, "ReplicaFailure"):
        return condition(conditions, "ReplicaFailure")
    progress = condition(conditions, "Progressing")
    if progress is not None and progress.status == "False" and progress.reason in _FAILURES:
        return progress
    return None


def _deployment_uses(deployment: Deployment) -> tuple[Ref, ...]:
    return uses_of((deployment.spec or DeploymentSpec()).template, deployment.metadata)


def _deployment_metadata(deployment: Deployment) -> WorkloadMetadata:
    spec, status = deployment.spec or DeploymentSpec(), deployment.status or ReplicaStatus()
    uses = _deployment_uses(deployment)
    return WorkloadMetadata(
        strategy=odd_strategy(spec.strategy.type if spec.strategy is not None else None),
        pod_labels=pod_labels(spec.template, deployment.metadata),
        replicas=count_replicas(spec.desired, status),
        revision=revision_of(deployment),
        conditions=odd_conditions(status.conditions),
        **describe_template(spec.template, uses),
    )


class Rollout(msgspec.Struct, frozen=True, gc=False):
    """What a Deployment and its ReplicaSets compare to find the one of the current revision.

    number: as `kubectl rollout history` counts; "" when the controller has not numbered it yet.
    images: of the template, where there is no number. replicas: of a Deployment those that are updated.
    worst: the worst pod of a ReplicaSet. leaving: one that is being deleted. ended: see `tell_ended`.
    waits_for_places: see `DeploymentSpec`.
    """

    number: str
    images: tuple[str, ...]
    replicas: int
    created: str = ""
    worst: WorstPod | None = None
    leaving: WorstPod | None = None
    waits_for_places: bool = False
    ended: str = ""

    def is_current(self, deployment: Rollout) -> bool:
        if self.number and deployment.number:
            return self.number == deployment.number
        return self.images == deployment.images

    def has_the_updated(self, deployment: Rollout) -> bool:
        """Whether its pods may be those that the Deployment counts as updated; numbers tell better."""
        unknown = self.number or not (self.replicas and deployment.replicas)
        return bool(unknown) or self.replicas == deployment.replicas


def revision_of(manifest: Manifest) -> str:
    """The number of its revision, which the Deployment controller sets."""
    annotations = manifest.metadata.annotations
    return intern(annotations.revision) if annotations is not None else ""


def _deployment_details(deployment: Deployment) -> Rollout:
    spec, status = deployment.spec or DeploymentSpec(), deployment.status or ReplicaStatus()
    number = revision_of(deployment)
    images = () if number else tuple(images_of(spec.template))
    return Rollout(number, images, status.updated_replicas, waits_for_places=spec.waits_for_places)


def _deployment_selectable(deployment: Deployment) -> dict[str, str] | None:
    spec, status = deployment.spec or DeploymentSpec(), deployment.status or ReplicaStatus()
    return idle_labels(spec.template, status.replicas)


def _derive_deployment(deployment: Peer, neighborhood: Neighborhood) -> Derived:
    """Its pods belong to its ReplicaSets, which export their worst pods. Old ReplicaSets do not count."""
    wanted: Rollout = deployment.details
    replicasets = list(neighborhood.outgoing(OWNS, "ReplicaSet"))
    current = max(
        [each for each in replicasets if each.details.is_current(wanted)],
        key=lambda each: (each.details.replicas == wanted.replicas, each.details.created, each.name),
        default=None,
    )
    pod = current.details.worst if current is not None else None
    if pod is None and wanted.waits_for_places and deployment.status.reason in _UNFINISHED:
        leaving = [each.details.leaving for each in replicasets if each.details.leaving is not None]
        return Derived(go_on(deployment.status, _tell_places(leaving)))
    if pod is None and current is not None and deployment.status.reason in _UNFINISHED:
        return Derived(go_on(deployment.status, current.details.ended))
    return Derived(blame(deployment.status, pod))


#: Reasons of a rollout that is in progress or has taken too long.
_UNFINISHED = frozenset(("Progressing", DEADLINE))


def _tell_places(leaving: list[WorstPod]) -> str:
    """Which pod holds the place of a new one."""
    pod = longest_to_go(leaving)
    return f"an old pod must go first: {pod.words}" if pod is not None else ""


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
    selectable=_deployment_selectable,
    sought_as=IDLE_WORKLOAD,
    details=_deployment_details,
    derive=_derive_deployment,
    warn=warn,
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
        return scaled_to_zero(status.replicas)
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
        replicas=count_replicas(spec.desired, status),
        revision=revision_of(replicaset),
        conditions=odd_conditions(status.conditions),
        **describe_template(spec.template, uses),
    )


def _replicaset_links(replicaset: ReplicaSet) -> tuple[Ref, ...]:
    return _replicaset_uses(replicaset) if is_topmost(replicaset.metadata) else ()


def _replicaset_details(replicaset: ReplicaSet) -> Rollout:
    spec, status = replicaset.spec or ReplicaSpec(), replicaset.status or ReplicaStatus()
    number = revision_of(replicaset)
    images = () if number else tuple(images_of(spec.template))
    return Rollout(number, images, status.replicas, replicaset.metadata.creation_timestamp or "")


def _replicaset_selectable(replicaset: ReplicaSet) -> dict[str, str] | None:
    """That of a Deployment is one of several revisions, and the Deployment speaks for all."""
    spec, status = replicaset.spec or ReplicaSpec(), replicaset.status or ReplicaStatus()
    if any(owner.kind == "Deployment" for owner in replicaset.metadata.owner_references or ()):
        return None
    return idle_labels(spec.template, status.replicas)


def _derive_replicaset(replicaset: Peer, neighborhood: Neighborhood) -> Derived:
    """One of an old revision is never an error: it is on its way out."""
    pods = list(neighborhood.outgoing(OWNS, "Pod"))
    unready = [pod for pod in pods if pod.status.severity != READY]
    pod, leaving = worst_of(unready), last_to_go(unready)
    status = blame(replicaset.status, pod)
    ended = tell_ended(pods) if replicaset.status.reason in _UNFINISHED else ""
    status = go_on(status, ended)
    if status.severity == ERROR:
        deployments = list(neighborhood.incoming(OWNS, "Deployment", own=True))
        if deployments and not _is_of(replicaset, deployments):
            status = Status(PENDING, status.reason, f"{status.message} (of an old revision)", status.since)
    details = replicaset.details
    if pod is None and leaving is None and not ended:
        return Derived(status, details=details)
    return Derived(status, details=replace(details, worst=pod, leaving=leaving, ended=ended))


def _is_of(replicaset: Peer, deployments: Iterable[Peer]) -> bool:
    own: Rollout = replicaset.details
    return any(own.is_current(each.details) and own.has_the_updated(each.details) for each in deployments)


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
    selectable=_replicaset_selectable,
    sought_as=IDLE_WORKLOAD,
    details=_replicaset_details,
    derive=_derive_replicaset,
    warn=warn,
    creates="Pod",
    reads=(*READS_PODS, Read("incoming", OWNS, "Deployment", own=True)),
)
