"""The original's REST API: what its documentation promises, in our own words and types.

Users of the original Go server have clients of this API. It is a contract with them: keys may be added, what is
here must stay. A key without a default is always there, as empty text where there is nothing to say; one that
has a default may be left out; no value is ever null.

| path | parameters | answer |
| --- | --- | --- |
| `GET /health` | | `Health` |
| `GET /api/v1/resources` | `release`, `namespace` | array of `Resource` |
| `GET /api/v1/graph` | `release`, `namespace` | `Graph` |
| `GET /api/v1/releases` | `namespace` | array of names |
| `GET /api/v1/charts` | `namespace` | array of names with versions |
| `GET /api/v1/namespaces` | | array of names |

A parameter that is empty is none; a value that nothing has gives what is empty, never an error. `release` brings
the PersistentVolumes along that its claims are bound to, and nothing of another release. No order is promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

PATHS: Mapping[str, tuple[str, ...]] = {
    "/health": (),
    "/api/v1/resources": ("release", "namespace"),
    "/api/v1/graph": ("release", "namespace"),
    "/api/v1/releases": ("namespace",),
    "/api/v1/charts": ("namespace",),
    "/api/v1/namespaces": (),
}

#: The edge types of its documentation.
EDGE_TYPES = (
    "owns",
    "selects",
    "endpoints",
    "routes-to",
    "mounts",
    "binds",
    "uses-configmap",
    "uses-secret",
    "uses-sa",
    "scales",
)

Status = Literal["Ready", "Pending", "Error", "Unknown"]
Text = Annotated[str, Meta(min_length=1)]
Texts = list[Text]
Count = Annotated[int, Meta(ge=0)]
#: In the largest unit that is not 0: `12s`, `5m`, `3h`, `5d`.
Age = Annotated[str, Meta(pattern=r"^([0-9]|[1-5][0-9])[sm]$|^(1?[0-9]|2[0-3])h$|^[1-9][0-9]*d$")]
Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Health(Struct):
    """nodes: how many there are."""

    status: Literal["healthy"]
    nodes: Count


class Replicas(Struct):
    desired: Count
    current: Count
    ready: Count
    available: Count


class Owner(Struct):
    kind: Text
    name: Text


class Claim(Struct):
    kind: Text
    name: Text
    namespace: Text
    uid: Text


class _Details(Struct, rename="camel", kw_only=True):
    """What both shapes of a node have beside; which of it depends on the kind."""

    image: Text | UnsetType = UNSET
    node_name: Text | UnsetType = UNSET
    restart_count: Count | UnsetType = UNSET
    replicas: Replicas | UnsetType = UNSET
    volume_name: Text | UnsetType = UNSET
    claim_ref: Claim | UnsetType = UNSET
    target_pods: Texts | UnsetType = UNSET
    mounted_pvcs: Texts | UnsetType = field(default=UNSET, name="mountedPVCs")
    used_config_maps: Texts | UnsetType = UNSET
    used_secrets: Texts | UnsetType = UNSET
    service_account_name: Text | UnsetType = UNSET


class Metadata(_Details, rename="camel", kw_only=True):
    """What a node has beside. Its keys depend on the kind; these are those that the Grafana app reads."""

    cluster_ip: Text | UnsetType = field(default=UNSET, name="clusterIP")
    service_type: Text | UnsetType = UNSET
    ingress_class: Text | UnsetType = UNSET


class Node(Struct):
    """namespace: empty when it is cluster-scoped. message: why it has its status."""

    uid: Text
    name: Text
    namespace: str
    kind: Text
    status: Status
    message: str
    chart: Text | UnsetType = UNSET
    release: Text | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class Edge(Struct):
    """source, target: uids of nodes of the same answer."""

    type: Text
    source: Text = field(name="from")
    target: Text = field(name="to")


class Graph(Struct):
    nodes: list[Node]
    edges: list[Edge]


class Resource(_Details, rename="camel", kw_only=True):
    """A node in a flat shape, without its uid; `chart` and `release` are empty when it is of none."""

    name: Text
    namespace: str
    kind: Text
    api_version: Text
    status: Status
    message: str
    chart: str
    release: str
    age: Age
    creation_timestamp: Time
    owner_references: list[Owner] | UnsetType = UNSET


ANSWERS: Mapping[str, Any] = {
    "/health": Health,
    "/api/v1/resources": list[Resource],
    "/api/v1/graph": Graph,
    "/api/v1/releases": list[Text],
    "/api/v1/charts": list[Text],
    "/api/v1/namespaces": list[Text],
}
