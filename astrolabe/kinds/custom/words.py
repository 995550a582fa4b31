"""The words with which controllers say how things are, and what each means."""

from __future__ import annotations

import re

#: Conditions whose True is good.
GOOD = frozenset(
    (
        "Accepted",
        "Available",
        "Complete",
        "Completed",
        "Deployed",
        "Established",
        "Finished",
        "Healthy",
        "Initialized",
        "Installed",
        "Programmed",
        "Provisioned",
        "Ready",
        "Reconciled",
        "ResolvedRefs",
        "Succeeded",
        "Successful",
        "Synced",
        "Synchronized",
        "Valid",
    )
)

#: Conditions whose True is bad.
BAD = frozenset(
    (
        "BuildFailed",
        "Conflicted",
        "Degraded",
        "Denied",
        "Error",
        "Failed",
        "Failing",
        "Failure",
        "Fallback",
        "FetchFailed",
        "IncludeUnavailable",
        "Invalid",
        "InvalidRequest",
        "InvalidSpec",
        "NotReady",
        "PartiallyInvalid",
        "ReconcileError",
        "ReplicaFailure",
        "Stalled",
        "StorageOperationFailed",
    )
)

#: Conditions whose True says that the controller is at work.
AT_WORK = frozenset(("Issuing", "Progressing", "Reconciling"))

#: Conditions whose True says that a person has stopped the controller.
PAUSED = frozenset(("Paused", "ReconciliationPaused"))

#: Ends of types of conditions whose True is good, for kinds that have none of the above.
GOOD_END = re.compile(
    r"(?:Ready|Available|Healthy|Synced|Synchronized|Applied|Created|Deployed|Succeeded|Completed?|Valid"
    r"|Accepted|Established|Installed|Initialized|Reconciled|Provisioned|Bound|Scheduled|Configured|Running|Resolved)$"
)
#: And of those whose True is bad.
BAD_END = re.compile(
    r"(?:Failed|Failure|Error|Degraded|Conflict|Invalid|Stalled|Unhealthy|Unavailable)$|^Failed"
)

#: Reasons with which a condition that is not True is no failure yet.
_AT_IT = re.compile(
    r"^(?:Pending|Waiting|Progress|InProgress|NotYet|Requested|Queued|Started|Unknown|Initial)"
    r"|(?:InProgress|Pending|Progressing)$|\bis being\b"
    r"|^(?!Missing|Failing|Crashing|Existing|Conflicting|Nothing)[A-Z][a-z]*ing(?:[A-Z\s]|$)"
)
_FAILURE = re.compile(r"Error|Fail|Invalid|NotFound|Missing|Denied|Exceeded")


def is_still_at_it(value: str, reason: str) -> bool:
    """Whether a condition whose True is good, and that has this value, is still being worked on."""
    return value == "Unknown" or bool(_AT_IT.search(reason) and not _FAILURE.search(reason))


_DONE = re.compile(
    r"^(?:accepted|active|available|bound|completed?|created|deployed|done|enabled|established|finished|green"
    r"|healthy|initialized|installed|ok|online|provisioned|ready|reconciled|running|stable|started|succeeded"
    r"|success|successful|synced|up|valid)$"
)
_FAILED = re.compile(
    r"fail|error|degraded|invalid|unhealthy|denied|rejected|abort|cancel|conflict|crash|broken|unavailable|expired|lost"
    r"|timeout|timedout|^red$|^down$|^bad$|stalled|inconclusive"
)
_WORKING = re.compile(
    r"ing\b|pending|progress|yellow|^new$|queued|^init$|scheduled|submitted|requested|unknown|reconcil"
    r"|upgrad|updat|retry"
)
_PAUSED = re.compile(r"^(?:paused|suspended|halted)$")


def meaning(word: str) -> str:
    """What a phase says: `ready`, `pending`, `error`, `paused`, or "" if nobody knows."""
    plain = word.strip().lower()
    if _PAUSED.search(plain):
        return "paused"
    if _DONE.search(plain):
        return "ready"
    if _FAILED.search(plain):
        return "error"
    if _WORKING.search(plain):
        return "pending"
    return ""


def reason_of(value: object, where: str, severity: str) -> str:
    """One word for what a field says: its own words put together, else its name."""
    if isinstance(value, str) and value:
        parts = re.findall(r"[A-Za-z0-9]+", value)
        if parts and len(parts) <= MOST_WORDS:
            return "".join([f"{part[0].upper()}{part[1:]}" for part in parts])
    name = re.split(r"[.\[\]]+", where.rstrip("]"))[-1]
    if severity == "Ready" or not name:
        return severity
    return f"{name[0].upper()}{name[1:]}"


#: Words of a phase that still make a reason.
MOST_WORDS = 6
