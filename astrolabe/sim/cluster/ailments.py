"""What may be wrong with the pods of a component, how rare that is, and what their status says then."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from astrolabe.sim.cluster.podstatus import Moment, Place, crashed, unschedulable, waiting
from astrolabe.sim.cluster.workloads import Progress

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One ailing pod. place: where it would run. nodes: how many there are."""

    spec: Json
    moment: Moment
    place: Place
    nodes: int
    rng: random.Random


@dataclass(frozen=True)
class Ailment:
    """One way of not running. rarity: one running component in so many has it.

    status: what the pod's status says. wants: what its template asks for that cannot be had; `{}` in a value
    stands for the name of the component. runs: whether the pod is on a node. progress: of its Deployment.
    """

    rarity: int
    status: Callable[[Case], Json]
    wants: Mapping[str, str] = field(default_factory=dict)
    runs: bool = True
    progress: Progress = "stuck"


def _crash_loop(case: Case) -> Json:
    return crashed(case.spec, case.moment, case.place, restarts=case.rng.randint(5, 300))


def _out_of_memory(case: Case) -> Json:
    return crashed(case.spec, case.moment, case.place, restarts=case.rng.randint(2, 40), code=137)


def _image_pull(case: Case) -> Json:
    image = case.spec["containers"][0]["image"]
    message = (
        f'Back-off pulling image "{image}": ErrImagePull: failed to resolve reference "{image}": not found'
    )
    return waiting(case.spec, case.moment, case.place, reason="ImagePullBackOff", message=message)


def _config_missing(case: Case) -> Json:
    name = case.spec["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return _no_config(case, f'configmap "{name}" not found')


def _secret_missing(case: Case) -> Json:
    environment = case.spec["containers"][0]["env"]
    sources = (variable.get("valueFrom", {}) for variable in environment)
    name = next(source["secretKeyRef"]["name"] for source in sources if "secretKeyRef" in source)
    return _no_config(case, f'secret "{name}" not found')


def _no_config(case: Case, message: str) -> Json:
    return waiting(case.spec, case.moment, case.place, reason="CreateContainerConfigError", message=message)


def _unschedulable(case: Case) -> Json:
    return unschedulable(case.moment, nodes=case.nodes)


AILMENTS: Mapping[str, Ailment] = {
    "crash-loop": Ailment(90, _crash_loop, progress="complete"),
    "out-of-memory": Ailment(400, _out_of_memory, progress="complete"),
    "image-pull": Ailment(150, _image_pull, {"tag": "does-not-exist"}),
    "unschedulable": Ailment(300, _unschedulable, {"cpu": "96"}, runs=False),
    "config-missing": Ailment(250, _config_missing, {"overrides": "{}-overrides"}),
    "secret-missing": Ailment(300, _secret_missing, {"secret": "{}-keys"}),
}
