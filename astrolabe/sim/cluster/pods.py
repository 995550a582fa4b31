"""Pods, made from the template of their owner as its controller does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import CONTROLLER, metadata, owner_reference
from astrolabe.sim.cluster.podstatus import Placement

Json = dict[str, Any]

_TOLERATED = ("not-ready", "unreachable")
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def pod_of(
    factory: ObjectFactory,
    owner: Json,
    *,
    name: str,
    created: str,
    labels: Json | None = None,
    volumes: Sequence[Json] = (),
    generate_name: str = "",
    **spec: Any,
) -> Json:
    """A pod of an owner (given with its kind) from its `spec.template`: not scheduled, without status.

    labels, volumes and other fields of the spec: what the controller adds to those of the template.
    """
    template = owner["spec"]["template"]
    all_labels = {**template["metadata"].get("labels", {}), **(labels or {})}
    meta = metadata(
        factory,
        name,
        generateName=generate_name,
        namespace=owner["metadata"]["namespace"],
        generation=1,
        created=created,
        labels=all_labels,
        annotations=template["metadata"].get("annotations"),
        ownerReferences=[owner_reference(owner)],
    )
    owned = {"f:metadata": fields_of({"labels": all_labels}), "f:spec": _template_fields(owner)}
    meta["managedFields"] = [managed(CONTROLLER, "v1", created, owned)]
    asked = {**template["spec"], "volumes": [*template["spec"].get("volumes", ()), *volumes]}
    full = {**_admitted(asked, f"kube-api-access-{factory.suffix()}"), **spec}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": full}


def replica_pod(factory: ObjectFactory, replica_set: Json, *, created: str) -> Json:
    """A pod of a ReplicaSet, with a generated name."""
    prefix = f"{replica_set['metadata']['name']}-"
    return pod_of(factory, replica_set, name=prefix + factory.suffix(), created=created, generate_name=prefix)


def stateful_pod(
    factory: ObjectFactory, stateful_set: Json, *, ordinal: int, revision: str, created: str
) -> Json:
    """The pod of a StatefulSet with an ordinal, mounting its own claim of each volume claim template."""
    base = stateful_set["metadata"]["name"]
    name = f"{base}-{ordinal}"
    templates = [template["metadata"]["name"] for template in stateful_set["spec"]["volumeClaimTemplates"]]
    labels = {
        "apps.kubernetes.io/pod-index": str(ordinal),
        "controller-revision-hash": revision,
        "statefulset.kubernetes.io/pod-name": name,
    }
    return pod_of(
        factory,
        stateful_set,
        name=name,
        created=created,
        labels=labels,
        volumes=[{"name": one, "persistentVolumeClaim": {"claimName": f"{one}-{name}"}} for one in templates],
        generate_name=f"{base}-",
        hostname=name,
        subdomain=stateful_set["spec"]["serviceName"],
    )


def daemon_pod(factory: ObjectFactory, daemon_set: Json, *, node: str, revision: str, created: str) -> Json:
    """The pod of a DaemonSet on a node."""
    prefix = f"{daemon_set['metadata']['name']}-"
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    return pod_of(
        factory,
        daemon_set,
        name=prefix + factory.suffix(),
        created=created,
        labels={"controller-revision-hash": revision, "pod-template-generation": "1"},
        generate_name=prefix,
        affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
    )


def job_pod(factory: ObjectFactory, job: Json, *, created: str) -> Json:
    """A pod of a Job, with a generated name."""
    prefix = f"{job['metadata']['name']}-"
    return pod_of(factory, job, name=prefix + factory.suffix(), created=created, generate_name=prefix)


def placed(pod: Json, placement: Placement | None, status: Json, *, time: str) -> Json:
    """The pod with a status that a kubelet wrote at a time; place None: on no node yet."""
    spec = pod["spec"] if placement is None else {**pod["spec"], "nodeName": placement.node}
    meta = pod["metadata"]
    if placement is not None and "containerStatuses" in status:
        by_controllers = [entry for entry in meta["managedFields"] if entry["manager"] != "kubelet"]
        kubelet = managed("kubelet", "v1", time, _kubelet_fields(placement.address), subresource="status")
        meta = {**meta, "managedFields": [*by_controllers, kubelet]}
    return {**pod, "metadata": meta, "spec": spec, "status": status}


def _template_fields(owner: Json) -> Json:
    """The field set of the template, which the owner's own managedFields have already."""
    for entry in owner["metadata"].get("managedFields", ()):
        fields = entry["fieldsV1"].get("f:spec", {}).get("f:template", {}).get("f:spec")
        if fields:
            return {**fields, "f:enableServiceLinks": {}}
    return fields_of(owner["spec"]["template"]["spec"])


def _admitted(spec: Json, token: str) -> Json:
    """The spec of a pod after admission: account, token volume, tolerations, priority."""
    mount = {"name": token, "readOnly": True, "mountPath": _TOKEN_PATH}
    containers: Json = {
        key: [{**one, "volumeMounts": [*one.get("volumeMounts", ()), mount]} for one in spec[key]]
        for key in ("initContainers", "containers")
        if key in spec
    }
    account = spec.get("serviceAccountName", "default")
    return {
        "volumes": [*spec.get("volumes", ()), _token_volume(token)],
        **{key: value for key, value in spec.items() if key != "volumes"},
        **containers,
        "serviceAccountName": account,
        "serviceAccount": account,
        "tolerations": [_toleration(f"node.kubernetes.io/{taint}") for taint in _TOLERATED],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _token_volume(name: str) -> Json:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": authority},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def _toleration(key: str) -> Json:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}


def _kubelet_fields(address: str) -> Json:
    known: Json = {".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}
    types = ("ContainersReady", "Initialized", "PodReadyToStartContainers", "Ready")
    fields: Json = {
        "f:conditions": {f'k:{{"type":"{type}"}}': known for type in types},
        "f:containerStatuses": {},
        "f:hostIP": {},
        "f:hostIPs": {},
        "f:phase": {},
        "f:podIP": {},
        "f:podIPs": {".": {}, f'k:{{"ip":"{address}"}}': {".": {}, "f:ip": {}}},
        "f:startTime": {},
    }
    return {"f:status": fields}
