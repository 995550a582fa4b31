"""The status of a kind that has no rule, by what controllers have in common.

In this order: being deleted, an older generation observed, paused by a person, nothing written yet,
conditions whose True is bad, a phase that says failed, conditions that say "at work", conditions whose True
is good, the phase. What none of these decides is Unknown: silence is not health.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from astrolabe.graph.state.status import ERROR, PENDING, READY
from astrolabe.kinds.custom import words
from astrolabe.kinds.custom.conditions import (
    ConditionList,
    LenientCondition,
    is_stale,
    listed,
    named,
    not_true,
    number,
    status_of,
    text,
)
from astrolabe.kinds.custom.projection import Leaf, Other, Scalar, Skipped
from astrolabe.kinds.custom.verdict import Verdict, error, pending, ready, unknown

#: A status as it came: each field is looked at only if it means something to us.
RawStatus = dict[str, msgspec.Raw] | list[msgspec.Raw] | str | int | float | bool | None

#: Where a phase may stand, the first that is there.
PHASES = (
    "phase",
    "state",
    "status",
    "health",
    "currentState",
    "overallStatus",
    "currentPhase",
    "healthStatus",
)
#: Where a message may stand beside a phase.
MESSAGES = ("message", "errorMessage", "error", "failureMessage", "failureReason", "reason")
#: Lists whose elements have conditions of their own.
PARTS = ("parents", "ancestors", "listeners")


class _Part(msgspec.Struct, gc=False):
    conditions: ConditionList = None
    name: Leaf = None


_CONDITIONS = msgspec.json.Decoder(ConditionList)
_PARTS = msgspec.json.Decoder(list[_Part | Other] | Skipped | str | int | float | bool | None)
_SCALAR = msgspec.json.Decoder(Leaf)


class Given(NamedTuple):
    """What the generic status is made of. paused: whether a person has stopped its controller."""

    generation: int
    paused: Verdict | None
    status: RawStatus
    has_status: bool | None


def scalar(status: Mapping[str, msgspec.Raw], key: str) -> Scalar:
    raw = status.get(key)
    value = _SCALAR.decode(raw) if raw is not None else None
    return value if isinstance(value, str | int | float | bool) else None


def conditions_of(status: Mapping[str, msgspec.Raw]) -> list[LenientCondition]:
    raw = status.get("conditions")
    return listed(_CONDITIONS.decode(raw)) if raw is not None else []


def _lists(status: Mapping[str, msgspec.Raw]) -> Iterator[tuple[list[LenientCondition], str]]:
    """Every list of conditions, and where it stands."""
    found = conditions_of(status)
    if found:
        yield found, "status.conditions"
    for key in PARTS:
        raw = status.get(key)
        parts: Any = _PARTS.decode(raw) if raw is not None else None
        if isinstance(parts, list):
            for at, part in enumerate(parts):
                if isinstance(part, _Part) and (inner := listed(part.conditions)):
                    yield inner, f"status.{key}[{at}].conditions"


def judge(given: Given) -> Verdict:
    """The status by everything but deletion, which comes before."""
    status = given.status if isinstance(given.status, dict) else {}
    early = _observed(given.generation, status) or given.paused
    if early is not None:
        return early
    if not status:
        if given.has_status is False:
            return unknown("NoStatus", "Its kind has no status", by="")
        return pending("NoStatus", "Its controller has not written a status yet", by="status")
    lists = list(_lists(status))
    phase, where = _phase(status)
    meaning = words.meaning(phase)
    return (
        _paused_by_condition(lists)
        or _stale(lists, given.generation)
        or _bad(lists)
        or _failed(status, phase, meaning, where)
        or _at_work(lists)
        or _good(lists)
        or _by_phase(status, phase, meaning, where)
        or unknown("Unknown", "Nothing in its status says whether it works", by="")
    )


def _observed(generation: int, status: Mapping[str, msgspec.Raw]) -> Verdict | None:
    observed = number(scalar(status, "observedGeneration"))
    if observed is not None and observed < generation:
        return pending(
            "Progressing",
            "Waiting for the controller to see the latest change",
            by="status.observedGeneration",
        )
    return None


Lists = list[tuple[list[LenientCondition], str]]


def _paused_by_condition(lists: Lists) -> Verdict | None:
    for conditions, where in lists:
        for each in conditions:
            if each.name in words.PAUSED and each.value == "True":
                return Verdict(status_of(PENDING, each), f"{where}[{each.name}]")
    return None


def _stale(lists: Lists, generation: int) -> Verdict | None:
    for conditions, where in lists:
        for each in conditions:
            if each.name in words.GOOD and is_stale(each, generation):
                return pending(
                    "Progressing",
                    "Waiting for the controller to see the latest change",
                    by=f"{where}[{each.name}].observedGeneration",
                )
    return None


def _bad(lists: Lists) -> Verdict | None:
    for conditions, where in lists:
        progressing = named(conditions, "Progressing")
        if (
            progressing is not None
            and progressing.value == "False"
            and "Deadline" in text(progressing.at_reason)
        ):
            return Verdict(status_of(ERROR, progressing), f"{where}[Progressing]")
        for each in conditions:
            if each.name in words.BAD and each.value == "True":
                severity = PENDING if words.is_still_at_it("", text(each.at_reason)) else ERROR
                return Verdict(status_of(severity, each), f"{where}[{each.name}]")
    return None


def _phase(status: Mapping[str, msgspec.Raw]) -> tuple[str, str]:
    for key in PHASES:
        word = scalar(status, key)
        if isinstance(word, str) and word:
            return word, f"status.{key}"
    return "", ""


def _failed(status: Mapping[str, msgspec.Raw], phase: str, meaning: str, where: str) -> Verdict | None:
    if meaning == "error":
        return error(phase, _message(status), by=where)
    if meaning == "pending" and phase.lower().endswith("ing"):
        return pending(phase, _message(status), by=where)
    return None


def _message(status: Mapping[str, msgspec.Raw]) -> str:
    for key in MESSAGES:
        word = scalar(status, key)
        if isinstance(word, str) and word:
            return word
    return ""


def _at_work(lists: Lists) -> Verdict | None:
    for conditions, where in lists:
        for each in conditions:
            if each.name in words.AT_WORK and each.name != "Progressing" and each.value == "True":
                return Verdict(status_of(PENDING, each), f"{where}[{each.name}]")
    return None


def _good(lists: Lists) -> Verdict | None:
    found = [(each, where) for conditions, where in lists for each in conditions if each.name in words.GOOD]
    if not found:
        found = [
            (each, where)
            for conditions, where in lists
            for each in conditions
            if words.GOOD_END.search(each.name) and not words.BAD_END.search(each.name)
        ]
    verdicts = [not_true(each, where) for each, where in found if each.value != "True"]
    for severity in (ERROR, PENDING):
        for verdict in verdicts:
            if verdict.status.severity == severity:
                return verdict
    if found:
        each, where = found[0]
        return Verdict(status_of(READY, each), f"{where}[{each.name}]")
    return None


def _by_phase(status: Mapping[str, msgspec.Raw], phase: str, meaning: str, where: str) -> Verdict | None:
    match meaning:
        case "ready":
            return ready(phase, _message(status), by=where)
        case "pending":
            return pending(phase, _message(status), by=where)
        case "paused":
            return pending("Paused", _message(status), by=where)
    return None
