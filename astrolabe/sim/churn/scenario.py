"""Scenarios, and how they pick their objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from astrolabe.sim.churn.world import Process, World, key_of

Json = dict[str, Any]

_TRIES = 12


@dataclass(frozen=True)
class ScenarioRun:
    """A scenario about to run. scopes: the objects that it locks; each is in one scenario at a time."""

    scopes: tuple[str, ...]
    process: Process


#: Picks an object and returns a run; None if no object fits at the moment.
Scenario = Callable[[World], ScenarioRun | None]


def pick(world: World, kind: str, suits: Callable[[Json], bool]) -> Json | None:
    """A random object of a kind that fits; None if a few attempts found none."""
    for _ in range(_TRIES):
        found = world.pick(kind)
        if found is not None and suits(found):
            return found
    return None


def scope_of(manifest: Json) -> str:
    return f"{manifest['kind']}/{key_of(manifest)}"


def is_healthy(workload: Json) -> bool:
    """Whether a workload has all its replicas ready."""
    wanted = workload["spec"].get("replicas", 0)
    return bool(wanted) and workload["status"].get("readyReplicas", 0) == wanted
