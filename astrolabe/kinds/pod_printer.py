"""Pod: what `kubectl get pods` prints about it.

STATUS, READY and RESTARTS are those of the API server's own printer (Kubernetes 1.36, `printPod` in
pkg/printers/internalversion/printers.go), quirks included.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from sys import intern

import msgspec

from astrolabe.kinds.common import condition, holds
from astrolabe.kinds.pod import (
    NO_STATUS,
    ContainerState,
    ContainerStatus,
    Pod,
    PodSpec,
    PodStatus,
    Terminated,
)

#: The reason that the node lifecycle controller gives a pod whose node no longer answers.
NODE_LOST = "NodeLost"

_NO_STATE = ContainerState()
_NO_SPEC = PodSpec()


class Printed(msgspec.Struct, frozen=True, gc=False):
    """STATUS, READY as two numbers, and RESTARTS without the time of the last one."""

    reason: str
    ready: int
    total: int
    restarts: int


def print_pod(pod: Pod) -> Printed:
    """The columns as the API server prints them."""
    spec, status = pod.spec or _NO_SPEC, pod.status or NO_STATUS
    inits = spec.init_containers or ()
    sidecars = [each.name for each in inits if each.restart_policy == "Always"] if inits else ()
    stop, ready, restarts, of_sidecars = "", 0, 0, 0
    if status.init_container_statuses:
        stop, ready, restarts, of_sidecars = _print_initialization(
            status.init_container_statuses, frozenset(sidecars), len(inits)
        )
    reason = stop or _first_reason(status)
    if not stop or holds(status.conditions, "Initialized"):
        reason, running, restarts = _print_containers(status, reason)
        ready += running
        restarts += of_sidecars  # other init containers count only while the pod initializes
    if pod.metadata.deletion_timestamp:
        reason = _deletion_reason(status) or reason
    total = len(spec.containers or ()) + len(sidecars)
    return Printed(intern(reason), ready, total, restarts)


def _first_reason(status: PodStatus) -> str:
    scheduled = condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.reason == "SchedulingGated":
        return scheduled.reason
    return status.reason or status.phase


def _print_initialization(
    statuses: Sequence[ContainerStatus], sidecars: Collection[str], count: int
) -> tuple[str, int, int, int]:
    """What stops the initialization ("" when nothing), ready sidecars, restarts, restarts of sidecars.

    Containers after the one that stops it are not looked at, so their restarts do not count.
    """
    ready = restarts = of_sidecars = 0
    for index, each in enumerate(statuses):
        restarts += each.restart_count
        is_sidecar = each.name in sidecars
        if is_sidecar:
            of_sidecars += each.restart_count
        state = each.state or _NO_STATE
        if state.terminated is not None and state.terminated.exit_code == 0:
            continue
        if is_sidecar and each.started:
            ready += each.ready
            continue
        return f"Init:{_stop(state) or f'{index}/{count}'}", ready, restarts, of_sidecars
    return "", ready, restarts, of_sidecars


def _stop(state: ContainerState) -> str:
    if state.terminated is not None:
        return print_end(state.terminated)
    if state.waiting is not None and state.waiting.reason != "PodInitializing":
        return state.waiting.reason
    return ""


def print_end(terminated: Terminated) -> str:
    """Why a container ended: its reason, else the signal or the exit code."""
    if terminated.reason:
        return terminated.reason
    return f"Signal:{terminated.signal}" if terminated.signal else f"ExitCode:{terminated.exit_code}"


def _print_containers(status: PodStatus, reason: str) -> tuple[str, int, int]:
    """The reason as the containers, last to first, leave it; how many are ready; their restarts."""
    running = restarts = 0
    failure = ""
    for each in reversed(status.container_statuses or ()):
        restarts += each.restart_count
        state = each.state or _NO_STATE
        if state.waiting is not None and state.waiting.reason:
            reason = state.waiting.reason
        elif state.terminated is not None:
            reason = print_end(state.terminated)
            failure = reason if state.terminated.exit_code else failure
        elif each.ready and state.running is not None:
            running += 1
    if reason == "Completed":
        if running and holds(status.conditions, "Ready"):
            reason = "Running"
        else:
            reason = failure or ("NotReady" if running else reason)
    return reason, running, restarts


def _deletion_reason(status: PodStatus) -> str:
    if status.reason == NODE_LOST:
        return "Unknown"
    return "" if status.phase in ("Succeeded", "Failed") else "Terminating"
