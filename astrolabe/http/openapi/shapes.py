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
from astrolabe.kinds.replicas import Replicas
from astrolabe.kinds.storage import BoundClaim

#: The name of the component of what nodes show of manifests.
METADATA = "Metadata"


class Error(Shape):
    """Why a request is refused."""

    error: Annotated[str, about("One word, for programs.", "bad-filter")]
    message: Annotated[str, about("A sentence for people, which names what is wrong.")]


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


class ReferenceShape(Shape):
    """A reference that leads nowhere: what it names does not exist."""

    type: EdgeType
    kind: Annotated[str, about("The kind of what is missing.", "Secret")]
    name: str
    field: Annotated[
        str, about("The path in the manifest.", "spec.volumes[data].persistentVolumeClaim.claimName")
    ]
    namespace: Annotated[str, about("Where the kind has one.")] | Absent = UNSET


class Owner(Shape):
    """One of a manifest's ownerReferences."""

    kind: str
    name: str


class OwnWords(Shape):
    """What the manifest of a resource alone says of it."""

    status: Status
    reason: str
    message: str


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


class NodeShape(Shape):
    """One resource. Keys that are not required are left out when there is nothing to say."""

    uid: Annotated[str, about("As Kubernetes has it.", "e2e7b339-5a6f-4d99-acca-96b3276dcee0")]
    kind: Kind
    name: str
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    api_version: Annotated[str, about("As a manifest has it.", "apps/v1")]
    status: Status
    reason: Annotated[str, about("Why, in one word; of a Pod what kubectl shows.", "CrashLoopBackOff")]
    message: Annotated[str, about("Why, in a sentence; empty when there is nothing to add.")]
    metadata: Annotated[dict[str, Any], Meta(extra_json_schema=reference(METADATA))]
    since: Annotated[Time, about("When the manifest says this status began.")] | Absent = UNSET
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
    release: Annotated[str, about("Its Helm release, its own or that of its owner.")] | Absent = UNSET
    release_namespace: str | Absent = UNSET
    chart: Annotated[str, about("With its version.", "web-1.2.3")] | Absent = UNSET
    unresolved: list[ReferenceShape] | Absent = UNSET
    owner_references: list[Owner] | Absent = UNSET
    labels: dict[str, str] | Absent = UNSET


class EdgeShape(Shape):
    """One thing that a resource has to do with another. `type`, `from` and `to` are its identity."""

    type: EdgeType
    source: Annotated[str, about("The uid of what uses, owns or selects.")] = field(name="from")
    target: Annotated[str, about("The uid of what is used, owned or selected.")] = field(name="to")
    field: Annotated[list[str], about("The paths in the manifest that made it.", ["spec.volumeName"])]


class GraphShape(Shape):
    """Nodes, and the edges between them; no edge lacks an end."""

    epoch: Epoch
    seq: Seq
    nodes: list[NodeShape]
    edges: list[EdgeShape]


class IdentityShape(Shape):
    """Who a node is, and how it is."""

    uid: str
    kind: Kind
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    name: str
    status: Status


class EdgeWithEnd(EdgeShape):
    """An edge of a node, and the node at its other end."""

    other: IdentityShape


class EdgesOfNode(Shape):
    """All edges of one node."""

    out: list[EdgeWithEnd]
    into: list[EdgeWithEnd] = field(name="in")


class ResourceDetail(Shape):
    """One node with all that is linked to it."""

    epoch: Epoch
    seq: Seq
    node: NodeShape
    edges: EdgesOfNode
    unresolved: list[ReferenceShape]
    events: (
        Annotated[list[EventShape], about("Those that are kept, newest first; absent if they are unknown.")]
        | Absent
    ) = UNSET


class ResourceShape(Shape):
    """One resource in a flat shape."""

    uid: str
    name: str
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    kind: Kind
    api_version: str
    status: Status
    reason: str
    message: str
    chart: str
    release: str
    age: Annotated[str, about("Since it was made, in the largest unit.", "12s", "5m", "3h", "5d")]
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


class ReleaseShape(Tally):
    """A Helm release, known by its resources or by the revisions that Helm keeps.

    Revision and status are null where the Secrets or ConfigMaps are not watched in which Helm keeps them.
    """

    name: str
    namespace: str
    chart: Annotated[str, about("That was installed, with its version; empty when no node names one.")]
    charts: Annotated[list[str], about("The chart and its subcharts, as far as nodes name them.")]
    revision: int | None
    status: Annotated[str | None, about("As Helm has it.", "deployed")]
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
    """A release with what Helm keeps of it, if `--helm-details` is set: never values."""

    notes: str | Absent = UNSET
    hooks: list[ReleaseHook] | Absent = UNSET
    objects: Annotated[list[DeclaredObject], about("Of the rendered manifests.")] | Absent = UNSET
    missing: Annotated[list[ReleaseMember], about("Declared, but not there.")] | Absent = UNSET
    undeclared: (
        Annotated[list[ReleaseMember] | None, about("Of the release, but not declared any more.")] | Absent
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
    type: Literal["string", "integer", "boolean", "array", "object"]
    description: str


class KindInfo(Shape):
    """A kind that is watched."""

    kind: Kind
    group: Annotated[str, about("Empty for the core group.", "apps")]
    version: str
    plural: Annotated[str, about("As the paths of the API server have it.", "deployments")]
    short_names: Annotated[list[str], about("As kubectl abbreviates it.", ["deploy"])]
    abbreviation: Annotated[str, about("What a picture writes on it.", "deploy")]
    namespaced: bool
    optional: Annotated[bool, about("Whether a cluster may do without it, or forbid to read it.")]
    layer: Annotated[Layer, about("Where it stands when the graph is drawn, from left to right.")]
    column: Annotated[Count, about("Where it stands in a drawing, from what asks (0) to what is needed.")]
    columns: Annotated[list[ColumnInfo], about("What its nodes may show in `metadata`, in order.")]
    relays: Annotated[
        bool, about("Whether its status only passes on that of others: by itself it is no cause.")
    ]
    inherits: Annotated[
        list[EdgeType], about("Of edges into it, along which it belongs to another and inherits its release.")
    ]
    edge_types: Annotated[list[EdgeType], about("That it tells of.")]
    counts: Counts


class EdgeTypeInfo(Shape):
    """A type of edge, and what it means."""

    type: EdgeType
    description: Annotated[str, about("What the source has to do with the target.")]
    closure: Annotated[bool, about("Whether what the label selector selects brings its targets along.")]
    takes_along: Annotated[
        bool, about("Whether a release brings its targets along that have no release of their own.")
    ]
    inherits: Annotated[bool, about("Whether a kind may inherit its release along it.")]
    needs: Annotated[
        bool, about("Whether the source needs the target: its failure may be the cause of the source's.")
    ]
    hidden: Annotated[bool, about("Whether pictures leave it out until it is asked for.")]


class Unresolved(IdentityShape):
    """A reference that leads nowhere, and the node that holds it."""

    reference: ReferenceShape


_ABOUT = "What is shown of a manifest; the keys depend on the kind, and empty ones are left out."


def metadata_shape(catalogue: Catalogue) -> type[msgspec.Struct]:
    """What nodes show of manifests: all keys that nodes of these kinds may have."""
    types: dict[tuple[str, str], Any] = {}
    for kind in catalogue:
        for name, key, shown in keys_of(kind.shows):
            known = types.setdefault((name, key), shown)
            if known != shown:
                types[name, key] = Any
    fields: list[Any] = [("creation_timestamp", Time)]
    fields += [
        (name, shown | Absent, msgspec.field(default=msgspec.UNSET, name=key))
        for (name, key), shown in types.items()
    ]
    return msgspec.defstruct(METADATA, fields, bases=(Shape,), namespace={"__doc__": _ABOUT})


def keys_of(shows: type[Metadata]) -> list[tuple[str, str, Any]]:
    """Of each key that a kind shows the name of its field, the key, and the type of what is not left out."""
    return [(each.name, each.encode_name, _without_none(each.type)) for each in msgspec.structs.fields(shows)]


def _without_none(type: Any) -> Any:
    if get_origin(type) is Annotated or NoneType not in get_args(type):
        return type
    (first, *others) = [each for each in get_args(type) if each is not NoneType]
    return Union[(first, *others)]
