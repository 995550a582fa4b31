"""What identifies a kind, a Helm release, and an object among those of several clusters."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

#: The only kind that the graph knows by name, because every namespaced resource names one.
NAMESPACE = "Namespace"

#: The API groups that kube-apiserver itself serves. No two kinds in them have the same name, except Event,
#: which is one kind in two groups.
OWN_GROUPS = frozenset(
    (
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    )
)


class GroupKind(NamedTuple):
    """The identity of a kind, as in apimachinery. The version is not part of it."""

    group: str
    kind: str

    @classmethod
    def of(cls, api_version: str, kind: str) -> GroupKind:
        """The kind that a manifest's apiVersion and kind name."""
        return cls(api_version.rpartition("/")[0], kind)

    @property
    def key(self) -> str:
        """One word for it: `Service` is Kubernetes' own, `Service.serving.knative.dev` is another's.

        References, filters and metrics have it in place of the pair.
        """
        return self.kind if self.group in OWN_GROUPS else f"{self.kind}.{self.group}"


def qualified(cluster: str, uid: str) -> str:
    """The id of an object of this cluster: its uid, which clones of a cluster share.

    cluster: the name that it has in a union of several; "" for the only one. It has no slash.
    """
    return f"{cluster}/{uid}" if cluster else uid


class Release(msgspec.Struct, frozen=True, order=True, omit_defaults=True, gc=False):
    """A Helm release; two of the same name in two namespaces, or in two clusters, are two.

    cluster: see `qualified`.
    """

    namespace: str
    name: str
    cluster: str = ""


class HelmReleaseName(NamedTuple):
    """A HelmRelease: the custom resource by which Flux makes a release, of this name or another."""

    namespace: str
    name: str


class HelmRevision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One revision of a release, from the labels of its Secret of type `helm.sh/release.v1`.

    kept_in: the namespace of the Secret; "": that of the release. in_configmap: it is a ConfigMap.
    """

    release: Release
    revision: int
    status: str
    kept_in: str = ""
    in_configmap: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether there is still such a release: `helm uninstall --keep-history` leaves revisions."""
        return self.status != "uninstalled"
