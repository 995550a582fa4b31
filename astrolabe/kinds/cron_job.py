"""CronJob."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read, Warned, WarningEvent
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.status import ERROR, READY, Status
from astrolabe.kinds.job import JobSpec
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Image, Metadata, Time, about
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import Images
from astrolabe.kinds.template import Template, describe_template, uses_of
from astrolabe.kinds.warnings import FAILED_CREATE, in_words_of, tell
from astrolabe.kinds.worst import POD


class JobTemplate(Projection):
    spec: JobSpec | None = None


class CronJobSpec(Projection):
    schedule: str = ""
    time_zone: str | None = None
    failed_jobs_history_limit: int | None = None
    suspend: bool | None = None
    job_template: JobTemplate | None = None


class Active(Projection):
    """A reference to a running Job; only counted."""


class CronJobStatus(Projection):
    active: Items[Active] | None = None
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(Manifest):
    spec: CronJobSpec | None = None
    status: CronJobStatus | None = None


def _cronjob_status(cronjob: CronJob) -> Status:
    """By the two times alone, which tell how the last run ended where its Job cannot be seen."""
    spec, status = cronjob.spec or CronJobSpec(), cronjob.status or CronJobStatus()
    scheduled, active = status.last_schedule_time, len(status.active or ())
    if spec.suspend:
        return Status(READY, "Suspended", "Suspended")
    # RFC 3339 in UTC to the second, as the API writes times: text order is time order.
    if scheduled and not active and (status.last_successful_time or "") < scheduled:
        return Status(ERROR, "LastRunFailed", f"The run of {scheduled} did not succeed", scheduled)
    if active:
        return Status(READY, "Ready", _running(active))
    return Status(READY, "Ready", "Last run succeeded" if scheduled else "Not run yet")


def _running(count: int) -> str:
    return "1 job running" if count == 1 else f"{count} jobs running"


class Schedule(msgspec.Struct, frozen=True, gc=False):
    """What `derive` and `warn` of a CronJob read of its own.

    last, succeeded: when the last run was scheduled, and when one last succeeded. forgets: whether a failed
    Job goes by itself, so that there being none says nothing. words: the schedule and the time zone.
    active: whether it counts a Job as running.
    """

    suspended: bool
    last: str
    succeeded: str
    forgets: bool
    words: tuple[str, ...] = ()
    active: bool = False


def _cronjob_schedule(cronjob: CronJob) -> Schedule:
    spec, status = cronjob.spec or CronJobSpec(), cronjob.status or CronJobStatus()
    job = spec.job_template.spec if spec.job_template is not None else None
    expires = job is not None and job.ttl_seconds_after_finished is not None
    return Schedule(
        suspended=bool(spec.suspend),
        last=status.last_schedule_time or "",
        succeeded=status.last_successful_time or "",
        active=bool(status.active),
        forgets=spec.failed_jobs_history_limit == 0 or expires,
        words=tuple([word for word in (spec.schedule, spec.time_zone) if word]),
    )


def _derive_cronjob(cronjob: Peer, neighborhood: Neighborhood) -> Derived:
    """By the Jobs that it owns: the newest that is finished tells how it goes, whatever ended later."""
    jobs = list(neighborhood.outgoing(OWNS, "Job"))
    schedule: Schedule = cronjob.details
    if not neighborhood.is_complete("Job"):
        return Derived(cronjob.status)  # there may be newer ones
    newest = max(
        [job for job in jobs if job.details.is_over], key=lambda job: (job.details.at, job.name), default=None
    )
    running = [job for job in jobs if not job.details.is_over]
    status = _last_run(cronjob.status, schedule, newest, running)
    if schedule.suspended:
        told = f"Suspended. {status.message}" if status.severity == ERROR else cronjob.status.message
        return Derived(Status(READY, "Suspended", told))
    if running:
        status = Status(status.severity, status.reason, _with_running(status.message, running), status.since)
    return Derived(status)


#: Warnings of the controller about a schedule or time zone that it cannot use; it quotes it.
_UNUSABLE = ("InvalidSchedule", "UnparseableSchedule", "UnknownTimeZone")


def _warn_cronjob(status: Status, schedule: Schedule, warnings: Sequence[WarningEvent]) -> Warned:
    """One whose schedule cannot be used, or whose Jobs cannot be created, never runs."""
    if schedule.suspended:
        return Warned(status)
    for each in warnings:
        unusable = each.reason in _UNUSABLE and any(word in each.message for word in schedule.words)
        if unusable or (each.reason == FAILED_CREATE and each.last >= schedule.last):
            return Warned(in_words_of(each, status, severity=ERROR), each)
    return tell(status, schedule, warnings)


def _last_run(own: Status, schedule: Schedule, newest: Peer | None, running: list[Peer]) -> Status:
    """How the last run that is known to have ended went."""
    # A newer run may have ended whose Job is gone. While it is counted, its end is not known yet.
    unseen = not (running or schedule.active) and schedule.last > (
        newest.details.at if newest is not None else ""
    )
    if unseen and schedule.succeeded >= schedule.last:
        return Status(READY, "Ready", "Last run succeeded")
    if unseen and schedule.forgets:
        message = f"The run of {schedule.last} did not succeed, and its Job is gone"
        return Status(ERROR, "LastRunFailed", message, schedule.last)
    if newest is None:
        told = "Last run succeeded" if schedule.succeeded else "No run has ended yet"
        return Status(READY, "Ready", told if schedule.last or running else "Not run yet")
    if not newest.details.has_failed:
        return Status(READY, "Ready", "Last run succeeded")
    words = (f"job {newest.name} failed", newest.status.reason, newest.status.message)
    return Status(ERROR, "LastRunFailed", ": ".join([word for word in words if word]), newest.status.since)


def _with_running(message: str, running: list[Peer]) -> str:
    """What is told of the runs that have not ended: how many pile up, and which is in trouble."""
    told = f"{message}; {_running(len(running))}"
    if len(running) > 1:
        told += " at once"
    troubled = min([job for job in running if _is_troubled(job)], key=_rank, default=None)
    if troubled is None:
        return told
    return f"{told}; job {troubled.name}: {troubled.status.reason}: {troubled.status.message}"


def _is_troubled(job: Peer) -> bool:
    """Whether it is in Error, or a pod of it does not get on."""
    return job.status.severity == ERROR or POD in job.status.message


def _rank(job: Peer) -> tuple[bool, str]:
    return job.status.severity != ERROR, job.name


def _cronjob_template(cronjob: CronJob) -> Template | None:
    job_template = (cronjob.spec or CronJobSpec()).job_template
    job = job_template.spec if job_template is not None else None
    return job.template if job is not None else None


def _cronjob_uses(cronjob: CronJob) -> tuple[Ref, ...]:
    return uses_of(_cronjob_template(cronjob), cronjob.metadata, "spec.jobTemplate.spec.template.spec")


class CronJobMetadata(Metadata):
    schedule: Annotated[str, about("As cron has it.", "*/5 * * * *")] = ""
    time_zone: Annotated[str, about("In which the schedule is meant.", "Europe/Berlin")] = ""
    suspend: bool | None = None
    last_schedule_time: Time = ""
    image: Image = ""
    images: Images = []
    service_account_name: str = ""
    mounted_pvcs: list[str] = msgspec.field(default_factory=list, name="mountedPVCs")
    used_config_maps: list[str] = []
    used_secrets: list[str] = []


def _cronjob_metadata(cronjob: CronJob) -> CronJobMetadata:
    spec, status = cronjob.spec or CronJobSpec(), cronjob.status or CronJobStatus()
    return CronJobMetadata(
        schedule=spec.schedule,
        time_zone=spec.time_zone or "",
        suspend=bool(spec.suspend),
        last_schedule_time=status.last_schedule_time or "",
        **describe_template(_cronjob_template(cronjob), _cronjob_uses(cronjob)),
    )


CRONJOB = Kind(
    name="CronJob",
    group="batch",
    version="v1",
    plural="cronjobs",
    layer="workload",
    column=2,
    short_names=("cj",),
    manifest=CronJob,
    status=_cronjob_status,
    metadata=_cronjob_metadata,
    shows=CronJobMetadata,
    links=_cronjob_uses,
    makes=USES,
    details=_cronjob_schedule,
    derive=_derive_cronjob,
    reads=(Read("outgoing", OWNS, "Job"),),
    warn=_warn_cronjob,
)
