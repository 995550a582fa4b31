"""Counts what is ready of what should be, in a status of unknown shape."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from astrolabe.kinds.custom.attribute_readers import Scalar
from astrolabe.kinds.custom.conditions import number, text
from astrolabe.kinds.custom.status_scan import FRACTION, Raws, first_sign, flags, is_past, parts, scalar
from astrolabe.kinds.custom.words import remembered

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])

_BROKEN = r"(?:failed|failing|failure|errored|error|unhealthy|degraded|unavailable|unready|notReady|nonReady)"
#: Fields that count what does not work. Limits and sums of the past have other beginnings: `maxFailures`.
_BROKEN_COUNT = re.compile(
    rf"^{_BROKEN}s?(?:[A-Z]\w*)?(?:Count|Replicas|Instances|Nodes|Members|Pods|Shards|Clusters|Machines)$"
    r"|^number(?:Failed|Unavailable|Unhealthy|NotReady|Unready)$"
    r"|^(?:failed|failures|unhealthy|unready|unavailable|notReady|nonReady|errApplied|modified|outOfSync)$"
)
#: Of those, the ones that count failures: what runs to an end has failed with one of them.
_FAILURES = re.compile(r"^(?:fail|err)|^numberFailed$")
#: Lists of what does not work.
_BROKEN_LIST = re.compile(r"^(?:failed|unhealthy|unready|notReady|nonReady)(?:[A-Z]\w*)?$")
#: Fields that count replicas which are as they should be.
_READY_COUNTS = ("readyReplicas", "availableReplicas", "updatedReplicas", "readyInstances")
#: What there should be, and what there is, where neither is called replicas.
_PAIRS = (
    ("size", "ready"),
    ("desired", "ready"),
    ("desired", "succeeded"),
    ("desiredReady", "ready"),
    ("desiredNumberScheduled", "numberReady"),
    ("desiredHealthy", "currentHealthy"),
    ("expectedMachines", "currentHealthy"),
)
#: What follows `desired` in a name follows one of these in the name of what there is.
_THERE = ("ready", "healthy", "available")
#: Fields that may say `2/3`.
_FRACTIONS = ("ready", "health", "readyMembers")


class ReplicaCount(NamedTuple):
    """How many replicas there should be, and are. where: the field that says how many are."""

    wanted: int
    ready: int
    where: str


def shortage(status: Raws, wanted: Scalar) -> tuple[str, str]:
    """What contradicts a word that says ready: a flag, replicas that are not ready, a part; and the field."""
    for value, where in flags(status):
        if not value:
            return f"{where} is false", where
    trouble = trouble_in(status)
    return (trouble.said, trouble.where) if trouble is not None else _shortage_of("status", status, wanted)


class Shortcoming(NamedTuple):
    """What a status counts or lists that does not work. failed: it says that something failed."""

    said: str
    where: str
    failed: bool


def trouble_in(status: Raws) -> Shortcoming | None:
    """The first count, list or summary that says that something does not work."""
    if (found := _trouble_of("status", status)) is not None:
        return found
    for key, raw in status.items():
        if first_sign(raw) != b"{" or is_past(key):
            continue
        part, where = _OBJECT.decode(raw), f"status.{key}"
        if (found := _trouble_of(where, part)) is not None:
            return found
        said, at = _shortage_of(where, part, None)
        if said:
            return Shortcoming(said, at, failed=False)
    return None


def _trouble_of(where: str, raws: Raws) -> Shortcoming | None:
    for key, raw in raws.items():
        if _is_broken_count(key) and (broken := number(scalar(raws, key))):
            failed = bool(_FAILURES.search(key))
            return Shortcoming(f"{where}.{key} is {broken}", f"{where}.{key}", failed)
        if first_sign(raw) == b"[" and _is_broken_list(key) and bytes(raw) != b"[]":
            failed = bool(_FAILURES.search(key))
            return Shortcoming(f"{where}.{key} is not empty", f"{where}.{key}", failed)
    return None


@remembered
def _is_broken_list(name: str) -> bool:
    return bool(_BROKEN_LIST.search(name)) and not is_past(name)


@remembered
def _is_broken_count(name: str) -> bool:
    return bool(_BROKEN_COUNT.search(name)) and not is_past(name)


def part_shortage(status: Raws) -> tuple[str, str]:
    """The same of the parts in its lists."""
    for key, raw in status.items():
        if first_sign(raw) == b"[" and not is_past(key):
            for part, where in parts(key, raw):
                for value, at in flags(part, where):
                    if not value:
                        return f"{at} is false", at
                if (found := _shortage_of(where, part, None))[0]:
                    return found
    return "", ""


def unhealthy_part(status: Raws) -> tuple[str, str]:
    """A part in its lists that says of itself that it is not healthy, and the field."""
    for key, raw in status.items():
        if first_sign(raw) == b"[" and not is_past(key):
            for part, where in parts(key, raw):
                for flag in _HEALTH:
                    if scalar(part, flag) is False:
                        return f"{where}.{flag} is false", f"{where}.{flag}"
    return "", ""


#: Flags of a part that say how it is.
_HEALTH = ("healthy", "ready")


def _shortage_of(where: str, raws: Raws, wanted: Scalar) -> tuple[str, str]:
    for found, what in ((counts(raws, wanted), " replicas"), (_desired(raws), "")):
        if found is not None and found.ready < found.wanted:
            field = f"{where}{found.where.removeprefix('status')}"
            return f"{found.ready} of {found.wanted}{what} are ready", field
    for key in _FRACTIONS:
        match = FRACTION.fullmatch(text(scalar(raws, key)))
        if match and int(match[1]) < int(match[2]):
            return f"{match[1]} of {match[2]} are ready", f"{where}.{key}"
    return "", ""


def counts(status: Raws, wanted: Scalar) -> ReplicaCount | None:
    """The replicas; None if the status has no such counts. wanted: as the spec says."""
    total = number(wanted)
    if total is None:
        total = number(scalar(status, "replicas"))
    if total is None:
        return _scale(status) or _replicas(status)
    found = [
        ReplicaCount(total, count, f"status.{key}")
        for key in _READY_COUNTS
        if (count := number(scalar(status, key))) is not None
    ]
    return min(found, key=lambda each: each.ready) if found else _scale(status) or _replicas(status)


def parts_wanted(status: Raws) -> ReplicaCount | None:
    """The same of what is no replica, such as `desiredInstances`; None if there is no such count."""
    return _desired(status)


def _desired(raws: Raws) -> ReplicaCount | None:
    found = [
        ReplicaCount(total, count, f"status.{there}")
        for wanted, there in _PAIRS
        if (total := number(scalar(raws, wanted)))  # 0 of 0 is no sign that it has begun
        and (count := number(scalar(raws, there))) is not None
    ]
    for key in raws:
        if key.startswith("desired") and (total := number(scalar(raws, key))) is not None:
            for word in _THERE:
                there = f"{word}{key.removeprefix('desired')}"
                if (count := number(scalar(raws, there))) is not None:
                    found.append(ReplicaCount(total, count, f"status.{there}"))
    return min(found, key=lambda each: each.ready - each.wanted, default=None)


def _scale(status: Raws) -> ReplicaCount | None:
    """Of `status.scale`, where OpenTelemetry's collectors have them in one text."""
    raw = status.get("scale")
    if raw is None or first_sign(raw) != b"{":
        return None
    match = FRACTION.fullmatch(text(scalar(_OBJECT.decode(raw), "statusReplicas")))
    if match is None:
        return None
    return ReplicaCount(int(match[2]), int(match[1]), "status.scale.statusReplicas")


def _replicas(status: Raws) -> ReplicaCount | None:
    """Of `status.replicas`, where some have both counts."""
    raw = status.get("replicas")
    if raw is None or first_sign(raw) != b"{":
        return None
    inner = _OBJECT.decode(raw)
    ready = number(scalar(inner, "ready"))
    for key in ("desired", "total", "all"):
        if ready is not None and (total := number(scalar(inner, key))) is not None:
            return ReplicaCount(total, ready, "status.replicas.ready")
    return None
