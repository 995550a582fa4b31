"""From when on something that waits is stuck. All times are of manifests, in seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from astrolabe.graph.causes.complaints import Complaint
from astrolabe.graph.causes.words import WORKLOADS, UnresolvedReference, Words, is_custom, seconds
from astrolabe.graph.state.edge_types import ROUTES_TO, USES_CLASS
from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN

#: Seconds for a Pod that fits no node, and for one with a Warning or a missing object.
SHORT_GRACE = 300.0
#: Seconds for all else: unbound, terminating, starting. A Deployment's own deadline is as long by default.
LONG_GRACE = 600.0

#: Seconds in which what is applied together may still be missing.
APPLY_GRACE = 60.0

_FINISHED = frozenset(("Failed", "Succeeded"))
#: Of these kinds, what cannot be judged is broken: nobody knows what they do. Of others, it is only unknown.
_UNKNOWN_IS_BROKEN = frozenset(("Pod", "Node"))
_SHORT = frozenset((Complaint.UNSCHEDULED, Complaint.MOUNT, Complaint.CREATE))
_BY_CREATION = frozenset((Complaint.EMPTY, Complaint.BALANCER, Complaint.DANGLING))
_NEVER = frozenset((Complaint.INTENDED, Complaint.CONSUMER))
#: Kinds that tolerate missing Pods for a while.
_CAN_DO_WITHOUT = frozenset(("HorizontalPodAutoscaler", "PodDisruptionBudget"))
_BY_RUNS = frozenset(("CronJob", "Job"))
_NEVER_A_CAUSE = "EndpointSlice"
#: Kinds that are Pending only at their beginning.
_BEGINS_PENDING = frozenset(("PersistentVolumeClaim", "Pod"))


def is_finished(words: Words) -> bool:
    """Whether it is a Pod that is over, or a Job that failed."""
    return words.phase in _FINISHED or (words.key == "Job" and words.own_status == ERROR)


def due_of(words: Words, complaint: Complaint, *, leftover: bool) -> float:
    """From when on this node is a problem by itself; infinity: never.

    leftover: it is over, and its owner decides whether that matters.
    """
    if leftover or complaint in _NEVER or words.key == _NEVER_A_CAUSE:
        return inf
    if words.status == ERROR:
        return _broken(words)
    if words.status == UNKNOWN:
        return 0.0 if words.key in _UNKNOWN_IS_BROKEN else _unanswered(words)
    if words.status == READY and complaint is not Complaint.DANGLING:
        return inf
    return _stuck(words, complaint)


def _broken(words: Words) -> float:
    """Of what is in Error. Some errors all of a kind have at first: a Node that has only just joined, and an
    autoscaler that cannot measure until its Pods have run for a while. And a controller may look at a custom
    resource before what it needs, which is applied with it, is there."""
    if words.key == "HorizontalPodAutoscaler":
        measures = not words.own_reason.startswith("FailedGet")
        return 0.0 if measures else max(words.created, words.since) + SHORT_GRACE
    if words.key == "Node":
        return words.created + SHORT_GRACE
    return words.created + APPLY_GRACE if is_custom(words.key) else 0.0


def _unanswered(words: Words) -> float:
    """Of what no controller says anything: stuck if the class or the parent that it names does not exist."""
    lacks = any(_is_answered_by(each) for each in words.unresolved)
    return words.created + LONG_GRACE if lacks and is_custom(words.key) and words.created else inf


def _is_answered_by(reference: UnresolvedReference) -> bool:
    return reference.type in (ROUTES_TO, USES_CLASS) or "parentRefs" in reference.field


def _stuck(words: Words, complaint: Complaint) -> float:
    since = words.since
    warned = seconds(words.warning.since) if words.warning is not None else 0.0
    if complaint in _BY_CREATION:
        return words.created + LONG_GRACE if words.created else inf
    if words.key in _BEGINS_PENDING:
        since = since or words.created
    known = complaint in _SHORT or (complaint is Complaint.STARTING and (warned or words.unresolved))
    if words.key == "Job" and not known:
        return inf
    if not since:
        since = warned
    if not since:
        return _unanswered(words)
    return since + (SHORT_GRACE if known else LONG_GRACE)


def due_of_empty(effect: Words, concerned: Iterable[Words]) -> float:
    """From when on a Service that selects nothing is stuck for want of these, which are its cause or between.

    It says not since when: a Pod that is replaced leaves it empty for a moment.
    """
    pods = [words for words in concerned if words.key == "Pod" or words.key in WORKLOADS]
    begun = max([words.since for words in pods], default=0.0)
    if pods and not begun:
        return inf
    return max(effect.created, begun) + LONG_GRACE


def due_by_effect(
    effect: Words, complaint: Complaint, *, root: Words | None, root_complaint: Complaint
) -> float:
    """From when on an effect makes its cause a problem; infinity: not by itself.

    root: the cause, unless it does not exist.
    """
    if effect.status != ERROR or effect.key == _NEVER_A_CAUSE:
        return inf
    waits = complaint in (Complaint.WAITING, Complaint.EMPTY)
    if effect.key in WORKLOADS and waits and effect.own_status != ERROR:
        # What neighbours say of it they are themselves, but for runs that are over.
        return 0.0 if effect.key in _BY_RUNS and root is not None else inf
    if root is None:
        return effect.created + APPLY_GRACE
    if effect.key in WORKLOADS and waits:
        return 0.0
    if not waits and root.status != PENDING:
        return 0.0
    # A request that nothing serves is an outage, unless what should serve it is only just starting or
    # being replaced. Others tolerate it for a while.
    by_since = root_complaint is Complaint.TERMINATING or is_custom(root.key) or effect.key in _CAN_DO_WITHOUT
    begun = (root.since or root.created) if by_since else root.created
    return begun + LONG_GRACE
