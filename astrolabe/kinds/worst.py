"""Why a workload does not get on: the worst of its live pods, named in the workload's own status."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.live import live_pods

READS_PODS = (Read("outgoing", OWNS, "Pod"),)

#: A Deployment gives up waiting: a time-out, which never hides the reason.
DEADLINE = "ProgressDeadlineExceeded"
#: Reasons that say nothing beside a message.
_VAGUE = frozenset(("Pending", "Running", "Unknown"))
_UNSCHEDULED = "Pending"


class WorstPod(msgspec.Struct, frozen=True, gc=False):
    """Of the live pods that are not Ready: one in Error before others, and of these one that is on no node
    before others; then the one with the most restarts, then the first by name."""

    name: str
    restarts: int
    status: Status

    @property
    def words(self) -> str:
        """`pod web-1: ImagePullBackOff: Back-off pulling image "web:2"`."""
        status = self.status
        message = shortened(status.message, LONGEST_QUOTE)
        reason = "" if status.reason in message or (message and status.reason in _VAGUE) else status.reason
        return ": ".join([word for word in (f"pod {self.name}", reason, message) if word])


class Revised(msgspec.Struct, frozen=True, gc=False):
    """What `derive` of a workload reads of its own: the revisions of pods that are current; () for all."""

    revisions: tuple[str, ...] = ()


def worst(candidates: Iterable[WorstPod]) -> WorstPod | None:
    """The worst of several; None when there is none."""
    return min(candidates, key=_rank, default=None)


def _rank(pod: WorstPod) -> tuple[bool, bool, int, str]:
    status = pod.status
    return status.severity != ERROR, status.reason != _UNSCHEDULED, -pod.restarts, pod.name


def worst_of(pods: Iterable[Peer], revisions: Collection[str] = ()) -> WorstPod | None:
    """The worst of these pods that are live; None when all of them are Ready."""
    return worst(
        [
            WorstPod(pod.name, pod.details.restarts, pod.status)
            for pod in live_pods(pods, revisions)
            if pod.status.severity != READY
        ]
    )


def blame(status: Status, pod: WorstPod | None) -> Status:
    """The status of a workload, with what keeps its worst pod.

    A pod in Error makes a workload Error that is still Pending, and one that waits leaves it Pending.
    """
    if pod is None or status.reason == "Terminating":
        return status
    in_error = pod.status.severity == ERROR
    if status.severity == PENDING:
        if in_error:
            return Status(ERROR, pod.status.reason, pod.words, pod.status.since)
        return go_on(status, pod.words)
    if status.severity == ERROR and (in_error or status.reason == DEADLINE):
        return go_on(status, pod.words)
    return status


def go_on(status: Status, words: str) -> Status:
    """The same status, whose message goes on; "": as it is."""
    if not words:
        return status
    message = f"{status.message.rstrip('.')}: {words}" if status.message else words
    return Status(status.severity, status.reason, message, status.since)


def derive_from_pods(workload: Peer, neighborhood: Neighborhood) -> Derived:
    """`derive` of a workload that owns its pods.

    A pod of an old revision makes no error. That it fails is still told, since a StatefulSet may wait for it.
    """
    pods = list(neighborhood.outgoing(OWNS, "Pod"))
    details = workload.details
    revisions = details.revisions if isinstance(details, Revised) else ()
    status = blame(workload.status, worst_of(pods, revisions))
    if revisions and status is workload.status and status.severity == PENDING:
        old = worst_of(pods)
        if old is not None and old.status.severity == ERROR:
            status = go_on(status, f"{old.words} (of an old revision)")
    return Derived(status)
