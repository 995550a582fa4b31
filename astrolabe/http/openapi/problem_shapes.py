"""Problems as they are answered: what is broken, why, and what depends on it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET

from astrolabe.http.openapi.terms import Absent, Count, InCluster, Shape, Status, Time, about


class ProblemNode(Shape, kw_only=True):
    """The identity of an object. If it does not exist, it has no uid and no status."""

    kind: Annotated[str, about("As the manifest has it.", "Pod")]
    group: Annotated[str, about("Empty for the core group.", "apps")]
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    name: str
    cluster: InCluster | Absent = UNSET
    uid: str | Absent = UNSET
    status: Status | Absent = UNSET
    missing: Annotated[bool, about("Whether it does not exist.")] | Absent = UNSET


class ProblemCause(ProblemNode):
    """The cause: a node, an object that does not exist, or the first of a group of nodes."""

    count: Annotated[Count, about("Of a group: how many nodes it has.")] | Absent = UNSET
    members: Annotated[list[ProblemNode], about("Of a group: the first hundred.")] | Absent = UNSET


class AffectedNodes(Shape):
    """What is not ready because of the cause."""

    total: Count
    kinds: Annotated[dict[str, int], about("How many of each kind.", {"Pod": 3})]
    nodes: Annotated[list[ProblemNode], about("With `detail=true`, and of one problem.")] | Absent = UNSET


class PathStep(ProblemNode):
    """One step of a way along edges."""

    type: Annotated[str, about("The type of the edge to the next step.")] | Absent = UNSET
    field: Annotated[list[str], about("The fields of the manifest that make this edge.")] | Absent = UNSET


class ReleaseName(Shape, kw_only=True):
    """A Helm release."""

    namespace: str
    name: str
    cluster: InCluster | Absent = UNSET


class Problem(Shape, kw_only=True):
    """One cause, with all that it breaks."""

    id: Annotated[str, about("The same from beginning to end, whatever Pods come and go meanwhile.")]
    status: Annotated[Status, about("The worst of what is concerned.")]
    reason: Annotated[str, about("Of the cause, in one word.", "ImagePullBackOff")]
    message: Annotated[str, about("Of the cause, in a sentence.")]
    cluster: InCluster | Absent = UNSET
    reach: Annotated[Count, about("How far it is felt: the larger, the nearer to users. For sorting.")]
    cause: ProblemCause
    affected: AffectedNodes
    entries: Annotated[
        list[ProblemNode], about("What users of the cluster notice: Ingresses, routes, CronJobs.")
    ]
    releases: list[ReleaseName]
    namespaces: list[str]
    path: Annotated[list[PathStep], about("From an entry to the cause.")]
    also: Annotated[list[str], about("The ids of other problems that concern some of the same nodes.")]
    coverage: Annotated[list[str], about("The kinds that cannot be seen, so that more may be concerned.")]
    since: Annotated[Time, about("When it began, as far as manifests tell.")] | Absent = UNSET
    flaps: Annotated[Count, about("How often it came back within five minutes of its end.")] | Absent = UNSET
    ended: Annotated[Time, about("When it ended; such a problem is listed for another minute.")] | Absent = (
        UNSET
    )


class NewestWarning(Shape):
    """The newest Warning about an object."""

    reason: str
    message: str
    since: Time


class CauseStep(PathStep):
    """One step from a root cause to a node. `type` and `field` are of the edge along which it needs the step
    before it."""

    reason: str | Absent = UNSET
    message: str | Absent = UNSET
    since: Time | Absent = UNSET
    warning: NewestWarning | Absent = UNSET


class Why(Shape):
    """Why a node is as it is."""

    node: CauseStep
    chain: Annotated[list[CauseStep], about("From a root cause to the node; empty when it is well.")]
    others: Annotated[list[list[CauseStep]], about("The same from other, independent causes.")]
    needs: Annotated[list[PathStep], about("What it needs, the worst first; the first hundred.")]
    problems: Annotated[list[str], about("The ids of the problems that concern it.")]
    coverage: Annotated[list[str], about("The kinds that cannot be seen.")]


class Obstacle(ProblemNode, kw_only=True):
    """What prevents the action."""

    why: str


class AskedEviction(Shape):
    """What a drain asks for one Pod."""

    pod: ProblemNode
    outcome: Literal["evicted", "refused", "skipped", "blocked"]
    why: str | Absent = UNSET
    by: Annotated[ProblemNode, about("What decides: a budget, or an owner.")] | Absent = UNSET
    needs: (
        Annotated[list[str], about("The flags that `kubectl drain` needs for it.", ["--force"])] | Absent
    ) = UNSET


class ImpactLevels(Shape):
    """How hard what is hit."""

    stops: Annotated[list[ProblemNode], about("Stops working.")]
    degrades: Annotated[list[ProblemNode], about("Goes on with less: another endpoint is left.")]
    loses_copy: Annotated[list[ProblemNode], about("Others of its copies go on.")]


class ImpactCounts(Shape):
    """How many nodes of each kind are hit, by level."""

    stops: dict[str, int]
    degrades: dict[str, int]
    loses_copy: dict[str, int]


class ImpactReport(Shape):
    """What would happen."""

    action: Literal["fail", "delete", "drain", "cordon", "restart"]
    target: ProblemNode
    levels: ImpactLevels
    counts: ImpactCounts
    later: Annotated[list[ProblemNode], about("What goes on, and fails when it is started again.")]
    blocks: Annotated[list[Obstacle], about("What is in the way, such as an attached volume.")]
    evictions: Annotated[list[AskedEviction], about("Of a drain, in the order in which it asks.")]
    entries: Annotated[list[ProblemNode], about("What users of the cluster would notice.")]
    releases: list[ReleaseName]
    namespaces: list[str]
    coverage: Annotated[list[str], about("The kinds that cannot be seen, so that more may be hit.")]


class WayStep(PathStep):
    """One node of a way. `type` and `field` are of the edge to the next one."""

    forward: Annotated[bool, about("Whether this edge leads to the next node, not from it.")] | Absent = UNSET


class Ways(Shape):
    """The shortest paths between two nodes."""

    length: Annotated[Count, about("Edges of each path; 0 if there is none.")]
    ways: Annotated[list[list[WayStep]], about("Ten at most.")]
