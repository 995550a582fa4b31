"""Reads a status of unknown shape, one or two levels down: conditions, phases, flags.

Fields are told by how they are called. What an object's history says is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from astrolabe.kinds.custom.attribute_readers import SCALARS, Scalar
from astrolabe.kinds.custom.conditions import ConditionList, LenientCondition, listed, number, text
from astrolabe.kinds.custom.path_tree import Leaf
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
    r"history|previous|last(?!Operation$)|transition(?!Status)|timestamp|attempt|event|trace|log|pre|old",
    re.IGNORECASE,
)
#: Fields that say yes or no.
FLAGS = (
    "ready",
    "readyToUse",
    "available",
    "healthy",
    "applied",
    "succeeded",
    "success",
    "valid",
    "created",
    "installed",
    "registered",
    "provisioned",
    "deployed",
    "verified",
    "synced",
    "connected",
    "online",
)
#: Fields with a message, next to a phase.
_MESSAGES = ("message", "reason", "statusMessage", "errorMessage", "failureReason", "description")

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_CONDITIONS = msgspec.json.Decoder(ConditionList)
_SCALAR = msgspec.json.Decoder(Leaf)


#: How many are ready of how many, in one text.
FRACTION = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class Phase(NamedTuple):
    """A state word and its path. whole: it is about the whole object, not only about a part of it."""

    word: str
    where: str
    message: str = ""
    whole: bool = True


Conditions = list[tuple[list[LenientCondition], str]]


@remembered
def is_past(name: str) -> bool:
    """Whether a field of this name says what once was."""
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


def first_sign(raw: msgspec.Raw) -> bytes:
    """How its JSON begins, which says of which type it is."""
    return bytes(memoryview(raw)[:1])


def parts(key: str, raw: msgspec.Raw) -> Iterator[tuple[Raws, str]]:
    """The objects in a list or a map of objects, or the object itself."""
    if first_sign(raw) == b"{":
        yield _OBJECT.decode(raw), f"status.{key}"
    elif first_sign(raw) == b"[":
        for at, each in enumerate(_LIST.decode(raw)[:MOST_PARTS]):
            if first_sign(each) == b"{":
                yield _OBJECT.decode(each), f"status.{key}[{at}]"


def condition_lists(status: Raws) -> Conditions:
    """Every list of conditions: of the object, and of its parts (parents, listeners, ingress, ...)."""
    found: Conditions = []
    for key, raw in status.items():
        if key == "conditions":
            if conditions := listed(_CONDITIONS.decode(raw)):
                found.insert(0, (conditions, "status.conditions"))
        elif _has_conditions(key, raw):
            for part, where in parts(key, raw):
                found += _conditions_below(part, where, DEEPEST_PART)
    return found


#: Levels of parts within parts: K8ssandra has a map of data centers, each with a database and its conditions.
DEEPEST_PART = 4


def _has_conditions(key: str, raw: msgspec.Raw) -> bool:
    return not is_past(key) and b'"conditions"' in bytes(raw)


def _conditions_below(part: Raws, where: str, levels: int) -> Conditions:
    found = _conditions_of(part, where)
    for name, inner in list(part.items())[:MOST_PARTS] if levels else ():
        if name != "conditions" and _has_conditions(name, inner):
            for deeper, at in parts(name, inner):
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
        if key == "conditions" or is_past(key):
            continue
        if first_sign(raw) == b'"':
            if _is_phase(key) or key == "compliant":
                found.append(Phase(text(_SCALAR.decode(raw)), f"status.{key}", message_in(status)))
            continue
        for part, where in parts(key, raw):
            found += _part_phases(part, where, whole=first_sign(raw) == b"{")
            if first_sign(raw) == b"{" and where != _STATUSES and len(found) < MOST_PHASES:
                for name, inner in islice(chain(_map(part), _maps_in(part), _single(part)), MOST_PARTS):
                    found += _part_phases(inner, f"{where}.{name}", whole=False)
    return [phase for phase in found if phase.word and not FRACTION.fullmatch(phase.word)]


#: Where some kinds have one status per reporter.
_STATUSES = "status.statuses"


def _map(part: Raws) -> Iterator[tuple[str, Raws]]:
    """The parts by name, if all that a part has are objects."""
    if all(first_sign(raw) == b"{" for raw in part.values()):
        for name, raw in list(part.items())[:MOST_PARTS]:
            if not is_past(name):
                yield name, _OBJECT.decode(raw)


def _single(part: Raws) -> Iterator[tuple[str, Raws]]:
    """The objects in a part that has other fields, too: `execution.result.status`."""
    if any(first_sign(raw) != b"{" for raw in part.values()):
        for name, raw in list(part.items())[:MOST_PARTS]:
            if first_sign(raw) == b"{" and not is_past(name):
                yield name, _OBJECT.decode(raw)


def _maps_in(part: Raws) -> Iterator[tuple[str, Raws]]:
    """The same of the objects in a part, such as `stores.1.state`."""
    for key, raw in list(part.items())[:MOST_PARTS]:
        if first_sign(raw) == b"{" and not is_past(key):
            for name, inner in _map(_OBJECT.decode(raw)):
                yield f"{key}.{name}", inner


def _part_phases(part: Raws, where: str, *, whole: bool) -> Iterator[Phase]:
    for key in _PART_PHASE:
        raw = part.get(key)
        if raw is not None and first_sign(raw) == b'"':
            yield Phase(text(_SCALAR.decode(raw)), f"{where}.{key}", message_in(part), whole)
            break
    for key, raw in part.items() if whole else ():  # `modelStatus.transitionStatus`
        if first_sign(raw) == b'"' and key.endswith(("Status", "State")) and not is_past(key):
            yield Phase(text(_SCALAR.decode(raw)), f"{where}.{key}", message_in(part), whole=False)
    for key in _PART_RESULT:
        if said := text(scalar(part, key)):
            yield Phase(said, f"{where}.{key}", message_in(part), whole=False)
    if where == _STATUSES:  # by who reports it
        for name, raw in list(part.items())[:MOST_PARTS]:
            if first_sign(raw) == b"{":
                yield from _part_phases(_OBJECT.decode(raw), f"{where}.{name}", whole=whole)


#: Ends of the names of fields with the generation that a controller has seen, or has dealt with.
_SEEN = ("observedGeneration", "ObservedGeneration", "reconciledGeneration", "ReconciledGeneration")
#: What a part has that is about another object, whose generations are its own.
_ANOTHER = ("name", "kind", "uid", "namespace", "ref")


def outdated_field(status: Raws, generation: int) -> str:
    """The field that says that a controller has not seen this generation; "" if none does.

    A part may have it, where the status itself has none: `status.reconcile.observedGeneration`.
    """
    told = False
    for key, raw in status.items():
        if key.endswith(_SEEN):
            observed: Any = number(_SCALAR.decode(raw))
            told = told or observed is not None
            if observed is not None and observed < generation:
                return f"status.{key}"
    return "" if told else _outdated_part(status, generation)


def _outdated_part(status: Raws, generation: int) -> str:
    for key, raw in status.items():
        if first_sign(raw) != b"{" or is_past(key):
            continue
        text_of = bytes(raw)
        if key == "generations":  # FoundationDB's and its like
            name = "reconciled"
        elif b'"observedGeneration"' in text_of:
            name = "observedGeneration"
        else:
            continue
        part = _OBJECT.decode(raw)
        observed = number(scalar(part, name))
        if observed is not None and observed < generation and not any(each in part for each in _ANOTHER):
            return f"status.{key}.{name}"
    return ""


#: Names of flags about a part, or about all by another name: `databaseReady`, `isHealthy`.
_PART_FLAG = re.compile(r"(?:[a-z]Ready|[a-z]Healthy|[a-z]Available)$")
_NEGATION = ("not", "un", "in")


@remembered
def _is_part_flag(name: str) -> bool:
    return bool(_PART_FLAG.search(name)) and not (name.startswith(_NEGATION) or is_past(name))


def flags(raws: Raws, where: str = "status") -> Iterator[tuple[bool, str]]:
    """What its fields say that say yes or no, and their paths; some have a word for it.

    Of a flag about a part only no counts: that a part is ready says nothing of the rest.
    """
    for key in FLAGS:
        value = scalar(raws, key)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if isinstance(value, bool):
            yield value, f"{where}.{key}"
    health = raws.get("health")
    if health is not None and first_sign(health) == b"{":
        inner = _OBJECT.decode(health)
        for key in ("healthy", "available", "ready"):
            value = scalar(inner, key)
            if isinstance(value, bool):
                yield value, f"{where}.health.{key}"
    for key, raw in raws.items():
        if first_sign(raw) == b"f" and _is_part_flag(key):
            yield False, f"{where}.{key}"
