"""What the message of a pod says, and how specific that is. The most specific one wins.

In this order: a container, what it waits for and does not exist, the scheduler, an Event, the kubelet of the
whole pod, and what follows from conditions and phase.
"""

from __future__ import annotations

import re

from astrolabe.kinds.common import condition, holds, tell_finalizers
from astrolabe.kinds.manifest import Condition
from astrolabe.kinds.pod import ContainerStatus, Pod, PodSpec, PodStatus
from astrolabe.kinds.pod_containers import Ended, Stopped, keeps_ending, sidecar_names, tell_end

#: How specific a message is: nothing replaces what is certain, anything what is only general.
CERTAIN, BY_SCHEDULER, BY_POD, GENERAL = SPECIFIC = range(4)


#: A message, and how specific it is.
Said = tuple[str, int]

#: Says more than the Event that the node controller emits then.
BUT_NODE = "Its containers are ready, but node"

TERMINATING = "Pod is terminating"

_IS_RUNNING = ("Pod is running", CERTAIN)
#: What the scheduler adds when no pod need leave: that to end others, or to free devices, would not help.
_NO_HELP = re.compile(r" (?:no new claims to deallocate, )?preemption: \d+/\d+ nodes are available: .*$")
#: Conditions of a resize in place that has not been done (Kubernetes 1.33).
_RESIZES = ("PodResizePending", "PodResizeInProgress")


def of_running(status: PodStatus) -> Said:
    """A pod that does its work; a resize that is not possible changes nothing of that."""
    for each in status.conditions or ():
        if each.type in _RESIZES and each.status == "True" and each.reason:
            detail = f": {each.message}" if each.message else ""
            return f"Pod is running; its resize is not done: {each.reason}{detail}", CERTAIN
    return _IS_RUNNING


def of_success(status: PodStatus, end: Ended | None) -> Said:
    """Of its main containers, not of a sidecar that was ended afterwards."""
    if end is not None:
        return tell_end(end.who, end.end), CERTAIN
    return status.message or "Pod has succeeded", CERTAIN


def of_failure(status: PodStatus, stopped: Stopped) -> Said:
    """If something ended the whole pod (an eviction, a deadline), that, else how a container failed."""
    if status.message:
        return status.message.strip(), CERTAIN
    disruption = _disruption(status)
    if disruption:
        return disruption, CERTAIN
    end = stopped.failed or stopped.last_main_end
    return tell_end(end.who, end.end) if end else "Pod has failed", CERTAIN


def _disruption(status: PodStatus) -> str:
    """Who ends the pod and why, if it is not its owner: an eviction, a preemption, a taint."""
    found = condition(status.conditions, "DisruptionTarget")
    return found.message if found is not None and found.status == "True" else ""


def of_deletion(pod: Pod, status: PodStatus) -> Said:
    """Its containers end because someone asked for it. The message says who, if known, and what holds it."""
    why = _disruption(status)
    said = f"{TERMINATING}: {why}" if why else TERMINATING
    held = tell_finalizers(pod.metadata.finalizers)
    return f"{said.rstrip('.')}. {held}" if held else said, CERTAIN


def of_scheduling(pod: Pod, status: PodStatus, scheduled: Condition) -> Said:
    """Why it is on no node."""
    if scheduled.reason == "SchedulingGated":
        names = [each.name for each in (pod.spec or PodSpec()).scheduling_gates or () if each.name]
        if names:
            gates = "gate is" if len(names) == 1 else "gates are"
            said = f"Not to be scheduled before its scheduling {gates} gone: {', '.join(names)}"
            return said, CERTAIN
        return scheduled.message or "Held by its scheduling gates", CERTAIN
    if scheduled.message:
        said = of_scheduler(scheduled.message)
        if status.nominated_node_name:
            said = (
                f"{said.rstrip('.')}; pods of lower priority leave node {status.nominated_node_name} for it"
            )
        return said, BY_SCHEDULER
    return (status.message, BY_POD) if status.message else ("Not scheduled yet", GENERAL)


#: The message of a pod about which nothing particular is known.
_GENERAL = frozenset(("", "Not scheduled yet", "Pod is initializing", "Pod is not ready", "Pod is pending"))


def is_general(message: str) -> bool:
    """Whether it says that a pod is not ready, and nothing of why."""
    return message in _GENERAL or " is waiting: " in message or message.startswith("containers with ")


def of_scheduler(message: str) -> str:
    """Why no node suits, in the scheduler's words, without that ending other pods would not help."""
    return _NO_HELP.sub("", message)


def of_waiting(pod: Pod, status: PodStatus, stopped: Stopped, reason: str) -> Said:
    """A pod on a node that is not ready, and in which nothing fails repeatedly."""
    for each in stopped.waits:
        if each.said:
            return each.message, CERTAIN
    failed = stopped.failed if stopped.ends else None
    if failed is not None:
        return failed.message, CERTAIN
    if status.message:
        return status.message, BY_POD
    for end in stopped.ends:
        if end.is_restarted:
            return end.message, GENERAL
    return _general(pod, status, stopped, reason), GENERAL


def _general(pod: Pod, status: PodStatus, stopped: Stopped, reason: str) -> str:
    """What follows from containers, conditions and the phase."""
    initializing = _initializing(pod, status)
    if initializing:
        return initializing
    if status.phase == "Running":
        unready = _unready(pod, status, stopped)
        if unready:
            return unready
    wait = next((each for each in stopped.waits if each.reason != "PodInitializing"), None)
    if wait is not None:
        return wait.message
    gate = _closed_gate(pod, status)
    if gate:
        return gate
    for type in _TOLD:
        told = condition(status.conditions, type)
        if told is not None and told.status != "True" and told.message:
            return told.message
    if reason.startswith("Init:") or reason == "PodInitializing":
        return "Pod is initializing"
    return "Pod is not ready" if status.phase == "Running" else "Pod is pending"


#: Conditions of the kubelet, those before others that say more; the others may mean anything by False.
_TOLD = ("Initialized", "ContainersReady", "Ready")


def _closed_gate(pod: Pod, status: PodStatus) -> str:
    """Which readiness gate keeps a pod unready whose containers are ready, in the words of its condition."""
    gates = pod.spec.readiness_gates if pod.spec is not None else None
    if not gates or not holds(status.conditions, "ContainersReady"):
        return ""
    for gate in gates:
        found = condition(status.conditions, gate.condition_type)
        if found is None:
            return f"Its containers are ready; nobody has set its readiness gate {gate.condition_type} yet"
        if found.status != "True":
            said = ": ".join([word for word in (found.reason, found.message) if word])
            told = f"Its containers are ready; its readiness gate {gate.condition_type} is {found.status}"
            return f"{told}: {said}" if said else told
    return ""


def _initializing(pod: Pod, status: PodStatus) -> str:
    """Which init container runs, or which sidecar has not started; "" when none does."""
    statuses = status.init_container_statuses
    if not statuses:
        return ""
    sidecars = sidecar_names(pod)
    for each in statuses:
        state = each.state
        if state is None or state.running is None:
            continue
        if each.name not in sidecars:
            return f"init container {each.name} is running{_after(each)}"
        if not each.started:
            return f"sidecar {each.name} has not started{_after(each)}"
    return ""


def _unready(pod: Pod, status: PodStatus, stopped: Stopped) -> str:
    """Of containers that run and are not ready, one that was started again, or has not passed its probe."""
    unready = [
        each
        for each in status.container_statuses or ()
        if not each.ready and each.state is not None and each.state.running is not None
    ]
    for each in unready:
        if each.last_state is not None and each.last_state.terminated is not None:
            return f"container {each.name} is not ready{_after(each)}"
    for each in unready:
        if each.started is False:
            return f"container {each.name} has not passed its startup probe"
    if not unready and _has_lost_its_node(status):
        node = pod.spec.node_name if pod.spec is not None else ""
        return f"{BUT_NODE} {node} may not answer any more" if node else ""
    if unready or (pod.spec is not None and pod.spec.restart_policy == "Always"):
        return ""
    over, running = stopped.last_main_end, _names_of_running(pod, status)
    if over is None or not running:
        return ""
    return f"{over.who} has ended, {', '.join(running)} {'is' if len(running) == 1 else 'are'} still running"


def _names_of_running(pod: Pod, status: PodStatus) -> list[str]:
    """Of containers that are ready, and of sidecars."""
    names = [each.name for each in status.container_statuses or () if each.ready]
    sidecars = sidecar_names(pod)
    for each in status.init_container_statuses or ():
        if each.name in sidecars and each.state is not None and each.state.running is not None:
            names.append(each.name)
    return names


def _has_lost_its_node(status: PodStatus) -> bool:
    """Whether the pod was made unready by the node controller, which gives no reason, and by nothing else."""
    ready, containers = condition(status.conditions, "Ready"), condition(status.conditions, "ContainersReady")
    if ready is None or containers is None:
        return False
    return (ready.status, ready.reason, containers.status) == ("False", "", "True")


def _after(container: ContainerStatus) -> str:
    """How a container that runs ended before; once is not again and again."""
    last = container.last_state.terminated if container.last_state is not None else None
    if last is None:
        return ""
    if container.restart_count <= 1:
        return f"; before, {tell_end('it', last, f' at {last.finished_at}' if last.finished_at else '')}"
    return f"; {keeps_ending('it', last, container.restart_count)}"
