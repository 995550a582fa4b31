"""The part of a manifest that every kind has (ObjectMeta of apimachinery), as typed slices.

What is not declared is never decoded: annotations are an allow-list by their very type, so that
`kubectl.kubernetes.io/last-applied-configuration`, which carries Secret values, never gets in.
"""

from __future__ import annotations

import msgspec


class Slice(msgspec.Struct, gc=False, rename="camel"):
    """Base of every struct that declares a part of a manifest; unknown fields are skipped."""


class Annotations(Slice):
    """The allow-list. An annotation that is not here does not exist for Astrolabe."""

    helm_release_name: str = msgspec.field(default="", name="meta.helm.sh/release-name")
    helm_release_namespace: str = msgspec.field(default="", name="meta.helm.sh/release-namespace")
    helm_chart: str = msgspec.field(default="", name="helm.sh/chart")
    ingress_class: str = msgspec.field(default="", name="kubernetes.io/ingress.class")
    storage_class: str = msgspec.field(default="", name="volume.beta.kubernetes.io/storage-class")
    default_storage_class: str = msgspec.field(default="", name="storageclass.kubernetes.io/is-default-class")
    beta_default_storage_class: str = msgspec.field(
        default="", name="storageclass.beta.kubernetes.io/is-default-class"
    )
    initial_events_end: str = msgspec.field(default="", name="k8s.io/initial-events-end")


class OwnerReference(Slice):
    uid: str = ""
    kind: str = ""
    name: str = ""
    api_version: str = ""
    controller: bool = False


class ObjectMeta(Slice):
    """`creationTimestamp` is null in the bookmarks of older servers."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = ""
    deletion_timestamp: str = ""
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: Annotations | None = None
    owner_references: list[OwnerReference] | None = None


class Manifest(Slice):
    """Base of the slice of each kind."""

    metadata: ObjectMeta


class Condition(Slice):
    """metav1.Condition and its older cousins (PodCondition, DeploymentCondition, ...)."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class LabelExpression(Slice):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Slice):
    """metav1.LabelSelector; see `astrolabe.graph.selector.from_expressions`."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[LabelExpression] | None = None
