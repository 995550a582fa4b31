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

#: Fields that count what does not work.
_BROKEN_COUNT = re.compile(
    r"^(?:failed|unhealthy|degraded|unavailable|unready|notReady)(?:[A-Z]\w*)?"
    r"(?:Count|Replicas|Instances|Nodes|Members|Pods|Shards)$|^(?:unhealthy|unready|notReady)$"
)
#: Lists of what does not work, beside one of what does.
_BROKEN_LISTS = ("unready", "notReady", "unhealthy", "failed")
#: Fields that count replicas which are as they should be.
_READY_COUNTS = ("readyReplicas", "availableReplicas", "updatedReplicas", "readyInstances")
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
    for key, raw in status.items():
        broken = number(scalar(status, key)) if _is_broken_count(key) else None
        if broken:
            return f"status.{key} is {broken}", f"status.{key}"
        if first_sign(raw) == b"{" and (found := _broken_of(key, _OBJECT.decode(raw)))[0]:
            return found
    return _shortage_of("status", status, wanted)


def _broken_of(key: str, part: Raws) -> tuple[str, str]:
    for name in _BROKEN_LISTS if "ready" in part else ():
        raw = part.get(name)
        if raw is not None and first_sign(raw) == b"[" and bytes(raw) != b"[]":
            return f"status.{key}.{name} is not empty", f"status.{key}.{name}"
    return "", ""


@remembered
def _is_broken_count(name: str) -> bool:
    return bool(_BROKEN_COUNT.search(name))


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
    found = []
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
