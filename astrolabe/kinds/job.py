"""Job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Warned, WarningEvent
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import LONGEST_QUOTE, condition, holds, shortened
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.metadata import Count, Image, Metadata
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import Images, OddConditions, failed, odd_conditions
from astrolabe.kinds.template import Template, describe_template, is_topmost, uses_of
from astrolabe.kinds.worst import (
    READS_PODS,
    WorstPod,
    blame,
    go_on,
    warn,
    warn_of_all_else,
    warn_of_creation,
    worst_of,
)


class JobSpec(Projection):
    """`parallelism` absent means 1. Without `completions`, one that succeeds is enough."""

    completions: int | None = None
    parallelism: int | None = None
    suspend: bool | None = None
    ttl_seconds_after_finished: int | None = None
    template: Template | None = None


class JobStatus(Projection):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    failed_indexes: str = ""
    start_time: str | None = None
    conditions: Items[Condition] | None = None


class Job(Manifest):
    spec: JobSpec | None = None
    status: JobStatus | None = None


class JobRun(msgspec.Struct, frozen=True, gc=False):
    """What `derive` of a Job and of its CronJob read from it.

    at: when it was scheduled, else when it was made. is_over: it will start no more pods. failures: how many
    of its pods have failed and count. active: how many are there, and lacking: how many more it wants.
    by_hand: someone made it of a CronJob, which did not schedule it.
    """

    at: str
    is_over: bool = False
    has_failed: bool = False
    failures: int = 0
    active: int = 0
    lacking: int = 0
    by_hand: bool = False
    is_suspended: bool = False


_FAILED = ("Failed", "FailureTarget")
_SUCCEEDED = ("Complete", "SuccessCriteriaMet")


def _first_true(conditions: list[Condition] | None, types: tuple[str, ...]) -> Condition | None:
    return next((condition(conditions, type) for type in types if holds(conditions, type)), None)


def _job_status(job: Job) -> Status:
    spec, status = job.spec or JobSpec(), job.status or JobStatus()
    done = f"{status.succeeded}/{1 if spec.completions is None else spec.completions}"
    failure = _first_true(status.conditions, _FAILED)
    if failure is not None:
        return _of_failure(failure, status)
    success = _first_true(status.conditions, _SUCCEEDED)
    if success is not None:
        policy = f": {success.message}" if success.reason == "SuccessPolicy" and success.message else ""
        return Status(READY, "Completed", f"Completed ({done}){policy}", success.last_transition_time)
    if _is_suspended(job):
        suspended = condition(status.conditions, "Suspended")
        since = suspended.last_transition_time if suspended is not None else None
        return Status(PENDING, "Suspended", f"Suspended ({done} completed)", since)
    message = f"Running ({done} completed, {status.active} active)"
    if status.failed_indexes:
        message += f", failed indexes: {status.failed_indexes}"
    elif status.failed:
        message += f", retrying after {status.failed} failure{'s' if status.failed > 1 else ''}"
    return Status(PENDING, "Running", message, status.start_time)


#: Reasons of a Job some of whose indexes have failed; the message does not say which.
_BY_INDEX = ("FailedIndexes", "MaxFailedIndexesExceeded")


def _of_failure(failure: Condition, status: JobStatus) -> Status:
    told = failed(failure)
    if failure.reason not in _BY_INDEX or not status.failed_indexes:
        return told
    return go_on(told, shortened(status.failed_indexes, LONGEST_QUOTE))


def _is_suspended(job: Job) -> bool:
    """Also before its controller says so, if it has not been started."""
    spec, status = job.spec or JobSpec(), job.status or JobStatus()
    return holds(status.conditions, "Suspended") or bool(spec.suspend and not status.start_time)


def _lacking(spec: JobSpec, status: JobStatus) -> int:
    wanted = 1 if spec.parallelism is None else spec.parallelism
    if spec.completions is not None:
        wanted = min(wanted, spec.completions - status.succeeded)
    return max(0, wanted - status.active)


def _job_run(job: Job) -> JobRun:
    meta, status = job.metadata, job.status or JobStatus()
    notes = meta.annotations
    scheduled = _in_utc(notes.scheduled_at) if notes is not None else ""
    has_failed = _first_true(status.conditions, _FAILED) is not None
    return JobRun(
        at=scheduled or meta.creation_timestamp or "",
        is_over=has_failed or _first_true(status.conditions, _SUCCEEDED) is not None,
        has_failed=has_failed,
        failures=status.failed,
        active=status.active,
        lacking=_lacking(job.spec or JobSpec(), status),
        by_hand=notes is not None and notes.instantiate == _BY_HAND,
        is_suspended=_is_suspended(job),
    )


#: `kubectl create job --from=cronjob/…`, and what other programs that do the same write.
_BY_HAND = "manual"


def _in_utc(time: str) -> str:
    """The annotation has the time zone of the schedule; "" if it is no time."""
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else ""
    except (ValueError, OverflowError):
        return ""


def _derive_job(job: Peer, neighborhood: Neighborhood) -> Derived:
    """A retry is not an error while it runs. The message says why earlier pods failed, if that is known."""
    pods = list(neighborhood.outgoing(OWNS, "Pod"))
    run: JobRun = job.details
    if run.has_failed or (run.failures and not run.is_over):
        worst = worst_of(pods)
        status = job.status if run.has_failed else blame(job.status, worst)
        if status is job.status:
            status = go_on(status, _last_failure(pods) or (worst.words if worst is not None else ""))
        elif status.severity == PENDING:
            status = _going_on(status, _last_failure(pods))
        return Derived(status)
    return Derived(blame(job.status, worst_of(pods)))


def _warn_job(status: Status, run: JobRun, warnings: Sequence[WarningEvent]) -> Warned:
    """While some of its pods are there, that others cannot be created is no Error."""
    if not run.lacking:
        return warn_of_all_else(status, run, warnings)
    return (warn if run.active else warn_of_creation)(status, run, warnings)


def _going_on(status: Status, words: str) -> Status:
    """Of a pod that waits, and of one that failed before it."""
    message = f"{status.message.rstrip('.')}; {words}" if words else status.message
    return Status(status.severity, status.reason, message, status.since)


def _last_failure(pods: Iterable[Peer]) -> str:
    """How the last failed pod failed; "" if no failed pod exists any longer."""
    gone = [pod for pod in pods if pod.status.severity == ERROR and not pod.details.is_live]
    last = max(gone, key=lambda pod: (pod.status.since or "", pod.name), default=None)
    return WorstPod(last.name, last.details.restarts, last.status).words if last is not None else ""


def _job_uses(job: Job) -> tuple[Ref, ...]:
    """A finished Job creates no more pods, so it needs nothing."""
    return uses_of((job.spec or JobSpec()).template, job.metadata, over=_is_finished(job))


def _is_finished(job: Job) -> bool:
    """Whether all of its pods have ended, too."""
    conditions = (job.status or JobStatus()).conditions
    return holds(conditions, "Complete") or holds(conditions, "Failed")


def _job_links(job: Job) -> tuple[Ref, ...]:
    return _job_uses(job) if is_topmost(job.metadata) else ()


class JobMetadata(Metadata):
    completions: Count | None = None
    succeeded: Count | None = None
    failed: Count | None = None
    image: Image = ""
    images: Images = []
    conditions: OddConditions = []
    service_account_name: str = ""
    mounted_pvcs: list[str] = msgspec.field(default_factory=list, name="mountedPVCs")
    used_config_maps: list[str] = []
    used_secrets: list[str] = []


def _job_metadata(job: Job) -> JobMetadata:
    spec, status = job.spec or JobSpec(), job.status or JobStatus()
    return JobMetadata(
        completions=spec.completions,
        succeeded=status.succeeded,
        failed=status.failed,
        conditions=odd_conditions(status.conditions),
        **describe_template(spec.template, _job_uses(job)),
    )


JOB = Kind(
    name="Job",
    group="batch",
    version="v1",
    plural="jobs",
    layer="run",
    column=3,
    manifest=Job,
    status=_job_status,
    metadata=_job_metadata,
    shows=JobMetadata,
    links=_job_links,
    is_over=_is_finished,
    makes=USES,
    details=_job_run,
    derive=_derive_job,
    warn=_warn_job,
    creates="Pod",
    reads=READS_PODS,
)
