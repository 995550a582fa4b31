"""Pod: level, message and since. The reason is what `pod_printer` prints."""

from __future__ import annotations

import msgspec

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds.common import condition, deleted_at
from astrolabe.kinds.pod import ContainerStatus, Pod, PodStatus
from astrolabe.kinds.pod_printer import NODE_LOST, print_end

_FINISHED = {"Succeeded": READY, "Failed": ERROR}


class _Wait(msgspec.Struct, frozen=True, gc=False):
    """A container that waits. `since`: when it last ended; None when it has not run yet."""

    container: str
    reason: str
    message: str
    since: str | None

    @property
    def is_failure(self) -> bool:
        reason = self.reason
        return (
            reason.startswith("Err") or reason.endswith(("Error", "BackOff")) or reason == "InvalidImageName"
        )


class _End(msgspec.Struct, frozen=True, gc=False):
    """A container that has ended, at `since`."""

    container: str
    code: int
    reason: str
    since: str | None


def judge_pod(pod: Pod, reason: str) -> Status:
    """The status of a pod; `reason` is the printed one."""
    status = pod.status or PodStatus()
    waits, ends = _stopped(status)
    failing = next((each for each in waits if each.is_failure), None) if waits else None
    failed = next((each for each in ends if each.code), None) if ends else None
    since: str | None
    if status.phase in _FINISHED:
        level, since = _FINISHED[status.phase], max([each.since or "" for each in ends], default=None)
        failed = failed or (ends[-1] if ends and not status.message else None)
    else:
        level, since = _level(pod, status, failing, failed)
    if level == READY and status.phase == "Running":
        return Status(level, reason, "Pod is running", since)
    wait = failing or (waits[0] if waits else None)
    message = _specific_message(pod, status, wait, failed) or _general_message(status, wait, reason)
    return Status(level, reason, message, since or None)


def _stopped(status: PodStatus) -> tuple[list[_Wait], list[_End]]:
    """The containers that wait and those that have ended, init containers first."""
    waits: list[_Wait] = []
    ends: list[_End] = []
    for statuses in (status.init_container_statuses, status.container_statuses):
        for each in statuses or ():
            state = each.state
            if state is None or state.running is not None:
                continue
            if state.waiting is not None and state.waiting.reason:
                waits.append(_Wait(each.name, state.waiting.reason, state.waiting.message, _last_end(each)))
            elif state.terminated is not None:
                end = state.terminated
                ends.append(_End(each.name, end.exit_code, print_end(end), end.finished_at))
    return waits, ends


def _last_end(container: ContainerStatus) -> str | None:
    last = container.last_state.terminated if container.last_state is not None else None
    return last.finished_at if last is not None else None


def _level(pod: Pod, status: PodStatus, failing: _Wait | None, failed: _End | None) -> tuple[str, str | None]:
    """The level of a pod that has not finished, and since when."""
    ready = condition(status.conditions, "Ready")
    since = ready.last_transition_time if ready is not None else None
    if status.phase == "Unknown" or status.reason == NODE_LOST:
        return UNKNOWN, since
    if failing is not None:
        return ERROR, failing.since
    if failed is not None and _restarts(pod):
        return ERROR, failed.since
    if pod.metadata.deletion_timestamp:
        return PENDING, deleted_at(pod.metadata)
    scheduled = condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return PENDING, scheduled.last_transition_time
    is_ready = status.phase == "Running" and ready is not None and ready.status == "True"
    return (READY if is_ready else PENDING), since


def _restarts(pod: Pod) -> bool:
    """Whether an ended container is started again; that one of a pod that is being deleted ends is normal."""
    if pod.metadata.deletion_timestamp:
        return False
    return pod.spec is None or pod.spec.restart_policy != "Never"


def _specific_message(pod: Pod, status: PodStatus, wait: _Wait | None, end: _End | None) -> str:
    """What a container, the scheduler or the kubelet says of this very pod; "" when they say nothing."""
    if wait is not None and wait.message:
        return wait.message
    if wait is not None and wait.is_failure:
        return f"container {wait.container} is waiting: {wait.reason}"
    if end is not None:
        return f"container {end.container} terminated: {end.reason} (exit code {end.code})"
    scheduled = condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.message:
        return scheduled.message
    if status.message:
        return status.message
    return "Pod is terminating" if pod.metadata.deletion_timestamp else ""


def _general_message(status: PodStatus, wait: _Wait | None, reason: str) -> str:
    """What follows from the conditions and the phase."""
    if wait is not None and wait.reason != "PodInitializing":
        return f"container {wait.container} is waiting: {wait.reason}"
    for each in status.conditions or ():
        if each.status != "True" and each.message:
            return each.message
    if reason.startswith("Init:") or reason == "PodInitializing":
        return "Pod is initializing"
    if status.phase == "Unknown" or status.reason == NODE_LOST:
        return "The node of the pod does not answer"
    return "Pod is not ready" if status.phase == "Running" else "Pod is pending"
