"""Reads a status of unknown shape, one or two levels down: conditions, phases, errors, counts.

Fields are told by how they are called. What an object's history says is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from astrolabe.kinds.custom import words
from astrolabe.kinds.custom.conditions import ConditionList, LenientCondition, listed, number, text
from astrolabe.kinds.custom.projection import SCALARS, Leaf, Scalar
from astrolabe.kinds.custom.words import remembered

#: Elements of one list, and entries of one map, that are looked at.
MOST_PARTS = 200

#: Words that are looked at of parts within parts.
MOST_PHASES = 1_000

Raws = Mapping[str, msgspec.Raw]

#: Names of fields that say in a word how something is.
_PHASE = re.compile(r"(?:phase|state|status|health|stage|robustness|result|verdict|outcome)$", re.IGNORECASE)
#: The same inside of a part, where only the plain word counts.
_PART_PHASE = ("phase", "state", "status", "health", "lastObservedState")
#: Words for how something ended, next to a word that only says that it ended.
_PART_RESULT = ("result", "verdict", "outcome")
#: What once was is no word about now.
_PAST = re.compile(
    r"history|previous|last|transition|timestamp|attempt|event|trace|log|pre|old", re.IGNORECASE
)
#: Fields that hold the text of an error.
_ERRORS = ("error", "errorMessage", "failureMessage", "errorReason")
#: Fields that say yes or no.
FLAGS = ("ready", "readyToUse", "available", "healthy", "applied", "succeeded", "success", "valid", "created")
#: Fields with a message, next to a phase.
_MESSAGES = ("message", "reason", "statusMessage", "errorMessage", "failureReason", "description")

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_CONDITIONS = msgspec.json.Decoder(ConditionList)
_SCALAR = msgspec.json.Decoder(Leaf)


class Phase(NamedTuple):
    """A state word and its path. whole: it is about the whole object, not only about a part of it."""

    word: str
    where: str
    message: str = ""
    whole: bool = True


Conditions = list[tuple[list[LenientCondition], str]]


@remembered
def _is_past(name: str) -> bool:
    return bool(_PAST.search(name))


@remembered
def _is_phase(name: str) -> bool:
    return bool(_PHASE.search(name))


def scalar(raws: Raws, key: str) -> Scalar:
    """The scalar of this name."""
    raw = raws.get(key)
    value = _SCALAR.decode(raw) if raw is not None else None
    return value if isinstance(value, SCALARS) else None


def message_in(raws: Raws) -> str:
    """The message of a status or a part, where there is one."""
    for key in _MESSAGES:
        said = text(scalar(raws, key))
        if said:
            return said
    return ""


def _first(raw: msgspec.Raw) -> bytes:
    return bytes(memoryview(raw)[:1])


def _parts(key: str, raw: msgspec.Raw) -> Iterator[tuple[Raws, str]]:
    """The objects in a list or a map of objects, or the object itself."""
    if _first(raw) == b"{":
        yield _OBJECT.decode(raw), f"status.{key}"
    elif _first(raw) == b"[":
        for at, each in enumerate(_LIST.decode(raw)[:MOST_PARTS]):
            if _first(each) == b"{":
                yield _OBJECT.decode(each), f"status.{key}[{at}]"


def condition_lists(status: Raws) -> Conditions:
    """Every list of conditions: of the object, and of its parts (parents, listeners, ingress, ...)."""
    found: Conditions = []
    for key, raw in status.items():
        if key == "conditions":
            if conditions := listed(_CONDITIONS.decode(raw)):
                found.insert(0, (conditions, "status.conditions"))
        elif _has_conditions(key, raw):
            for part, where in _parts(key, raw):
                found += _conditions_below(part, where, DEEPEST_PART)
    return found


#: Levels of parts within parts: K8ssandra has a map of data centers, each with a database and its conditions.
DEEPEST_PART = 4


def _has_conditions(key: str, raw: msgspec.Raw) -> bool:
    return not _is_past(key) and b'"conditions"' in bytes(raw)


def _conditions_below(part: Raws, where: str, levels: int) -> Conditions:
    found = _conditions_of(part, where)
    for name, inner in list(part.items())[:MOST_PARTS] if levels else ():
        if name != "conditions" and _has_conditions(name, inner):
            for deeper, at in _parts(name, inner):
                found += _conditions_below(deeper, f"{where}{at.removeprefix('status')}", levels - 1)
            if len(found) > MOST_PARTS:
                break
    return found


def _conditions_of(part: Raws, where: str) -> Conditions:
    raw = part.get("conditions")
    conditions = listed(_CONDITIONS.decode(raw)) if raw is not None else []
    return [(conditions, f"{where}.conditions")] if conditions else []


def phases(status: Raws) -> list[Phase]:
    """Every state word of the object or of a part of it."""
    found: list[Phase] = []
    for key, raw in status.items():
        if key == "conditions" or _is_past(key):
            continue
        if _first(raw) == b'"':
            if _is_phase(key) or key == "compliant":
                found.append(Phase(text(_SCALAR.decode(raw)), f"status.{key}", message_in(status)))
            continue
        for part, where in _parts(key, raw):
            found += _part_phases(part, where, whole=_first(raw) == b"{")
            if _first(raw) == b"{" and where != _STATUSES and len(found) < MOST_PHASES:
                for name, inner in islice(chain(_map(part), _maps_in(part)), MOST_PARTS):
                    found += _part_phases(inner, f"{where}.{name}", whole=False)
    return [phase for phase in found if phase.word]


#: Where some kinds have one status per reporter.
_STATUSES = "status.statuses"


def _map(part: Raws) -> Iterator[tuple[str, Raws]]:
    """The parts by name, if all that a part has are objects."""
    if all(_first(raw) == b"{" for raw in part.values()):
        for name, raw in list(part.items())[:MOST_PARTS]:
            if not _is_past(name):
                yield name, _OBJECT.decode(raw)


def _maps_in(part: Raws) -> Iterator[tuple[str, Raws]]:
    """The same of the objects in a part, such as `stores.1.state`."""
    for key, raw in list(part.items())[:MOST_PARTS]:
        if _first(raw) == b"{" and not _is_past(key):
            for name, inner in _map(_OBJECT.decode(raw)):
                yield f"{key}.{name}", inner


def _part_phases(part: Raws, where: str, *, whole: bool) -> Iterator[Phase]:
    for key in _PART_PHASE:
        raw = part.get(key)
        if raw is not None and _first(raw) == b'"':
            yield Phase(text(_SCALAR.decode(raw)), f"{where}.{key}", message_in(part), whole)
            break
    for key in _PART_RESULT:
        if said := text(scalar(part, key)):
            yield Phase(said, f"{where}.{key}", message_in(part), whole=False)
    if where == _STATUSES:  # by who reports it
        for name, raw in list(part.items())[:MOST_PARTS]:
            if _first(raw) == b"{":
                yield from _part_phases(_OBJECT.decode(raw), f"{where}.{name}", whole=whole)


def error_in(status: Raws) -> tuple[str, str]:
    """The text of an error, and its path."""
    for key in _ERRORS:
        raw = status.get(key)
        if raw is None:
            continue
        if _first(raw) == b"{":
            said = text(scalar(_OBJECT.decode(raw), "message"))
            if said:
                return said, f"status.{key}.message"
        elif (said := text(_SCALAR.decode(raw))) and said.lower() not in ("none", "false"):
            return said, f"status.{key}"
    return "", ""


def part_error(status: Raws) -> tuple[str, str]:
    """The first error that a part lists, and where: `byPod[].errors[].message`."""
    for key, raw in status.items():
        if _first(raw) != b"[" or _PAST.search(key) or b'"errors"' not in bytes(raw):
            continue
        for part, where in _parts(key, raw):
            errors = part.get("errors")
            for each in _LIST.decode(errors)[:1] if errors is not None and _first(errors) == b"[" else ():
                said = (
                    message_in(_OBJECT.decode(each)) if _first(each) == b"{" else text(_SCALAR.decode(each))
                )
                return said, f"{where}.errors"
    return "", ""


def outdated_field(status: Raws, generation: int) -> str:
    """The field that says that a controller has not seen this generation; "" if none does."""
    for key, raw in status.items():
        if key.endswith(("observedGeneration", "ObservedGeneration")):
            observed: Any = number(_SCALAR.decode(raw))
            if observed is not None and observed < generation:
                return f"status.{key}"
    return ""


def flag(status: Raws) -> tuple[bool | None, str]:
    """What the first field says that says yes or no."""
    for key in FLAGS:
        value = scalar(status, key)
        if isinstance(value, bool):
            return value, f"status.{key}"
    return None, ""


def bad_flag(status: Raws) -> str:
    """A true flag that means trouble, or `valid` that is false; "" if there is none."""
    if scalar(status, "valid") is False:
        return "status.valid"
    for key, raw in status.items():
        if bytes(raw) == b"true" and words.is_bad(f"{key[:1].upper()}{key[1:]}"):
            return f"status.{key}"
    return ""


#: How many are ready of how many, in one text.
_FRACTION = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
#: Fields that count what does not work.
_BROKEN_COUNT = re.compile(r"^(?:failed|unhealthy|degraded|unavailable)[A-Z]\w*(?:Count|Replicas|Instances)$")


def shortage(status: Raws, wanted: Scalar) -> tuple[str, str]:
    """What contradicts a word that says ready: a flag, replicas that are not ready, a part; and the field."""
    for key in FLAGS:
        if scalar(status, key) is False:
            return f"status.{key} is false", f"status.{key}"
    for key in status:
        broken = number(scalar(status, key)) if _BROKEN_COUNT.search(key) else None
        if broken:
            return f"status.{key} is {broken}", f"status.{key}"
    return _shortage_of("status", status, wanted)


def part_shortage(status: Raws) -> tuple[str, str]:
    """The same of the parts in its lists."""
    for key, raw in status.items():
        if _first(raw) == b"[" and not _is_past(key):
            for part, where in _parts(key, raw):
                if scalar(part, "ready") is False:
                    return f"{where}.ready is false", f"{where}.ready"
                if (found := _shortage_of(where, part, None))[0]:
                    return found
    return "", ""


def _shortage_of(where: str, raws: Raws, wanted: Scalar) -> tuple[str, str]:
    found = counts(raws, wanted)
    if found is not None and found.ready < found.wanted:
        field = f"{where}{found.where.removeprefix('status')}"
        return f"{found.ready} of {found.wanted} replicas are ready", field
    for key in raws:
        if key.startswith("desired") and (total := number(scalar(raws, key))) is not None:
            ready = number(scalar(raws, f"ready{key.removeprefix('desired')}"))
            if ready is not None and ready < total:
                return f"{ready} of {total} are ready", f"{where}.ready{key.removeprefix('desired')}"
    match = _FRACTION.fullmatch(text(scalar(raws, "ready")))
    if match and int(match[1]) < int(match[2]):
        return f"{match[1]} of {match[2]} are ready", f"{where}.ready"
    return "", ""


class ReplicaCount(NamedTuple):
    """How many replicas there should be, and are. where: the field that says how many are."""

    wanted: int
    ready: int
    where: str


def counts(status: Raws, wanted: Scalar) -> ReplicaCount | None:
    """The replicas; None if the status has no such counts. wanted: as the spec says."""
    total = number(wanted)
    if total is None:
        total = number(scalar(status, "replicas"))
    if total is None:
        return _scale(status)
    found = [
        ReplicaCount(total, count, f"status.{key}")
        for key in ("readyReplicas", "availableReplicas", "updatedReplicas", "readyInstances")
        if (count := number(scalar(status, key))) is not None
    ]
    return min(found, key=lambda each: each.ready) if found else _scale(status)


def _scale(status: Raws) -> ReplicaCount | None:
    """Of `status.scale`, where OpenTelemetry's collectors have them in one text."""
    raw = status.get("scale")
    if raw is None or _first(raw) != b"{":
        return None
    match = _FRACTION.fullmatch(text(scalar(_OBJECT.decode(raw), "statusReplicas")))
    if match is None:
        return None
    return ReplicaCount(int(match[2]), int(match[1]), "status.scale.statusReplicas")
