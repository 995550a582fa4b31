"""The metadata of objects, and what they belong to: a component of an application, and a Helm release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed

Json = dict[str, Any]

CONTROLLER = "kube-controller-manager"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

#: The fields of an object's content that its user set, not a controller.
_SET_BY_USER = (
    "spec",
    "data",
    "type",
    "webhooks",
    "provisioner",
    "reclaimPolicy",
    "volumeBindingMode",
    "secrets",
)


@dataclass(frozen=True)
class HelmRelease:
    """A Helm release. namespace: where Helm keeps it, which need not be where its objects are.

    labelled: whether its chart sets the recommended labels. Otherwise only Helm's annotations identify it.
    """

    name: str
    namespace: str
    chart: str
    chart_version: str
    app_version: str
    labelled: bool = True

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations that Helm sets on every object, and the chart's name if no label has it."""
        annotations = {
            "meta.helm.sh/release-name": self.name,
            "meta.helm.sh/release-namespace": self.namespace,
        }
        return annotations if self.labelled else {"helm.sh/chart": self.chart_label, **annotations}

    @property
    def chart_label(self) -> str:
        return f"{self.chart}-{self.chart_version}"


@dataclass(frozen=True)
class AppIdentity:
    """One component of an application in a namespace; release None: applied by hand with kubectl."""

    name: str
    namespace: str
    release: HelmRelease | None = None

    @property
    def selector(self) -> dict[str, str]:
        """The labels that its pods, and only they, carry."""
        if self.release is not None and self.release.labelled:
            return {"app.kubernetes.io/instance": self.release.name, "app.kubernetes.io/name": self.name}
        return {"app": self.name}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its objects."""
        if self.release is None or not self.release.labelled:
            return self.selector
        return {
            "app.kubernetes.io/instance": self.release.name,
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/name": self.name,
            "app.kubernetes.io/version": self.release.app_version,
            "helm.sh/chart": self.release.chart_label,
        }


def metadata(factory: ObjectFactory, name: str, *, created: str, namespace: str = "", **more: Any) -> Json:
    """metadata in the order of a real server; `more` are further fields, empty ones are left out.

    resourceVersion is "0" until the store assigns it.
    """
    fields = {
        "name": name,
        "generateName": more.pop("generateName", None),
        "namespace": namespace,
        "uid": factory.uid(),
        "resourceVersion": "0",
        "generation": more.pop("generation", None),
        "creationTimestamp": created,
        "labels": more.pop("labels", None),
        "annotations": more.pop("annotations", None),
        **more,
    }
    return {key: value for key, value in fields.items() if value}


def owner_reference(owner: Json) -> Json:
    """The controller reference to an owner, given with its kind and apiVersion."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def app_object(
    factory: ObjectFactory,
    app: AppIdentity,
    name: str,
    *,
    kind: str,
    api_version: str,
    created: str,
    content: Json,
    **more: Any,
) -> Json:
    """An object that a user installed as part of an application, by Helm or by kubectl.

    content: everything beside metadata. more: further fields of metadata. The result has kind and apiVersion,
    so that it can be given as an owner. The store drops them.
    """
    annotations = dict(more.pop("annotations", {}))
    applied = {key: value for key, value in content.items() if key in _SET_BY_USER}
    identity = {"name": name, "namespace": app.namespace, "labels": app.labels}
    if app.release is not None:
        annotations.update(app.release.annotations)
        manager = "helm"
    else:
        manager = "kubectl-client-side-apply"
        annotations[APPLIED] = last_applied(kind, api_version, identity, applied)
    annotations = dict(sorted(annotations.items()))
    meta = metadata(
        factory,
        name,
        created=created,
        namespace=app.namespace,
        labels=app.labels,
        annotations=annotations,
        **more,
    )
    owned = {
        "f:metadata": fields_of({"annotations": annotations, "labels": app.labels}),
        **fields_of(applied),
    }
    meta["managedFields"] = [managed(manager, api_version, created, owned)]
    return {"kind": kind, "apiVersion": api_version, "metadata": meta, **content}


def last_applied(kind: str, api_version: str, identity: Json, applied: Json) -> str:
    """The annotation in which kubectl keeps what was applied, secret values included."""
    content = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"annotations": {}, **identity},
        **applied,
    }
    return msgspec.json.encode(content, order="sorted").decode() + "\n"


def controlled(manifest: Json, status: Json, *, time: str, annotations: Json | None = None) -> Json:
    """The same object once its controller wrote a status (and annotations) to it."""
    meta = dict(manifest["metadata"])
    owned: Json = {"f:status": fields_of(status)}
    if annotations:
        meta["annotations"] = dict(sorted({**meta.get("annotations", {}), **annotations}.items()))
        owned = {"f:metadata": {"f:annotations": fields_of(annotations)}, **owned}
    entry = managed(CONTROLLER, manifest["apiVersion"], time, owned, subresource="status")
    meta["managedFields"] = [*meta.get("managedFields", ()), entry]
    return {**manifest, "metadata": meta, "status": status}
