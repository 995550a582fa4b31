"""What Warnings say of a pod: a probe's words, a volume that cannot be mounted, a node that is gone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from astrolabe.graph.model.facts import Warned, WarningEvent
from astrolabe.graph.state.status import ERROR, READY, Status
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.pod_links import WAITING_FOR
from astrolabe.kinds.pod_words import BUT_NODE, BY_SCHEDULER, of_scheduler
from astrolabe.kinds.warnings import current, first

#: The kubelet's word for a probe that fails. Of liveness and startup, it ends the container for that.
UNHEALTHY = "Unhealthy"
_KILLING = ("Liveness probe", "Startup probe")
KEEPS_ENDING = "keeps ending"
TERMINATING = "Terminating"

#: Why a pod that is being deleted does not go.
_STAYS = ("NodeNotReady", "FailedKillPod", "FailedPreStopHook")
#: True of pods that start as well, so never the reason of one that does not.
_HARMLESS = frozenset(
    (
        "DNSConfigForming",
        "FailedToRetrieveImagePullSecret",
        "MissingClusterDNS",
        "ProbeWarning",
        "SandboxChanged",
    )
)
#: What the kubelet says once it has waited for some time: which volume it is, and why, another Warning says.
_TIMED_OUT = (
    "Unable to attach or mount volumes: ",
    "failed to sync configmap cache",
    "failed to sync secret",
)
#: Of a container whose image could not be pulled, while the kubelet waits. Newer ones go on with the reason.
_BACK_OFF_PULLING = re.compile(r'Back-off pulling image ("[^"]*")(?:;|$)')

#: Until a pod is on a node.
_SCHEDULING = frozenset(("FailedScheduling", "FailedBinding", "NotTriggerScaleUp", "Preempted"))
#: Until one of its containers has started.
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
    newest = min(told, key=_how_vague, default=None)
    if newest is None:
        return Warned(status)
    more = _that_goes_on(status, told)
    if more is not None:
        return Warned(replace(status, message=f"{status.message}; {more.message}"), more)
    if (
        details.rank <= BY_SCHEDULER
        or status.reason == TERMINATING
        or status.message.startswith((WAITING_FOR, BUT_NODE))
        or _how_vague(newest) == _ECHO
    ):
        return Warned(status, newest)
    words = _in_words(newest)
    if details.restarts and newest.reason == UNHEALTHY:
        words = f"{words}; {status.message}"
    return Warned(replace(status, message=words), newest)


def _that_goes_on(status: Status, told: Sequence[WarningEvent]) -> WarningEvent | None:
    """The Warning that says more than the message does."""
    if status.reason == TERMINATING:
        return first(told, *_STAYS)
    if status.severity == ERROR and KEEPS_ENDING in status.message:
        return next((each for each in told if _ends_a_container(each)), None)
    pull = _BACK_OFF_PULLING.search(status.message)
    if pull is not None:
        failed = f"Failed to pull image {pull[1]}: "
        return next((each for each in told if each.message.startswith(failed)), None)
    return None


def _ends_a_container(warning: WarningEvent) -> bool:
    return warning.message.startswith(_KILLING) or warning.reason == "FailedPostStartHook"


def _in_words(warning: WarningEvent) -> str:
    """With its reason where its message does not say what it is about."""
    if warning.reason in (UNHEALTHY, "Failed"):
        return warning.message
    return f"{warning.reason}: {of_scheduler(warning.message)}"


def _is_over(warning: WarningEvent, status: Status, details: PodDetails) -> bool:
    """Whether it is about a step that the pod has passed since."""
    if warning.reason in _SCHEDULING:
        return status.reason not in ("Pending", "SchedulingGated")
    return warning.reason in _STARTING and not details.is_waiting


#: How vague a Warning is: it says why; it says that something took too long; it says nothing of use.
_SAYS_WHY, _TIMEOUT, _ECHO = range(3)


def _how_vague(warning: WarningEvent) -> int:
    if _is_echo(warning):
        return _ECHO
    return _TIMEOUT if any(words in warning.message for words in _TIMED_OUT) else _SAYS_WHY


def _is_echo(warning: WarningEvent) -> bool:
    """Whether it only says that the kubelet waits before it tries again, which the container says, too, or is
    no reason not to be ready.
    """
    if warning.reason == "BackOff" or warning.reason in _HARMLESS:
        return True
    return (
        warning.reason == "Failed"
        and warning.message.startswith("Error: ")
        and " " not in warning.message[7:]
    )
