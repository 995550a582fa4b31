"""Why a workload does not get on: the worst of its pods, named in the workload's own status."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, PENDING, Status
from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.live import live_pods

READS_PODS = (Read("outgoing", OWNS, "Pod"),)


class WorstPod(msgspec.Struct, frozen=True, gc=False):
    """Of the pods that are in Error: the one with the most restarts, then the first by name."""

    name: str
    restarts: int
    status: Status


def worst(candidates: Iterable[WorstPod]) -> WorstPod | None:
    """The worst of several; None when there is none."""
    return min(candidates, key=lambda pod: (-pod.restarts, pod.name), default=None)


def worst_of(pods: Iterable[Peer]) -> WorstPod | None:
    """The worst of these pods that are live; None when none of them is in Error."""
    return worst(
        [
            WorstPod(pod.name, pod.details.restarts, pod.status)
            for pod in live_pods(pods)
            if pod.status.severity == ERROR
        ]
    )


def blame(status: Status, pod: WorstPod | None) -> Status:
    """The status of a workload that is still Pending while a pod of it is in Error."""
    if pod is None or status.severity != PENDING:
        return status
    words = (f"pod {pod.name}", pod.status.reason, shortened(pod.status.message, LONGEST_QUOTE))
    message = ": ".join(word for word in words if word)
    return Status(ERROR, pod.status.reason, message, pod.status.since)


def derive_from_pods(workload: Peer, neighborhood: Neighborhood) -> Derived:
    """`derive` of a workload that owns its pods; it exports the worst one as its details."""
    pod = worst_of(neighborhood.outgoing(OWNS, "Pod"))
    return Derived(blame(workload.status, pod), details=pod)
