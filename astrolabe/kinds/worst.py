"""Why a workload does not get on: the worst of its live pods, named in the workload's own status."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read, Warned, WarningEvent
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.live import live_pods
from astrolabe.kinds.pod_words import TERMINATING as LEAVES
from astrolabe.kinds.pod_words import is_general
from astrolabe.kinds.warnings import FAILED_CREATE, VAGUE, current, first, in_words_of, tell

READS_PODS = (Read("outgoing", OWNS, "Pod"),)

#: A Deployment gives up waiting: a time-out, which never hides the reason.
DEADLINE = "ProgressDeadlineExceeded"
#: What the name of a pod follows.
POD = "pod "
TERMINATING = "Terminating"
#: Of these workloads the pods are on their way out, whatever they say.
_GOING = frozenset((TERMINATING, "ScalingDown", "Suspended"))
#: Reasons that add nothing to a message.
_VAGUE = frozenset(("Pending", "Running", TERMINATING, "Unknown"))
_UNSCHEDULED = "Pending"
#: Nothing changes before someone resumes it, so the message says that in addition to what fails.
_PAUSED = "Paused"


class WorstPod(msgspec.Struct, frozen=True, gc=False):
    """Of the live pods that are not Ready: one in Error before others, and of these one of which something
    particular is known; then one that is on no node; then the one with the most restarts, then the first by
    name."""

    name: str
    restarts: int
    status: Status

    @property
    def words(self) -> str:
        """`pod web-1: ImagePullBackOff: Back-off pulling image "web:2"`."""
        status = self.status
        message = shortened(status.message, LONGEST_QUOTE)
        reason = "" if status.reason in message or (message and status.reason in _VAGUE) else status.reason
        return ": ".join([word for word in (f"{POD}{self.name}", reason, message) if word])


def tell_ended(pods: Iterable[Peer]) -> str:
    """How the last pod of a workload ended of which none is alive; "" if one is, or that is unknown.

    It does not name a pod as one that exists, so that what keeps new ones from being created is still told.
    """
    known = list(pods)
    if any(pod.details.is_live or pod.status.reason == TERMINATING for pod in known):
        return ""
    last = max(known, key=lambda pod: (pod.status.since or "", pod.name), default=None)
    if last is None:
        return ""
    said = shortened(last.status.message, LONGEST_QUOTE)
    words = ("none is alive", f"{last.name} ended last", last.status.reason, "" if POD in said else said)
    return ": ".join([", ".join(words[:2]), *[word for word in words[2:] if word]])


class Revised(msgspec.Struct, frozen=True, gc=False):
    """What `derive` and `warn` of a workload read of its own.

    revisions: of pods that are current; () for all. lacks_pods: whether there are fewer than it wants.
    """

    revisions: tuple[str, ...] = ()
    lacks_pods: bool = False


def worst(candidates: Iterable[WorstPod]) -> WorstPod | None:
    """The worst of several; None if there are none."""
    return min(candidates, key=_rank, default=None)


def _rank(pod: WorstPod) -> tuple[bool, bool, bool, int, str]:
    status = pod.status
    is_vague = is_general(status.message)
    return status.severity != ERROR, is_vague, status.reason != _UNSCHEDULED, -pod.restarts, pod.name


def worst_of(pods: Iterable[Peer], revisions: Collection[str] = ()) -> WorstPod | None:
    """The worst of these pods that are live; None when all of them are Ready."""
    return worst(
        [
            WorstPod(pod.name, pod.details.restarts, pod.status)
            for pod in live_pods([pod for pod in pods if pod.status.severity != READY], revisions)
        ]
    )


def blame(status: Status, pod: WorstPod | None) -> Status:
    """The status of a workload, with what keeps its worst pod.

    A pod in Error makes a workload Error that is still Pending, and one that waits leaves it Pending.
    """
    if pod is None or status.reason in _GOING:
        return status
    in_error = pod.status.severity == ERROR
    if status.severity == PENDING:
        if in_error:
            words = f"{status.message}: {pod.words}" if status.reason == _PAUSED else pod.words
            return Status(ERROR, pod.status.reason, words, pod.status.since)
        return go_on(status, pod.words)
    if status.severity == ERROR and (in_error or status.reason == DEADLINE):
        return go_on(status, pod.words)
    return status


def go_on(status: Status, words: str) -> Status:
    """The same status with more at the end of its message; "": unchanged."""
    if not words:
        return status
    message = f"{status.message.rstrip('.')}: {words}" if status.message else words
    return Status(status.severity, status.reason, message, status.since)


def warn(status: Status, details: Any, warnings: Sequence[WarningEvent]) -> Warned:
    """`warn` of a workload: a failed creation does not matter once a pod exists."""
    if status.severity == PENDING and POD in status.message:
        return Warned(status, next(iter(current(status, warnings)), None))
    return tell(status, details, warnings)


def warn_of_creation(status: Status, details: Any, warnings: Sequence[WarningEvent]) -> Warned:
    """The same for a workload that lacks pods, and of which no condition says that they cannot be created: it
    is an Error.
    """
    says_why = status.reason not in VAGUE or POD in status.message
    if status.severity == PENDING and not says_why:
        failure = first(current(status, warnings), FAILED_CREATE)
        if failure is not None:
            return Warned(in_words_of(failure, status, severity=ERROR), failure)
    return warn(status, details, warnings)


def warn_of_all_else(status: Status, details: Any, warnings: Sequence[WarningEvent]) -> Warned:
    """The same for a workload that has all its pods: a failed creation no longer matters."""
    told = warn(status, details, [each for each in warnings if each.reason != FAILED_CREATE])
    if told.shown is None and status.severity != READY:
        return Warned(told.status, next(iter(current(status, warnings)), None))
    return told


def warn_creator(status: Status, details: Revised, warnings: Sequence[WarningEvent]) -> Warned:
    """`warn_of_creation` of a workload with such details."""
    if not details.lacks_pods:
        return warn_of_all_else(status, details, warnings)
    return warn_of_creation(status, details, warnings)


def derive_from_pods(workload: Peer, neighborhood: Neighborhood) -> Derived:
    """`derive` of a workload that owns its pods, each of which has a place of its own.

    A pod of an old revision, or one that is being deleted, makes no error. It is still told, since the
    workload may wait for its place.
    """
    pods = list(neighborhood.outgoing(OWNS, "Pod"))
    details = workload.details
    revisions = details.revisions if isinstance(details, Revised) else ()
    status = blame(workload.status, worst_of(pods, revisions))
    if status is workload.status and status.severity == PENDING and status.reason not in _GOING:
        status = go_on(status, _old_trouble(pods) if revisions else "")
    if status is workload.status and status.severity == PENDING:
        leaving = last_to_go(pods)
        status = go_on(status, leaving.words if leaving is not None else tell_ended(pods))
    return Derived(status)


def _old_trouble(pods: Collection[Peer]) -> str:
    pod = worst_of(pods)
    return f"{pod.words} (of an old revision)" if pod is not None and pod.status.severity == ERROR else ""


def last_to_go(pods: Iterable[Peer]) -> WorstPod | None:
    """Of the pods that are being deleted one that says why it is still there, else the first by name."""
    return longest_to_go(
        [WorstPod(pod.name, 0, pod.status) for pod in pods if pod.status.reason == TERMINATING]
    )


def longest_to_go(leaving: Iterable[WorstPod]) -> WorstPod | None:
    """The same of such pods."""
    return min(leaving, key=lambda pod: (pod.status.message == LEAVES, pod.name), default=None)
