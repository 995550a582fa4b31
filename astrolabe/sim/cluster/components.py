"""One component as manifests: Deployment, ReplicaSets, Pods, and the objects around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from astrolabe.sim.cluster import config, network, scaling, storage, workloads
from astrolabe.sim.cluster.factory import DAY, HOUR, MINUTE, ObjectFactory
from astrolabe.sim.cluster.failures import FAILURE_MODES, FailingPod, FailureMode
from astrolabe.sim.cluster.nodes import NodePool
from astrolabe.sim.cluster.plan import Component
from astrolabe.sim.cluster.pods import placed, replica_pod
from astrolabe.sim.cluster.podstatus import Timestamps, is_ready, running
from astrolabe.sim.cluster.template import PULL_SECRET, REGISTRY, PodOptions, pod_spec
from astrolabe.sim.cluster.workloads import ReplicaCounts, with_status

Json = dict[str, Any]

PORT = 8080
TLS = "wildcard-tls"

#: Ages in seconds of the newest rollout of a component.
_ROLLOUT = (30 * MINUTE, 20 * DAY)


def component(pool: NodePool, plan: Component) -> Iterator[Json]:
    """All objects of one component, owners first."""
    created = pool.factory.ago(pool.factory.age(25 * DAY, 180 * DAY))
    yield from _needs(pool.factory, plan, created=created)
    yield from _claim(pool, plan, created=created)
    workload = list(_workload(pool, plan, created=created))
    yield from workload
    pods = [manifest for manifest in workload if manifest["kind"] == "Pod"]
    yield from _services(pool, plan, pods, created=created)
    yield from _scaling(pool.factory, plan, pods, created=created)


def _needs(factory: ObjectFactory, plan: Component, *, created: str) -> Iterator[Json]:
    app = plan.app
    if plan.account:
        yield config.service_account(factory, app, app.name, created=created, pull_secret=PULL_SECRET)
    if plan.config:
        yield config.config_map(factory, app, f"{app.name}-config", created=created)
    if plan.secret:
        keys = ("password", "username", "dsn")
        yield config.secret(factory, app, f"{app.name}-credentials", created=created, keys=keys)


def _claim(pool: NodePool, plan: Component, *, created: str) -> Iterator[Json]:
    if plan.claim:
        spec = storage.claim_spec("fast", "20Gi")
        app = plan.app
        claim = storage.claim(
            pool.factory,
            f"{app.name}-data",
            namespace=app.namespace,
            labels=app.labels,
            spec=spec,
            created=created,
        )
        yield claim
        yield storage.volume(pool.factory, claim, zone=next(iter(pool.zones.values())))


def pod_options(factory: ObjectFactory, plan: Component) -> PodOptions:
    """The options of a component's pods, including those that make them fail."""
    rng, name = factory.rng, plan.app.name
    asked = dict(FAILURE_MODES[plan.failure].options) if plan.failure else {}
    tag = asked.pop("tag", f"{rng.randint(1, 4)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}")
    options = PodOptions(
        name=name,
        image=f"{REGISTRY}/{plan.app.namespace.partition('-pr-')[0]}/{name}:{tag}",
        port=PORT,
        config=f"{name}-config" if plan.config else "",
        secret=f"{name}-credentials" if plan.secret else "",
        optional=f"{name}-features" if rng.random() < 0.1 else "",
        account=name if plan.account else "",
        pull_secret=PULL_SECRET,
        claim=f"{name}-data" if plan.claim else "",
        sidecar="envoy" if rng.random() < 0.2 else "",
        waits_for="database" if rng.random() < 0.2 else "",
    )
    unavailable: dict[str, Any] = {key: value.format(name) for key, value in asked.items()}
    return replace(options, **unavailable)


def _workload(pool: NodePool, plan: Component, *, created: str) -> Iterator[Json]:
    factory = pool.factory
    age = factory.age(*_ROLLOUT)
    template = pod_spec(pod_options(factory, plan))
    # exactly the existing ReplicaSets, so that churn keeps the size of the cluster
    made = workloads.deployment(
        factory, plan.app, template, replicas=plan.replicas, created=created, history=plan.old
    )
    old = [_old_set(factory, made, revision=number + 1, age=age) for number in range(plan.old)]
    newest = workloads.replica_set(
        factory,
        made,
        template=made["spec"]["template"],
        revision=plan.old + 1,
        replicas=plan.replicas,
        created=factory.ago(age),
    )
    pods = [_pod(pool, plan, newest, age=age) for _ in range(plan.replicas)]
    yield _reported(factory, plan, made, newest, pods=pods, age=age)
    yield from old
    yield _set_reported(newest, pods, at=factory.ago(age - 40))
    yield from pods


def _reported(
    factory: ObjectFactory, plan: Component, made: Json, newest: Json, *, pods: list[Json], age: float
) -> Json:
    """The Deployment with the status that its controller writes."""
    ready = sum(map(is_ready, pods))
    at = factory.ago(age - 60)
    status = workloads.deployment_status(
        made["metadata"]["generation"],
        ReplicaCounts(plan.replicas, len(pods), len(pods), ready),
        newest=newest["metadata"]["name"],
        progress=FAILURE_MODES[plan.failure].progress if plan.failure else "complete",
        since=factory.ago(age),
        at=at,
    )
    return with_status(made, status, time=at, annotations={workloads.REVISION: str(plan.old + 1)})


def _set_reported(made: Json, pods: list[Json], *, at: str) -> Json:
    counts = ReplicaCounts(len(pods), len(pods), len(pods), sum(map(is_ready, pods)))
    status = workloads.replica_set_status(made["metadata"]["generation"], counts)
    return with_status(made, status, time=at)


def _old_set(factory: ObjectFactory, deployment: Json, *, revision: int, age: float) -> Json:
    """A ReplicaSet of an earlier revision: another image, no pods."""
    spec = deployment["spec"]["template"]["spec"]
    first, *others = spec["containers"]
    earlier = {
        **first,
        "image": f"{first['image'].rpartition(':')[0]}:0.{revision}.{factory.rng.randint(0, 9)}",
    }
    template = {
        "metadata": deployment["spec"]["template"]["metadata"],
        "spec": {**spec, "containers": [earlier, *others]},
    }
    born = factory.ago(age + (20 - revision) * 6 * HOUR)
    made = workloads.replica_set(
        factory, deployment, template=template, revision=revision, replicas=0, created=born, generation=3
    )
    return _set_reported(made, [], at=factory.ago(age))


def _pod(pool: NodePool, plan: Component, replica_set: Json, *, age: float) -> Json:
    factory = pool.factory
    younger = age * factory.rng.uniform(0.2, 1.0)
    created, at = factory.ago(younger), factory.ago(younger - 15)
    pod = replica_pod(factory, replica_set, created=created)
    placement = pool.pick()
    if plan.failure:
        return _failing_pod(
            pool, FAILURE_MODES[plan.failure], pod, Timestamps(created, factory.ago(younger * 0.1))
        )
    restarts = factory.rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 3))
    status = running(pod["spec"], Timestamps(created, at), placement, restarts=restarts)
    return placed(pod, placement, status, time=at)


def _failing_pod(pool: NodePool, failure_mode: FailureMode, pod: Json, times: Timestamps) -> Json:
    placement = pool.pick()
    status = failure_mode.status(
        FailingPod(pod["spec"], times, placement, len(pool.placements), pool.factory.rng)
    )
    return placed(pod, placement if failure_mode.runs else None, status, time=times.changed)


def _services(pool: NodePool, plan: Component, pods: list[Json], *, created: str) -> Iterator[Json]:
    factory, app = pool.factory, plan.app
    if plan.serves:
        made = network.service(factory, app, app.name, port=80, created=created)
        yield made
        yield _slice(pool, made, pods, created=created)
    for number in range(plan.extra_services):
        yield from _extra_service(pool, plan, pods, number=number, created=created)
    if plan.exposed:
        yield _ingress(factory, plan, created=created)


def _extra_service(
    pool: NodePool, plan: Component, pods: list[Json], *, number: int, created: str
) -> Iterator[Json]:
    """A second Service: for metrics, with an external name, with manual endpoints, or a load balancer."""
    factory, app = pool.factory, plan.app
    shape = factory.rng.random()
    suffix = f"-{number + 1}" if number else ""
    if shape < 0.1:
        host = f"{app.name}.partner.example.net"
        yield network.external_service(
            factory, app, f"{app.name}-external{suffix}", host=host, created=created
        )
    elif shape < 0.2:
        made = network.service(
            factory, app, f"{app.name}-legacy{suffix}", port=80, created=created, selects=False
        )
        yield made
        yield network.manual_slice(
            factory, made, address=f"192.0.2.{factory.rng.randrange(1, 255)}", port=PORT, created=created
        )
    elif shape < 0.25:
        address = f"203.0.113.{factory.rng.randrange(1, 255)}" if shape > 0.205 else ""
        made = network.load_balancer(
            factory, app, f"{app.name}-public{suffix}", port=443, created=created, address=address
        )
        yield made
        yield _slice(pool, made, pods, created=created)
    else:
        made = network.service(factory, app, f"{app.name}-metrics{suffix}", port=9090, created=created)
        yield made
        yield _slice(pool, made, pods, created=created)


def _slice(pool: NodePool, service: Json, pods: list[Json], *, created: str) -> Json:
    endpoints = network.endpoints_of(pods, pool.zones)
    return network.endpoint_slice(pool.factory, service, endpoints, port=PORT, created=created)


def _ingress(factory: ObjectFactory, plan: Component, *, created: str) -> Json:
    app = plan.app
    backends = [("/", app.name), *([("/old", f"{app.name}-v1")] if plan.dead_backend else [])]
    return network.ingress(
        factory,
        app,
        host=f"{app.name}.{app.namespace}.example.com",
        backends=backends,
        tls=TLS if factory.rng.random() < 0.7 else "",
        ingress_class="nginx" if factory.rng.random() < 0.85 else "",
        created=created,
    )


def _scaling(factory: ObjectFactory, plan: Component, pods: list[Json], *, created: str) -> Iterator[Json]:
    at = factory.ago(factory.age(MINUTE, HOUR))
    if plan.autoscaled:
        made = scaling.autoscaler(
            factory,
            plan.app,
            lowest=max(1, plan.replicas - 1),
            highest=3 * plan.replicas + 1,
            created=created,
        )
        yield scaling.autoscaler_reported(made, replicas=plan.replicas, at=at, since=created)
    if plan.budget:
        made = scaling.disruption_budget(factory, plan.app, created=created)
        yield scaling.budget_reported(made, healthy=sum(map(is_ready, pods)), expected=len(pods), at=at)
