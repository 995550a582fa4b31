"""Problems as they are answered: what is broken, why, and what depends on it."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET

from astrolabe.http.openapi.terms import Absent, Count, Shape, Status, Time, about


class ProblemNode(Shape):
    """Who something is. What does not exist has no uid and no status."""

    kind: Annotated[str, about("As the manifest has it.", "Pod")]
    group: Annotated[str, about("Empty for the core group.", "apps")]
    namespace: Annotated[str, about("Empty when it is cluster-scoped.")]
    name: str
    uid: str | Absent = UNSET
    status: Status | Absent = UNSET
    missing: Annotated[bool, about("Whether it does not exist.")] | Absent = UNSET


class ProblemCause(ProblemNode):
    """What is broken by itself: a node, an object that does not exist, or the first of a group of nodes."""

    count: Annotated[Count, about("Of a group: how many nodes it has.")] | Absent = UNSET
    members: Annotated[list[ProblemNode], about("Of a group: the first hundred.")] | Absent = UNSET


class AffectedNodes(Shape):
    """What is not well because of the cause."""

    total: Count
    kinds: Annotated[dict[str, int], about("How many of each kind.", {"Pod": 3})]
    nodes: Annotated[list[ProblemNode], about("With `detail=true`, and of one problem.")] | Absent = UNSET


class PathStep(ProblemNode):
    """One step of a way along edges."""

    type: Annotated[str, about("The type of the edge to the next step.")] | Absent = UNSET
    field: Annotated[list[str], about("The fields of the manifest that make this edge.")] | Absent = UNSET


class ReleaseName(Shape):
    """A Helm release."""

    namespace: str
    name: str


class Problem(Shape):
    """One cause, with all that it breaks."""

    id: Annotated[str, about("The same from beginning to end, whatever Pods come and go meanwhile.")]
    status: Annotated[Status, about("The worst of what is concerned.")]
    reason: Annotated[str, about("Of the cause, in one word.", "ImagePullBackOff")]
    message: Annotated[str, about("Of the cause, in a sentence.")]
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
