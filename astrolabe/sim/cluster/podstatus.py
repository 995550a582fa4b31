"""status of a pod in each phase of its life, as kubelet and scheduler write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

ENDED = ("Succeeded", "Failed")
_UNREADY = "containers with unready status"


@dataclass(frozen=True)
class Place:
    """Where a pod runs. address: its own; "" while it has none."""

    node: str
    host: str
    address: str


@dataclass(frozen=True)
class Moment:
    """When. created: of the pod. changed: of its last change of state."""

    created: str
    changed: str


def unscheduled() -> Json:
    """Created, and nobody looked at it yet."""
    return {"phase": "Pending", "qosClass": "Burstable"}


def unschedulable(moment: Moment, *, nodes: int, why: str = "Insufficient cpu") -> Json:
    """No node fits."""
    message = (
        f"0/{nodes} nodes are available: {nodes} {why}. no new claims to deallocate, "
        f"preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
    )
    condition = _condition(
        "PodScheduled", moment.changed, status=False, reason="Unschedulable", message=message
    )
    return {"phase": "Pending", "conditions": [condition], "qosClass": "Burstable"}


def scheduled(moment: Moment) -> Json:
    """Bound to a node of which the kubelet has not spoken yet."""
    return {
        "phase": "Pending",
        "conditions": [_condition("PodScheduled", moment.created)],
        "qosClass": "Burstable",
    }


def waiting(spec: Json, moment: Moment, place: Place, *, reason: str, message: str = "") -> Json:
    """On its node, containers not started: ContainerCreating, ImagePullBackOff and the like."""
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    initialized = "initContainers" not in spec or reason != "PodInitializing"
    statuses = _containers(spec, lambda name: {"state": state, "lastState": {}})
    return _on_node(spec, moment, place, phase="Pending", statuses=statuses, initialized=initialized)


def running(spec: Json, moment: Moment, place: Place, *, ready: bool = True, restarts: int = 0) -> Json:
    """All containers run. restarts: of the first container, the last of them at `moment.changed`."""
    state = {"state": {"running": {"startedAt": moment.changed}}, "lastState": {}}
    statuses = _containers(spec, lambda name: state, ready=ready, started=True)
    if restarts:
        statuses[0] = {**statuses[0], "lastState": _terminated(moment, code=1), "restartCount": restarts}
    return _on_node(spec, moment, place, phase="Running", statuses=statuses, ready=ready)


def crashed(spec: Json, moment: Moment, place: Place, *, restarts: int, code: int = 1) -> Json:
    """The first container crashed and waits to be restarted; the others run."""
    name = spec["containers"][0]["name"]
    delay = min(300, 10 * 2 ** min(restarts, 8))
    back_off = f"{delay // 60}m{delay % 60}s" if delay >= 60 else f"{delay}s"
    waits = {
        "reason": "CrashLoopBackOff",
        "message": f"back-off {back_off} restarting failed container={name}",
    }
    state = {"state": {"running": {"startedAt": moment.created}}, "lastState": {}}
    statuses = _containers(spec, lambda name: state, ready=True, started=True)
    statuses[0] = {
        **statuses[0],
        "state": {"waiting": waits},
        "lastState": _terminated(moment, code=code),
        "ready": False,
        "restartCount": restarts,
        "started": False,
    }
    return _on_node(spec, moment, place, phase="Running", statuses=statuses)


def finished(spec: Json, moment: Moment, place: Place, *, code: int = 0) -> Json:
    """All containers ended: Succeeded with exit code 0, else Failed."""
    state = {"state": _terminated(moment, code=code), "lastState": {}}
    statuses = _containers(spec, lambda name: state)
    phase, reason = ("Failed", "PodFailed") if code else ("Succeeded", "PodCompleted")
    return _on_node(spec, moment, place, phase=phase, statuses=statuses, reason=reason)


def lost(status: Json, at: str) -> Json:
    """The same pod when its node is not heard of any more: not ready, whatever its containers said last."""
    conditions = [
        {**condition, "status": "False", "lastTransitionTime": at}
        if condition["type"] == "Ready"
        else condition
        for condition in status["conditions"]
    ]
    return {**status, "conditions": conditions}


def is_ready(pod: Json) -> bool:
    """Whether the condition Ready is True."""
    return _has(pod, "Ready")


def has_ended(pod: Json) -> bool:
    return pod["status"].get("phase") in ENDED


def _has(pod: Json, condition: str) -> bool:
    found = pod["status"].get("conditions", ())
    return any(entry["type"] == condition and entry["status"] == "True" for entry in found)


def _terminated(moment: Moment, *, code: int) -> Json:
    reason = {0: "Completed", 137: "OOMKilled"}.get(code, "Error")
    ended = {"exitCode": code, "reason": reason, "startedAt": moment.created, "finishedAt": moment.changed}
    return {"terminated": ended}


def _containers(
    spec: Json, state: Callable[[str], Json], *, ready: bool = False, started: bool = False
) -> list[Json]:
    return [
        {
            "name": container["name"],
            **state(container["name"]),
            "ready": ready,
            "restartCount": 0,
            "image": container["image"],
            "imageID": f"{container['image'].partition(':')[0]}@sha256:{_digest(container['image'])}",
            "containerID": f"containerd://{_digest(container['name'])}",
            "started": started,
        }
        for container in spec["containers"]
    ]


def _digest(text: str) -> str:
    """64 hex digits that look like a digest; nothing rests on their being one."""
    return (text.encode().hex() * 8)[-64:]


def _on_node(
    spec: Json,
    moment: Moment,
    place: Place,
    *,
    phase: str,
    statuses: list[Json],
    ready: bool = False,
    initialized: bool = True,
    reason: str = "ContainersNotReady",
) -> Json:
    why = {} if ready else {"reason": reason, "message": _UNREADY}
    conditions = [
        _condition("PodReadyToStartContainers", moment.created),
        _condition("Initialized", moment.created, status=initialized),
        _condition("Ready", moment.changed, status=ready, **why),
        _condition("ContainersReady", moment.changed, status=ready, **why),
        _condition("PodScheduled", moment.created),
    ]
    done = {"state": _terminated(Moment(moment.created, moment.created), code=0), "lastState": {}}
    first = {"containers": spec.get("initContainers", [])}
    status: Json = {"phase": phase, "conditions": conditions, "hostIP": place.host}
    status["hostIPs"] = [{"ip": place.host}]
    if place.address:
        status |= {"podIP": place.address, "podIPs": [{"ip": place.address}]}
    status["startTime"] = moment.created
    if first["containers"]:
        status["initContainerStatuses"] = _containers(first, lambda name: done, ready=True)
    return {**status, "containerStatuses": statuses, "qosClass": "Burstable"}


def _condition(type: str, at: str, *, status: bool = True, **more: str) -> Json:
    return {"type": type, "status": str(status), "lastProbeTime": None, "lastTransitionTime": at, **more}
