"""How the pods of a component can fail, how rarely they do, and which status they have then."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from astrolabe.sim.cluster.podstatus import Placement, Timestamps, crashed, unschedulable, waiting
from astrolabe.sim.cluster.workloads import RolloutProgress

Json = dict[str, Any]


@dataclass(frozen=True)
class FailingPod:
    """One failing pod. placement: where it would run. nodes: number of nodes."""

    spec: Json
    times: Timestamps
    placement: Placement
    nodes: int
    rng: random.Random


@dataclass(frozen=True)
class FailureMode:
    """One way to fail. rarity: one in this many components fails this way.

    status: makes the pod's status. options: changes to the pod options that cause the failure; `{}` in a
    value is the name of the component. runs: whether the pod is on a node. progress: of its Deployment.
    """

    rarity: int
    status: Callable[[FailingPod], Json]
    options: Mapping[str, str] = field(default_factory=dict)
    runs: bool = True
    progress: RolloutProgress = "stuck"


def _crash_loop(failing: FailingPod) -> Json:
    return crashed(failing.spec, failing.times, failing.placement, restarts=failing.rng.randint(5, 300))


def _out_of_memory(failing: FailingPod) -> Json:
    return crashed(
        failing.spec, failing.times, failing.placement, restarts=failing.rng.randint(2, 40), code=137
    )


def _image_pull(failing: FailingPod) -> Json:
    image = failing.spec["containers"][0]["image"]
    message = (
        f'Back-off pulling image "{image}": ErrImagePull: failed to resolve reference "{image}": not found'
    )
    return waiting(failing.spec, failing.times, failing.placement, reason="ImagePullBackOff", message=message)


def _config_missing(failing: FailingPod) -> Json:
    name = failing.spec["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return _no_config(failing, f'configmap "{name}" not found')


def _secret_missing(failing: FailingPod) -> Json:
    environment = failing.spec["containers"][0]["env"]
    sources = (variable.get("valueFrom", {}) for variable in environment)
    name = next(source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source)
    return _no_config(failing, f'secret "{name}" not found')


def _no_config(failing: FailingPod, message: str) -> Json:
    return waiting(
        failing.spec, failing.times, failing.placement, reason="CreateContainerConfigError", message=message
    )


def _unschedulable(failing: FailingPod) -> Json:
    return unschedulable(failing.times, nodes=failing.nodes)


FAILURE_MODES: Mapping[str, FailureMode] = {
    "crash-loop": FailureMode(90, _crash_loop, progress="complete"),
    "out-of-memory": FailureMode(400, _out_of_memory, progress="complete"),
    "image-pull": FailureMode(150, _image_pull, {"tag": "does-not-exist"}),
    "unschedulable": FailureMode(300, _unschedulable, {"cpu": "96"}, runs=False),
    "config-missing": FailureMode(250, _config_missing, {"overrides": "{}-overrides"}),
    "secret-missing": FailureMode(300, _secret_missing, {"secret": "{}-keys"}),
}
