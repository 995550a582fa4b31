"""The types of edges, and what each means: all that the code asks of a type is derived from its entry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

OWNS = "owns"
SELECTS = "selects"
ENDPOINTS = "endpoints"
ROUTES_TO = "routes-to"
MOUNTS = "mounts"
BINDS = "binds"
USES_CONFIGMAP = "uses-configmap"
USES_SECRET = "uses-secret"
USES_SERVICE_ACCOUNT = "uses-sa"
SCALES = "scales"
USES_CLASS = "uses-class"
RUNS_ON = "runs-on"
GOVERNED_BY = "governed-by"
CALLS = "calls"
LIMITS = "limits"
GRANTS = "grants"
BINDS_TO = "binds-to"
ALLOWS = "allows"
ATTACHES = "attaches"
CLAIMS = "claims"
USES = "uses"
MAKES = "makes"
MANAGES = "manages"
REPORTS_ON = "reports-on"

#: From a Service to a workload that has no pods and whose pods it would select.
WOULD_SELECT = "would-select"

#: The types by which the model only looks for neighbours: no edge of the graph is of these.
INNER_TYPES = frozenset((WOULD_SELECT,))


class EdgeType(msgspec.Struct, frozen=True, kw_only=True):
    """One type.

    description: what the source has to do with the target.
    closure: whether the label selector's roots extend the graph along it, forwards only.
    takes_along: whether a release includes the target, if that has no release of its own.
    inherits: whether a kind may inherit its release and chart along it; see `facts.Rules.inherits`.
    needs: whether the source needs the target, so that a failure of the target may be the source's cause. An
        owner needs what it owns, although it is the owned object that names its owner.
    hidden: whether pictures leave it out until the user asks for it.
    """

    name: str
    description: str
    closure: bool = False
    takes_along: bool = False
    inherits: bool = False
    needs: bool = True
    hidden: bool = False


_ENTRIES = (
    EdgeType(
        name=OWNS,
        description="The source is an owner of the target (`metadata.ownerReferences`), or made it.",
        closure=True,
        inherits=True,
    ),
    EdgeType(name=SELECTS, description="The source selects the target by its labels."),
    EdgeType(
        name=ENDPOINTS,
        description="The source serves through the target: a Service through a slice, a slice through a Pod.",
        closure=True,
        takes_along=True,
        inherits=True,
    ),
    EdgeType(name=ROUTES_TO, description="The source sends requests to the target."),
    EdgeType(name=MOUNTS, description="The source mounts the target.", closure=True, takes_along=True),
    EdgeType(
        name=BINDS,
        description="The source is a claim that the target is bound to.",
        closure=True,
        takes_along=True,
    ),
    EdgeType(
        name=USES_CONFIGMAP,
        description="The source reads the target, a ConfigMap.",
        closure=True,
        takes_along=True,
    ),
    EdgeType(
        name=USES_SECRET,
        description="The source reads the target, a Secret.",
        closure=True,
        takes_along=True,
    ),
    EdgeType(
        name=USES_SERVICE_ACCOUNT,
        description="The source acts as the target, a ServiceAccount.",
        closure=True,
        takes_along=True,
        hidden=True,
    ),
    EdgeType(name=SCALES, description="The source changes the number of replicas of the target."),
    EdgeType(
        name=USES_CLASS,
        description="The source is of the target, a class.",
        closure=True,
        takes_along=True,
        hidden=True,
    ),
    EdgeType(name=RUNS_ON, description="The source runs on the target.", closure=True, hidden=True),
    EdgeType(
        name=GOVERNED_BY,
        description="The target, a headless Service, gives the Pods of the source their names.",
        closure=True,
        takes_along=True,
    ),
    EdgeType(name=CALLS, description="The API server calls the target, a Service, on behalf of the source."),
    EdgeType(
        name=LIMITS,
        description="The source limits what may be created in the target, a Namespace.",
        needs=False,
    ),
    EdgeType(name=GRANTS, description="The source grants the target, a role.", hidden=True),
    EdgeType(
        name=BINDS_TO,
        description="The source grants its role to the target, a ServiceAccount.",
        needs=False,
        hidden=True,
    ),
    EdgeType(
        name=ALLOWS,
        description="The source allows traffic from or to the target.",
        needs=False,
        hidden=True,
    ),
    EdgeType(
        name=ATTACHES,
        description="The source, a volume, is attached to the target, a Node, or read with it, a Secret.",
    ),
    EdgeType(name=CLAIMS, description="The source gets devices through the target, a ResourceClaim."),
    EdgeType(name=USES, description="The source uses the target; one of the two is a custom resource."),
    EdgeType(
        name=MAKES,
        description="The controller of the source, a custom resource, makes the target.",
        closure=True,
        takes_along=True,
    ),
    EdgeType(
        name=MANAGES,
        description="The source, a custom resource, applied the target and keeps it as declared.",
        closure=True,
    ),
    EdgeType(name=REPORTS_ON, description="The source tells findings about the target.", needs=False),
)

#: By name, in the order of documents and metrics.
EDGE_TYPES: Mapping[str, EdgeType] = MappingProxyType({each.name: each for each in _ENTRIES})

#: The edges along which the selector's roots extend the graph, forwards only.
CLOSURE_TYPES = frozenset(each.name for each in _ENTRIES if each.closure)

#: The edges along which a release includes nodes that have no release of their own.
ATTACHMENT_TYPES = frozenset(each.name for each in _ENTRIES if each.takes_along)

#: The edges along which a resource may belong to another: it inherits its release, and is drawn with it.
#: An EndpointSlice belongs to its Service.
INHERITANCE_TYPES = frozenset(each.name for each in _ENTRIES if each.inherits)
