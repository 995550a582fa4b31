"""Pods as kubelets and schedulers write them, for field tests."""

from __future__ import annotations

from typing import Any

from tests.field.test_workloads import T1, T2, Json, Object, a

EPOCH = "1970-01-01T00:00:00Z"
RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
    'failed: unable to start container process: exec: "/nosuch": stat /nosuch: no such file or directory: unknown'
)
UNREADY_SINCE = "containers with unready status: [app]"


def conditions(
    *, initialized: str = "True", ready: str = "False", scheduled: str = "True", **more: Json
) -> list[Json]:
    """Those of a kubelet, in its order. more: by type, instead of these or after them."""
    words = {"reason": "ContainersNotReady", "message": UNREADY_SINCE} if ready == "False" else {}
    found: dict[str, Json] = {
        "PodReadyToStartContainers": {"status": "True"},
        "Initialized": {"status": initialized},
        "Ready": {"status": ready, **words},
        "ContainersReady": {"status": ready, **words},
        "PodScheduled": {"status": scheduled},
    }
    found |= more
    return [{"type": type, "lastTransitionTime": T1, **rest} for type, rest in found.items()]


def running(name: str, *, ready: bool = True, **more: Any) -> Json:
    return {
        "name": name,
        "ready": ready,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": T1}},
        **more,
    }


def waits(name: str, reason: str, message: str = "", **more: Any) -> Json:
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return {"name": name, "ready": False, "started": False, "restartCount": 0, "state": state, **more}


def end(code: int, reason: str = "", *, message: str = "", started: str = T1) -> Json:
    reason = reason or ("Error" if code else "Completed")
    said = {"message": message} if message else {}
    return {
        "terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": T2, **said}
    }


def ended(name: str, state: Json, **more: Any) -> Json:
    return {"name": name, "ready": False, "started": False, "restartCount": 0, "state": state, **more}


def back_off(name: str, last: Json, restarts: int) -> Json:
    said = f"back-off 5m0s restarting failed container={name} pod=x_shop(u)"
    return waits(name, "CrashLoopBackOff", said, lastState=last, restartCount=restarts)


def pod(
    *containers: Json,
    inits: tuple[Json, ...] = (),
    phase: str = "Running",
    spec: Json | None = None,
    meta: Json | None = None,
    **status: Any,
) -> Object:
    """Its spec has the containers of its status; the sidecars among them are in `spec`."""
    names = [{"name": each["name"], "image": "registry.example/a:1"} for each in containers]
    init = [{"name": each["name"], "image": "registry.example/b:1"} for each in inits]
    made = {"containers": names, "initContainers": init, "nodeName": "node-1", "restartPolicy": "Always"}
    told: Json = {"phase": phase, "conditions": conditions(), "containerStatuses": list(containers), **status}
    if inits:
        told["initContainerStatuses"] = list(inits)
    kind, manifest = a("Pod", "x", spec={**made, **(spec or {})}, status=told)
    manifest["metadata"] |= meta or {}
    return kind, manifest


def asked(**condition: Json) -> Object:
    """A pod that is on no node."""
    return pod(
        phase="Pending",
        spec={"nodeName": "", "containers": [{"name": "app"}]},
        conditions=[{"type": "PodScheduled", "status": "False", "lastTransitionTime": T1, **condition}],
    )


SIDECAR = {"initContainers": [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}]}
STARTING = pod(waits("app", "ContainerCreating"), phase="Pending")
DELETED = {"deletionTimestamp": "2026-11-02T10:02:30Z", "deletionGracePeriodSeconds": 30}
NOT_HELPFUL = "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling."
