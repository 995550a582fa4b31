"""The graph as it is answered: nodes, edges, and what is made of them."""

from __future__ import annotations

from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, field

from astrolabe.http.openapi.terms import (
    Absent,
    Count,
    EdgeType,
    Epoch,
    InCluster,
    Kind,
    Seq,
    Shape,
    Status,
    Time,
    about,
    reference,
)
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.helm_release import DeclaredObject, ReleaseHook
from astrolabe.kinds.kind import Layer
from astrolabe.kinds.metadata import Metadata
from astrolabe.kinds.persistent_volume import BoundClaim
from astrolabe.kinds.replicas import Replicas

#: The name of the component of what nodes show of manifests.
METADATA = "Metadata"


class Error(Shape):
    """Why a request was refused."""

    error: Annotated[str, about("One word, for programs.", "bad-filter")]
    message: Annotated[str, about("A sentence that names what is wrong.")]
    at: Annotated[Count, about("Where in `q` it does not parse: characters before it.")] | Absent = UNSET


class GraphQLAnswer(Shape):
    """What GraphQL answers: data, or errors, or both."""

    data: dict[str, Any] | Absent | None = UNSET
    errors: list[dict[str, Any]] | Absent = UNSET
    extensions: (
        Annotated[
            dict[str, Any],
            about("`position`: the place in history that the data is of. `state`: see X-Astrolabe-State."),
        ]
        | Absent
    ) = UNSET


class Proposed(Shape):
    """A text to write."""

    text: Annotated[str, about("", "namespace:")]
    description: str | Absent = UNSET
    resources: Annotated[Count, about("Resources that have it.")] | Absent = UNSET


class Completion(Shape):
    """What may be written at a place of a search."""

    start: Annotated[Count, about("Characters before what is to be replaced.")]
    end: Annotated[Count, about("Characters up to its end.")]
    proposals: list[Proposed]


class SearchHit(Shape, kw_only=True):
    """A resource that a search finds."""

    uid: str
    kind: Kind
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    name: str
    cluster: InCluster | Absent = UNSET
    status: Status
    reason: str
    message: str
    release: str


class SearchHits(Shape):
    """What a search finds."""

    total: Annotated[Count, about("How many resources it finds.")]
    hits: Annotated[list[SearchHit], about("The best of them, up to the limit.")]


class ReferenceShape(Shape):
    """An unresolved reference: its target does not exist."""

    type: EdgeType
    kind: Annotated[str, about("The kind of the missing object.", "Secret")]
    name: str
    field: Annotated[
        str, about("The path in the manifest.", "spec.volumes[data].persistentVolumeClaim.claimName")
    ]
    namespace: Annotated[str, about("If the kind is namespaced.")] | Absent = UNSET


class Owner(Shape):
    """One of a manifest's ownerReferences."""

    kind: str
    name: str


class OwnWords(Shape):
    """What a resource's own manifest says, without its neighbors."""

    status: Status
    reason: str
    message: str
    since: Annotated[Time, about("When this status began, according to the manifest.")] | Absent = UNSET


class WarningShape(Shape):
    """What an Event of Kubernetes warns of. How often it is repeated is no part of a node."""

    reason: Annotated[str, about("", "FailedMount")]
    message: str
    since: Annotated[Time, about("When it was first seen.")]


class EventShape(Shape):
    """An Event of Kubernetes about a resource."""

    type: Annotated[str, about("Warning or Normal.", "Warning")]
    reason: Annotated[str, about("", "FailedMount")]
    message: str
    count: Annotated[Count, about("How often it was seen.")]
    first: Annotated[Time, about("When it was first seen.")]
    last: Annotated[Time, about("When it was seen last.")]
    source: Annotated[str, about("The component that reports it.", "kubelet")]


class NodeShape(Shape, kw_only=True):
    """One resource. A key that is not required is absent when it has no value."""

    uid: Annotated[
        str,
        about(
            "The uid in Kubernetes. If several clusters are served, it is `<cluster>/<uid>`.",
            "e2e7b339-5a6f-4d99-acca-96b3276dcee0",
        ),
    ]
    kind: Kind
    name: str
    cluster: InCluster | Absent = UNSET
    namespace: Annotated[str, about("Empty if the resource is cluster-scoped.")]
    api_version: Annotated[str, about("The apiVersion in the manifest.", "apps/v1")]
    status: Status
    reason: Annotated[
        str, about("Why, in one word. For a Pod, the status that kubectl shows.", "CrashLoopBackOff")
    ]
    message: Annotated[str, about("Why, in a sentence. Empty if there is nothing to add.")]
    metadata: Annotated[dict[str, Any], Meta(extra_json_schema=reference(METADATA))]
    since: Annotated[Time, about("When this status began, according to the manifest.")] | Absent = UNSET
    warning: (
        Annotated[WarningShape, about("The newest Warning Event of the last hour, while it is not Ready.")]
        | Absent
    ) = UNSET
    own: (
        Annotated[
            OwnWords, about("By its own manifest alone; only where its neighbours changed a word of that.")
        ]
        | Absent
    ) = UNSET
    release: Annotated[str, about("Its Helm release: its own, or the one of its owner.")] | Absent = UNSET
    release_namespace: str | Absent = UNSET
    chart: Annotated[str, about("The chart with its version.", "web-1.2.3")] | Absent = UNSET
    unresolved: list[ReferenceShape] | Absent = UNSET
    owner_references: list[Owner] | Absent = UNSET
    labels: dict[str, str] | Absent = UNSET


class EdgeShape(Shape):
    """A relation between two resources. `type`, `from` and `to` identify it."""

    type: EdgeType
    source: Annotated[str, about("The uid of the resource that uses, owns or selects.")] = field(name="from")
    target: Annotated[str, about("The uid of the resource that is used, owned or selected.")] = field(
        name="to"
    )
    field: Annotated[list[str], about("The paths in the manifest that make this edge.", ["spec.volumeName"])]


class GraphShape(Shape):
    """Nodes, and the edges between them. Both ends of each edge are among the nodes."""

    epoch: Epoch
    seq: Seq
    nodes: list[NodeShape]
    edges: list[EdgeShape]


class IdentityShape(Shape, kw_only=True):
    """Identifies a node, with its status."""

    uid: str
    kind: Kind
    namespace: Annotated[str, about("Empty if the resource is cluster-scoped.")]
    name: str
    cluster: InCluster | Absent = UNSET
    status: Status


class EdgeWithEnd(EdgeShape):
    """An edge of a node, and the node at its other end."""

    other: IdentityShape


class EdgesOfNode(Shape):
    """All edges of one node."""

    out: list[EdgeWithEnd]
    into: list[EdgeWithEnd] = field(name="in")


class ResourceDetail(Shape):
    """One node, with its edges and the nodes at their other ends."""

    epoch: Epoch
    seq: Seq
    node: NodeShape
    edges: EdgesOfNode
    unresolved: list[ReferenceShape]
    events: (
        Annotated[list[EventShape], about("Those that are kept, newest first; absent if they are unknown.")]
        | Absent
    ) = UNSET


class ResourceShape(Shape, kw_only=True):
    """One resource as a flat object."""

    uid: str
    name: str
    cluster: InCluster | Absent = UNSET
    namespace: Annotated[str, about("Empty if the resource is cluster-scoped.")]
    kind: Kind
    api_version: str
    status: Status
    reason: str
    message: str
    chart: str
    release: str
    age: Annotated[str, about("Time since its creation, in the largest unit.", "12s", "5m", "3h", "5d")]
    creation_timestamp: Time
    image: str | Absent = UNSET
    node_name: str | Absent = UNSET
    restart_count: Count | Absent = UNSET
    replicas: Replicas | Absent = UNSET
    volume_name: str | Absent = UNSET
    claim_ref: BoundClaim | Absent = UNSET
    target_pods: list[str] | Absent = UNSET
    mounted_pvcs: list[str] | Absent = field(default=UNSET, name="mountedPVCs")
    used_config_maps: list[str] | Absent = UNSET
    used_secrets: list[str] | Absent = UNSET
    service_account_name: str | Absent = UNSET
    owner_references: list[Owner] | Absent = UNSET


class Tally(Shape):
    """How many nodes have each status."""

    ready: Count
    pending: Count
    error: Count
    unknown: Count


class ReleaseShape(Tally, kw_only=True):
    """A Helm release, known by its resources or by the revisions that Helm keeps.

    Revision and status are null where the Secrets or ConfigMaps are not watched in which Helm keeps them.
    """

    name: str
    namespace: str
    cluster: InCluster | Absent = UNSET
    chart: Annotated[str, about("That was installed, with its version; empty when no node names one.")]
    charts: Annotated[list[str], about("The chart and its subcharts, as far as nodes name them.")]
    revision: int | None
    status: Annotated[str | None, about("The status in Helm.", "deployed")]
    nodes: Count
    app_version: Annotated[str, about("Only with `--helm-details`, as all that follows.")] | Absent = UNSET
    description: Annotated[str, about("Of the chart.")] | Absent = UNSET
    last_action: Annotated[str, about("What Helm did last.", "Upgrade complete")] | Absent = UNSET
    first_deployed: str | Absent = UNSET
    last_deployed: str | Absent = UNSET


class ReleaseMember(Shape):
    """An object of a release. found: what is there instead of a missing one, of another kind or name."""

    kind: str
    namespace: str
    name: str
    found: ReleaseMember | Absent = UNSET


class ReleaseDetail(ReleaseShape):
    """A release with what Helm keeps about it, if `--helm-details` is set: never values."""

    notes: str | Absent = UNSET
    hooks: list[ReleaseHook] | Absent = UNSET
    objects: Annotated[list[DeclaredObject], about("Of the rendered manifests.")] | Absent = UNSET
    missing: Annotated[list[ReleaseMember], about("Declared, but not there.")] | Absent = UNSET
    undeclared: (
        Annotated[list[ReleaseMember] | None, about("Objects of the release that are no longer declared.")]
        | Absent
    ) = UNSET


class Counts(Shape, rename="pascal"):
    """How many nodes have each status."""

    ready: Count
    pending: Count
    error: Count
    unknown: Count


class ColumnInfo(Shape):
    """A key of the metadata of a kind's nodes, as a table shows it."""

    name: Annotated[str, about("The key.", "nodeName")]
    type: Literal["string", "integer", "number", "boolean", "array", "object"]
    description: str
    format: Annotated[Literal["date-time"], about("If its values are times, RFC 3339.")] | Absent = UNSET


class KindInfo(Shape):
    """A kind that is watched."""

    kind: Kind
    group: Annotated[str, about("Empty for the core group.", "apps")]
    version: str
    plural: Annotated[str, about("The plural, as in the paths of the API server.", "deployments")]
    short_names: Annotated[list[str], about("The short names in kubectl.", ["deploy"])]
    abbreviation: Annotated[str, about("The short label in a drawing of the graph.", "deploy")]
    namespaced: bool
    optional: Annotated[bool, about("Whether a cluster may lack this kind, or forbid reading it.")]
    metadata_only: Annotated[bool, about("Whether only the metadata of its objects is read, as of Secrets.")]
    layer: Annotated[Layer, about("Its layer in a drawing of the graph, from left to right.")]
    column: Annotated[
        Count, about("Its column in a drawing: from 0, where requests arrive, to what the others need.")
    ]
    columns: Annotated[list[ColumnInfo], about("The keys that `metadata` of its nodes may have, in order.")]
    relays: Annotated[
        bool,
        about("Whether its status only reflects the status of others, so that it is never a cause itself."),
    ]
    inherits: Annotated[list[EdgeType], about("Types of incoming edges along which it inherits a release.")]
    edge_types: Annotated[list[EdgeType], about("The types of edges that its manifests make.")]
    counts: Counts


class EdgeTypeInfo(Shape):
    """A type of edge, and what it means."""

    type: EdgeType
    description: Annotated[str, about("What the edge says about its source and target.")]
    closure: Annotated[bool, about("Whether the targets of selected resources are in the graph, too.")]
    takes_along: Annotated[
        bool, about("Whether targets without a release of their own belong to the release of the source.")
    ]
    inherits: Annotated[bool, about("Whether a kind may inherit its release along this edge.")]
    needs: Annotated[
        bool, about("Whether the source needs the target: its failure may be the cause of the source's.")
    ]
    hidden: Annotated[bool, about("Whether drawings hide it by default.")]


class Unresolved(IdentityShape):
    """An unresolved reference, and the node that has it."""

    reference: ReferenceShape


_ABOUT = "What is shown of a manifest; the keys depend on the kind, and empty ones are left out."


def metadata_shape(catalogue: Catalogue) -> type[msgspec.Struct]:
    """What nodes show of manifests: all keys that nodes of these kinds may have."""
    types: dict[str, Any] = {"creationTimestamp": Time}
    for kind in catalogue:
        for key, shown in keys_of(kind.shows):
            if types.setdefault(key, shown) != shown:
                types[key] = Any
    del types["creationTimestamp"]  # all nodes have it
    fields: list[Any] = [("creation_timestamp", Time)]
    fields += [
        (f"key_{number}", shown | Absent, msgspec.field(default=msgspec.UNSET, name=key))
        for number, (key, shown) in enumerate(types.items())
    ]
    return msgspec.defstruct(METADATA, fields, bases=(Shape,), namespace={"__doc__": _ABOUT})


def keys_of(shows: type[Metadata]) -> list[tuple[str, Any]]:
    """The keys that a kind shows, each with the type of what is not left out."""
    return [(each.encode_name, _without_none(each.type)) for each in msgspec.structs.fields(shows)]


def _without_none(type: Any) -> Any:
    if get_origin(type) is Annotated or NoneType not in get_args(type):
        return type
    (first, *others) = [each for each in get_args(type) if each is not NoneType]
    return Union[(first, *others)]
