"""CronJobs and Jobs, and the status that their controllers write."""

from __future__ import annotations

from typing import Any

from astrolabe.sim.cluster.factory import ObjectFactory
from astrolabe.sim.cluster.managed_fields import fields_of, managed
from astrolabe.sim.cluster.meta import CONTROLLER, AppIdentity, app_object, metadata, owner_reference

Json = dict[str, Any]

BATCH = "batch/v1"
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def cron_job(
    factory: ObjectFactory,
    app: AppIdentity,
    template: Json,
    *,
    schedule: str,
    created: str,
    kept: tuple[int, int],
    suspend: bool = False,
) -> Json:
    """A CronJob. template: a pod spec. kept: how many successful and failed Jobs its history keeps."""
    job = {"backoffLimit": 2, "template": {"metadata": {"labels": {"job": app.name}}, "spec": template}}
    spec = {
        "schedule": schedule,
        "concurrencyPolicy": "Forbid",
        "suspend": suspend,
        "jobTemplate": {"metadata": {}, "spec": job},
        "successfulJobsHistoryLimit": kept[0],
        "failedJobsHistoryLimit": kept[1],
    }
    return app_object(
        factory,
        app,
        app.name,
        kind="CronJob",
        api_version=BATCH,
        created=created,
        content={"spec": spec},
        generation=1,
    )


def cron_job_status(*, scheduled: str, successful: str, active: list[Json]) -> Json:
    """status of a CronJob. active: its running Jobs."""
    status: Json = {"lastScheduleTime": scheduled, "lastSuccessfulTime": successful}
    if active:
        status["active"] = [
            {
                "kind": "Job",
                "namespace": job["metadata"]["namespace"],
                "name": job["metadata"]["name"],
                "uid": job["metadata"]["uid"],
                "apiVersion": BATCH,
            }
            for job in active
        ]
    return {key: value for key, value in status.items() if value}


def scheduled_job(factory: ObjectFactory, cron: Json, *, minute: int, created: str) -> Json:
    """The Job of one run of a CronJob (given with its kind). minute: since 1970, part of the name."""
    of = cron["metadata"]
    name = f"{of['name']}-{minute}"
    asked = cron["spec"]["jobTemplate"]["spec"]
    template = asked["template"]
    spec = _job_spec(asked["backoffLimit"], template["metadata"].get("labels", {}), template["spec"])
    meta = metadata(
        factory,
        name,
        created=created,
        namespace=of["namespace"],
        generation=1,
        annotations={_SCHEDULED: created},
        ownerReferences=[owner_reference(cron)],
    )
    _complete(spec, meta)
    owned = {"f:metadata": fields_of({"annotations": meta["annotations"]}), "f:spec": fields_of(spec)}
    meta["managedFields"] = [managed(CONTROLLER, BATCH, created, owned)]
    return {"kind": "Job", "apiVersion": BATCH, "metadata": meta, "spec": spec}


def single_job(factory: ObjectFactory, app: AppIdentity, template: Json, *, created: str) -> Json:
    """A Job that a user installed, such as a migration."""
    spec = _job_spec(2, {"job": app.name}, template)
    job = app_object(
        factory,
        app,
        app.name,
        kind="Job",
        api_version=BATCH,
        created=created,
        content={"spec": spec},
        generation=1,
    )
    _complete(job["spec"], job["metadata"])
    return job


def job_status(*, started: str, ended: str = "", failed: bool = False) -> Json:
    """status of a Job with one completion: running, succeeded or failed."""
    if not ended:
        status: Json = {"startTime": started, "active": 1, "terminating": 0}
        return {**status, "uncountedTerminatedPods": {}, "ready": 1}
    if failed:
        why = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        conditions = [_ended("FailureTarget", ended, why), _ended("Failed", ended, why)]
        return {
            "conditions": conditions,
            "startTime": started,
            "failed": 3,
            "terminating": 0,
            "uncountedTerminatedPods": {},
            "ready": 0,
        }
    why = ("CompletionsReached", "Reached expected number of succeeded pods")
    return {
        "conditions": [_ended("SuccessCriteriaMet", ended, why), _ended("Complete", ended, why)],
        "startTime": started,
        "completionTime": ended,
        "succeeded": 1,
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "ready": 0,
    }


def _job_spec(backoff: int, labels: Json, template: Json) -> Json:
    return {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": backoff,
        "selector": {},
        "manualSelector": False,
        "template": {"metadata": {"labels": dict(labels)}, "spec": template},
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


def _complete(spec: Json, meta: Json) -> None:
    """The selector and the labels that the server derives from the Job's own uid."""
    uid, name = meta["uid"], meta["name"]
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    spec["template"]["metadata"]["labels"] |= {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }


def _ended(type: str, at: str, why: tuple[str, str]) -> Json:
    reason, message = why
    return {
        "type": type,
        "status": "True",
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }
