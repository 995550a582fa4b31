"""Deployments, ReplicaSets, StatefulSets and DaemonSets, and the status that their controllers write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import (
    APPLIED,
    CONTROLLER,
    AppIdentity,
    app_object,
    controlled,
    metadata,
    owner_reference,
)

Json = dict[str, Any]

APPS = "apps/v1"
#: How far a rollout is; stuck: its progress deadline is exceeded.
RolloutProgress = Literal["complete", "progressing", "stuck"]

_PROGRESS: Mapping[RolloutProgress, tuple[str, str]] = {
    "complete": ("NewReplicaSetAvailable", "has successfully progressed."),
    "progressing": ("ReplicaSetUpdated", "is progressing."),
    "stuck": ("ProgressDeadlineExceeded", "has timed out progressing."),
}
REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class ReplicaCounts:
    """Replicas of a workload: desired, existing, updated, ready."""

    desired: int
    replicas: int
    updated: int
    ready: int


def deployment(
    factory: ObjectFactory,
    app: AppIdentity,
    template: Json,
    *,
    replicas: int,
    created: str,
    history: int = 10,
) -> Json:
    """A new Deployment, without a status. template: a pod spec. history: its revisionHistoryLimit."""
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": app.selector},
        "template": {"metadata": {"labels": app.selector}, "spec": template},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": history,
        "progressDeadlineSeconds": 600,
    }
    annotations = {
        "example.com/owner": f"{app.namespace}@example.com",
        "example.com/runbook": f"https://runbooks.example.com/{app.namespace}/{app.name}",
    }
    return app_object(
        factory,
        app,
        app.name,
        kind="Deployment",
        api_version=APPS,
        created=created,
        content={"spec": spec},
        generation=1,
        annotations=annotations,
    )


def deployment_status(
    generation: int, counts: ReplicaCounts, *, newest: str, progress: RolloutProgress, since: str, at: str
) -> Json:
    """status of a Deployment. newest: its ReplicaSet's name. since, at: of its rollout and last change."""
    available = counts.ready >= counts.desired - counts.desired // 4
    status = {
        "observedGeneration": generation,
        "replicas": counts.replicas,
        "updatedReplicas": counts.updated,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.ready,
        "unavailableReplicas": max(0, counts.desired - counts.ready),
        "terminatingReplicas": 0,
        "conditions": [
            _available(available=available, at=at),
            _progressing(newest, progress, since=since, at=at),
        ],
    }
    always = ("observedGeneration", "terminatingReplicas")
    return {key: value for key, value in status.items() if value or key in always}


def _available(*, available: bool, at: str) -> Json:
    reason, message = (
        ("MinimumReplicasAvailable", "Deployment has minimum availability.")
        if available
        else ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    return _condition("Available", available, updated=at, changed=at, reason=reason, message=message)


def _progressing(newest: str, progress: RolloutProgress, *, since: str, at: str) -> Json:
    reason, what = _PROGRESS[progress]
    message = f'ReplicaSet "{newest}" {what}'
    return _condition(
        "Progressing", progress != "stuck", updated=at, changed=since, reason=reason, message=message
    )


def _condition(type: str, status: bool, *, updated: str, changed: str, reason: str, message: str) -> Json:
    return {
        "type": type,
        "status": str(status),
        "lastUpdateTime": updated,
        "lastTransitionTime": changed,
        "reason": reason,
        "message": message,
    }


def replica_set(
    factory: ObjectFactory,
    deployment: Json,
    *,
    template: Json,
    revision: int,
    replicas: int,
    created: str,
    generation: int = 1,
) -> Json:
    """The ReplicaSet of one revision of a Deployment (given with its kind). template: with metadata."""
    digest = factory.template_hash()
    of = deployment["metadata"]
    labels = {**template["metadata"]["labels"], "pod-template-hash": digest}
    desired = deployment["spec"]["replicas"]
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(desired),
        "deployment.kubernetes.io/max-replicas": str(desired + -(-desired // 4)),
        **{key: value for key, value in of.get("annotations", {}).items() if key != APPLIED},
        REVISION: str(revision),
    }
    spec = {
        "replicas": replicas,
        "selector": {
            "matchLabels": {**deployment["spec"]["selector"]["matchLabels"], "pod-template-hash": digest}
        },
        "template": {"metadata": {**template["metadata"], "labels": labels}, "spec": template["spec"]},
    }
    meta = metadata(
        factory,
        f"{of['name']}-{digest}",
        created=created,
        namespace=of["namespace"],
        generation=generation,
        labels=labels,
        annotations=annotations,
        ownerReferences=[owner_reference(deployment)],
    )
    owned = {
        "f:metadata": fields_of({"annotations": annotations, "labels": labels}),
        "f:spec": _replica_set_fields(deployment, labels),
    }
    meta["managedFields"] = [managed(CONTROLLER, APPS, created, owned)]
    return {"kind": "ReplicaSet", "apiVersion": APPS, "metadata": meta, "spec": spec}


def _replica_set_fields(deployment: Json, labels: Json) -> Json:
    """The template's fields are those that the Deployment's own managedFields have already."""
    entries = (
        entry["fieldsV1"].get("f:spec", {}) for entry in deployment["metadata"].get("managedFields", ())
    )
    template: Json = next((fields["f:template"] for fields in entries if "f:template" in fields), {})
    return {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {**template, "f:metadata": fields_of({"labels": labels})},
    }


def replica_set_status(generation: int, counts: ReplicaCounts) -> Json:
    """status of a ReplicaSet. `updated` of the counts is ignored."""
    status = {
        "replicas": counts.replicas,
        "fullyLabeledReplicas": counts.replicas,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.ready,
        "terminatingReplicas": 0,
        "observedGeneration": generation,
    }
    optional = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return {key: value for key, value in status.items() if value or key not in optional}


def stateful_set(
    factory: ObjectFactory, app: AppIdentity, template: Json, *, replicas: int, created: str, volume: Json
) -> Json:
    """A new StatefulSet with one claim template, without a status. volume: the spec of the claims."""
    claim = {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {"name": "data"},
        "spec": volume,
        "status": {"phase": "Pending"},
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": app.selector},
        "template": {"metadata": {"labels": app.selector}, "spec": template},
        "volumeClaimTemplates": [claim],
        "serviceName": app.name,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    return app_object(
        factory,
        app,
        app.name,
        kind="StatefulSet",
        api_version=APPS,
        created=created,
        content={"spec": spec},
        generation=1,
    )


def stateful_set_status(generation: int, counts: ReplicaCounts, *, revision: str) -> Json:
    """status of a StatefulSet that runs one revision of its template."""
    return {
        "observedGeneration": generation,
        "replicas": counts.replicas,
        **({"readyReplicas": counts.ready} if counts.ready else {}),
        "currentReplicas": counts.updated,
        "updatedReplicas": counts.updated,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
        "availableReplicas": counts.ready,
    }


def daemon_set(factory: ObjectFactory, app: AppIdentity, template: Json, *, created: str) -> Json:
    """A new DaemonSet, without a status."""
    spec = {
        "selector": {"matchLabels": app.selector},
        "template": {"metadata": {"labels": app.selector}, "spec": template},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        "revisionHistoryLimit": 10,
    }
    annotations = {"deprecated.daemonset.template.generation": "1"}
    return app_object(
        factory,
        app,
        app.name,
        kind="DaemonSet",
        api_version=APPS,
        created=created,
        content={"spec": spec},
        generation=1,
        annotations=annotations,
    )


def daemon_set_status(generation: int, counts: ReplicaCounts) -> Json:
    unavailable = counts.desired - counts.ready
    return {
        "currentNumberScheduled": counts.replicas,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": counts.desired,
        "numberReady": counts.ready,
        "observedGeneration": generation,
        "updatedNumberScheduled": counts.updated,
        **({"numberAvailable": counts.ready} if counts.ready else {}),
        **({"numberUnavailable": unavailable} if unavailable else {}),
    }


def with_status(workload: Json, status: Json, *, time: str, annotations: Json | None = None) -> Json:
    """The workload with a status of its controller, which replaces the previous one."""
    entries = [entry for entry in workload["metadata"].get("managedFields", ()) if "subresource" not in entry]
    bare = {**workload, "metadata": {**workload["metadata"], "managedFields": entries}}
    return controlled(bare, status, time=time, annotations=annotations)
