"""Manifests of CronJobs with the Jobs of their history, and of single Jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from astrolabe.sim.cluster import batch
from astrolabe.sim.cluster.factory import DAY, HOUR, MINUTE
from astrolabe.sim.cluster.meta import AppIdentity
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.plan import ClusterPlan, PlannedCronJob
from astrolabe.sim.cluster.pods import job_pod, placed
from astrolabe.sim.cluster.podstatus import Timestamps, finished, running
from astrolabe.sim.cluster.template import PULL_SECRET, REGISTRY, PodOptions, pod_spec
from astrolabe.sim.cluster.workloads import with_status

Json = dict[str, Any]

#: (schedule, its interval in seconds)
_SCHEDULES = (("*/5 * * * *", 5 * MINUTE), ("17 * * * *", HOUR), ("30 3 * * *", DAY))


class PlannedJobs:
    """Makes the Jobs of a plan, and the planned number of Pods for them."""

    def __init__(self, pool: NodePool, plan: ClusterPlan) -> None:
        self._pool = pool
        self._factory = pool.factory
        self._plan = plan
        running = sum(cron_job.running for cron_job in plan.cron_jobs)
        self._ended = sum(cron_job.good + cron_job.bad for cron_job in plan.cron_jobs) + len(plan.single_jobs)
        self._pods = max(0, plan.job_pods - running)

    def manifests(self) -> Iterator[Json]:
        """All manifests, owners first."""
        for cron_job in self._plan.cron_jobs:
            yield from self._cron_job(cron_job)
        for app, failed in self._plan.single_jobs:
            yield from self._single(app, failed=failed)

    def _cron_job(self, cron_job: PlannedCronJob) -> Iterator[Json]:
        factory = self._factory
        schedule, interval = factory.rng.choice(_SCHEDULES)
        idle = not (cron_job.good or cron_job.bad or cron_job.running)
        cron = batch.cron_job(
            factory,
            cron_job.app,
            _template(cron_job.app),
            schedule=schedule,
            created=factory.ago(factory.age(30 * DAY, 180 * DAY)),
            kept=(
                max(1, cron_job.good),
                cron_job.bad,
            ),  # exactly the existing Jobs, so that churn keeps the size
            suspend=idle,
        )
        last = factory.age(10, min(interval, HOUR))
        outcomes = ["running"] * cron_job.running + ["bad"] * cron_job.bad + ["good"] * cron_job.good
        ages = [last + number * interval for number in range(len(outcomes))]
        made = [list(self._run(cron, how, age)) for how, age in zip(outcomes, ages, strict=True)]
        good = [age for how, age in zip(outcomes, ages, strict=True) if how == "good"]
        status = batch.cron_job_status(
            scheduled=factory.ago(last) if outcomes else "",
            successful=factory.ago(good[0] - 30) if good else "",
            active=[run[0] for how, run in zip(outcomes, made, strict=True) if how == "running"],
        )
        yield with_status(cron, status, time=factory.ago(last))
        for run in made:
            yield from run

    def _run(self, cron: Json, how: str, age: float) -> Iterator[Json]:
        minute = int((self._factory.now.timestamp() - age) // MINUTE)
        job = batch.scheduled_job(self._factory, cron, minute=minute, created=self._factory.ago(age))
        yield from self._job(job, how=how, age=age)

    def _single(self, app: AppIdentity, *, failed: bool) -> Iterator[Json]:
        age = self._factory.age(HOUR, 60 * DAY)
        job = batch.single_job(self._factory, app, _template(app), created=self._factory.ago(age))
        yield from self._job(job, how="bad" if failed else "good", age=age)

    def _job(self, job: Json, *, how: str, age: float) -> Iterator[Json]:
        """A Job, and its Pod if that still exists."""
        factory = self._factory
        started, ended = factory.ago(age), factory.ago(age - 25)
        status = batch.job_status(
            started=started, ended="" if how == "running" else ended, failed=how == "bad"
        )
        yield with_status(job, status, time=started if how == "running" else ended)
        if how != "running" and not self._keeps_pod():
            return
        pod, placement, times = (
            job_pod(factory, job, created=started),
            self._pool.pick(),
            Timestamps(started, ended),
        )
        if how == "running":
            yield placed(pod, placement, running(pod["spec"], times, placement), time=started)
        else:
            yield placed(
                pod, placement, finished(pod["spec"], times, placement, code=int(how == "bad")), time=ended
            )

    def _keeps_pod(self) -> bool:
        """Whether the next ended Job still has its Pod. In total, exactly the planned number have."""
        keeps = self._factory.rng.random() * self._ended < self._pods
        self._ended -= 1
        self._pods -= keeps
        return keeps


def _template(app: AppIdentity) -> Json:
    image = f"{REGISTRY}/jobs/{app.name}:1.4.0"
    return pod_spec(
        PodOptions(
            name="run",
            image=image,
            pull_secret=PULL_SECRET,
            restart_policy="Never",
            command=("/app/run", "--task", app.name),
        )
    )
