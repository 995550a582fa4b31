"""StatefulSet."""

from __future__ import annotations

from sys import intern

from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.edge_types import GOVERNED_BY, OWNS
from astrolabe.graph.state.status import Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest, Name, Projection, Terms
from astrolabe.kinds.persistent_volume_claim import CLAIM_PREFIX_LABEL
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import (
    ReplicaSpec,
    ReplicaStatus,
    UpdateStrategy,
    WorkloadMetadata,
    all_ready,
    count_replicas,
    odd_conditions,
    odd_strategy,
    progressing,
    scaled_to_zero,
)
from astrolabe.kinds.template import IDLE_WORKLOAD, describe_template, idle_labels, pod_labels, uses_of
from astrolabe.kinds.worst import READS_PODS, Revised, derive_from_pods, warn_creator


class ClaimTemplateMeta(Projection):
    name: Name = ""


class ClaimTemplate(Projection):
    metadata: ClaimTemplateMeta | None = None


class StatefulSetSpec(ReplicaSpec):
    min_ready_seconds: int = 0
    update_strategy: UpdateStrategy | None = None
    service_name: str = ""
    volume_claim_templates: Terms[ClaimTemplate] | None = None


class StatefulSet(Manifest):
    spec: StatefulSetSpec | None = None
    status: ReplicaStatus | None = None


def _statefulset_status(statefulset: StatefulSet) -> Status:
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or ReplicaStatus()
    desired, ready = spec.desired, status.ready_replicas
    if desired == 0:
        return scaled_to_zero(status.replicas)
    available = status.available_replicas if spec.min_ready_seconds else ready
    rolled_out = _is_rolled_out(spec, status)
    if ready < desired or available < desired or not rolled_out:
        updated = desired if rolled_out else status.updated_replicas
        return progressing(ready, desired, updated=updated, available=available)
    return all_ready(ready, desired)


def _is_rolled_out(spec: StatefulSetSpec, status: ReplicaStatus) -> bool:
    strategy = spec.update_strategy or UpdateStrategy()
    if strategy.waits_for_deletion:
        return True
    if strategy.rolling_update is None:
        return status.update_revision == status.current_revision
    return status.updated_replicas >= spec.desired - (strategy.rolling_update.partition or 0)


def _current_revisions(statefulset: StatefulSet) -> Revised:
    """Those that its pods may be of, with a partition or OnDelete also the one before."""
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or ReplicaStatus()
    strategy = spec.update_strategy or UpdateStrategy()
    rolling = strategy.rolling_update
    keeps_old = strategy.waits_for_deletion or bool(rolling is not None and rolling.partition)
    revisions = (status.update_revision, status.current_revision if keeps_old else "")
    lacks_pods = status.replicas < spec.desired
    return Revised(tuple([intern(each) for each in revisions if each]), lacks_pods)


def _claim_templates(statefulset: StatefulSet) -> list[str]:
    """The names of the volumes for which the controller creates a claim per pod."""
    templates = (statefulset.spec or StatefulSetSpec()).volume_claim_templates or ()
    return [each.metadata.name for each in templates if each.metadata is not None and each.metadata.name]


def _statefulset_uses(statefulset: StatefulSet) -> tuple[Ref, ...]:
    """What its pods use, without the claims created for them, which it owns."""
    template = (statefulset.spec or StatefulSetSpec()).template
    return uses_of(template, statefulset.metadata, claimed=frozenset(_claim_templates(statefulset)))


def _statefulset_metadata(statefulset: StatefulSet) -> WorkloadMetadata:
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or ReplicaStatus()
    uses = _statefulset_uses(statefulset)
    return WorkloadMetadata(
        strategy=odd_strategy(spec.update_strategy.type if spec.update_strategy is not None else None),
        pod_labels=pod_labels(spec.template, statefulset.metadata),
        replicas=count_replicas(spec.desired, status),
        revision=status.update_revision,
        conditions=odd_conditions(status.conditions),
        **describe_template(spec.template, uses),
    )


def _statefulset_links(statefulset: StatefulSet) -> list[Link]:
    """The claims that the controller created (by default it is not set as owner), the Service that gives its
    pods their names, and what they use.
    """
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
    service = (statefulset.spec or StatefulSetSpec()).service_name
    governed = [Ref(GOVERNED_BY, "Service", meta.namespace, service, "spec.serviceName")] if service else []
    return [*claims, *governed, *_statefulset_uses(statefulset)]


def _statefulset_selectable(statefulset: StatefulSet) -> dict[str, str] | None:
    spec, status = statefulset.spec or StatefulSetSpec(), statefulset.status or ReplicaStatus()
    return idle_labels(spec.template, status.replicas)


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
    observed=True,
    metadata=_statefulset_metadata,
    shows=WorkloadMetadata,
    links=_statefulset_links,
    selectable=_statefulset_selectable,
    sought_as=IDLE_WORKLOAD,
    details=_current_revisions,
    makes=((OWNS, "PersistentVolumeClaim"), (GOVERNED_BY, "Service"), *USES),
    derive=derive_from_pods,
    warn=warn_creator,
    creates="Pod",
    reads=READS_PODS,
)
