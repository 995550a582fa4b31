"""ConfigMap, Secret, ServiceAccount. Of the first two only metadata is ever asked for."""

from __future__ import annotations

from sys import intern
from typing import Annotated

import msgspec

from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import USES_SECRET
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about

#: The kinds in whose objects Helm keeps its releases: by default, and with `HELM_DRIVER=configmap`.
KEEPS_RELEASES = ("Secret", "ConfigMap")

#: What the name of a Secret or ConfigMap begins with in which Helm keeps a revision.
RELEASE_PREFIX = "sh.helm.release.v1."


def _is_helm_release(stored: Manifest) -> bool:
    """Whether Helm keeps a revision in this Secret or ConfigMap (`HELM_DRIVER=configmap`), labelled alike.

    Only labels can say, since the type of a Secret is not in the metadata.
    """
    meta = stored.metadata
    return meta.name.startswith(RELEASE_PREFIX) and (meta.labels or {}).get("owner") == "helm"


class SecretMetadata(Metadata):
    type: Annotated[str, about("Of a Secret in which Helm keeps a release.")] = ""


def _secret_metadata(secret: Manifest) -> SecretMetadata:
    return SecretMetadata(type="helm.sh/release.v1" if _is_helm_release(secret) else "")


def _revision(stored: Manifest) -> HelmRevision | None:
    labels = stored.metadata.labels or {}
    name, version = labels.get("name", ""), labels.get("version", "")
    if not (_is_helm_release(stored) and name and version.isascii() and version.isdecimal()):
        return None
    release = Release(intern(stored.metadata.namespace), intern(name))
    return HelmRevision(release, int(version), intern(labels.get("status", "")))


def _configmap_revision(stored: Manifest) -> HelmRevision | None:
    revision = _revision(stored)
    return msgspec.structs.replace(revision, in_configmap=True) if revision is not None else None


CONFIGMAP = Kind(
    name="ConfigMap",
    group="",
    version="v1",
    plural="configmaps",
    layer="configuration",
    column=5,
    short_names=("cm",),
    manifest=Manifest,
    status=always_ready,
    revision=_configmap_revision,
    metadata_only=True,
)

SECRET = Kind(
    name="Secret",
    group="",
    version="v1",
    plural="secrets",
    layer="configuration",
    column=5,
    manifest=Manifest,
    status=always_ready,
    metadata=_secret_metadata,
    shows=SecretMetadata,
    revision=_revision,
    metadata_only=True,
)


class SecretReference(Projection):
    name: str = ""


class ServiceAccount(Manifest):
    secrets: Items[SecretReference] | None = None
    image_pull_secrets: Items[SecretReference] | None = None


def _account_links(account: ServiceAccount) -> list[Link]:
    namespace = account.metadata.namespace
    return [
        Ref(USES_SECRET, "Secret", namespace, secret.name, f"{path}[{secret.name}]")
        for path, secrets in (
            ("secrets", account.secrets),
            ("imagePullSecrets", account.image_pull_secrets),
        )
        for secret in secrets or ()
        if secret.name
    ]


SERVICE_ACCOUNT = Kind(
    name="ServiceAccount",
    group="",
    version="v1",
    plural="serviceaccounts",
    layer="configuration",
    column=5,
    short_names=("sa",),
    manifest=ServiceAccount,
    status=always_ready,
    links=_account_links,
    makes=((USES_SECRET, "Secret"),),
)
