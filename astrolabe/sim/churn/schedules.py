"""Runs of CronJobs: a Job, its pod, their end, and the pruning of the history."""

from __future__ import annotations

from typing import Any

from astrolabe.sim.churn.lifecycle import run_to_completion
from astrolabe.sim.churn.world import Process, ScenarioRun, World, key_of, pick, scope_of
from astrolabe.sim.cluster import batch
from astrolabe.sim.cluster.pods import job_pod
from astrolabe.sim.cluster.workloads import with_status

Json = dict[str, Any]

#: One in this many runs fails.
_FAILURES = 30


def scheduled_run(world: World) -> ScenarioRun | None:
    """A run of a CronJob."""
    found = pick(world, "CronJob", lambda one: not one["spec"]["suspend"] and not one["status"].get("active"))
    return ScenarioRun((scope_of(found),), _run(world, key_of(found))) if found else None


def _run(world: World, key: str) -> Process:
    cron = world.require("CronJob", key)
    started = world.now
    job = batch.scheduled_job(world.factory, cron, minute=_minute(world, cron), created=started)
    world.create(with_status(job, batch.job_status(started=started), time=started))
    yield 0
    successful = cron["status"].get("lastSuccessfulTime", "")
    yield from _report(world, key, scheduled=started, successful=successful, active=[job])
    fails = world.factory.rng.randrange(_FAILURES) == 0
    yield from run_to_completion(world, job_pod(world.factory, job, created=world.now), code=int(fails))
    ended = batch.job_status(started=started, ended=world.now, failed=fails)
    world.update(with_status(world.require("Job", key_of(job)), ended, time=world.now))
    yield 0
    successful = successful if fails else world.now
    yield from _report(world, key, scheduled=started, successful=successful, active=[])
    yield from _prune(world, key)
    yield from _collect(world)


def _collect(world: World) -> Process:
    """The pod garbage collector: keep as many ended pods as there were at the start; delete the oldest."""
    for key in list(world.ended)[: max(0, len(world.ended) - world.initial_ended)]:
        world.delete(world.require("Pod", key))
        yield 0


def _report(world: World, key: str, *, scheduled: str, successful: str, active: list[Json]) -> Process:
    status = batch.cron_job_status(scheduled=scheduled, successful=successful, active=active)
    world.update(with_status(world.require("CronJob", key), status, time=world.now))
    yield 0


def _minute(world: World, cron: Json) -> int:
    """The minute in the name of the next Job: now, or the first that is not taken."""
    taken = [int(job["metadata"]["name"].rpartition("-")[2]) for job in world.owned(cron, "Job")]
    return max([int(world.factory.now.timestamp() // 60), *(minute + 1 for minute in taken)])


def _prune(world: World, key: str) -> Process:
    """Delete ended Jobs beyond the history limits of the CronJob, with their pods."""
    cron = world.require("CronJob", key)
    jobs = world.owned(cron, "Job")
    failed = [job for job in jobs if job["status"].get("failed")]
    succeeded = [job for job in jobs if job["status"].get("succeeded")]
    spec = cron["spec"]
    for ended, limit in (
        (succeeded, spec["successfulJobsHistoryLimit"]),
        (failed, spec["failedJobsHistoryLimit"]),
    ):
        ended.sort(key=lambda job: job["metadata"]["creationTimestamp"])
        for job in ended[: max(0, len(ended) - limit)]:
            for pod in world.owned(job, "Pod"):
                world.delete(pod)
                yield 0
            world.delete(job)
            yield 0
