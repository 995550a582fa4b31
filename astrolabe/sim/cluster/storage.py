"""StorageClasses, claims and the volumes they are bound to."""

from __future__ import annotations

from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import CONTROLLER, metadata

Json = dict[str, Any]

_DRIVER = "disk.csi.example.com"


def storage_class(factory: ObjectFactory, name: str, *, default: bool, binding: str, created: str) -> Json:
    """A StorageClass. binding: Immediate or WaitForFirstConsumer."""
    annotations = {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    content = {
        "provisioner": _DRIVER,
        "parameters": {"type": name},
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        "volumeBindingMode": binding,
    }
    meta = metadata(factory, name, created=created, annotations=annotations)
    owned = {"f:metadata": fields_of({"annotations": annotations}), **fields_of(content)}
    meta["managedFields"] = [managed("kubectl-client-side-apply", "storage.k8s.io/v1", created, owned)]
    return {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": meta, **content}


def claim_spec(storage: str, size: str) -> Json:
    """The spec of a claim that is not bound."""
    return {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "storageClassName": storage,
        "volumeMode": "Filesystem",
    }


def claim(
    factory: ObjectFactory,
    name: str,
    *,
    namespace: str,
    labels: Json,
    spec: Json,
    created: str,
    bound: bool = True,
) -> Json:
    """A PersistentVolumeClaim, bound to a volume named after it or pending."""
    meta = metadata(
        factory,
        name,
        created=created,
        namespace=namespace,
        labels=labels,
        annotations=_binding_annotations() if bound else None,
        finalizers=["kubernetes.io/pvc-protection"],
    )
    status: Json = {"phase": "Pending"}
    if bound:
        spec = {**spec, "volumeName": f"pvc-{meta['uid']}"}
        status = {
            "phase": "Bound",
            "accessModes": spec["accessModes"],
            "capacity": spec["resources"]["requests"],
        }
    owned = {"f:metadata": fields_of({"labels": labels}), "f:spec": fields_of(spec)}
    meta["managedFields"] = [
        managed(CONTROLLER, "v1", created, owned),
        managed(CONTROLLER, "v1", created, {"f:status": fields_of(status)}, subresource="status"),
    ]
    return {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": meta,
        "spec": spec,
        "status": status,
    }


def volume(factory: ObjectFactory, claim: Json, *, zone: str, phase: str = "Bound") -> Json:
    """The PersistentVolume of a bound claim. phase Released: the claim it names is gone."""
    of = claim["metadata"]
    created = of["creationTimestamp"]
    spec = {
        "capacity": claim["spec"]["resources"]["requests"],
        "csi": {
            "driver": _DRIVER,
            "fsType": "ext4",
            "volumeAttributes": {"storage.kubernetes.io/csiProvisionerIdentity": f"1732-{_DRIVER}"},
            "volumeHandle": f"vol-{factory.digest()[:17]}",
        },
        "accessModes": claim["spec"]["accessModes"],
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            "namespace": of["namespace"],
            "name": of["name"],
            "uid": of["uid"],
            "apiVersion": "v1",
            "resourceVersion": "1",
        },
        "persistentVolumeReclaimPolicy": "Delete" if phase == "Bound" else "Retain",
        "storageClassName": claim["spec"]["storageClassName"],
        "volumeMode": "Filesystem",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [_in_zone(zone)]}]}},
    }
    meta = metadata(
        factory,
        claim["spec"]["volumeName"],
        created=created,
        annotations={"pv.kubernetes.io/provisioned-by": _DRIVER},
        finalizers=["kubernetes.io/pv-protection"],
    )
    meta["managedFields"] = [
        managed("csi-provisioner", "v1", created, {"f:spec": fields_of(spec)}),
        managed(CONTROLLER, "v1", created, {"f:status": {"f:phase": {}}}, subresource="status"),
    ]
    status = {"phase": phase, "lastPhaseTransitionTime": created}
    return {"kind": "PersistentVolume", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": status}


def _binding_annotations() -> Json:
    return {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.kubernetes.io/storage-provisioner": _DRIVER,
    }


def _in_zone(zone: str) -> Json:
    return {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
