"""What Warnings say of a pod: a probe's words, a volume that cannot be mounted, a node that is gone."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from astrolabe.graph.model.facts import Warned, WarningEvent
from astrolabe.graph.state.status import ERROR, READY, Status
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.pod_links import WAITING_FOR
from astrolabe.kinds.pod_words import BUT_NODE, BY_SCHEDULER
from astrolabe.kinds.warnings import current, first

#: The kubelet's word for a probe that fails. Of liveness and startup, it ends the container for that.
UNHEALTHY = "Unhealthy"
_KILLING = ("Liveness probe", "Startup probe")
KEEPS_ENDING = "keeps ending"
TERMINATING = "Terminating"

#: Until a pod is on a node.
_SCHEDULING = frozenset(("FailedScheduling", "FailedBinding", "NotTriggerScaleUp", "Preempted"))
#: Until a container of it has started.
_STARTING = frozenset(
    (
        "FailedAttachVolume",
        "FailedCreatePodSandBox",
        "FailedMapVolume",
        "FailedMount",
        "FailedPrepareDynamicResources",
        "NetworkNotReady",
    )
)


def warn_pod(status: Status, details: PodDetails, warnings: Sequence[WarningEvent]) -> Warned:
    """A Warning is less specific than a container, a missing object and the scheduler.

    Some go on where these end: which probe makes the kubelet end a container again and again, and that the
    node of a pod that is being deleted does not answer. The reason stays what kubectl prints.
    """
    if status.severity == READY:
        return Warned(status)
    told = [each for each in current(status, warnings) if not _is_over(each, status, details)]
    newest = next((each for each in told if not _is_echo(each)), None) or next(iter(told), None)
    if newest is None:
        return Warned(status)
    if status.severity == ERROR and KEEPS_ENDING in status.message:
        probe = next((each for each in told if each.message.startswith(_KILLING)), None)
        if probe is not None:
            return _go_on(status, probe)
    if status.reason == TERMINATING:
        lost = first(told, "NodeNotReady")
        return _go_on(status, lost) if lost is not None else Warned(status, newest)
    if details.rank <= BY_SCHEDULER or status.message.startswith((WAITING_FOR, BUT_NODE)) or _is_echo(newest):
        return Warned(status, newest)
    words = newest.message if newest.reason == UNHEALTHY else f"{newest.reason}: {newest.message}"
    if details.restarts and newest.reason == UNHEALTHY:
        words = f"{words}; {status.message}"
    return Warned(replace(status, message=words), newest)


def _go_on(status: Status, warning: WarningEvent) -> Warned:
    return Warned(replace(status, message=f"{status.message}; {warning.message}"), warning)


def _is_over(warning: WarningEvent, status: Status, details: PodDetails) -> bool:
    """Whether it tells of a step that the pod has taken since."""
    if warning.reason in _SCHEDULING:
        return status.reason not in ("Pending", "SchedulingGated")
    return warning.reason in _STARTING and not details.is_waiting


def _is_echo(warning: WarningEvent) -> bool:
    """Whether it only says that the kubelet waits before it tries again, which the container says, too."""
    if warning.reason == "BackOff":
        return True
    return (
        warning.reason == "Failed"
        and warning.message.startswith("Error: ")
        and " " not in warning.message[7:]
    )
