"""The status of a kind that has no rule, by what controllers have in common.

In this order: being deleted, an older generation observed, paused by a person, nothing written yet,
conditions whose True is bad, words and texts that say failed, signs that work goes on, conditions whose True
is good, and at last phases, counts and flags. What none of these decides is Unknown: silence is not health.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN
from astrolabe.kinds.custom import status_counts, status_errors, status_scan, words
from astrolabe.kinds.custom.attribute_readers import Scalar
from astrolabe.kinds.custom.conditions import (
    LenientCondition,
    is_stale,
    named,
    not_true,
    status_of,
    text,
)
from astrolabe.kinds.custom.status_scan import Conditions, Phase, Raws
from astrolabe.kinds.custom.verdict import Verdict, error, pending, ready, unknown

#: A status as it came: each field is looked at only if it means something to us.
RawStatus = dict[str, msgspec.Raw] | list[msgspec.Raw] | str | int | float | bool | None

_WAITING = "Waiting for the controller to see the latest change"


class Given(NamedTuple):
    """What the generic status is made of.

    kind: its name. paused: whether a person has stopped its controller. replicas: as the spec has it.
    has_status: whether the kind has the subresource.
    """

    kind: str
    generation: int
    paused: Verdict | None
    replicas: Scalar
    status: RawStatus
    has_status: bool | None


def judge(given: Given) -> Verdict:
    """The status by everything but deletion, which comes before."""
    status = given.status if isinstance(given.status, dict) else {}
    outdated = status_scan.outdated_field(status, given.generation)
    if outdated:
        return pending("Progressing", _WAITING, by=outdated)
    if given.paused is not None:
        return given.paused
    if not status:
        if given.has_status is False:
            return unknown("NoStatus", "Its kind has no status", by="")
        return pending("NoStatus", "Its controller has not written a status yet", by="status")
    lists = status_scan.condition_lists(status)
    if status.keys() <= _CONDITIONS_ALONE and (fine := _plainly_fine(lists, given.generation)) is not None:
        return fine
    phases = [(phase, words.meaning(phase.word, given.kind)) for phase in status_scan.phases(status)]
    return (
        _paused(lists, phases)
        or _stale(lists, given.generation)
        or _bad(lists)
        or _failed(status, lists, phases, given.kind)
        or _at_work(lists, phases, given.kind)
        or _short_part(status, lists)
        or _good(status, lists, phases, given)
        or _by_phase(status, phases, given)
        or _by_trouble(status)
        or _unless_odd(phases, _by_counts(status, given.replicas) or _by_flag(status))
        or _steps(lists)
        or _active(lists)
        or _nothing_yet(status)
        or _by_message(status, given.kind)
        or unknown("Unknown", "Nothing in its status says whether it works", by="")
    )


Phases = list[tuple[Phase, str]]

_CONDITIONS_ALONE = frozenset(("conditions", "observedGeneration"))


def _plainly_fine(lists: Conditions, generation: int) -> Verdict | None:
    """The usual case, without the steps that would find the same: conditions of known meaning, all as they
    should be, and `Ready` among them.
    """
    is_ready = False
    for conditions, _ in lists:
        for each in conditions:
            name = each.name
            if name not in words.GOOD or each.value != "True" or is_stale(each, generation):
                return None
            if words.is_failure(text(each.at_reason)):
                return None
            is_ready = is_ready or name == "Ready"
    return _of(READY, lists[0][0][0], lists[0][1]) if is_ready else None


def _of(severity: str, condition: LenientCondition, where: str) -> Verdict:
    return Verdict(status_of(severity, condition), f"{where}[{condition.name}]")


def _paused(lists: Conditions, phases: Phases) -> Verdict | None:
    for conditions, where in lists:
        for each in conditions:
            if words.says_paused(each.name):
                stopped = each.value == "True"
            else:
                stopped = each.value != "True" and words.is_paused(text(each.at_reason))
            if stopped:
                by = f"{where}[{each.name}]"
                return pending("Paused", text(each.at_message) or "Paused", by=by, since=each.since)
    for phase, meaning in phases:
        if meaning == "paused" and phase.whole:
            return pending("Paused", phase.message or phase.word, by=phase.where)
    return None


def _stale(lists: Conditions, generation: int) -> Verdict | None:
    for conditions, where in lists:
        for each in conditions:
            if (each.name in words.GOOD or words.may_be_good(each.name)) and is_stale(each, generation):
                return pending("Progressing", _WAITING, by=f"{where}[{each.name}].observedGeneration")
    return None


def _bad(lists: Conditions) -> Verdict | None:
    for conditions, where in lists:
        # False is idle for most kinds, and no error; a reason that speaks of failure is.
        active = named(conditions, "Active")
        if active is not None and active.value == "False" and words.is_failure(text(active.at_reason)):
            return _of(ERROR, active, where)
        progressing = named(conditions, "Progressing")
        if (
            progressing is not None
            and progressing.value == "False"
            and words.DEADLINE in text(progressing.at_reason)
        ):
            return _of(ERROR, progressing, where)
        ready = named(conditions, "Ready")
        for each in conditions:
            if each.value == "True" and words.is_bad(each.name):
                if ready is not None and ready.value == "True" and each.name.startswith("Partially"):
                    continue  # in part, which is enough for whoever says Ready
                severity = PENDING if words.is_still_at_it("", text(each.at_reason)) else ERROR
                return _of(severity, each, where)
    return _denied(lists)


def _denied(lists: Conditions) -> Verdict | None:
    """A condition that is known to nobody, and False because something failed: unless another sums up all."""
    if any(
        each.name in words.SUMS and each.value == "True" for conditions, _ in lists for each in conditions
    ):
        return None
    for conditions, where in lists:
        for each in conditions:
            if each.value == "False" and words.is_denied(each.name, text(each.at_reason)):
                return _of(ERROR, each, where)
    return None


def _failed(status: Raws, lists: Conditions, phases: Phases, kind: str) -> Verdict | None:
    for phase, meaning in phases:
        if meaning == "error":
            return error(words.reason_of(phase.word, phase.where, ERROR), phase.message, by=phase.where)
    flag = status_errors.bad_flag(status)
    if flag:
        said = status_scan.message_in(status)
        return error(words.reason_of(None, flag, ERROR), said, by=flag)
    said, where = status_errors.error_in(status)
    is_ready = any(
        each.name == "Ready" and each.value == "True" for conditions, _ in lists for each in conditions
    )
    if said and not is_ready:
        return error("Error", said, by=where)
    is_done = any(meaning == "ready" and phase.whole for phase, meaning in phases)
    for key in () if is_ready else ("problems", "errors"):
        said, where = status_errors.listed_error(status, key)
        # What has come up since may list the errors on its way there.
        if where and (key == "problems" or not is_done or words.runs_to_an_end(kind)):
            return error("Error", said, by=where)
    said, where = status_errors.part_error(status)
    return error("Error", said, by=where) if where else None


def _at_work(lists: Conditions, phases: Phases, kind: str) -> Verdict | None:
    for conditions, where in lists:
        ready = named(conditions, "Ready")
        is_ready = ready is not None and ready.value == "True"
        is_over = words.runs_to_an_end(kind)
        if is_over and any(each.name in words.ENDS and each.value == "True" for each in conditions):
            continue
        for each in conditions:
            reason = text(each.at_reason)
            if words.is_at_work(each.name, each.value, reason, kind, is_ready=is_ready):
                return _of(PENDING, each, where)
    for phase, meaning in phases:
        is_health = phase.where.endswith(("health", "Health"))
        if meaning == "pending" and (is_health or not phase.whole or words.ends_in_ing(phase.word)):
            return pending(words.reason_of(phase.word, phase.where, PENDING), phase.message, by=phase.where)
    return None


def _short_part(status: Raws, lists: Conditions) -> Verdict | None:
    """A part that is not ready, where no condition sums up the parts."""
    if not lists or any(each.name in words.SUMS for conditions, _ in lists for each in conditions):
        return None
    said, where = status_counts.part_shortage(status)
    return pending("PartNotReady", said, by=where) if said else None


def _good(status: Raws, lists: Conditions, phases: Phases, given: Given) -> Verdict | None:
    found = [(each, where) for conditions, where in lists for each in conditions if each.name in words.GOOD]
    if not any(each.name == "Ready" for each, _ in found):  # which would sum up the others
        found += [
            (each, where)
            for conditions, where in lists
            for each in conditions
            if each.name not in words.GOOD and words.may_be_good(each.name) and not _is_figure(each)
        ]
    verdicts = [
        _of(ERROR, each, where) if each.value == "True" else not_true(each, where)
        for each, where in found
        if each.value != "True" or words.is_failure(text(each.at_reason))
    ]
    for severity in (ERROR, UNKNOWN, PENDING):
        for verdict in verdicts:
            if verdict.status.severity == severity:
                return _still(phases, verdict) if severity == ERROR else verdict
    if all(words.is_step(each.name) for each, _ in found):
        return None
    spoken = {where for _, where in found}
    for _, where in lists:
        if where not in spoken and "[" in where:
            return unknown("Unknown", "One of its parts does not say whether it works", by=where)
    each, where = found[0]
    if {each.name for each, _ in found} == {"Synced"} and each.at_reason == words.CROSSPLANE_SYNCED:
        return pending("NoReady", "Its controller has not said yet whether it is Ready", by=f"{where}[Ready]")
    sums_up = any(each.name in words.SUMS or each.name in words.ENDS for each, _ in found)
    return (None if sums_up else _contradiction(status, phases, given)) or _of(READY, each, where)


def _is_figure(condition: LenientCondition) -> bool:
    """Whether it has a number to tell: Cilium's pools have no other place for it."""
    return condition.value == "Unknown" and text(condition.at_message).isdecimal()


def _contradiction(status: Raws, phases: Phases, given: Given) -> Verdict | None:
    """What conditions that are good leave open, since none of them sums up the rest."""
    for phase, meaning in phases:
        if meaning == "pending" and phase.whole:
            return pending(words.reason_of(phase.word, phase.where, PENDING), phase.message, by=phase.where)
    for value, where in status_scan.flags(status):
        if not value:
            return pending("NotReady", f"{where} is false", by=where)
    said, where = status_counts.shortage(status, given.replicas)
    return pending("NotReady", said, by=where) if said else None


def _still(phases: Phases, verdict: Verdict) -> Verdict:
    """What a condition says that is not True, unless a word says that it is only not so yet."""
    if words.is_failure(verdict.status.reason):
        return verdict
    for phase, meaning in phases:
        if meaning == "pending" and phase.whole:
            message = verdict.status.message or phase.message
            return pending(words.reason_of(phase.word, phase.where, PENDING), message, by=phase.where)
    return verdict


def _by_phase(status: Raws, phases: Phases, given: Given) -> Verdict | None:
    for phase, meaning in phases:
        if meaning == "pending":
            return pending(words.reason_of(phase.word, phase.where, PENDING), phase.message, by=phase.where)
    for phase, meaning in phases:
        if meaning == "unknown" and phase.whole:
            return unknown("Unknown", phase.message, by=phase.where)
    if _is_odd(phases):
        return None
    for phase, meaning in phases:
        if meaning == "ready" and phase.whole and phase.where not in _OPERATIONS:
            if words.runs_to_an_end(given.kind) and (verdict := _by_trouble(status)) is not None:
                return verdict
            said, where = status_counts.shortage(status, given.replicas)
            if not said:
                said, where = status_counts.unhealthy_part(status)
            if said:
                return pending("NotReady", said, by=where)
            reason = text(status_scan.scalar(status, "reason"))
            if words.is_failure(reason) and " " not in reason:
                return error(reason, text(status_scan.scalar(status, "message")), by="status.reason")
            return ready(words.reason_of(phase.word, phase.where, READY), phase.message, by=phase.where)
    return None


def _is_odd(phases: Phases) -> bool:
    """Whether there is a word that nobody knows: it may say that something is missing."""
    return any(not meaning and phase.where in _PLAIN for phase, meaning in phases)


def _unless_odd(phases: Phases, verdict: Verdict | None) -> Verdict | None:
    """A verdict by counts or flags; that all are there is no health beside a word that nobody knows."""
    if verdict is not None and verdict.status.severity == READY and _is_odd(phases):
        return None
    return verdict


#: How an operation ended says nothing of how things are.
_OPERATIONS = ("status.lastOperation.state", "status.lastOperation.status", "status.lastOperation.phase")
_PLAIN = ("status.phase", "status.state", "status.status", "status.health", "status.stage")


def _by_trouble(status: Raws) -> Verdict | None:
    """What a status counts or lists that does not work, where nothing else says how it is."""
    trouble = status_counts.trouble_in(status)
    if trouble is None:
        return None
    if trouble.failed:
        return error("Failed", trouble.said, by=trouble.where)
    return pending("NotReady", trouble.said, by=trouble.where)


def _by_counts(status: Raws, replicas: Scalar) -> Verdict | None:
    counts, what = status_counts.counts(status, replicas), " replicas"
    if counts is None:
        counts, what = status_counts.parts_wanted(status), ""
    if counts is None:
        return None
    said = f"{counts.ready} of {counts.wanted}{what} are ready"
    if counts.ready < counts.wanted:
        return pending("ReplicasNotReady", said, by=counts.where)
    return ready("Ready", said, by=counts.where)


def _by_flag(status: Raws) -> Verdict | None:
    flags = list(status_scan.flags(status))
    for value, where in flags:
        if not value:
            return pending("NotReady", f"{where} is false", by=where)
    return ready("Ready", by=flags[0][1]) if flags else None


def _steps(lists: Conditions) -> Verdict | None:
    """Some steps of several are done, but not the last one."""
    for conditions, where in lists:
        for each in reversed(conditions):
            if each.value == "True" and words.is_step(each.name):
                return pending(each.name, text(each.at_message), by=f"{where}[{each.name}]", since=each.since)
    return None


def _active(lists: Conditions) -> Verdict | None:
    """`Active` True, where no condition says more."""
    for conditions, where in lists:
        active = named(conditions, "Active")
        if active is not None and active.value == "True":
            return _of(READY, active, where)
    return None


def _by_message(status: Raws, kind: str) -> Verdict | None:
    """What a status says that is nothing but a message, if one word of it is a state."""
    said = text(status_scan.scalar(status, "message"))
    if len(said.split()) <= _MOST_STATE_WORDS:
        match words.meaning(said, kind):
            case "error":
                return error("Error", said, by="status.message")
            case "ready":
                return ready(words.reason_of(said, "status.message", READY), by="status.message")
    return None


_MOST_STATE_WORDS = 3


def _nothing_yet(status: Raws) -> Verdict | None:
    for key in ("conditions", "parents", "ancestors", "listeners"):
        raw = bytes(status.get(key, msgspec.Raw(b"x")))
        if raw in (b"[]", b"null") or b'"conditions":[]' in raw:
            return pending("NoConditions", "Its controller has not said anything yet", by=f"status.{key}")
    return None
