"""Pod: level, message and since, by its own manifest. The reason is what `pod_printer` prints."""

from __future__ import annotations

import msgspec

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from astrolabe.kinds import pod_words as words
from astrolabe.kinds.common import condition, deleted_at
from astrolabe.kinds.pod import NO_STATUS, Pod, PodStatus
from astrolabe.kinds.pod_containers import NONE_STOPPED, Stopped, stopped_containers
from astrolabe.kinds.pod_printer import NODE_LOST
from astrolabe.kinds.pod_words import BY_POD, CERTAIN, GENERAL, Said

_SUCCEEDED, _FAILED = "Succeeded", "Failed"


class PodVerdict(msgspec.Struct, frozen=True, gc=False):
    """The status of a pod, and how specific its message is: one of `pod_words.SPECIFIC`."""

    status: Status
    rank: int


def judge_pod(pod: Pod, reason: str) -> PodVerdict:
    """What the manifest alone says of a pod; `reason` is the printed one."""
    status = pod.status or NO_STATUS
    since: str | None
    if status.phase == _SUCCEEDED:
        stopped = stopped_containers(pod, status)
        level, since, said = READY, _last(stopped), words.of_success(status, stopped.last_main_end)
    elif status.phase == _FAILED:
        stopped = stopped_containers(pod, status)
        level, since, said = ERROR, _last(stopped), words.of_failure(status, stopped)
    else:
        level, since, said = _judge_unfinished(pod, status, reason)
    message, rank = said
    return PodVerdict(Status(level, reason, message, since or None), rank)


def _judge_unfinished(pod: Pod, status: PodStatus, reason: str) -> tuple[str, str | None, Said]:
    ready = condition(status.conditions, "Ready")
    since = ready.last_transition_time if ready is not None else None
    if status.phase == "Unknown" or status.reason == NODE_LOST:
        return UNKNOWN, since, (status.message or "The node of the pod does not answer", BY_POD)
    if pod.metadata.deletion_timestamp:
        return PENDING, deleted_at(pod.metadata), words.of_deletion(pod, status)
    stopped = stopped_containers(pod, status)
    if stopped is not NONE_STOPPED:
        trouble = stopped.trouble(reason)
        if trouble is not None:
            return ERROR, trouble.since, (trouble.message, CERTAIN if trouble.is_specific else GENERAL)
    scheduled = condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return PENDING, scheduled.last_transition_time, words.of_scheduling(pod, status, scheduled)
    if status.phase == "Running" and ready is not None and ready.status == "True":
        return READY, since, words.of_running(status)
    return PENDING, since, words.of_waiting(pod, status, stopped, reason)


def _last(stopped: Stopped) -> str | None:
    """When the last of its main containers ended; of all when none of them ran."""
    ends = stopped.main_ends or stopped.ends
    return max([each.since or "" for each in ends], default=None)
