"""What a scenario is, and how it finds whom it befalls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from astrolabe.sim.churn.world import Process, World, key_of

Json = dict[str, Any]

_TRIES = 12


@dataclass(frozen=True)
class ScenarioRun:
    """Something about to happen. scopes: of whom; one at a time happens to each of them."""

    scopes: tuple[str, ...]
    process: Process


#: Picks somebody; None when nobody suits at the moment.
Scenario = Callable[[World], ScenarioRun | None]


def pick(world: World, kind: str, suits: Callable[[Json], bool]) -> Json | None:
    """A random object of a kind that suits; None when a few tries found none."""
    for _ in range(_TRIES):
        found = world.pick(kind)
        if found is not None and suits(found):
            return found
    return None


def scope_of(manifest: Json) -> str:
    return f"{manifest['kind']}/{key_of(manifest)}"


def is_healthy(workload: Json) -> bool:
    """A workload that runs, and runs well."""
    wanted = workload["spec"].get("replicas", 0)
    return bool(wanted) and workload["status"].get("readyReplicas", 0) == wanted
