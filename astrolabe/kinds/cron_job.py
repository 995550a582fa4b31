"""CronJob."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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
from astrolabe.kinds.warnings import FAILED_CREATE, first, in_words_of, tell
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
    has_run = scheduled or status.last_successful_time
    return Status(READY, "Ready", "Last run succeeded" if has_run else "Not run yet")


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
    """Derived from its Jobs: the newest finished one decides, even if an older one ended later."""
    jobs = list(neighborhood.outgoing(OWNS, "Job"))
    schedule: Schedule = cronjob.details
    if not neighborhood.is_complete("Job"):
        return Derived(cronjob.status)  # there may be newer ones
    newest = _newest([job for job in jobs if job.details.is_over and not _is_vain_try(job)])
    unfinished = [job for job in jobs if not job.details.is_over]
    status = _last_run(cronjob.status, schedule, newest, unfinished)
    if schedule.suspended:
        told = f"Suspended. {status.message}" if status.severity == ERROR else cronjob.status.message
        return Derived(Status(READY, "Suspended", told))
    tried = _newest([job for job in jobs if _is_vain_try(job)])
    if tried is not None and (newest is None or _age(newest) < _age(tried)):
        status = _going_on(status, _tell_failed(tried, ", started by hand,"))
    if unfinished:
        status = _going_on(status, _tell_unfinished(unfinished))
    return Derived(status)


def _age(job: Peer) -> tuple[str, str]:
    return job.details.at, job.name


def _newest(jobs: Iterable[Peer]) -> Peer | None:
    return max(jobs, key=_age, default=None)


def _is_vain_try(job: Peer) -> bool:
    """Whether someone ran it by hand, and it failed. The CronJob has not: its own runs go as before.

    One that succeeds counts, as for the controller, which sets lastSuccessfulTime.
    """
    return bool(job.details.by_hand and job.details.has_failed)


def _going_on(status: Status, words: str) -> Status:
    return Status(status.severity, status.reason, f"{status.message.rstrip('.')}; {words}", status.since)


#: Warnings of the controller about a schedule or time zone that it cannot use; it quotes it.
_UNUSABLE = ("InvalidSchedule", "UnparseableSchedule", "UnknownTimeZone")
#: That it did not start a Job in time.
_MISSED = ("MissSchedule", "TooManyMissedTimes")


def _warn_cronjob(status: Status, schedule: Schedule, warnings: Sequence[WarningEvent]) -> Warned:
    """One whose schedule cannot be used, or whose Jobs cannot be created, never runs."""
    if schedule.suspended:
        return Warned(status)
    for each in warnings:
        unusable = each.reason in _UNUSABLE and any(_quotes(each.message, word) for word in schedule.words)
        if unusable or (each.reason == FAILED_CREATE and each.last >= schedule.last):
            return Warned(in_words_of(each, status, severity=ERROR), each)
    missed = first(warnings, *_MISSED)
    if missed is not None and missed.last > schedule.last:
        status = _going_on(status, missed.message)
    return tell(status, schedule, warnings)


def _quotes(message: str, word: str) -> bool:
    """Whether it is about this schedule or time zone, and not about one that has it as a part."""
    return re.search(rf"(?<![\w*/,-]){re.escape(word)}(?![\w*/,-])", message) is not None


def _last_run(own: Status, schedule: Schedule, newest: Peer | None, unfinished: list[Peer]) -> Status:
    """How the last run that is known to have ended went."""
    # A newer run may have ended whose Job is gone. While it is counted, its end is not known yet.
    unseen = not (unfinished or schedule.active) and schedule.last > (
        newest.details.at if newest is not None else ""
    )
    if unseen and schedule.succeeded >= schedule.last:
        return Status(READY, "Ready", "Last run succeeded")
    if unseen and schedule.forgets:
        message = f"The run of {schedule.last} did not succeed, and its Job is gone"
        return Status(ERROR, "LastRunFailed", message, schedule.last)
    if newest is None:
        if schedule.succeeded:
            return Status(READY, "Ready", "Last run succeeded")
        return Status(
            READY, "Ready", "No run has ended yet" if schedule.last or unfinished else "Not run yet"
        )
    if not newest.details.has_failed:
        return Status(READY, "Ready", "Last run succeeded")
    return Status(ERROR, "LastRunFailed", _tell_failed(newest), newest.status.since)


def _tell_failed(job: Peer, how: str = "") -> str:
    words = (f"job {job.name}{how} failed", job.status.reason, job.status.message)
    return ": ".join([word for word in words if word])


def _tell_unfinished(unfinished: list[Peer]) -> str:
    """The message about unfinished runs: how many pile up, and which one is in trouble."""
    running = [job for job in unfinished if not job.details.is_suspended]
    told = f"{_running(len(running))} at once" if len(running) > 1 else _running(len(running))
    suspended = len(unfinished) - len(running)
    if suspended:
        waiting = f"{suspended} job{'' if suspended == 1 else 's'} suspended"
        told = f"{told}, {waiting}" if running else waiting
    troubled = min([job for job in running if _is_troubled(job)], key=_rank, default=None)
    if troubled is None:
        return told
    reason, message = troubled.status.reason, troubled.status.message
    words = message if message.startswith(reason) else f"{reason}: {message}"
    return f"{told}; job {troubled.name}: {words}"


def _is_troubled(job: Peer) -> bool:
    """Whether it is in Error, or one of its pods is stuck."""
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
    creates="Job",
)
