"""The status of a pod in each phase, as kubelet and scheduler write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

ENDED = ("Succeeded", "Failed")
_UNREADY = "containers with unready status"


@dataclass(frozen=True)
class Placement:
    """Where a pod runs. address: of the pod; "" while it has none."""

    node: str
    host: str
    address: str


@dataclass(frozen=True)
class Timestamps:
    """created: time of the pod's creation. changed: time of its last change of state."""

    created: str
    changed: str


def unscheduled() -> Json:
    """Created, not yet seen by the scheduler."""
    return {"phase": "Pending", "qosClass": "Burstable"}


def unschedulable(times: Timestamps, *, nodes: int, why: str = "Insufficient cpu") -> Json:
    """No node fits."""
    message = (
        f"0/{nodes} nodes are available: {nodes} {why}. no new claims to deallocate, "
        f"preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
    )
    condition = _condition(
        "PodScheduled", times.changed, status=False, reason="Unschedulable", message=message
    )
    return {"phase": "Pending", "conditions": [condition], "qosClass": "Burstable"}


def scheduled(times: Timestamps) -> Json:
    """Bound to a node whose kubelet has not reported yet."""
    return {
        "phase": "Pending",
        "conditions": [_condition("PodScheduled", times.created)],
        "qosClass": "Burstable",
    }


def waiting(spec: Json, times: Timestamps, placement: Placement, *, reason: str, message: str = "") -> Json:
    """On its node, containers not started: ContainerCreating, ImagePullBackOff and the like."""
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    initialized = "initContainers" not in spec or reason != "PodInitializing"
    statuses = _containers(spec, lambda name: {"state": state, "lastState": {}})
    return _on_node(spec, times, placement, phase="Pending", statuses=statuses, initialized=initialized)


def running(
    spec: Json, times: Timestamps, placement: Placement, *, ready: bool = True, restarts: int = 0
) -> Json:
    """All containers run. restarts: of the first container, the last of them at `times.changed`."""
    state = {"state": {"running": {"startedAt": times.changed}}, "lastState": {}}
    statuses = _containers(spec, lambda name: state, ready=ready, started=True)
    if restarts:
        statuses[0] = {**statuses[0], "lastState": _terminated(times, code=1), "restartCount": restarts}
    return _on_node(spec, times, placement, phase="Running", statuses=statuses, ready=ready)


def crashed(spec: Json, times: Timestamps, placement: Placement, *, restarts: int, code: int = 1) -> Json:
    """The first container crashed and waits to be restarted; the others run."""
    name = spec["containers"][0]["name"]
    delay = min(300, 10 * 2 ** min(restarts, 8))
    back_off = f"{delay // 60}m{delay % 60}s" if delay >= 60 else f"{delay}s"
    waits = {
        "reason": "CrashLoopBackOff",
        "message": f"back-off {back_off} restarting failed container={name}",
    }
    state = {"state": {"running": {"startedAt": times.created}}, "lastState": {}}
    statuses = _containers(spec, lambda name: state, ready=True, started=True)
    statuses[0] = {
        **statuses[0],
        "state": {"waiting": waits},
        "lastState": _terminated(times, code=code),
        "ready": False,
        "restartCount": restarts,
        "started": False,
    }
    return _on_node(spec, times, placement, phase="Running", statuses=statuses)


def finished(spec: Json, times: Timestamps, placement: Placement, *, code: int = 0) -> Json:
    """All containers ended: Succeeded with exit code 0, else Failed."""
    state = {"state": _terminated(times, code=code), "lastState": {}}
    statuses = _containers(spec, lambda name: state)
    phase, reason = ("Failed", "PodFailed") if code else ("Succeeded", "PodCompleted")
    return _on_node(spec, times, placement, phase=phase, statuses=statuses, reason=reason)


def lost(status: Json, at: str) -> Json:
    """The pod after its node was lost: not ready, whatever its containers reported last."""
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


def _terminated(times: Timestamps, *, code: int) -> Json:
    reason = {0: "Completed", 137: "OOMKilled"}.get(code, "Error")
    ended = {"exitCode": code, "reason": reason, "startedAt": times.created, "finishedAt": times.changed}
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
    """64 hex digits that look like a digest. Nothing depends on their value."""
    return (text.encode().hex() * 8)[-64:]


def _on_node(
    spec: Json,
    times: Timestamps,
    placement: Placement,
    *,
    phase: str,
    statuses: list[Json],
    ready: bool = False,
    initialized: bool = True,
    reason: str = "ContainersNotReady",
) -> Json:
    why = {} if ready else {"reason": reason, "message": _UNREADY}
    conditions = [
        _condition("PodReadyToStartContainers", times.created),
        _condition("Initialized", times.created, status=initialized),
        _condition("Ready", times.changed, status=ready, **why),
        _condition("ContainersReady", times.changed, status=ready, **why),
        _condition("PodScheduled", times.created),
    ]
    done = {"state": _terminated(Timestamps(times.created, times.created), code=0), "lastState": {}}
    first = {"containers": spec.get("initContainers", [])}
    status: Json = {"phase": phase, "conditions": conditions, "hostIP": placement.host}
    status["hostIPs"] = [{"ip": placement.host}]
    if placement.address:
        status |= {"podIP": placement.address, "podIPs": [{"ip": placement.address}]}
    status["startTime"] = times.created
    if first["containers"]:
        status["initContainerStatuses"] = _containers(first, lambda name: done, ready=True)
    return {**status, "containerStatuses": statuses, "qosClass": "Burstable"}


def _condition(type: str, at: str, *, status: bool = True, **more: str) -> Json:
    return {"type": type, "status": str(status), "lastProbeTime": None, "lastTransitionTime": at, **more}
