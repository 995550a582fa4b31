"""The graph as it is answered: nodes, edges, and what is made of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, field

from astrolabe.http.description.terms import (
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
)
from astrolabe.kinds.kind import Layer


class Error(Shape):
    """Why a request is refused."""

    error: Annotated[str, about("One word, for programs.", "bad-filter")]
    message: Annotated[str, about("A sentence for people, which names what is wrong.")]


class Reference(Shape):
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


class Replicas(Shape):
    """How many there should be, and are."""

    desired: int
    current: int
    ready: int
    available: int


class Claim(Shape):
    """The claim that a volume is bound to."""

    kind: str
    name: str
    namespace: str
    uid: str


class ScaleTarget(Shape):
    """What an autoscaler scales."""

    kind: str
    name: str


class Metadata(Shape):
    """What is shown of a manifest; the keys depend on the kind, and empty ones are left out."""

    creation_timestamp: Time
    image: Annotated[str, about("Of the first container.")] | Absent = UNSET
    replicas: Replicas | Absent = UNSET
    # Pod and the workloads, of whose Pods these are what their template names
    service_account_name: str | Absent = UNSET
    mounted_pvcs: list[str] | Absent = field(default=UNSET, name="mountedPVCs")
    used_config_maps: list[str] | Absent = UNSET
    used_secrets: list[str] | Absent = UNSET
    # Pod
    node_name: str | Absent = UNSET
    pod_ip: str | Absent = field(default=UNSET, name="podIP")
    restart_count: Count | Absent = UNSET
    ready: Annotated[str, about("Containers that are ready, of all.", "1/2")] | Absent = UNSET
    containers: list[str] | Absent = UNSET
    # Job, CronJob
    completions: Count | Absent = UNSET
    succeeded: Count | Absent = UNSET
    failed: Count | Absent = UNSET
    schedule: Annotated[str, about("As cron has it.", "*/5 * * * *")] | Absent = UNSET
    suspend: bool | Absent = UNSET
    last_schedule_time: Time | Absent = UNSET
    # Service
    cluster_ip: str | Absent = field(default=UNSET, name="clusterIP")
    service_type: str | Absent = UNSET
    ports: Annotated[list[str], about("Port and protocol.", ["80/TCP"])] | Absent = UNSET
    external_name: str | Absent = UNSET
    # Service, EndpointSlice, PodDisruptionBudget
    target_pods: Annotated[list[str], about("The Pods that it selects or lists.")] | Absent = UNSET
    # Ingress
    ingress_class: str | Absent = UNSET
    hosts: list[str] | Absent = UNSET
    # PersistentVolume, PersistentVolumeClaim, StorageClass
    volume_name: str | Absent = UNSET
    claim_ref: Claim | Absent = UNSET
    storage_class: str | Absent = UNSET
    capacity: Annotated[str, about("A quantity.", "10Gi")] | Absent = UNSET
    access_modes: list[str] | Absent = UNSET
    reclaim_policy: str | Absent = UNSET
    # HorizontalPodAutoscaler, PodDisruptionBudget
    scale_target_ref: ScaleTarget | Absent = UNSET
    min_replicas: Count | Absent = UNSET
    max_replicas: Count | Absent = UNSET
    current_replicas: Count | Absent = UNSET
    desired_replicas: Count | Absent = UNSET
    min_available: Annotated[int | str, about("A number, or a share.", 1, "50%")] | Absent = UNSET
    max_unavailable: Annotated[int | str, about("A number, or a share.", 1, "50%")] | Absent = UNSET
    disruptions_allowed: int | Absent = UNSET
    current_healthy: Count | Absent = UNSET
    desired_healthy: Count | Absent = UNSET
    # Node, Secret
    roles: list[str] | Absent = UNSET
    kubelet_version: str | Absent = UNSET
    unschedulable: bool | Absent = UNSET
    type: Annotated[str, about("Of a Secret in which Helm keeps a release.")] | Absent = UNSET


class Node(Shape):
    """One resource. Keys that are not required are left out when there is nothing to say."""

    uid: Annotated[str, about("As Kubernetes has it.", "e2e7b339-5a6f-4d99-acca-96b3276dcee0")]
    kind: Kind
    name: str
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    api_version: Annotated[str, about("As a manifest has it.", "apps/v1")]
    status: Status
    reason: Annotated[str, about("Why, in one word; of a Pod what kubectl shows.", "CrashLoopBackOff")]
    message: Annotated[str, about("Why, in a sentence; empty when there is nothing to add.")]
    metadata: Metadata
    since: Annotated[Time, about("When the manifest says this status began.")] | Absent = UNSET
    release: Annotated[str, about("Its Helm release, its own or that of its owner.")] | Absent = UNSET
    release_namespace: str | Absent = UNSET
    chart: Annotated[str, about("With its version.", "web-1.2.3")] | Absent = UNSET
    unresolved: list[Reference] | Absent = UNSET
    owner_references: list[Owner] | Absent = UNSET
    labels: dict[str, str] | Absent = UNSET


class Edge(Shape):
    """One thing that a resource has to do with another. `type`, `from` and `to` are its identity."""

    type: EdgeType
    source: Annotated[str, about("The uid of what uses, owns or selects.")] = field(name="from")
    target: Annotated[str, about("The uid of what is used, owned or selected.")] = field(name="to")
    field: Annotated[list[str], about("The paths in the manifest that made it.", ["spec.volumeName"])]


class Graph(Shape):
    """Nodes, and the edges between them; no edge lacks an end."""

    epoch: Epoch
    seq: Seq
    nodes: list[Node]
    edges: list[Edge]


class Identity(Shape):
    """Who a node is, and how it is."""

    uid: str
    kind: Kind
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    name: str
    status: Status


class EdgeWithEnd(Edge):
    """An edge of a node, and the node at its other end."""

    other: Identity


class EdgesOfNode(Shape):
    """All edges of one node."""

    out: list[EdgeWithEnd]
    into: list[EdgeWithEnd] = field(name="in")


class ResourceDetail(Shape):
    """One node with all that is linked to it."""

    epoch: Epoch
    seq: Seq
    node: Node
    edges: EdgesOfNode
    unresolved: list[Reference]


class Resource(Shape):
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
    claim_ref: Claim | Absent = UNSET
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


class Release(Tally):
    """A Helm release. Revision and status are null where Helm's Secrets are not watched."""

    name: str
    namespace: str
    chart: Annotated[str, about("With its version; empty when no node names one.")]
    revision: int | None
    status: Annotated[str | None, about("As Helm has it.", "deployed")]
    nodes: Count


class Counts(Shape, rename="pascal"):
    """How many nodes have each status."""

    ready: Count
    pending: Count
    error: Count
    unknown: Count


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


class Unresolved(Identity):
    """A reference that leads nowhere, and the node that holds it."""

    reference: Reference
