"""The part of a manifest that every kind has (ObjectMeta of apimachinery), as typed structs.

What is not declared is never decoded: annotations are an allow-list by their very type, so that
`kubectl.kubernetes.io/last-applied-configuration`, which carries Secret values, never gets in.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

#: Elements of one list of a manifest. What an API server stores in its 1.5 MB has far fewer: an EndpointSlice
#: has 1,000 endpoints at most, an Ingress of that size some 5,000 paths.
MOST_ITEMS = 5_000
#: Labels of one object, requirements of one selector, claim templates of one StatefulSet: each may be held
#: against every object of a namespace.
MOST_TERMS = 1_000
#: Characters of a name, as the API has it. It may occur in the text of each edge and of each object it owns.
LONGEST_NAME = 253

T = TypeVar("T")

# An object that goes beyond does not fit its slice, and is left out for that reason.
Items = Annotated[list[T], msgspec.Meta(max_length=MOST_ITEMS)]
Terms = Annotated[list[T], msgspec.Meta(max_length=MOST_TERMS)]
Labels = Annotated[dict[str, str], msgspec.Meta(max_length=MOST_TERMS)]
Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]


class Projection(msgspec.Struct, gc=False, rename="camel"):
    """Base of every struct that declares a part of a manifest; unknown fields are skipped."""


class Annotations(Projection):
    """The allow-list. An annotation that is not here does not exist for Astrolabe."""

    helm_release_name: Name = msgspec.field(default="", name="meta.helm.sh/release-name")
    helm_release_namespace: Name = msgspec.field(default="", name="meta.helm.sh/release-namespace")
    helm_chart: Name = msgspec.field(default="", name="helm.sh/chart")
    config_mirror: str = msgspec.field(default="", name="kubernetes.io/config.mirror")
    ingress_class: str = msgspec.field(default="", name="kubernetes.io/ingress.class")
    cluster_issuer: Name = msgspec.field(default="", name="cert-manager.io/cluster-issuer")
    issuer: Name = msgspec.field(default="", name="cert-manager.io/issuer")
    issuer_kind: Name = msgspec.field(default="", name="cert-manager.io/issuer-kind")
    issuer_group: Name = msgspec.field(default="", name="cert-manager.io/issuer-group")
    inject_ca_from: Name = msgspec.field(default="", name="cert-manager.io/inject-ca-from")
    tls_acme: Name = msgspec.field(default="", name="kubernetes.io/tls-acme")
    revision: Name = msgspec.field(default="", name="deployment.kubernetes.io/revision")
    template_generation: Name = msgspec.field(default="", name="deprecated.daemonset.template.generation")
    scheduled_at: Name = msgspec.field(default="", name="batch.kubernetes.io/cronjob-scheduled-timestamp")
    instantiate: Name = msgspec.field(default="", name="cronjob.kubernetes.io/instantiate")
    storage_class: str = msgspec.field(default="", name="volume.beta.kubernetes.io/storage-class")
    default_storage_class: str = msgspec.field(default="", name="storageclass.kubernetes.io/is-default-class")
    beta_default_storage_class: str = msgspec.field(
        default="", name="storageclass.beta.kubernetes.io/is-default-class"
    )
    initial_events_end: str = msgspec.field(default="", name="k8s.io/initial-events-end")


class OwnerReference(Projection):
    uid: str = ""
    kind: str = ""
    name: str = ""
    api_version: str = ""
    controller: bool = False


class ObjectMeta(Projection):
    """`creationTimestamp` is null in the bookmarks of older servers."""

    name: Name = ""
    namespace: Name = ""
    uid: Name = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = ""
    deletion_timestamp: str = ""
    deletion_grace_period_seconds: int | None = None
    finalizers: Items[Name] | None = None
    labels: Labels | None = None
    annotations: Annotations | None = None
    owner_references: Items[OwnerReference] | None = None


class Manifest(Projection):
    """Base of each kind's manifest."""

    metadata: ObjectMeta


class Condition(Projection):
    """metav1.Condition and its older cousins (PodCondition, DeploymentCondition, ...)."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class LabelExpression(Projection):
    key: str = ""
    operator: str = ""
    values: Items[str] | None = None


class LabelSelector(Projection):
    """metav1.LabelSelector; see `astrolabe.graph.selector.from_expressions`."""

    match_labels: Labels | None = None
    match_expressions: Terms[LabelExpression] | None = None
