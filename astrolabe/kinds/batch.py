"""Job, CronJob."""

from __future__ import annotations

from typing import Annotated

import msgspec

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import condition, holds
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.metadata import Count, Image, Metadata, Time, about
from astrolabe.kinds.pod_links import USES
from astrolabe.kinds.replicas import failed
from astrolabe.kinds.template import Template, describe_template, is_topmost, uses_of
from astrolabe.kinds.worst import READS_PODS, derive_from_pods


class JobSpec(Projection):
    completions: int | None = None
    template: Template | None = None


class JobStatus(Projection):
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: str | None = None
    conditions: Items[Condition] | None = None


class Job(Manifest):
    spec: JobSpec | None = None
    status: JobStatus | None = None


def _job_status(job: Job) -> Status:
    spec, status = job.spec or JobSpec(), job.status or JobStatus()
    done = f"{status.succeeded}/{1 if spec.completions is None else spec.completions}"
    for type, level, reason, message in (
        ("Failed", ERROR, "", ""),
        ("Complete", READY, "Completed", f"Completed ({done})"),
        ("Suspended", PENDING, "Suspended", f"Suspended ({done} completed)"),
    ):
        found = condition(status.conditions, type)
        if found is not None and found.status == "True":
            return (
                failed(found)
                if level == ERROR
                else Status(level, reason, message, found.last_transition_time)
            )
    return Status(
        PENDING, "Running", f"Running ({done} completed, {status.active} active)", status.start_time
    )


def _job_uses(job: Job) -> tuple[Ref, ...]:
    """A finished Job creates no more pods, so it needs nothing."""
    conditions = (job.status or JobStatus()).conditions
    over = holds(conditions, "Complete") or holds(conditions, "Failed")
    return uses_of((job.spec or JobSpec()).template, job.metadata, over=over)


def _job_links(job: Job) -> tuple[Ref, ...]:
    return _job_uses(job) if is_topmost(job.metadata) else ()


class JobMetadata(Metadata):
    completions: Count | None = None
    succeeded: Count | None = None
    failed: Count | None = None
    image: Image = ""
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
    makes=USES,
    derive=derive_from_pods,
    reads=READS_PODS,
)


class JobTemplate(Projection):
    spec: JobSpec | None = None


class CronJobSpec(Projection):
    schedule: str = ""
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
    spec, status = cronjob.spec or CronJobSpec(), cronjob.status or CronJobStatus()
    scheduled, active = status.last_schedule_time, len(status.active or ())
    if spec.suspend:
        return Status(READY, "Suspended", "Suspended")
    # RFC 3339 in UTC to the second, as the API writes times: text order is time order.
    if scheduled and not active and (status.last_successful_time or "") < scheduled:
        return Status(ERROR, "LastRunFailed", f"The run of {scheduled} did not succeed", scheduled)
    if active:
        return Status(READY, "Ready", f"{active} job{'s' if active > 1 else ''} running")
    return Status(READY, "Ready", "Last run succeeded" if scheduled else "Not run yet")


def _cronjob_template(cronjob: CronJob) -> Template | None:
    job_template = (cronjob.spec or CronJobSpec()).job_template
    job = job_template.spec if job_template is not None else None
    return job.template if job is not None else None


def _cronjob_uses(cronjob: CronJob) -> tuple[Ref, ...]:
    return uses_of(_cronjob_template(cronjob), cronjob.metadata, "spec.jobTemplate.spec.template.spec")


class CronJobMetadata(Metadata):
    schedule: Annotated[str, about("As cron has it.", "*/5 * * * *")] = ""
    suspend: bool | None = None
    last_schedule_time: Time = ""
    image: Image = ""
    service_account_name: str = ""
    mounted_pvcs: list[str] = msgspec.field(default_factory=list, name="mountedPVCs")
    used_config_maps: list[str] = []
    used_secrets: list[str] = []


def _cronjob_metadata(cronjob: CronJob) -> CronJobMetadata:
    spec, status = cronjob.spec or CronJobSpec(), cronjob.status or CronJobStatus()
    return CronJobMetadata(
        schedule=spec.schedule,
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
)
