"""CronJobs with the Jobs of their history, and single Jobs, as manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from astrolabe.sim.cluster import batch
from astrolabe.sim.cluster.meta import Part
from astrolabe.sim.cluster.mint import DAY, HOUR, MINUTE
from astrolabe.sim.cluster.plan import Plan, Task
from astrolabe.sim.cluster.pods import job_pod, placed
from astrolabe.sim.cluster.podstatus import Moment, finished, running
from astrolabe.sim.cluster.site import Site
from astrolabe.sim.cluster.template import PULL_SECRET, REGISTRY, Wants, pod_spec
from astrolabe.sim.cluster.workloads import with_status

Json = dict[str, Any]

#: (schedule, its interval in seconds)
_SCHEDULES = (("*/5 * * * *", 5 * MINUTE), ("17 * * * *", HOUR), ("30 3 * * *", DAY))


class Runs:
    """Makes the Jobs of a plan, and Pods for as many of them as it says."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self._site = site
        self._mint = site.mint
        self._plan = plan
        running = sum(task.running for task in plan.tasks)
        self._ended = sum(task.good + task.bad for task in plan.tasks) + len(plan.single_jobs)
        self._pods = max(0, plan.job_pods - running)

    def manifests(self) -> Iterator[Json]:
        """All of them, owners first."""
        for task in self._plan.tasks:
            yield from self._task(task)
        for part, failed in self._plan.single_jobs:
            yield from self._single(part, failed=failed)

    def _task(self, task: Task) -> Iterator[Json]:
        mint = self._mint
        schedule, interval = mint.rng.choice(_SCHEDULES)
        idle = not (task.good or task.bad or task.running)
        cron = batch.cron_job(
            mint,
            task.part,
            _template(task.part),
            schedule=schedule,
            created=mint.ago(mint.age(30 * DAY, 180 * DAY)),
            kept=(max(1, task.good), task.bad),  # what there is, so that churn keeps the size
            suspend=idle,
        )
        last = mint.age(10, min(interval, HOUR))
        outcomes = ["running"] * task.running + ["bad"] * task.bad + ["good"] * task.good
        ages = [last + number * interval for number in range(len(outcomes))]
        made = [list(self._run(cron, how, age)) for how, age in zip(outcomes, ages, strict=True)]
        good = [age for how, age in zip(outcomes, ages, strict=True) if how == "good"]
        status = batch.cron_job_status(
            scheduled=mint.ago(last) if outcomes else "",
            successful=mint.ago(good[0] - 30) if good else "",
            active=[run[0] for how, run in zip(outcomes, made, strict=True) if how == "running"],
        )
        yield with_status(cron, status, time=mint.ago(last))
        for run in made:
            yield from run

    def _run(self, cron: Json, how: str, age: float) -> Iterator[Json]:
        minute = int((self._mint.now.timestamp() - age) // MINUTE)
        job = batch.scheduled_job(self._mint, cron, minute=minute, created=self._mint.ago(age))
        yield from self._job(job, how=how, age=age)

    def _single(self, part: Part, *, failed: bool) -> Iterator[Json]:
        age = self._mint.age(HOUR, 60 * DAY)
        job = batch.single_job(self._mint, part, _template(part), created=self._mint.ago(age))
        yield from self._job(job, how="bad" if failed else "good", age=age)

    def _job(self, job: Json, *, how: str, age: float) -> Iterator[Json]:
        """A Job, and a Pod of it if there is still one."""
        mint = self._mint
        started, ended = mint.ago(age), mint.ago(age - 25)
        status = batch.job_status(
            started=started, ended="" if how == "running" else ended, failed=how == "bad"
        )
        yield with_status(job, status, time=started if how == "running" else ended)
        if how != "running" and not self._keeps_pod():
            return
        pod, place, moment = job_pod(mint, job, created=started), self._site.any(), Moment(started, ended)
        if how == "running":
            yield placed(pod, place, running(pod["spec"], moment, place), time=started)
        else:
            yield placed(pod, place, finished(pod["spec"], moment, place, code=int(how == "bad")), time=ended)

    def _keeps_pod(self) -> bool:
        """Whether the next ended Job still has its Pod; of all of them exactly as many as planned have."""
        keeps = self._mint.rng.random() * self._ended < self._pods
        self._ended -= 1
        self._pods -= keeps
        return keeps


def _template(part: Part) -> Json:
    image = f"{REGISTRY}/jobs/{part.name}:1.4.0"
    return pod_spec(
        Wants(
            name="run",
            image=image,
            pull_secret=PULL_SECRET,
            restart_policy="Never",
            command=("/app/run", "--task", part.name),
        )
    )
