"""Plans a cluster before the first manifest is made, so that it meets the object counts exactly."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from astrolabe.sim.cluster import names
from astrolabe.sim.cluster.failures import FAILURE_MODES
from astrolabe.sim.cluster.meta import AppIdentity, HelmRelease

#: Counted in one real cluster. Services and claims determine EndpointSlices and PersistentVolumes.
_COUNTED: Mapping[str, int] = {
    "Namespace": 432,
    "Node": 248,
    "Deployment": 19_924,
    "ReplicaSet": 43_033,
    "Pod": 29_455,
    "StatefulSet": 388,
    "DaemonSet": 9,
    "Service": 23_547,
    "Ingress": 16_977,
    "Job": 19_861,
    "CronJob": 4_291,
    "ConfigMap": 3_894,
    "Secret": 26_668,
    "PersistentVolumeClaim": 787,
    "HorizontalPodAutoscaler": 385,
    "PodDisruptionBudget": 12,
    "NetworkPolicy": 1_480,
    "ServiceAccount": 545,
}

#: With fewer nodes, a broken node would break the whole cluster.
_FEWEST_NODES = 4


def object_counts(scale: float) -> dict[str, int]:
    """kind → count at a scale. 1.0 is the counted cluster. At least one of each."""
    counts = {kind: max(1, round(count * scale)) for kind, count in _COUNTED.items()}
    counts["Node"] = max(_FEWEST_NODES, counts["Node"])
    return counts


T = TypeVar("T")

#: One in this many Jobs failed, Ingresses have a dead backend, and claims are pending.
_FAILED_JOBS = 30
_BROKEN_INGRESSES = 120
_JOB_PODS = 0.18
_SERVED = 0.95
_WITH_SECRET = 0.3
_PENDING_CLAIMS = 60

#: One in this many claims is of a Deployment.
_UNBOUND_CLAIMS = 20


@dataclass(kw_only=True)
class Component:
    """One Deployment and its dependents. old: earlier ReplicaSets. failure: a key of FAILURE_MODES, or ""."""

    app: AppIdentity
    replicas: int = 1
    old: int = 0
    serves: bool = False
    exposed: bool = False
    dead_backend: bool = False
    config: bool = False
    secret: bool = False
    account: bool = False
    autoscaled: bool = False
    budget: bool = False
    claim: bool = False
    extra_services: int = 0
    failure: str = ""


@dataclass(kw_only=True)
class PlannedCronJob:
    """One CronJob. good, bad: its finished Jobs. running: whether one runs now."""

    app: AppIdentity
    good: int = 0
    bad: int = 0
    running: bool = False


@dataclass(kw_only=True)
class ClusterPlan:
    """All decisions. revisions: (release, how many of its revisions Helm keeps)."""

    counts: dict[str, int]
    namespaces: list[tuple[str, str]]
    components: list[Component] = field(default_factory=list)
    databases: list[tuple[AppIdentity, int]] = field(default_factory=list)
    agents: list[AppIdentity] = field(default_factory=list)
    cron_jobs: list[PlannedCronJob] = field(default_factory=list)
    single_jobs: list[tuple[AppIdentity, bool]] = field(default_factory=list)
    job_pods: int = 0
    policies: int = 0
    pending_claims: int = 0
    revisions: list[tuple[HelmRelease, int]] = field(default_factory=list)


def plan(scale: float, rng: random.Random) -> ClusterPlan:
    """Decide everything for a cluster of a scale."""
    return _Planner(scale, rng).plan()


class _Planner:
    """Makes the decisions, each from the counts that the previous ones left."""

    def __init__(self, scale: float, rng: random.Random) -> None:
        self._rng = rng
        self._counts = object_counts(scale)
        self._spaces = names.namespaces(self._counts["Namespace"])
        self._releases: dict[tuple[str, str], HelmRelease] = {}

    def plan(self) -> ClusterPlan:
        counts = self._counts
        plan = ClusterPlan(counts=counts, namespaces=self._spaces, policies=counts["NetworkPolicy"])
        plan.components = self._components()
        plan.databases = self._databases(plan)
        plan.agents = [self._agent(name) for name in names.agents(counts["DaemonSet"])]
        self._batch(plan)
        self._replicas(plan)
        self._company(plan.components)
        self._failures(plan.components)
        self._revisions(plan)
        return plan

    def _components(self) -> list[Component]:
        """The Deployments, in applications of one to four that make a release."""
        weights = [0.1 if team == names.SYSTEM else self._rng.uniform(0.5, 1.5) for _, team in self._spaces]
        found: list[Component] = []
        for (space, team), number in zip(
            self._spaces, _split(self._counts["Deployment"], weights), strict=True
        ):
            found.extend(islice(self._of_team(space, team), number))
        return found

    def _of_team(self, space: str, team: str) -> Iterator[Component]:
        for application in names.applications(team):
            release = self._release(application, space)
            number = 1 if team == names.SYSTEM else self._rng.randint(1, 4)
            for name in names.components(application, number):
                yield Component(app=AppIdentity(name, space, release))

    def _release(self, name: str, space: str) -> HelmRelease | None:
        """A release, of a random shape: labelled, annotated only, kept in another namespace, or none."""
        shape = self._rng.random()
        if shape < 0.25:
            return None
        home = self._spaces[0][0] if shape < 0.29 else space
        if home != space:
            name = f"{name}-{space}"
        number = self._rng.randrange(1, 10)
        release = HelmRelease(
            name=name,
            namespace=home,
            chart=name.removesuffix(f"-{space}"),
            chart_version=f"1.{number}.{self._rng.randrange(10)}",
            app_version=f"2026.{number}",
            labelled=shape < 0.88,
        )
        return self._releases.setdefault((home, name), release)

    def _databases(self, plan: ClusterPlan) -> list[tuple[AppIdentity, int]]:
        """The StatefulSets; each replica has a claim, and some claims are left for others."""
        claims = self._counts["PersistentVolumeClaim"]
        number = self._counts["StatefulSet"]
        plan.pending_claims = max(1, claims // _PENDING_CLAIMS)
        loose = claims // _UNBOUND_CLAIMS
        replicas = max(number, claims - plan.pending_claims - loose)
        counts = _exactly(
            self._rng, replicas, [self._rng.choice((1, 1, 2, 3, 3)) for _ in range(number)], least=1
        )
        spaces = [space for space, team in self._spaces if team != names.SYSTEM]
        kinds = {space: names.databases() for space in spaces}
        parts = []
        for index in range(number):
            space = spaces[index % len(spaces)]
            name = next(kinds[space])
            parts.append(AppIdentity(name, space, self._release(name, space)))
        return list(zip(parts, counts, strict=True))

    def _agent(self, name: str) -> AppIdentity:
        space = next((name for name, team in self._spaces if team == names.SYSTEM), self._spaces[0][0])
        return AppIdentity(name, space, HelmRelease(name, space, name, "3.1.0", "1.8.2"))

    def _batch(self, plan: ClusterPlan) -> None:
        """CronJobs with the Jobs their histories keep, and single Jobs for what is left."""
        owners = [self._rng.choice(plan.components).app for _ in range(self._counts["CronJob"])]
        endings = {app: names.cron_jobs(self._rng.randrange(100)) for app in owners}
        plan.cron_jobs = [
            PlannedCronJob(app=replace(app, name=f"{app.name}-{next(endings[app])}")) for app in owners
        ]
        jobs = self._counts["Job"]
        in_history = min(round(jobs * 0.85), 4 * len(plan.cron_jobs))
        history = _exactly(
            self._rng, in_history, [self._rng.randint(1, 4) for _ in plan.cron_jobs], least=0, most=5
        )
        failed = self._chosen(plan.cron_jobs, len(plan.cron_jobs) // _FAILED_JOBS or 1)
        running = self._chosen(plan.cron_jobs, len(plan.cron_jobs) // 40 or 1)
        for cron_job, number in zip(plan.cron_jobs, history, strict=True):
            cron_job.running = id(cron_job) in running and number > 1
            cron_job.bad = int(id(cron_job) in failed and number > cron_job.running + 1)
            cron_job.good = number - cron_job.bad - cron_job.running
        self._migrations(plan, jobs - in_history)

    def _migrations(self, plan: ClusterPlan, number: int) -> None:
        """Jobs that belong to no CronJob: (its part, whether it failed)."""
        owners = [self._rng.choice(plan.components).app for _ in range(number)]
        counts: dict[AppIdentity, int] = {}
        for index, app in enumerate(owners):
            counts[app] = counts.get(app, 0) + 1
            name = f"{app.name}-migrate-{counts[app]}"
            plan.single_jobs.append((replace(app, name=name), index % _FAILED_JOBS == 0))

    def _replicas(self, plan: ClusterPlan) -> None:
        """Replicas and old ReplicaSets, so that Pods and ReplicaSets come out as counted."""
        pods = self._counts["Pod"]
        taken = self._counts["Node"] * len(plan.agents) + sum(count for _, count in plan.databases)
        plan.job_pods = round(pods * _JOB_PODS)
        left = max(len(FAILURE_MODES), pods - taken - plan.job_pods)
        number = len(plan.components)
        replicas = self._rng.choices((0, 1, 2, 3, 5), weights=(26, 48, 17, 8, 1), k=number)
        old = self._rng.choices((0, 1, 2, 3, 5), weights=(35, 35, 18, 10, 2), k=number)
        replicas = _exactly(self._rng, left, replicas, least=0)
        old = _exactly(self._rng, max(0, self._counts["ReplicaSet"] - number), old, least=0, most=10)
        for component, wanted, earlier in zip(plan.components, replicas, old, strict=True):
            component.replicas, component.old = wanted, earlier

    def _company(self, components: Sequence[Component]) -> None:
        """Who has a Service, an Ingress, settings, credentials, an account, an autoscaler, a budget..."""
        counts, spaces = self._counts, len(self._spaces)
        services = max(1, counts["Service"] - counts["StatefulSet"])
        served = self._give("serves", components, min(round(len(components) * _SERVED), services))
        for _ in range(services - len(served)):
            self._rng.choice(components).extra_services += 1
        outward = [component for component in served if component.app.namespace != names.SYSTEM]
        exposed = self._give("exposed", outward, counts["Ingress"])
        self._give("dead_backend", exposed, len(exposed) // _BROKEN_INGRESSES or 1)
        self._give("config", components, max(1, counts["ConfigMap"] - spaces))
        self._give("secret", components, round(len(components) * _WITH_SECRET))
        self._give("account", components, max(1, counts["ServiceAccount"] - spaces))
        running = [component for component in components if component.replicas]
        several = [component for component in components if component.replicas > 1] or running
        singles = [component for component in running if component.replicas == 1]
        self._give("claim", singles, counts["PersistentVolumeClaim"] // _UNBOUND_CLAIMS)
        self._give("autoscaled", several, counts["HorizontalPodAutoscaler"])
        self._give("budget", several, counts["PodDisruptionBudget"])

    def _failures(self, components: Sequence[Component]) -> None:
        running = [component for component in components if component.replicas and not component.autoscaled]
        self._rng.shuffle(running)
        left = iter(running)
        for failure, failure_mode in FAILURE_MODES.items():
            for component in islice(left, max(1, len(running) // failure_mode.rarity)):
                component.failure = failure

    def _revisions(self, plan: ClusterPlan) -> None:
        """Helm's own Secrets: at least one a release, together with all others as many Secrets as counted."""
        used = {component.app.release for component in plan.components} | {
            app.release for app, _ in plan.databases
        }
        releases = [release for release in self._releases.values() if release in used]
        releases.extend(app.release for app in plan.agents if app.release is not None)
        secrets = sum(component.secret for component in plan.components) + len(plan.databases)
        left = self._counts["Secret"] - secrets - 2 * len(self._spaces)
        wanted = [self._rng.randint(1, 4) for _ in releases]
        revisions = _exactly(self._rng, max(left, len(releases)), wanted, least=1)
        plan.revisions = list(zip(releases, revisions, strict=True))

    def _give(self, what: str, components: Sequence[Component], number: int) -> list[Component]:
        """Set a flag on some of the components, and return those."""
        chosen = self._rng.sample(list(components), min(number, len(components)))
        for component in chosen:
            setattr(component, what, True)
        return chosen

    def _chosen(self, things: Sequence[T], number: int) -> set[int]:
        return {id(thing) for thing in self._rng.sample(list(things), min(number, len(things)))}


def _split(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in the proportion of the weights that sum to the total."""
    whole, shares, given = sum(weights), [], 0
    passed = 0.0
    for weight in weights:
        passed += weight
        share = round(total * passed / whole) - given
        shares.append(share)
        given += share
    return shares


def _exactly(rng: random.Random, total: int, drawn: list[int], *, least: int, most: int = 1_000) -> list[int]:
    """The drawn numbers, adjusted in steps of one until they sum to the total, if possible."""
    total = min(max(total, least * len(drawn)), most * len(drawn))
    off = total - sum(drawn)
    step = 1 if off > 0 else -1
    while off:
        index = rng.randrange(len(drawn))
        if least <= drawn[index] + step <= most:
            drawn[index] += step
            off -= step
    return drawn
