"""The words with which controllers say how things are, and what each means."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

#: Longest word that is remembered, in characters. A longer text is a sentence that hardly comes twice.
LONGEST_WORD = 100
_Answer = TypeVar("_Answer", bool, str)


def remembered(tell: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Remember what was told of words: controllers repeat a few of them in each object."""
    known = lru_cache(maxsize=1024)(tell)

    def answer(*words: str) -> _Answer:
        for word in words:
            if len(word) > LONGEST_WORD:
                return tell(*words)
        return known(*words)

    return answer


#: Conditions whose True is good.
GOOD = frozenset(
    (
        "Accepted",
        "Available",
        "Complete",
        "Completed",
        "Deployed",
        "Done",
        "Established",
        "Finished",
        "Healthy",
        "Initialized",
        "Installed",
        "LastAsyncOperation",
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

#: Those that sum up everything else.
SUMS = frozenset(("Available", "Healthy", "Ready"))

#: Those that say that it is over, and how it went: what was at work before is history.
ENDS = frozenset(("Complete", "Completed", "Done", "Failed", "Finished", "Succeeded"))

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
        "Offline",
        "PartiallyInvalid",
        "ReconcileError",
        "ReplicaFailure",
        "Stalled",
        "StorageOperationFailed",
    )
)

#: Conditions whose True says that the controller is at work.
_AT_WORK = re.compile(
    r"^(?:Balancing|Bootstrapping|Cloning|Configuring|Creating|Deleting|Deploying|Disrupting|Draining"
    r"|Applying|Building|Compacting|Decommissioning|Executing|Expanding|Importing|Joining|Preparing|Promoting"
    r"|In-?[Pp]rogress|Initializing|Installing|Issuing|Migrating|Pending|Provisioning|Rebalancing|Reconciling"
    r"|Rebuilding|Reconfiguring|Recovering|Redeploying|Reloading|Remediating|Replacing[A-Z]\w*|Resharding"
    r"|FailingOver|FailingBack|Relocating|Resyncing|Resizing|Restarting|Restoring|Resuming|Retrying|Rolling(?:Restart|Update)|Rotating|Scheduling|Syncing"
    r"|RollingOut|Scaling(?:Up|Down|In|Out)?|\w*InProgress|Starting|Stopping|Synchronizing|Terminating|Updating"
    r"|Upgrading|Waiting)$"
)
#: For some kinds, True means that this is over: Rancher's clusters have waited.
_PAST_WORK = frozenset(("Pending", "Provisioning", "Waiting"))
#: Reasons with which `Progressing` True says that it is done, as of Deployments.
_DONE_PROGRESSING = re.compile(r"Available$|Complete|Success|Done|AsExpected|Stable|Deployed|Finished")

#: Conditions whose True says that a person has stopped the controller.
PAUSED = frozenset(("Paused", "ReconciliationPaused", "Suspended"))
#: Reasons with which a condition says the same.
_PAUSED_REASON = re.compile(r"(?:^|[a-z])(?:Paused|Suspended|Hibernated)$|^Stopped$|^(?:Paused|Suspended)By")
#: Ends of the types of such conditions, of which False says that nobody has.
_PAUSED_TYPE = re.compile(r"(?:Suspended|Hibernated)$|^(?:Stopped|Halted)$")

#: Parts of the reason of a condition `Progressing` that has waited for too long.
DEADLINE = "Deadline"
#: The reason with which Crossplane says that it has sent the desired state, not that it is there.
CROSSPLANE_SYNCED = "ReconcileSuccess"

#: Suffixes of condition types whose True is good, for kinds that have none of the above.
_GOOD_END = re.compile(
    r"(?:Ready|Available|Healthy|Synced|Synchronized|Applied|Created|Deployed|Succeeded|Completed?|Valid"
    r"|Accepted|Admitted|Adopted|Advertised|Discoverable|Established|Installed|Initialized|Reconciled"
    r"|Provisioned|Provided|Generated|UpToDate|Updated|Bound|Scheduled|Configured|Resolved|Registered|Connected"
    r"|Reserved|Success|Successful|Reachable|Satisfied|Balanced|WellFormed|Authorized|Authenticated|Verified"
    r"|Validated|Joined|Published|Converged|Compliant|Passed|Permitted|Enforced|Loaded|Protected|Replicated"
    r"|Accomplished)$"
)
#: And of those whose True is bad.
_BAD_END = re.compile(
    r"(?:Failed|Failure|Error|Errored|Degraded|Conflict|Conflicted|Invalid|Stalled|Unhealthy|Unavailable"
    r"|NotReady|NotFound|Missing|Exceeded|Rejected|HasErrors|Unreachable|Unschedulable|Crashed|Blocked"
    r"|Disconnected|LoopDetected|Evicted|Expired|Preempted|Terminal|Recoverable)$"
    r"|^Failed|^Error(?:[A-Z]|$)|^Not[A-Z]|^NoMatching|^Partially[A-Z]|^Missing[A-Z]|^Conflicting[A-Z]"
)


@remembered
def is_bad(type: str) -> bool:
    """Whether True is bad for a condition of this type."""
    plain = type.rpartition("/")[2]  # `cilium.io/MissingPeerConfigs`
    return plain in BAD or bool(_BAD_END.search(plain))


@remembered
def may_be_good(type: str) -> bool:
    """Whether True is good for a condition of this type, judging by its name."""
    return bool(_GOOD_END.search(type)) and not is_bad(type)


def is_at_work(type: str, value: str, reason: str, kind: str, *, is_ready: bool) -> bool:
    """Whether a condition says that the controller is at work. is_ready: another one says that it is done."""
    if is_ready and type in _PAST_WORK:
        return False
    if type.endswith("Progressing"):
        return value == "Unknown" or (value == "True" and not _DONE_PROGRESSING.search(reason))
    if type == "Running":  # operators made with Ansible and Helm: a run is in progress
        return value == "True" and (reason == "Running" or runs_to_an_end(kind))
    return value == "True" and bool(_AT_WORK.search(type))


@remembered
def says_paused(type: str) -> bool:
    """Whether True of a condition of this type says that a person has stopped it, False that nobody has."""
    return type in PAUSED or bool(_PAUSED_TYPE.search(type))


@remembered
def is_paused(reason: str) -> bool:
    """Whether a reason says that a person has stopped it."""
    return bool(_PAUSED_REASON.search(reason))


@remembered
def ends_in_ing(word: str) -> bool:
    """Whether a phase means work in progress: `Provisioning`, `ApplyingChanges`, `Waiting for Pods`."""
    return bool(_ING.search(word)) and not _NO_WORK.search(word)


_ING = re.compile(r"[A-Za-z](?:ing|ING)(?:[A-Z_\s-]|$)|InProgress$")
_NO_WORK = re.compile(
    r"^(?:missing|failing|running|existing|nothing|warning|serving|listening|streaming|managing|monitoring"
    r"|watching|following|leading|replicating)\b",
    re.IGNORECASE,
)


#: Reasons with which a condition that is not True is no failure yet.
_AT_IT = re.compile(
    r"^(?:Pending|Waiting|WaitFor|Progress(?:ing)?(?![a-z])|InProgress|NotYet|Requested|Queued|Started|Unknown"
    r"|Initial|Dependenc\w*NotReady)"
    r"|(?:InProgress|Pending|Progressing|Running|NoTraffic|Provisioning|Initializing|Creating|Starting|Deploying"
    r"|Updating|Upgrading|Scaling|Reconciling|Installing|Waiting|Syncing)$|\bis being\b"
    r"|^(?!Missing|Failing(?!Over|Back)|Crashing|Existing|Conflicting|Nothing)[A-Z][a-z]*ing(?:[A-Z\s]|$)"
)
_FAILURE = re.compile(
    r"error|fail(?!ingover|ingback|over|back)|degraded|unhealthy|invalid|notfound|missing"
    r"|denied|exceeded|backoff",
    re.IGNORECASE,
)
#: And messages, where the reason says no more than that it is not.
_SAYS_AT_IT = re.compile(
    r"^(?!Missing|Failing|Nothing)[A-Z][a-z]+ing\b|^Not yet\b|\b(?:is|are) (?:being|waiting)\b"
)


@remembered
def is_failure(reason: str) -> bool:
    """Whether a reason says that something failed."""
    return bool(_FAILURE.search(reason))


@remembered
def is_denied(type: str, reason: str) -> bool:
    """Whether False of a condition of this type means trouble, judging by the reason.

    One whose True is bad has reasons that name what is not so: `MissingSecret` False, `MissingSecret`.
    """
    if is_bad(type) or says_paused(type) or type.rpartition("/")[2] in reason:
        return False
    return is_failure(reason)


def says_at_it(message: str) -> bool:
    """Whether a message says that work is in progress."""
    return bool(_SAYS_AT_IT.search(message))


def is_still_at_it(value: str, reason: str, message: str = "") -> bool:
    """Whether a condition whose True is good, and that has this value, is still being worked on."""
    if value == "Unknown":
        return True
    if is_failure(reason):
        return False
    if _AT_IT.search(reason):
        return True
    return says_at_it(message) and not is_failure(message)


#: Conditions that are one step of several: True of these alone is not the end.
_STEPS = frozenset(
    ("Created", "LastAsyncOperation", "Launched", "Registered", "Reserved", "Scheduled", "Started")
)


def is_step(type: str) -> bool:
    """Whether True of this condition alone is not the end."""
    return type in _STEPS or type.endswith(("Initialized", "Reserved"))


_DONE = re.compile(
    r"^(?:accepted|active|allocated|applied|assigned|atlatestknown|attached|available|bound|cloned"
    r"|complete|completed|compliant|configured|connected|created|deployed|done|enabled|established"
    r"|exists|exported|finished|green|health_ok|healthy|idle|imported|initialized|installed|in[ _-]?sync"
    r"|joined|listening|migrated|mounted|normal|ok|online|operational|pass|passed|processed|provisioned"
    r"|published|ready|reconciled|registered|resolved|restored|running|scaledtozero|serving|stable"
    r"|started|streaming|succeed|succeeded|success|successful|synced|up|up[ _-]?to[ _-]?date|valid"
    r"|verified)$"
)
_FAILED = re.compile(
    r"fail|error|degraded|faulted|^health_err$|invalid|unhealthy|denied|rejected|abort|cancel|conflict|crash|broken"
    r"|unavailable"
    r"|expired|lost|timeout|timedout|^red$|^down$|^bad$|stalled|inconclusive|noncompliant|^warning$|unreachable"
    r"|back[ _-]?off|oomkilled|interrupted|unsupported|unschedulable|offline|not allowed|not set"
    r"|mismatch|evicted|^orphaned$|^critical$|abnormal|^not_?healthy$|no_quorum|[-_]full$"
)
_WORKING = re.compile(
    r"pending|progress|yellow|^health_warn$|^modified$|^drifted$|^out[ _-]?of[ _-]?sync$|^prepared$|^request"
    r"|^stale$|^in[ _-]?execution$"
    r"|^un(?:bound|deployed|initialized|provisioned|ready|scheduled|synced)$|^incomplete$|^partial|_partial$"
    r"|scheduled$|requires|needs|await|^new$|queued|^init$|submitted|requested|reconcil|upgrad|updat|retry|rerun"
    r"|^notfound$|not[ _-]?(?:ready|synced)$|^waitfor|^inqueue$|^bootstrap$|^planned$"
)
_PAUSED = re.compile(r"^(?:paused|suspended|halted|hibernated|stopped)$")

#: Kinds whose objects run to an end: there "running" is not done.
_BATCH = re.compile(
    r"(?:Job|Run|Backup|Restore|Workflow|Task|Migration|Test|Build|Scan|Export|Import|Execution|Evaluation"
    r"|Experiment|Operation|Request|Upgrade|Dump|Analysis|Upload|Download|Promotion|Action|ActionSet|Rollback"
    r"|Failover|Switchover|Rebalance|Transfer|Clone|Copy)$"
)


#: Jobs that never complete, because their input is endless.
_ENDLESS = re.compile(r"^Flink")
#: Kinds whose objects make others by the clock.
_BY_CLOCK = re.compile(r"^(?:Scheduled|Cron)[A-Z]|(?:Schedule|CronJob)$")


def runs_to_an_end(kind: str) -> bool:
    """Whether the objects of a kind are done some day, so that running is not the end."""
    return bool(_BATCH.search(kind)) and not (_BY_CLOCK.search(kind) or _ENDLESS.search(kind))


#: What is no end yet for objects that run to one.
_UNDER_WAY = frozenset(
    ("accepted", "active", "bound", "created", "initialized", "registered", "running", "started")
)
#: What some projects put before each word: `ClusterRunning`, `STATE_SUCCESS`.
_PREFIX = re.compile(r"^(?:Cluster(?=[A-Z][a-z])|STATE_(?=[A-Z]))")


@remembered
def meaning(word: str, kind: str) -> str:
    """What a phase says: `ready`, `pending`, `error`, `paused`, `unknown`, or "" if nobody knows."""
    word = _PREFIX.sub("", word.strip())
    plain = word.lower()
    if plain == "unknown":
        return "unknown"
    if _PAUSED.search(plain):
        return "paused"
    if (plain in _UNDER_WAY and runs_to_an_end(kind)) or (plain == "provisioned" and kind == "Machine"):
        return "pending"
    if plain == "scheduled" and _BY_CLOCK.search(kind):
        return "ready"
    if _DONE.search(plain):
        return "ready"
    if ends_in_ing(word):
        return "pending"
    if _FAILED.search(plain):
        return "error"
    return "pending" if _WORKING.search(plain) else ""


#: A message that counts parts by their state, as Fleet's: `Modified(1) [Cluster a]`.
_COUNTED = re.compile(r"^([A-Z][A-Za-z]+)\([0-9]+\)")


def counts_work(message: str) -> bool:
    """Whether a message counts parts that are in a state which is no failure."""
    match = _COUNTED.match(message)
    return match is not None and meaning(match[1], "") == "pending"


def reason_of(value: object, where: str, severity: str) -> str:
    """One word for what a field says: its own words put together, else its name."""
    if isinstance(value, str) and value:
        if re.fullmatch(r"[A-Za-z][\w-]*", value):
            return f"{value[0].upper()}{value[1:]}"
        parts = re.findall(r"[A-Za-z0-9]+", value)
        if parts and len(parts) <= MOST_WORDS:
            return "".join([f"{part[0].upper()}{part[1:]}" for part in parts])
    name = re.split(r"[.\[\]]+", where.rstrip("]"))[-1]
    if severity == "Ready" or not name:
        return severity
    return f"{name[0].upper()}{name[1:]}"


#: Words of a phase that still make a reason.
MOST_WORDS = 6
