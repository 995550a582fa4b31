"""Conditions of custom resources: read leniently, since every project writes them a little differently."""

from __future__ import annotations

from typing import Any

import msgspec

from astrolabe.graph.state.status import ERROR, PENDING, UNKNOWN, Status
from astrolabe.kinds.custom import words
from astrolabe.kinds.custom.attribute_readers import Scalar
from astrolabe.kinds.custom.path_tree import ATTRIBUTE_PREFIX, Leaf, Other, Skipped
from astrolabe.kinds.custom.verdict import Verdict

#: Conditions of one list; what comes after is not looked at.
MOST_CONDITIONS = 1_000


#: As nearly all controllers write them.
_VALUES = ("True", "False", "Unknown")


class LenientCondition(msgspec.Struct, rename=lambda name: name.removeprefix(ATTRIBUTE_PREFIX), gc=False):
    """A condition whose fields may be of any type; see `manifest.Condition`. A path can lead into it, too."""

    at_type: Leaf = None
    at_status: Leaf = None
    at_reason: Leaf = None
    at_message: Leaf = None
    at_severity: Leaf = None
    at_observedGeneration: Leaf = None
    at_lastTransitionTime: Leaf = None
    at_lastUpdateTime: Leaf = None

    @property
    def name(self) -> str:
        type = self.at_type
        return type if isinstance(type, str) else ""

    @property
    def value(self) -> str:
        """`True`, `False`, `Unknown`, or another word; a boolean counts as its word."""
        status = self.at_status
        if type(status) is str and status in _VALUES:
            return status
        if isinstance(status, bool):
            return str(status)
        word = text(status)
        return word.capitalize() if word.lower() in ("true", "false", "unknown") else word

    @property
    def since(self) -> str | None:
        return text(self.at_lastTransitionTime) or text(self.at_lastUpdateTime) or None


ConditionList = list[LenientCondition | Other] | Skipped | str | int | float | bool | None


def text(value: object) -> str:
    """A scalar as text; "" for anything else."""
    return value if isinstance(value, str) else ""


def listed(value: object) -> list[LenientCondition]:
    """The conditions in a list; other elements are left out."""
    if not isinstance(value, list):
        return []
    return [each for each in value[:MOST_CONDITIONS] if isinstance(each, LenientCondition) and each.name]


def named(conditions: list[LenientCondition], type: str) -> LenientCondition | None:
    return next((each for each in conditions if each.at_type == type), None)


def number(value: Scalar | Any) -> int | None:
    """A generation, which some kinds write as text."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    return None


def status_of(severity: str, condition: LenientCondition, word: str = "") -> Status:
    """A status in the words of a condition. word: instead of its reason."""
    reason = word or text(condition.at_reason)
    if not reason:
        reason = {"True": condition.name, "False": f"Not{condition.name}"}.get(
            condition.value, f"{condition.name}Unknown"
        )
    return Status(severity, reason, text(condition.at_message), condition.since)


def is_stale(condition: LenientCondition, generation: int) -> bool:
    """Whether it speaks of an older generation than the object has."""
    if condition.at_observedGeneration is None:
        return False
    observed = number(condition.at_observedGeneration)
    return observed is not None and 0 < observed < generation


def not_true(condition: LenientCondition, where: str) -> Verdict:
    """What it means if a condition that should be True is not."""
    reason = text(condition.at_reason)
    # Cluster API and Azure's operator say Info of what is on its way; AWS's have other conditions for errors.
    if text(condition.at_severity) == "Info" or condition.name == "ACK.ResourceSynced":
        severity = PENDING
    elif (
        condition.value == "Unknown"
        and words.is_failure(reason)
        and not words.says_at_it(text(condition.at_message))
    ):
        severity = UNKNOWN
    elif words.is_still_at_it(condition.value, reason, text(condition.at_message)) or (
        not reason and words.counts_work(text(condition.at_message))
    ):
        severity = PENDING
    elif condition.name in words.ENDS and not reason:
        severity = PENDING  # it has not come to an end
    else:
        severity = ERROR
    return Verdict(status_of(severity, condition), f"{where}[{condition.name}]")
